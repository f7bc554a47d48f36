"""Taking a poll in with its ballots: nobody sees any of it before all of it is there."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from time import monotonic
from typing import NamedTuple, TypeVar

from pollsvc.domain.ballot import Admitted, Ballot
from pollsvc.domain.clock import Clock
from pollsvc.domain.log import Act, Actor
from pollsvc.domain.mac import fingerprint
from pollsvc.domain.poll import Poll, Site
from pollsvc.domain.selection import WITHDRAWN
from pollsvc.domain.text import folded_text
from pollsvc.services.editing.describing import describe
from pollsvc.storage import imports as store
from pollsvc.storage import log
from pollsvc.storage.database import Connection
from pollsvc.storage.placements import detach_placement, insert_placement
from pollsvc.storage.polls import update_poll

logger = logging.getLogger(__name__)

BATCH = 2_000
"""How many ballots are written in one transaction; a vote may have to wait for one to end."""
_TURN = 200  # ballots after which others in this process get a turn
BROKEN_OFF = 86_400
"""Seconds after which an import that has not ended never will: its process was killed."""

T = TypeVar("T")


class Imported(NamedTuple):
    """What was taken in: a poll with so many ballots, and notes for the editor, a sentence each.

    Without a poll, none was made of what has this question.
    """

    question: str
    poll: Poll | None
    ballots: int
    notes: Sequence[str]


def describe_import(made: Imported, *, dry_run: bool = False) -> dict[str, object]:
    """What was imported as JSON values; `id` is null where no poll was made."""
    return {
        "id": made.poll.id if made.poll and not dry_run else None,
        "question": made.question,
        "ballots": made.ballots,
        "notes": list(made.notes),
        "left_out": made.poll is None,
    }


def describe_imports(made: Sequence[Imported], *, dry_run: bool) -> dict[str, object]:
    """Many imports as JSON values, with how many polls and votes they are."""
    return {
        "polls": [describe_import(each, dry_run=dry_run) for each in made],
        "imported": sum(each.poll is not None for each in made),
        "votes": sum(each.ballots for each in made),
        "dry_run": dry_run,
    }


class Link(NamedTuple):
    """An article that a poll is placed on: its canonical URL, and its address as readers follow it."""

    url: str
    link: str
    attached: bool = True


class ImportMeans(NamedTuple):
    """What every import works with; the connection is used by nobody else meanwhile."""

    connection: Connection
    actor: Actor
    clock: Clock


class Intake:
    """A poll that ballots are added to; it is made what it shall be by `finish`."""

    def __init__(self, means: ImportMeans, poll: Poll, written: Callable[[int], None]) -> None:
        self._means = means
        self._written = written
        self._poll = poll
        self._batch: list[Ballot] = []
        self.ballots = 0
        self._withdrawn = 0
        self.finished = False

    async def add(
        self, article: int, minute: int, selection: str, admitted: Admitted, times: int = 1
    ) -> None:
        """Add so many ballots, each by a voter of its own whom nobody can be."""
        poll = self._poll.id
        self._withdrawn += times if selection == WITHDRAWN else 0
        for _ in range(times):
            voter = secrets.token_urlsafe(16)  # 22 characters of base64url, as a voter's HMAC
            ballot = Ballot.of(poll, voter, selection, minute, article=article)
            self._batch.append(ballot._replace(status=admitted.status, reason=admitted.reason))
            if len(self._batch) >= BATCH:
                await self.flush()
            elif not len(self._batch) % _TURN:
                await asyncio.sleep(0)

    async def flush(self) -> None:
        """Write what was added."""
        if self._batch:
            connection = self._means.connection
            await _calmly(connection, store.insert_batch(connection, self._poll.id, self._batch))
            self.ballots += len(self._batch)
            self._batch = []
            self._written(self.ballots)

    async def finish(self, links: Sequence[Link], origin: str) -> Poll:
        """Write the rest, and publish the poll, on its articles, if it is to be; its history tells `origin`.

        The numbers of articles within the poll are those of `links`, from 1 on.
        """
        await self.flush()
        connection, actor, clock = self._means
        now = int(clock())
        placements = {link.url: number for number, link in enumerate(links, 1) if link.attached}
        poll = replace(self._poll, placements=placements)
        async with log.editing(connection):
            await update_poll(connection, self._poll, poll)
            for number, (url, link, attached) in enumerate(links, 1):
                await insert_placement(connection, poll.id, number, url, link)
                if not attached:
                    await detach_placement(connection, poll.id, url)
            votes = self.ballots - self._withdrawn
            text = f"{votes:,} {'vote' if votes == 1 else 'votes'} from {origin}"
            await store.say_imported(connection, poll.id, f"{text}, not verified by pollsvc", now)
            after = describe(poll, now) | {"key": fingerprint(poll.key)}
            after |= {"ballots": self.ballots, "origin": origin}
            await log.append(connection, Act(actor, "poll.import", f"poll:{poll.id}", {}, after), now)
        self.finished = True
        return poll

    async def remove(self) -> None:
        """Leave nothing behind."""
        await _remove(self._means, self._poll.id)


@asynccontextmanager
async def intake(
    means: ImportMeans, poll: Poll, written: Callable[[int], None] = lambda _: None
) -> AsyncIterator[Intake]:
    """Take a poll in, which `finish` publishes; when the block raises, none of it stays.

    `written` is told how many ballots are in. Until it is published it is a draft in the archive, which
    nobody can open. What an import left that was killed is removed by the next one, a day later.
    """
    connection, now = means.connection, int(means.clock())
    for left in await store.broken_off(connection, now - BROKEN_OFF):
        await _remove(means, left)
    taking = Intake(means, poll, written)
    try:
        await store.begin(connection, replace(poll, draft=True, archived_at=now, placements={}), now)
        yield taking
    finally:
        if not taking.finished:
            try:
                await taking.remove()
            except Exception as error:  # the database is away; what broke the import is told, not this
                logger.warning("Poll %s, half imported, was not removed yet: %r", poll.id, error)


async def same_question(connection: Connection, site: Site, poll: Poll) -> list[str]:
    """A note for each other poll of the site that asks the same."""
    texts = {folded_text(text) for text in poll.question.values()}
    return [
        f"Poll {id_} of this site asks the same question."
        for id_, question in await store.questions_of(connection, site.id)
        if id_ != poll.id and texts & {folded_text(text) for text in question.values()}
    ]


async def _remove(means: ImportMeans, poll: str) -> None:
    connection = means.connection
    while await _calmly(connection, store.remove_batch(connection, poll, BATCH)):
        pass
    await store.remove_poll(connection, poll)


async def _calmly(connection: Connection, work: Awaitable[T]) -> T:
    """Do one of many pieces of work, and then leave votes as much time as it took.

    SQLite has one lock for all who write, and who waits for it looks only now and then whether it is free.
    """
    began = monotonic()
    done = await work
    await asyncio.sleep(monotonic() - began if connection.sqlite else 0)
    return done
