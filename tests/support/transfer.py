"""Polls that go out as files and come in again: a database, a time that stands still, ballots of any sort."""

import io
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pollsvc.domain.ballot import Ballot
from pollsvc.domain.log import Actor
from pollsvc.domain.poll import Poll, Site
from pollsvc.services.audit import audit
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.editing.editing import Editing
from pollsvc.services.editing.new_poll import NewPoll
from pollsvc.services.editing.sites import Sites
from pollsvc.services.exports.export import Wanted, export_to
from pollsvc.services.exports.formats import Format
from pollsvc.services.exports.sections import What
from pollsvc.services.imports.intake import Imported
from pollsvc.services.imports.polls import import_poll
from pollsvc.storage.audit import all_ballots
from pollsvc.storage.database import Connection
from pollsvc.storage.imports import insert_batch
from tests.support.ballots import ADMITTED
from tests.support.server import SECRET, open_connection
from tests.support.tables import make_tables

NOW = 1_800_000_000
"""A Unix time at which a minute begins."""
MINUTE = NOW // 60
EDITOR = Actor("editor", "abc", "anna")
KEYS = LogKeys([SECRET])

Votes = Mapping[tuple[int, int, str, str], int]
"""How many ballots by (article, Unix minute, selection, status)."""


class Office:
    """A site, and what is exported of it and imported into it, at the time `now`."""

    def __init__(self, url: str, connection: Connection, site: Site) -> None:
        self.url = url
        self.connection = connection
        self.site = site
        self.now = NOW

    @property
    def editing(self) -> Editing:
        return Editing(self.connection, lambda: self.now, EDITOR)

    async def create(
        self, question: Any = "Who won?", options: Any = ("Iran", "America"), **more: Any
    ) -> Poll:
        return await self.editing.create_poll(self.site, NewPoll(question, options, **more))

    async def vote(self, poll: Poll, votes: Votes) -> None:
        """Ballots, past all that readers go through."""
        ballots = [
            Ballot.of(poll.id, secrets.token_urlsafe(16), selection, minute, article=article)._replace(
                **ADMITTED[status]._asdict()
            )
            for (article, minute, selection, status), times in votes.items()
            for _ in range(times)
        ]
        await insert_batch(self.connection, poll.id, ballots)

    async def export(
        self, poll: str, what: What = What.ALL, format_: Format = Format.JSON, **more: Any
    ) -> bytes:
        file = io.BytesIO()
        await export_to(file, self.connection, poll, Wanted(what, format_, **more), self.now)
        return file.getvalue()

    async def json(self, poll: str, what: What = What.ALL, **more: Any) -> Any:
        return json.loads(await self.export(poll, what, **more))

    async def lines(self, poll: str, what: What = What.ALL) -> list[dict[str, Any]]:
        """The records of an NDJSON export."""
        return [json.loads(line) for line in (await self.export(poll, what, Format.NDJSON)).splitlines()]

    async def take_in(self, content: bytes, **more: Any) -> Imported:
        return await import_poll(
            self.connection,
            self.site,
            io.BytesIO(content),
            EDITOR,
            clock=lambda: self.now,
            **more,
        )

    async def ballots(self, poll: str) -> list[Ballot]:
        return [ballot async for page in all_ballots(self.connection, poll) for ballot in page]

    async def assert_clean(self) -> None:
        assert (await audit(self.connection, KEYS)).differences == []

    async def sizes(self) -> dict[str, int]:
        """How many rows each table has of polls."""
        tables = ("polls", "options", "placements", "ballots", "tally", "poll_history")
        return {
            table: (await self.connection.rows(f"SELECT COUNT(*) FROM {table} {where}"))[0][0]
            for table, where in (
                *((table, "") for table in (*tables, "audit_log")),
                ("poll_versions", "WHERE poll_id <> ''"),  # one is of leaves that are of no poll
            )
        }


@asynccontextmanager
async def office_on(url: str, **site: Any) -> AsyncIterator[Office]:
    """An office on an empty database, whose audit is clean in the end."""
    await make_tables(url)
    async with open_connection(url) as connection:
        news = await Sites(connection, lambda: NOW).add("News", ["https://news.example"], **site)
        office = Office(url, connection, news)
        yield office
        await office.assert_clean()


def ndjson(records: Sequence[Mapping[str, object]]) -> bytes:
    """Records as lines, with the last one's number of records put right."""
    *rest, end = records
    lines = [*rest, {**end, "records": len(rest)} if end.get("type") == "end" else end]
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)
