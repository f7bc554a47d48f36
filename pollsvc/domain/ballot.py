"""A recorded vote, and the rule that decides what a further vote by the same voter does."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from pollsvc.domain.selection import WITHDRAWN


class Status(StrEnum):
    """Whether a ballot counts: `held` waits for review, `excluded` was reviewed and does not count."""

    COUNTED = "counted"
    HELD = "held"
    EXCLUDED = "excluded"


class Ballot(NamedTuple):
    """One voter's vote in one poll; the key is (poll, voter).

    `voter` is 22 characters of base64url (128 bits), `number` that of its leaf among the poll's leaves in the
    log (from 1; each change of the ballot is a leaf of its own), `article` the placement's number in the
    poll (0: elsewhere), `minute` a Unix minute, and `batch` says with which others its receipt was signed.
    """

    poll: str
    voter: str
    number: int
    selection: str
    status: str
    article: int
    minute: int
    batch: int

    def leaf(self) -> bytes:
        """The data of its leaf in the log: a line for each field but `batch`.

        Whoever knows no voter learns nothing of it from its hash: `voter` is 128 bits of chance to them.
        """
        poll, voter, number, selection, status, article, minute, _ = self
        return f"ballot\n{poll}\n{number}\n{voter}\n{selection}\n{status}\n{article}\n{minute}\n".encode()


class Cast(NamedTuple):
    """A vote on its way into the database: the ballot it would be, were it the voter's first.

    That ballot gets its status from `admit` only if it really is the first: repeats must not use up what
    their network may cast. `pace` is asked when it changes the one that stands, and
    says after how many seconds that may be done: 0, or later.
    """

    ballot: Ballot
    allow_change: bool
    admit: Callable[[], str]
    pace: Callable[[], float] = float  # 0.0: always at once


class Outcome(StrEnum):
    """What became of a cast."""

    CREATED = "created"
    REPEATED = "repeated"
    CHANGED = "changed"
    REFUSED = "refused"
    TOO_SOON = "too_soon"
    NOTHING_TO_WITHDRAW = "nothing_to_withdraw"


class Recorded(NamedTuple):
    """The outcome of a cast, and the voter's ballot as it stands after it (None: there is none).

    `wait` is in how many seconds a change that came too soon may come again.
    """

    outcome: Outcome
    ballot: Ballot | None
    wait: float = 0.0


def decide(standing: Ballot | None, cast: Cast, number: int) -> Recorded:
    """What a cast does to the ballot that stands: create, repeat, change or refuse.

    A new or changed one gets the next leaf's `number`. A changed ballot keeps its status, so that a change
    never frees a ballot that is held or excluded.
    """
    wanted = cast.ballot
    if standing is None:
        if wanted.selection == WITHDRAWN:
            return Recorded(Outcome.NOTHING_TO_WITHDRAW, None)
        return Recorded(Outcome.CREATED, wanted._replace(number=number, status=cast.admit()))
    if standing.selection == wanted.selection:
        return Recorded(Outcome.REPEATED, standing)
    if not cast.allow_change:
        return Recorded(Outcome.REFUSED, standing)
    if wait := cast.pace():
        return Recorded(Outcome.TOO_SOON, standing, wait)
    return Recorded(Outcome.CHANGED, wanted._replace(number=number, status=standing.status))
