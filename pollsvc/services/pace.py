"""How fast one network may do something: the generic cell rate algorithm (ITU-T I.371, GCRA).

Who is counted is never kept: a counter is known only by an HMAC under a salt that is random, lives in memory
and is thrown away each day.
"""

import hmac
import secrets
from operator import itemgetter
from typing import NamedTuple

from pollsvc.domain.clock import Clock

_DAY = 86_400
_MAX_COUNTERS = 200_000  # about 40 MB; beyond it the half that have the least to wait for are forgotten


class Pace(NamedTuple):
    """`burst` times at once, then once each `seconds`."""

    burst: int
    seconds: float


class Counters:
    """Counts by name and keeps a pace for each. `clock` returns seconds and is never set back."""

    def __init__(self, pace: Pace, clock: Clock) -> None:
        self._seconds = pace.seconds
        self._tolerance = pace.burst * pace.seconds
        self._clock = clock
        self._due: dict[bytes, float] = {}  # counter → the "theoretical arrival time" of what comes next
        self._salt = secrets.token_bytes(16)
        self._since = clock()

    def take(self, name: str) -> float:
        """Charge the counter of this name: 0, or the seconds after which it can be charged again."""
        now = self._clock()
        if now - self._since >= _DAY:
            self._since, self._salt, self._due = now, secrets.token_bytes(16), {}
        if len(self._due) >= _MAX_COUNTERS:
            self._due = dict(sorted(self._due.items(), key=itemgetter(1))[_MAX_COUNTERS // 2 :])
        counter = hmac.digest(self._salt, name.encode(), "sha256")[:12]
        due = max(self._due.get(counter, now), now) + self._seconds
        wait = due - now - self._tolerance
        if wait > 0:
            return wait
        self._due[counter] = due
        return 0.0
