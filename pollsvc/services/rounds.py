"""The rounds of ranked polls: instant runoff and Borda count of a snapshot, counted beside the event loop."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from time import monotonic

from pollsvc.domain.ballot import Status
from pollsvc.domain.poll import Poll
from pollsvc.domain.ranking import Runoff, borda, runoff
from pollsvc.domain.selection import folded
from pollsvc.domain.tally import Totals
from pollsvc.services.snapshots import Body, Snapshot

EVERY = 1.0
"""Seconds between the beginnings of two counts of one poll, at least."""
SHARE = 0.1
"""How much of the time a poll may be being counted, at most: the votes need the interpreter too."""
_KEPT = 1_000  # polls whose count is kept; beyond it the one that came first goes


@dataclass(frozen=True)
class Count:
    """What the ballots of a poll come to at a version; `borda` has the points by option id."""

    poll: str
    version: int
    voters: int
    runoff: Runoff
    borda: Mapping[int, int]

    @cached_property
    def body(self) -> Body:
        """The count as it is sent to readers."""
        return Body.of(
            {
                "id": self.poll,
                "version": self.version,
                "voters": self.voters,
                **self.runoff.as_json(),
                "borda": [{"id": option, "points": points} for option, points in self.borda.items()],
            }
        )


class Rounds:
    """Counts of ranked polls, until `stop`; for each poll at most one at a time, and one in EVERY seconds.

    `clock` returns seconds and is never set back.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._counts: dict[str, tuple[float, Count]] = {}  # with when the next may begin; oldest poll first
        self._counting: dict[str, asyncio.Task[Count]] = {}

    async def stop(self) -> None:
        await asyncio.gather(*self._counting.values(), return_exceptions=True)

    async def of(self, snapshot: Snapshot) -> Count:
        """The count of a snapshot, or the one before while it cannot be had yet; its version tells which."""
        poll = snapshot.poll.id
        counting = self._counting.get(poll)
        if poll in self._counts:
            due, count = self._counts[poll]
            if counting is not None or self._clock() < due or count.version >= snapshot.version:
                return count
        if counting is None:
            counting = asyncio.create_task(self._count(snapshot), name=f"rounds of {poll}")
            self._counting[poll] = counting
        return await asyncio.shield(counting)

    async def _count(self, snapshot: Snapshot) -> Count:
        poll, began = snapshot.poll, self._clock()
        try:
            count = await asyncio.to_thread(count_of, poll, snapshot.version, snapshot.totals)
        finally:
            del self._counting[poll.id]
        if len(self._counts) >= _KEPT and poll.id not in self._counts:
            del self._counts[next(iter(self._counts))]
        self._counts[poll.id] = began + max(EVERY, (self._clock() - began) / SHARE), count
        return count


def count_of(poll: Poll, version: int, totals: Totals) -> Count:
    """Count a ranked poll's counted ballots among the options that readers see; other answers are skipped."""
    ballots: dict[str, int] = {}
    for (selection, status), number in totals.items():
        if status == Status.COUNTED and number:
            text = ">".join(map(str, folded(selection, poll.folds)))
            ballots[text] = ballots.get(text, 0) + number
    candidates = [option.id for option in poll.shown_options]
    return Count(
        poll=poll.id,
        version=version,
        voters=sum(number for text, number in ballots.items() if text),
        runoff=runoff(candidates, ballots),
        borda=borda(candidates, ballots),
    )
