"""Editors who watch polls without a server: a database, a time that tests set, and votes of any minute."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

from pollsvc.domain.ballot import Ballot, Cast, Outcome
from pollsvc.domain.poll import Poll, Site
from pollsvc.services.editing.editing import Editing
from pollsvc.services.editing.new_poll import NewPoll
from pollsvc.services.editing.sites import Sites
from pollsvc.services.rounds import Rounds
from pollsvc.services.snapshots import Publisher
from pollsvc.services.strings import Strings
from pollsvc.services.tallies import Tallies
from pollsvc.services.watching.dashboard import Dashboard, Dashboards, Glance
from pollsvc.services.watching.lookout import Lookout, Readings
from pollsvc.services.watching.timeline import Bucket
from pollsvc.services.watching.watch import Watch
from pollsvc.storage.ballots import record
from pollsvc.storage.database import Connection
from pollsvc.storage.tallies import load_versions
from tests.support.ballots import ADMITTED
from tests.support.server import open_connection, until
from tests.support.tables import make_tables

BERLIN = ZoneInfo("Europe/Berlin")


def minute(text: str, zone: ZoneInfo = BERLIN) -> int:
    """The Unix minute of a local time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) // 60


class Newsroom:
    """A database with a site, and what editors look through; `now` is the time, in Unix seconds."""

    def __init__(self, connection: Connection, reading: Connection) -> None:
        self.connection = connection
        self.rounds = Rounds()
        publisher = Publisher("http://t", Strings())
        self.tallies = Tallies(
            reading, publisher, self.clock, on_changed=lambda _: None, watched=lambda _: False
        )
        self.lookout = Lookout(self.tallies, self.rounds, self.clock, self.stopwatch)
        self.readings = Readings(connection)
        self.dashboards = Dashboards(self.lookout)
        self.now = minute("2026-11-22T12:00") * 60.0
        self.watched = 0.0
        self.takes = 0.0
        self.site: Site
        self._polls: list[str] = []

    def stopwatch(self) -> float:
        """Seconds that go by only while somebody looks: nothing takes any time unless `takes` is set."""
        self.watched += self.takes
        return self.watched

    def clock(self) -> float:
        return self.now

    def at(self, text: str, zone: ZoneInfo = BERLIN) -> None:
        self.now = minute(text, zone) * 60.0

    async def poll(self, *options: str, site: Site | None = None, **more: object) -> Poll:
        new = NewPoll("Who won?", options or ("Iran", "Neither"), **more)  # type: ignore[arg-type]
        poll = await self.editing.create_poll(site or self.site, new)
        self._polls.append(poll.id)
        return poll

    @property
    def editing(self) -> Editing:
        return Editing(self.connection, self.clock)

    async def vote(
        self,
        poll: Poll,
        selection: str,
        at: int,
        times: int = 1,
        article: int = 0,
        status: str = "counted",
        voter: str = "",
    ) -> None:
        """So many ballots of one minute, or the next one of a voter; this process hears of them at once."""
        casts = [
            Cast(
                Ballot.of(poll.id, voter or secrets.token_hex(11), selection, at, article=article),
                allow_change=True,
                admit=lambda: ADMITTED[status],
            )
            for _ in range(times)
        ]
        batch = await record(self.connection, casts, 0)
        assert {each.outcome for each in batch.recorded} <= {Outcome.CREATED, Outcome.CHANGED}
        self.tallies.apply(batch.changes)

    async def watch(self, poll: Poll, bucket: Bucket = Bucket.HOUR) -> Watch:
        await self._hear()
        return await self.lookout.watch(self.readings, await self.lookout.snapshot(poll.id), bucket)

    async def dashboard(self, site: Site | None = None) -> Dashboard:
        return await self.dashboards.show(self.readings, await self.glance(site))

    async def glance(self, site: Site | None = None) -> Glance:
        await self._hear()
        return await self.dashboards.glance(self.readings, site.id if site else None)

    async def _hear(self) -> None:
        """Take in what was edited, as a notice of another process would have it."""
        versions = await load_versions(self.connection, self._polls)
        self.tallies.on_change(versions)

        async def heard() -> bool:
            known = ((self.tallies.peek(poll), version) for poll, version in versions.items())
            return all(snapshot is None or snapshot.version >= version for snapshot, version in known)

        await until(heard, pause=0.002)


@asynccontextmanager
async def newsroom_on(url: str) -> AsyncIterator[Newsroom]:
    await make_tables(url)
    async with open_connection(url) as connection, open_connection(url) as reading:
        room = Newsroom(connection, reading)
        room.site = await Sites(connection, room.clock).add(
            "News", ["https://news.example"], time_zone="Europe/Berlin"
        )
        yield room
        await room.rounds.stop()
        await room.tallies.stop()


def spans(watch: Watch, zone: ZoneInfo = BERLIN) -> list[tuple[str, int]]:
    """The buckets that have votes: their local time and how many."""
    return [
        (f"{datetime.fromtimestamp(span.begins, zone):%d %H:%M}", span.votes.counted)
        for span in watch.timeline.spans
        if span.votes.counted
    ]
