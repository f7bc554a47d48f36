"""May this vote count? A pace for each network and poll; what is above it is held for review.

Addresses are never kept: a network is known only by an HMAC under a salt that is random, lives in memory
and is thrown away each day.
"""

import hmac
import ipaddress
import secrets
from typing import NamedTuple

from pollsvc.domain.ballot import Status
from pollsvc.domain.clock import Clock
from pollsvc.domain.poll import Policy

_DAY = 86_400
_MAX_COUNTERS = 200_000  # about 40 MB; beyond it the counters begin anew


class Pace(NamedTuple):
    """How fast one network may vote in one poll: `burst` votes at once, then one each `seconds`."""

    burst: int
    seconds: float


PACES: dict[Policy, Pace | None] = {
    Policy.OPEN: None,
    Policy.STANDARD: Pace(burst=40, seconds=10),
    Policy.STRICT: Pace(burst=5, seconds=60),
}


class Admission:
    """Decides whether a vote counts or is held, by the generic cell rate algorithm (ITU-T I.371, GCRA).

    `clock` returns seconds and is never set back.
    """

    def __init__(self, policy: Policy, clock: Clock) -> None:
        self._pace = PACES[policy]
        self._clock = clock
        self._due: dict[bytes, float] = {}  # counter → the "theoretical arrival time" of its next vote
        self._salt = secrets.token_bytes(16)
        self._since = clock()

    def admit(self, poll: str, address: str) -> str:
        """The status of a new ballot from this address: `counted`, and charged, or `held`."""
        if self._pace is None:
            return Status.COUNTED.value
        now = self._clock()
        if now - self._since >= _DAY or len(self._due) > _MAX_COUNTERS:
            self._since, self._salt, self._due = now, secrets.token_bytes(16), {}
        counter = hmac.digest(self._salt, f"{poll} {network_of(address)}".encode(), "sha256")[:12]
        due = max(self._due.get(counter, now), now) + self._pace.seconds
        if due - now > self._pace.burst * self._pace.seconds:
            return Status.HELD.value
        self._due[counter] = due
        return Status.COUNTED.value


def network_of(address: str) -> str:
    """The network that an address is counted as: IPv4 /32, IPv6 /64; other text stands for itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return address
