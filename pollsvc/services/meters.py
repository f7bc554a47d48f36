"""What is counted and timed on the vote's way: plain numbers, so that a vote pays well under a microsecond.

prometheus_client's own histogram takes a lock for each observation; these are read when somebody asks.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from operator import neg

from pollsvc.domain.ballot import Outcome

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets of a duration."""
SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
"""The same of a batch of votes."""


class Histogram:
    """How many observations were at most as large as each bound, and their sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)  # by bucket, the last one without a bound
        self.sum = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        self.counts[bisect_left(self.bounds, value)] += times
        self.sum += value * times

    def observe_falling(self, values: Sequence[float]) -> None:
        """Observe many at once, the largest first."""
        above = len(values)
        for place, bound in enumerate(self.bounds):
            larger = bisect_left(values, -bound, 0, above, key=neg)
            self.counts[place] += above - larger
            above = larger
        self.counts[-1] += above
        self.sum += sum(values)


class VoteMeters:
    """Of the votes that one process takes.

    `admission`: from the parsed request to the queue: who votes, in what words, from which network. `queue`:
    the wait for a batch. `statement` and `commit`: the batch's transaction until its COMMIT, in which it is
    decided what counts, and the COMMIT; each vote of a batch takes as long. `answer`: until the receipt and
    the results are there to be sent.
    """

    STAGES = ("admission", "queue", "statement", "commit", "answer")

    def __init__(self) -> None:
        self.admission = Histogram()
        self.queue = Histogram()
        self.statement = Histogram()
        self.commit = Histogram()
        self.answer = Histogram()
        self.batches = Histogram(SIZES)
        self.outcomes: Counter[str] = Counter(dict.fromkeys((*Outcome, "failed", "queue_full"), 0))
        """How many votes ended how: the values of Outcome, `failed` with their batch, or `queue_full`."""
