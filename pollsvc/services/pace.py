"""How fast somebody may do something: the generic cell rate algorithm (ITU-T I.371, GCRA).

`Counters` never keep whom they count: a counter is known only by an HMAC under a salt that is random, lives
in memory and is thrown away each day.
"""

import hmac
import secrets
from collections.abc import Hashable, Sequence
from operator import itemgetter
from typing import Generic, TypeVar

from pollsvc.domain.clock import Clock
from pollsvc.domain.paces import Pace

_DAY = 86_400
_MAX_COUNTERS = 200_000  # about 40 MB; beyond it the half that have the least to wait for are forgotten

K = TypeVar("K", bound=Hashable)


class Dues(Generic[K]):
    """For each key the "theoretical arrival time" of what comes next: then it has nothing to wait for."""

    def __init__(self) -> None:
        self._due: dict[K, float] = {}

    def wait(self, key: K, pace: Pace, now: float) -> float:
        """In how many seconds this key may be charged; 0 or less: now."""
        most = pace.burst * pace.seconds
        due = max(self._due.get(key, now), now)
        if due > now + most:  # under a pace that was slower
            due = self._due[key] = now + most
        return due + pace.seconds - now - most

    def charge(self, key: K, pace: Pace, now: float) -> None:
        """Charge a key that has nothing to wait for."""
        if len(self._due) >= _MAX_COUNTERS:
            self._due = dict(sorted(self._due.items(), key=itemgetter(1))[_MAX_COUNTERS // 2 :])
        self._due[key] = max(self._due.get(key, now), now) + pace.seconds

    def __len__(self) -> int:
        return len(self._due)


class Counters:
    """Counts by name and keeps a pace for each. `clock` returns seconds and is never set back."""

    def __init__(self, pace: Pace, clock: Clock) -> None:
        self._pace = pace
        self._clock = clock
        self._dues = Dues[bytes]()
        self._salt = secrets.token_bytes(16)
        self._since = clock()

    def take(self, name: str) -> float:
        """Charge the counter of this name: 0, or the seconds after which it can be charged again."""
        now = self._clock()
        if now - self._since >= _DAY:
            self._since, self._salt, self._dues = now, secrets.token_bytes(16), Dues()
        counter = hmac.digest(self._salt, name.encode(), "sha256")[:12]
        wait = self._dues.wait(counter, self._pace, now)
        if wait > 0:
            return wait
        self._dues.charge(counter, self._pace, now)
        return 0.0


class Gauges(Generic[K]):
    """Paces that are kept together: each key has its own, and all are charged or none."""

    def __init__(self) -> None:
        self._dues = Dues[K]()

    def fill(self, paces: Sequence[tuple[K, Pace]], now: float) -> float:
        """How much of its burst the fullest of these has used: 0 nothing, above 1 all that it may."""
        return max(1 + self._dues.wait(key, pace, now) / (pace.burst * pace.seconds) for key, pace in paces)

    def charge(self, paces: Sequence[tuple[K, Pace]], now: float) -> None:
        """Charge all of these."""
        for key, pace in paces:
            self._dues.charge(key, pace, now)
