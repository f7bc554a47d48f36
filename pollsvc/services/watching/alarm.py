"""Looking at how ballots come in, beside the way of the votes, and raising alerts.

Several processes may do so on one database: each poll is looked at by one at a time. A look reads a poll's
ballots once, and polls with so many that it takes long are looked at less often.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import monotonic

from pollsvc.domain.alert import QUIET, Kind, news
from pollsvc.domain.alerts import LEAST_BEFORE, findings
from pollsvc.domain.arrivals import HORIZON, Arrival, Course, course_of
from pollsvc.domain.clock import Clock, minute_of
from pollsvc.domain.poll import Poll
from pollsvc.domain.selection import count_picks, folded
from pollsvc.services.watching.watch import beginning
from pollsvc.storage import alerts as store
from pollsvc.storage.alerts import Reading, Watch
from pollsvc.storage.database import Connection
from pollsvc.storage.polls import load_poll

logger = logging.getLogger(__name__)

LOOK_EVERY = 15.0
"""Seconds between two looks for polls that have changed."""
AGAIN = 60
"""Seconds after which a poll that has changed is looked at again, at the soonest."""
LONGEST = 3_600
"""The same, at the latest."""
SHARE = 0.02
"""The share of the time that looking at one poll may take."""
LEASE = 300
"""Seconds for which a process takes a poll."""
TIMEOUT = 60.0
"""Seconds in which PostgreSQL must have looked through the ballots of a poll."""
SOURCES = 40
"""How many networks of a poll are looked at, those with the most ballots."""
AT_ONCE = 50
"""How many polls are taken together."""
_RUNS = 40  # minutes, the longest of the runs that are compared with what was before


class Alarm:
    """Raises alerts by itself, between `start` and `stop`; `clock` is Unix time."""

    def __init__(self, url: str, clock: Clock, stopwatch: Callable[[], float] = monotonic) -> None:
        self._connection = Connection(url, timeout=TIMEOUT)
        self._clock = clock
        self._stopwatch = stopwatch
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._connection.open()
        self._task = asyncio.create_task(self._run(), name="alerts")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._connection.close()

    async def _run(self) -> None:
        while True:
            try:
                if self._connection.broken:
                    await self._connection.reopen()
                await look(self._connection, self._clock, self._stopwatch)
            except Exception as error:
                logger.warning("Ballots were not looked at for alerts, and will be later: %r", error)
            await asyncio.sleep(LOOK_EVERY)


async def look(connection: Connection, clock: Clock, stopwatch: Callable[[], float] = monotonic) -> int:
    """Look at all polls that have changed and whose turn it is, on a connection that nobody else uses.

    Returns how many those were.
    """
    looked_at = 0
    while True:
        now = int(clock())
        taken = await store.take_due(connection, now, now + LEASE, now + LONGEST, now - HORIZON * 60, AT_ONCE)
        for watch in taken:
            began = stopwatch()
            whole = await _look_at(connection, watch, now)
            pause = min(max(AGAIN, int((stopwatch() - began) / SHARE)), LONGEST)
            await store.put_back(connection, watch, watch.version if whole else -1, now + pause)
        looked_at += len(taken)
        if len(taken) < AT_ONCE:
            return looked_at


async def _look_at(connection: Connection, watch: Watch, now: int) -> bool:
    """Look at a poll's ballots of the minutes that are over; whether there were no later ones."""
    poll = await load_poll(connection, watch.poll)
    if poll is None:
        return True
    until = minute_of(now)
    reading = await store.load_arrived(connection, poll.id, until - HORIZON, SOURCES)
    if not reading.arrived:
        return True
    known = await store.load_alerts(connection, poll.id, dismissed_since=now - QUIET)
    standing = {
        alert.finding.option: alert.finding.since
        for alert in known
        if alert.finding.kind is Kind.ONE_SIDED and alert.dismissed_at is None
    }
    course = await asyncio.to_thread(_course, poll, reading, until)
    if course.every.sum(0, max(len(course) - _RUNS, 0)) < LEAST_BEFORE:
        earlier = await store.load_earlier(connection, poll.id, course.first)
        course = await asyncio.to_thread(_course, poll, reading, until, earlier)
    found = await asyncio.to_thread(
        findings, course, {option: since for option, since in standing.items() if option is not None}
    )
    if found:
        async with connection.transaction():
            if await store.lock(connection, poll.id):
                known = await store.load_alerts(connection, poll.id)
                await store.put_alerts(connection, poll.id, news(known, found, now))
    return all(minute < until for minute in reading.networks)


def _course(poll: Poll, reading: Reading, until: int, earlier: Sequence[tuple[str, int]] = ()) -> Course:
    """A poll's course up to a Unix minute, from its beginning on or as far as is looked back."""
    options: dict[str, tuple[int, ...]] = {}
    for one in reading.arrived:
        if one.pick not in options:
            options[one.pick] = tuple(folded(one.pick, poll.folds))
    first = min(max(until - HORIZON, minute_of(beginning(poll))), until)
    return course_of(
        (
            Arrival(one.minute, options[one.pick], one.fresh, one.network, one.ballots)
            for one in reading.arrived
        ),
        reading.networks,
        first,
        until,
        count_picks(earlier, poll.folds),
        sum(ballots for _, ballots in earlier),
    )
