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


class Ticket(NamedTuple):
    """The decision on one vote; `counter` names what it was charged to (None: nothing)."""

    status: str
    counter: bytes | None


_COUNTED = Ticket(Status.COUNTED.value, None)
_HELD = Ticket(Status.HELD.value, None)


class Admission:
    """Decides whether a vote counts or is held, by the generic cell rate algorithm (ITU-T I.371, GCRA)."""

    def __init__(self, policy: Policy, clock: Clock) -> None:
        self._pace = PACES[policy]
        self._clock = clock
        self._due: dict[bytes, float] = {}  # counter → the "theoretical arrival time" of its next vote
        self._salt = secrets.token_bytes(16)
        self._day = 0

    def admit(self, poll: str, address: str) -> Ticket:
        """The status that a new ballot from this address gets; charged until `refund`."""
        if self._pace is None:
            return _COUNTED
        now = self._clock()
        if now // _DAY != self._day or len(self._due) > _MAX_COUNTERS:
            self._day, self._salt, self._due = int(now // _DAY), secrets.token_bytes(16), {}
        counter = hmac.digest(self._salt, f"{poll} {network_of(address)}".encode(), "sha256")[:12]
        due = max(self._due.get(counter, now), now) + self._pace.seconds
        if due - now > self._pace.burst * self._pace.seconds:
            return _HELD
        self._due[counter] = due
        return Ticket(Status.COUNTED.value, counter)

    def refund(self, ticket: Ticket) -> None:
        """Take back the charge of a vote that made no new ballot."""
        if ticket.counter in self._due and self._pace is not None:
            self._due[ticket.counter] -= self._pace.seconds


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
