"""Watching polls without wearing out the database: what was read is shared by all who watch.

Totals come from the snapshots in memory. The votes over time are read anew when a poll has changed, but at
most so often that reading takes a tenth of the time; in between, what came since is told by the totals.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import Generic, NamedTuple, TypeVar

from pollsvc.domain.clock import Clock, minute_of
from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.poll import Kind, Poll
from pollsvc.domain.tally import results_of
from pollsvc.services.rounds import Rounds
from pollsvc.services.snapshots import Snapshot
from pollsvc.services.tallies import Tallies
from pollsvc.services.watching.counting import Votes, sum_votes
from pollsvc.services.watching.timeline import Bucket, bucket_for
from pollsvc.services.watching.watch import Reading, Watch, beginning, ending, watch, window
from pollsvc.storage import agenda, placements, series
from pollsvc.storage.database import Connection

KEEP = 10
"""What was read is kept for so many times as long as it took to read."""
_REMEMBERED = 1_000  # answers that are kept at most
_MANY = 5_000  # rows that are summed up beside the event loop

T = TypeVar("T")


class Readings:
    """Reads the tally over time and by article, on a connection that nobody else uses meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def slots(self, poll: Poll, bucket: Bucket, since: int) -> Mapping[int, Votes]:
        """Votes by the Unix minute at which slots of `bucket.step` minutes begin, from a minute on."""
        rows = await series.load_slots(self._connection, poll.id, step=bucket.step, since=since)
        return await _summed(rows, poll.folds)

    async def articles(self, poll: Poll) -> Mapping[int, Votes]:
        """Votes by the article's number in the poll."""
        votes = await series.load_articles(self._connection, poll.id)
        rows = [(found.article, found.pick, found.status, found.ballots) for found in votes]
        return await _summed(rows, poll.folds)

    async def placements(self, poll: str) -> list[placements.Placement]:
        """The articles that a poll stands on, or has stood on."""
        return await placements.placements_of_poll(self._connection, poll)

    async def recent(self, polls: Sequence[Poll], since: int) -> dict[str, Mapping[int, Votes]]:
        """Votes in several polls by Unix minute, from a minute on."""
        rows: dict[str, list[tuple[int, str, str, int]]] = {poll.id: [] for poll in polls}
        for found in await series.load_recent(self._connection, dict.fromkeys(rows, since)):
            rows[found.poll].append((found.minute, found.pick, found.status, found.ballots))
        return {poll.id: await _summed(rows[poll.id], poll.folds) for poll in polls}

    async def counted(self, since: Mapping[str, int]) -> dict[str, int]:
        """How many ballots count in several polls, each from a Unix minute of its own on."""
        return await series.count_since(self._connection, since)

    async def agenda(self, now: int, site: str | None) -> agenda.Agenda:
        """The polls of a site, or of all, that are open, come next and have ended last."""
        return await agenda.load_agenda(self._connection, now, site)


class Kept(NamedTuple, Generic[T]):
    """What was read, the version of its poll by then, and until when it may be used for later ones."""

    value: T
    version: int
    until: float


class Memory(Generic[T]):
    """What was read last under each key, with the version of the poll it was read at."""

    def __init__(self, stopwatch: Clock) -> None:
        self._clock = stopwatch
        self._kept: dict[object, Kept[T]] = {}
        self._turns: dict[object, asyncio.Lock] = {}

    async def get(
        self, key: object, version: int, read: Callable[[], Awaitable[T]], usable: Callable[[T], bool]
    ) -> Kept[T]:
        """What is kept under a key, if it is of this version or was read lately; else what is read now.

        Nobody waits for what another one reads if there is something usable.
        """
        turn = self._turns.setdefault(key, asyncio.Lock())
        kept = self._kept.get(key)
        if kept and usable(kept.value) and (self._does(kept, version) or turn.locked()):
            return kept
        async with turn:
            kept = self._kept.get(key)
            if kept and usable(kept.value) and self._does(kept, version):
                return kept
            began = self._clock()
            value = await read()
            ended = self._clock()
            if len(self._kept) >= _REMEMBERED:
                self._kept.clear()
                self._turns = {key: turn}
            kept = self._kept[key] = Kept(value, version, ended + KEEP * (ended - began))
        return kept

    def _does(self, kept: Kept[T], version: int) -> bool:
        return kept.version == version or self._clock() < kept.until


class Lookout:
    """Shows polls to editors, whatever readers see of them.

    `clock` is Unix time; `stopwatch` is never set back, and says how long reading takes.
    """

    def __init__(self, tallies: Tallies, rounds: Rounds, clock: Clock, stopwatch: Clock = monotonic) -> None:
        self._tallies = tallies
        self._rounds = rounds
        self.clock = clock
        self.stopwatch = stopwatch
        self._readings: Memory[Reading] = Memory(stopwatch)
        self._minutes: Memory[Mapping[int, Votes]] = Memory(stopwatch)
        self._articles: Memory[tuple[int, Mapping[int, Votes]]] = Memory(stopwatch)

    async def snapshot(self, poll: str) -> Snapshot:
        """The current snapshot of a poll, drafts included. Raises PollError `no_such_poll` or `busy`."""
        try:
            return await self._tallies.get(poll)
        except PollError as error:
            snapshot = self._tallies.peek(poll) if error.code is Code.NO_SUCH_POLL else None
            if snapshot is None:
                raise
            return snapshot

    async def of_ids(self, polls: Sequence[str]) -> list[Snapshot]:
        """The snapshots of those of these polls that are published, in order."""
        return await self._tallies.of_ids(polls)

    def bucket(self, poll: Poll, asked: str | None) -> Bucket:
        """The length of time that is asked for by name, or the one that suits the poll's age."""
        if asked in set(Bucket):
            return Bucket(asked)
        return bucket_for(beginning(poll), ending(poll, self.clock()))

    async def watch(
        self, readings: Readings, snapshot: Snapshot, bucket: Bucket, poll: Poll | None = None
    ) -> Watch:
        """A poll with its votes over time in buckets, by article, and in rounds if it is ranked.

        `poll` is its definition where the caller knows a newer one than the snapshot's.
        """
        poll = poll if poll is not None and poll.revision > snapshot.poll.revision else snapshot.poll
        now, version, results = self.clock(), snapshot.version, snapshot.results
        if poll is not snapshot.poll:
            results = results_of(poll, version, snapshot.tally.totals)
        since = window(poll, now, bucket)
        known = poll  # for the closures

        async def read() -> Reading:
            slots = await readings.slots(known, bucket, since)
            return Reading(known.revision, since, slots, results)

        async def read_articles() -> tuple[int, Mapping[int, Votes]]:
            return known.revision, await readings.articles(known)

        hour_ago = minute_of(now) - 59

        async def read_minutes() -> Mapping[int, Votes]:
            return (await readings.recent([known], hour_ago))[known.id]

        reading = await self._readings.get(
            (poll.id, bucket),
            version,
            read,
            lambda kept: kept.revision == known.revision and kept.since <= since,
        )
        minutes = await self._minutes.get(poll.id, version, read_minutes, lambda _: True)
        articles = await self._articles.get(
            poll.id, version, read_articles, lambda kept: kept[0] == known.revision
        )
        count = await self._rounds.of(snapshot) if poll.kind is Kind.RANKED else None
        versions = {reading.version, minutes.version, articles.version, count.version if count else version}
        return watch(
            poll,
            results,
            now,
            bucket=bucket,
            reading=reading.value,
            minutes=minutes.value,
            articles=articles.value[1],
            placements=await readings.placements(poll.id),
            count=count,
            settled=versions == {version},
        )


async def _summed(rows: Sequence[tuple[int, str, str, int]], folds: Mapping[int, int]) -> Mapping[int, Votes]:
    if len(rows) < _MANY:
        return sum_votes(rows, folds)
    return await asyncio.to_thread(sum_votes, rows, folds)
