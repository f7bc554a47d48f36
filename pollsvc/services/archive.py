"""A site's polls for readers to look through, however many do: each part of the list is kept for a while.

Every read goes over one connection of its own, so that no vote and no result waits for it.
"""

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple

from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import Code, PollError, busy
from pollsvc.domain.place import Place
from pollsvc.domain.poll import Kind, Poll, Site, State, is_id
from pollsvc.domain.tally import Results, results_of
from pollsvc.domain.text import folded_text
from pollsvc.services.latest import keep
from pollsvc.services.rounds import count_of
from pollsvc.storage.archive import Listed, Listing, list_opened, load_site
from pollsvc.storage.database import Connection, busy_if_away
from pollsvc.storage.pool import Pool
from pollsvc.storage.tallies import StoredTotals, load_counted, load_versions

logger = logging.getLogger(__name__)

PER_PAGE = 20
KEPT_FOR = 10.0
"""Seconds for which a part of the list is taken as it was read."""
MAX_TEXT = 200
"""How many characters of a text are searched for; the rest is left out."""
MAX_WAITING = 64
"""How many parts of lists may wait to be read."""
_KEPT = 256  # parts of lists
_COUNTED = 2_000  # polls whose count is kept
_ROUNDS = 10  # reads at most for one part, where words were found in answers that readers do not see
_UNSEARCHABLE = re.compile(
    "[\0-\x1f\x7f-\x9f\ud800-\udfff]"
)  # PostgreSQL takes no NUL, neither any of the last


class Asked(NamedTuple):
    """What a reader asked for: polls of a site with all of these folded words, in a state, and from which
    place on."""

    site: str
    words: tuple[str, ...] = ()
    state: State | None = None
    place: Place | None = None
    newer: bool = False


class Counted(NamedTuple):
    """A poll and its result; `winners` are those of a ranked poll that is closed, by instant runoff.

    `until` is when it is counted anew if its version has moved on, by the clock that is never set back.
    """

    poll: Poll
    results: Results
    state: State
    winners: Sequence[int]
    version: int
    until: float

    def is_current(self, version: int, revision: int, now: int) -> bool:
        """Whether it is right at `now` for a poll of this version, and close to it for this revision."""
        if self.state is not self.poll.state(now):
            return False
        return self.version == version or (self.poll.revision == revision and monotonic() < self.until)


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """A part of a site's list, the poll that opened last first, and the places where others begin.

    `newer` is the place beyond which newer polls are, `older` likewise; None where there are none.
    """

    site: Site
    polls: Sequence[Counted]
    places: Sequence[Place]
    newer: Place | None
    older: Place | None


class Archive:
    """Lists the polls of sites, until `stop`. `clock` returns Unix seconds."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._parts = OrderedDict[Asked, tuple[float, asyncio.Task[Part]]]()  # the latest asked for last
        self._counted = OrderedDict[str, Counted]()
        self._reading: set[asyncio.Task[Part]] = set()

    async def stop(self) -> None:
        await asyncio.gather(*self._reading, return_exceptions=True)
        await self._pool.stop()

    async def part(self, asked: Asked) -> Part:
        """A part of a site's list: the same object for all who ask within KEPT_FOR.

        Raises PollError `not_found` when there is no such site, and `busy`.
        """
        if not is_id(asked.site):
            raise _no_such_site()
        until, task = self._parts.get(asked, (0.0, None))
        if task is None or until <= monotonic() or (task.done() and task.exception()):
            task = self._begin(asked)
            keep(self._parts, asked, (monotonic() + KEPT_FOR, task), _KEPT)
        else:
            self._parts.move_to_end(asked)
        return await asyncio.shield(task)

    def _begin(self, asked: Asked) -> asyncio.Task[Part]:
        if len(self._reading) >= MAX_WAITING:
            raise busy()
        task = asyncio.create_task(self._read(asked), name=f"list of polls of {asked.site}")
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)
        task.add_done_callback(_tell_failure)  # all who asked may have left
        return task

    async def _read(self, asked: Asked) -> Part:
        with busy_if_away():
            async with self._pool.connection() as connection:
                site = await load_site(connection, asked.site)
                if site is None:
                    raise _no_such_site()
                found = await self._found(connection, asked)
                if asked.newer and len(found) <= PER_PAGE:  # the newest part begins with the newest poll
                    asked = asked._replace(place=None, newer=False)
                    found = await self._found(connection, asked)
        more = len(found) > PER_PAGE
        found = found[:PER_PAGE]
        if asked.newer:
            found.reverse()
        places = [place for place, _ in found]
        follows = asked.place is not None and bool(places)
        return Part(
            site=site,
            polls=[counted for _, counted in found],
            places=places,
            newer=places[0] if follows else None,
            older=places[-1] if more or asked.newer else None,
        )

    async def _found(self, connection: Connection, asked: Asked) -> list[tuple[Place, Counted]]:
        """The polls of a part, and the one after it where there is one."""
        site, words, state, place, newer = asked
        limit, now = PER_PAGE + 1, int(self._clock())
        found: list[tuple[Place, Counted]] = []
        for _ in range(_ROUNDS):
            listed = await list_opened(connection, Listing(site, now, words, state, place, newer, limit))
            counted = await self._count(connection, listed, now)
            found += [
                (place, counted[place.id])
                for place, _ in listed
                if place.id in counted and _says(counted[place.id].poll, words)
            ]
            if len(listed) < limit or len(found) >= limit:
                break
            place = listed[-1].place
        return found

    async def _count(
        self, connection: Connection, listed: Sequence[Listed], now: int
    ) -> Mapping[str, Counted]:
        """These polls with their results, by id.

        One that has not changed is not counted again, and one whose votes move once within KEPT_FOR, whatever
        readers look for.
        """
        versions = await load_versions(connection, [place.id for place, _ in listed])
        found, missing = {}, []
        for (_, id_), revision in listed:
            kept = self._counted.get(id_)
            if kept and kept.is_current(versions.get(id_, 0), revision, now):
                found[id_] = kept
            else:
                missing.append(id_)
        if missing:
            loaded = await load_counted(connection, missing)
            for counted in await asyncio.to_thread(_count_all, loaded, now):
                found[counted.poll.id] = counted
        for id_, counted in found.items():
            keep(self._counted, id_, counted, _COUNTED)
        return found


def searched_words(text: str) -> tuple[str, ...]:
    """The folded words of what a reader looks for, each once; what cannot be in a text is left out."""
    return tuple(dict.fromkeys(folded_text(shown_text(text)).split()))


def shown_text(text: str) -> str:
    """What a reader looks for, as it is shown again: in one line, and not longer than MAX_TEXT."""
    return " ".join(_UNSEARCHABLE.sub(" ", text[: 10 * MAX_TEXT]).split())[:MAX_TEXT]


def _count_all(loaded: Iterable[tuple[Poll, StoredTotals]], now: int) -> list[Counted]:
    return [_counted(poll, stored, now) for poll, stored in loaded]


def _counted(poll: Poll, stored: StoredTotals, now: int) -> Counted:
    state = poll.state(now)
    winners: Sequence[int] = ()
    if poll.kind is Kind.RANKED and state is State.CLOSED:
        winners = count_of(poll, *stored).runoff.winners
    return Counted(poll, results_of(poll, *stored), state, winners, stored.version, monotonic() + KEPT_FOR)


def _says(poll: Poll, words: Sequence[str]) -> bool:
    """Whether each of these folded words is in what readers see of a poll's texts."""
    if len(poll.shown_options) == len(poll.options):
        return True  # the database has looked
    texts = [poll.question, *(option.label for option in poll.shown_options)]
    folded = [folded_text(text) for texts_ in texts for text in texts_.values()]
    return all(any(word in text for text in folded) for word in words)


def _no_such_site() -> PollError:
    return PollError(Code.NOT_FOUND, "There is no such site; check the address.")


def _tell_failure(task: asyncio.Task[Part]) -> None:
    if task.cancelled():
        return
    error = task.exception()
    if error is not None and not (isinstance(error, PollError) and error.code is Code.NOT_FOUND):
        logger.warning("%s could not be read: %r", task.get_name(), error)
