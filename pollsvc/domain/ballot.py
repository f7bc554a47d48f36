"""A recorded vote, and the rule that decides what a further vote by the same voter does."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, Self

from pollsvc.domain.selection import WITHDRAWN


class Status(StrEnum):
    """Whether a ballot counts: `held` waits for review, `excluded` was reviewed and does not count."""

    COUNTED = "counted"
    HELD = "held"
    EXCLUDED = "excluded"


class Reason(StrEnum):
    """Why a ballot is held or excluded; a counted one has none.

    The first two are given by admission, `suspected` to what editors hold, the others to what they exclude.
    """

    PACE = "pace"
    UNPROVEN = "unproven"
    SUSPECTED = "suspected"
    AUTOMATED = "automated"
    REPEATED = "repeated"
    TEST = "test"


class Admitted(NamedTuple):
    """What admission says of a new ballot: its status and reason, and the tag of the network it came from."""

    status: str
    reason: str = ""
    network: str = ""


COUNTS = Admitted(Status.COUNTED.value)
"""What is said of a ballot that counts, wherever it came from."""


class Ballot(NamedTuple):
    """One voter's vote in one poll; the key is (poll, voter).

    `voter` is 22 characters of base64url (128 bits), `number` that of its leaf among the poll's leaves in the
    log (from 1; each change of the ballot is a leaf of its own), `article` the placement's number in the
    poll (0: elsewhere), `minute` a Unix minute, and `batch` says with which others its receipt was signed.
    `network` is the tag of the network from which the voter's first vote came, or empty, and `fresh` says
    that the reader had no token then.
    """

    poll: str
    voter: str
    number: int
    selection: str
    status: str
    reason: str
    article: int
    minute: int
    batch: int
    network: str
    fresh: bool

    @classmethod
    def of(
        cls, poll: str, voter: str, selection: str, minute: int, *, article: int = 0, fresh: bool = False
    ) -> Self:
        """A ballot that is yet to be admitted and numbered."""
        return cls(poll, voter, 0, selection, "", "", article, minute, 0, "", fresh)

    def leaf(self) -> bytes:
        """The data of its leaf in the log: a line for each field but `batch`, `network` and `fresh`.

        Whoever knows no voter learns nothing of it from its hash: `voter` is 128 bits of chance to them.
        """
        poll, voter, number, selection, status, reason, article, minute, *_ = self
        vote = f"{poll}\n{number}\n{voter}\n{selection}"
        return f"ballot\n{vote}\n{status}\n{reason}\n{article}\n{minute}\n".encode()


class Cast(NamedTuple):
    """A vote on its way into the database: the ballot it would be, were it the voter's first.

    That ballot is admitted only if it really is the first: repeats must not use up what their network may
    cast. `admit` says None when it takes a proof of work first. `pace` is asked when it changes the one that
    stands, and says after how many seconds that may be done: 0, or later.
    """

    ballot: Ballot
    allow_change: bool
    admit: Callable[[], Admitted | None]
    pace: Callable[[], float] = float  # 0.0: always at once


class Outcome(StrEnum):
    """What became of a cast."""

    CREATED = "created"
    REPEATED = "repeated"
    CHANGED = "changed"
    REFUSED = "refused"
    TOO_SOON = "too_soon"
    TO_PROVE = "to_prove"
    NOTHING_TO_WITHDRAW = "nothing_to_withdraw"
    CLOSED = "closed"


class Recorded(NamedTuple):
    """The outcome of a cast, and the voter's ballot as it stands after it (None: there is none).

    `wait` is in how many seconds a change that came too soon may come again.
    """

    outcome: Outcome
    ballot: Ballot | None
    wait: float = 0.0


def decide(standing: Ballot | None, cast: Cast, number: int, *, closed: bool = False) -> Recorded:
    """What a cast does to the ballot that stands: create, repeat, change or refuse.

    In a poll that was `closed` while the cast was on its way only a repeat is answered as before. A new or
    changed one gets the next leaf's `number`. A changed ballot keeps its status and where it came from, so
    that a change never frees a ballot that is held or excluded.
    """
    wanted = cast.ballot
    if standing is not None and standing.selection == wanted.selection:
        return Recorded(Outcome.REPEATED, standing)
    if closed:
        return Recorded(Outcome.CLOSED, standing)
    if standing is None:
        return _first(cast, number)
    if not cast.allow_change:
        return Recorded(Outcome.REFUSED, standing)
    if wait := cast.pace():
        return Recorded(Outcome.TOO_SOON, standing, wait)
    status, reason, network, fresh = standing.status, standing.reason, standing.network, standing.fresh
    changed = wanted._replace(number=number, status=status, reason=reason, network=network, fresh=fresh)
    return Recorded(Outcome.CHANGED, changed)


def _first(cast: Cast, number: int) -> Recorded:
    """What a cast does when its voter has no ballot."""
    if cast.ballot.selection == WITHDRAWN:
        return Recorded(Outcome.NOTHING_TO_WITHDRAW, None)
    admitted = cast.admit()
    if admitted is None:
        return Recorded(Outcome.TO_PROVE, None)
    status, reason, network = admitted
    poll, voter, _, selection, _, _, article, minute, batch, _, fresh = cast.ballot
    new = Ballot(
        poll, voter, number, selection, status, reason, article, minute, batch, network, fresh
    )  # `_replace` takes three times as long
    return Recorded(Outcome.CREATED, new)
