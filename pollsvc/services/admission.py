"""May this vote count? A pace for each network and poll; what is above it is held for review.

A vote that is changed has been through that. It has a pace of its own, by voter, so that nobody keeps the
service busy with one ballot and no school waits for its neighbour; a change above it is not recorded.

Addresses are never kept: `Counters` knows a network only by an HMAC under a salt that goes each day.
"""

import ipaddress

from pollsvc.domain.ballot import Status
from pollsvc.domain.clock import Clock
from pollsvc.domain.poll import Policy
from pollsvc.services.pace import Counters, Pace

PACES: dict[Policy, Pace | None] = {
    Policy.OPEN: None,
    Policy.STANDARD: Pace(burst=40, seconds=10),
    Policy.STRICT: Pace(burst=5, seconds=60),
}
CHANGES = Pace(burst=20, seconds=30)
"""How fast a voter may change one vote, unless the policy is `open`."""


class Admission:
    """Decides whether a vote counts or is held. `clock` returns seconds and is never set back."""

    def __init__(self, policy: Policy, clock: Clock) -> None:
        pace = PACES[policy]
        self._counters = Counters(pace, clock) if pace else None
        self._changes = Counters(CHANGES, clock) if pace else None

    def admit(self, poll: str, address: str) -> str:
        """The status of a new ballot from this address: `counted`, and charged, or `held`."""
        if self._counters is None or not self._counters.take(f"{poll} {network_of(address)}"):
            return Status.COUNTED.value
        return Status.HELD.value

    def change(self, poll: str, voter: str) -> float:
        """0, and charged, when this voter may change a vote now; else in how many seconds."""
        return self._changes.take(f"{poll} {voter}") if self._changes else 0.0


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
