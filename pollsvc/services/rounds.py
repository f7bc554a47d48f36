"""The rounds of ranked polls: instant runoff and Borda count of a snapshot.

Few rankings are counted at once, for each version that is asked for; many beside the event loop, at times.
"""

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

FEW = 200
"""Fewer different rankings than this are counted at once, which takes at most 3 ms with 20 options."""
EVERY = 1.0
"""Seconds between the beginnings of two counts of one poll with more of them, at least."""
SHARE = 0.1
"""How much of the time such a poll may be being counted, at most: the votes need the interpreter too."""
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
    """Counts of ranked polls, until `stop`.

    A poll with FEW rankings or more is counted once at a time, and once in EVERY seconds. `clock` returns
    seconds and is never set back.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._counts: dict[str, tuple[float, Count]] = {}  # with when the next may begin; oldest poll first
        self._counting: dict[str, asyncio.Task[Count]] = {}

    async def stop(self) -> None:
        await asyncio.gather(*self._counting.values(), return_exceptions=True)

    async def of(self, snapshot: Snapshot) -> Count:
        """The count of a snapshot, or, of many rankings, the one before while it cannot be had yet; its
        version tells which."""
        poll, tally = snapshot.poll, snapshot.tally
        due, count = self._counts.get(poll.id, (0.0, None))
        if count is not None and count.version >= snapshot.version:
            return count
        if len(tally.totals) < FEW:
            return self._keep(count_of(poll, tally.version, tally.totals), self._clock())
        counting = self._counting.get(poll.id)
        if count is not None and (counting is not None or self._clock() < due):
            return count
        if counting is None:
            counting = asyncio.create_task(self._count(snapshot), name=f"rounds of {poll.id}")
            self._counting[poll.id] = counting
        return await asyncio.shield(counting)

    async def _count(self, snapshot: Snapshot) -> Count:
        poll, began = snapshot.poll, self._clock()
        try:
            tally = snapshot.tally  # it moves on while it is being counted: count a copy
            count = await asyncio.to_thread(count_of, poll, tally.version, dict(tally.totals))
        finally:
            del self._counting[poll.id]
        return self._keep(count, began + max(EVERY, (self._clock() - began) / SHARE))

    def _keep(self, count: Count, due: float) -> Count:
        if len(self._counts) >= _KEPT and count.poll not in self._counts:
            del self._counts[next(iter(self._counts))]
        self._counts[count.poll] = due, count
        return count


def count_of(poll: Poll, version: int, totals: Totals) -> Count:
    """Count a ranked poll's counted ballots among the options that readers see; other answers are skipped."""
    ballots: dict[str, int] = {}
    for (selection, status, _), number in totals.items():
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
