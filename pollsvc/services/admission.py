"""May this vote count? At a calm pace it does; above that it takes a proof of work; far above, it is held.

Paces are kept for the narrow and the wide prefix of a vote's network, in its poll and in its site, and a vote
that counts is charged to all four. Nothing is ever refused for good: what is held waits for review. Where
processes share their paces, those are asked once for a whole batch of votes; this process's own take over
while they are away.

A vote that is changed has been through that. It has a pace of its own, by voter, so that nobody keeps the
service busy with one ballot and no school waits for its neighbour; a change above it is not recorded.
"""

from collections.abc import Sequence
from hashlib import blake2b

from pollsvc.domain.ballot import Admitted, Cast, Reason, Status
from pollsvc.domain.clock import Clock
from pollsvc.domain.paces import STANDARD, Pace, Paces, Tier
from pollsvc.domain.poll import Policy, Poll, Site
from pollsvc.services.networks import Network
from pollsvc.services.pace import Counters, Gauges
from pollsvc.storage.shared_paces import (
    COUNTED,
    HELD_PACE,
    HELD_UNPROVEN,
    STANDING,
    TO_PROVE,
    Ask,
    SharedPaces,
)

Charge = tuple[tuple[str, bytes], Pace]

CHANGES = Pace(burst=20, seconds=30)
"""How fast a voter may change one vote, unless the policy is `open`."""
_KEY = 12
"""Bytes of a key in the shared paces."""
_HELD = {HELD_PACE: Reason.PACE, HELD_UNPROVEN: Reason.UNPROVEN}


class Applicant:
    """A vote that asks to be admitted as its voter's first; called, it says how, as `Admission.admit` does.

    `effort` is how hard its proof is to be: 0 at first, 1 just before votes are held.
    """

    __slots__ = ("_admission", "effort", "network", "poll", "proof", "verdict", "vouched")

    def __init__(
        self, admission: "Admission", poll: Poll, network: Network, proof: bool | None, vouched: bool
    ) -> None:
        self._admission = admission
        self.poll = poll
        self.network = network
        self.proof = proof
        self.vouched = vouched
        self.verdict: int | None = None
        self.effort = 0.0

    def __call__(self) -> Admitted | None:
        admission, verdict = self._admission, self.verdict
        if verdict is None:
            admitted = admission.admit(self.poll, self.network, proof=self.proof, vouched=self.vouched)
            if admitted is None:
                self.effort = admission.effort(self.poll, self.network)
            return admitted
        if verdict == TO_PROVE:
            return None
        tag = self.network.tag(self.poll.id)
        if verdict == COUNTED:
            return Admitted(Status.COUNTED.value, "", tag)
        return Admitted(Status.HELD.value, _HELD[verdict].value, tag)


class Admission:
    """Decides whether a vote counts, is to be proven or is held. `clock` is in seconds and never set back.

    `shared` are the paces that all processes keep together, if there are any.
    """

    def __init__(self, policy: Policy, clock: Clock, shared: SharedPaces | None = None) -> None:
        self.policy = policy
        self._clock = clock
        self._shared = shared
        self._calm, self._proven = Gauges[tuple[str, bytes]](), Gauges[tuple[str, bytes]]()
        self._changes = Counters(CHANGES, clock)

    def policy_of(self, site: Site) -> Policy:
        """The policy of a site's polls."""
        return site.policy or self.policy

    def applicant(
        self, poll: Poll, network: Network, *, proof: bool | None, vouched: bool = False
    ) -> Applicant:
        """A vote that will ask `admit` when it is its voter's first."""
        return Applicant(self, poll, network, proof, vouched)

    async def ask_ahead(self, casts: Sequence[Cast]) -> None:
        """Ask the shared paces for all of a batch that may be admitted; they know their verdict then."""
        if self._shared is None:
            return
        asking = [
            (cast.admit, (cast.ballot.poll, cast.ballot.voter))
            for cast in casts
            if isinstance(cast.admit, Applicant) and self._is_paced(cast.admit.poll, cast.admit.vouched)
        ]
        if not asking:
            return
        now = self._clock()
        verdicts = await self._shared.judge([_ask(one, voter) for one, voter in asking])
        for (one, _), (verdict, effort) in zip(asking, verdicts, strict=False):  # none while they are away
            if verdict != STANDING:
                one.verdict, one.effort = verdict, effort
            if verdict == COUNTED:  # remembered here too, for the time when the shared paces are away
                self._calm.charge(_charges(paces_for(one.poll.site).calm, one.poll, one.network), now)

    def admit(
        self, poll: Poll, network: Network, *, proof: bool | None, vouched: bool = False
    ) -> Admitted | None:
        """Admit a new ballot from this network, and charge it if it counts; None: it takes a proof first.

        `proof` is whether the vote came with a good one; None means that its browser cannot make any. Whom
        the site has `vouched` for counts at any pace.
        """
        tag = network.tag(poll.id)
        if not self._is_paced(poll, vouched):
            return Admitted(Status.COUNTED.value, "", tag)
        now = self._clock()
        paces = paces_for(poll.site)
        calm, proven = _charges(paces.calm, poll, network), _charges(paces.proven, poll, network)
        if self._calm.fill(calm, now) <= 1:
            self._calm.charge(calm, now)
        elif self._proven.fill(proven, now) > 1:
            return Admitted(Status.HELD.value, Reason.PACE.value, tag)
        elif proof:
            self._proven.charge(proven, now)
        elif proof is None:
            return Admitted(Status.HELD.value, Reason.UNPROVEN.value, tag)
        else:
            return None
        return Admitted(Status.COUNTED.value, "", tag)

    def effort(self, poll: Poll, network: Network) -> float:
        """How hard the next proof from this network is to be: 0 at first, 1 just before votes are held."""
        proven = _charges(paces_for(poll.site).proven, poll, network)
        return min(max(self._proven.fill(proven, self._clock()), 0.0), 1.0)

    def change(self, poll: Poll, voter: str) -> float:
        """0, and charged, when this voter may change a vote now; else in how many seconds."""
        paced = self.policy_of(poll.site) is not Policy.OPEN
        return self._changes.take(f"{poll.id} {voter}") if paced else 0.0

    def _is_paced(self, poll: Poll, vouched: bool) -> bool:
        return not vouched and self.policy_of(poll.site) is not Policy.OPEN


def paces_for(site: Site) -> Paces:
    """The paces of a site's polls."""
    return site.paces or STANDARD


def _charges(tier: Tier, poll: Poll, network: Network) -> tuple[Charge, ...]:
    """What a vote from this network is charged to."""
    narrow, wide = network
    return (
        ((poll.id, narrow), tier.narrow),
        ((poll.id, wide), tier.wide),
        ((poll.site.id, narrow), tier.site_narrow),
        ((poll.site.id, wide), tier.site_wide),
    )


def _ask(one: Applicant, voter: tuple[str, str]) -> Ask:
    (narrow, wide), poll, site = one.network, one.poll.id, one.poll.site.id
    keys = _key(poll, narrow), _key(poll, wide), _key(site, narrow), _key(site, wide)
    return Ask(paces_for(one.poll.site), voter, -1 if one.proof is None else int(one.proof), keys)


def _key(scope: str, network: bytes) -> bytes:
    """What a network is known by in a poll or site: nobody can tell the same one in another poll."""
    return blake2b(scope.encode(), key=network, digest_size=_KEY, person=b"pollsvc.pace").digest()
