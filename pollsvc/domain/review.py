"""Reviewing ballots: which ones, and what is to become of them. All of it can be taken back."""

from enum import StrEnum
from typing import NamedTuple

from pollsvc.domain.ballot import Reason, Status
from pollsvc.domain.errors import bad


class Verdict(StrEnum):
    """What an editor does with ballots."""

    HOLD = "hold"
    RELEASE = "release"
    EXCLUDE = "exclude"


EXCLUDED_FOR = (Reason.AUTOMATED, Reason.REPEATED, Reason.TEST)
"""Why editors exclude ballots."""


class Rule(NamedTuple):
    """Which ballots of a poll: those that all of this is true of; None, or an empty tag, leaves it open.

    `network` is the beginning of a network's tag: 5 characters for the wide prefix, 10 for the narrow one.
    `since` and `until` (not included) are Unix minutes.
    """

    status: Status | None = None
    reason: Reason | None = None
    network: str = ""
    since: int | None = None
    until: int | None = None
    fresh: bool | None = None
    voter: str | None = None

    def described(self) -> dict[str, object]:
        """What is said, by name, as JSON values."""
        return {name: value for name, value in self._asdict().items() if value is not None and value != ""}


def outcome_of(verdict: Verdict, reason: Reason | None) -> tuple[Status, str]:
    """The status and reason that a verdict gives.

    Raises PollError `bad_request` for a reason that it cannot have.
    """
    if verdict is Verdict.EXCLUDE:
        if reason not in EXCLUDED_FOR:
            raise bad(f"Say why the ballots are excluded: {', '.join(EXCLUDED_FOR)}.", "reason")
        return Status.EXCLUDED, reason.value
    if reason is not None:
        raise bad("Only ballots that are excluded get a reason; leave it out.", "reason")
    return (Status.HELD, Reason.SUSPECTED.value) if verdict is Verdict.HOLD else (Status.COUNTED, "")


class Group(NamedTuple):
    """Ballots of a poll that came from one wide prefix within one hour, and stand alike.

    `hour` is a Unix hour, `narrow` how many narrow prefixes there are among them, and `fresh` how many of
    their readers had no token before.
    """

    network: str
    hour: int
    status: str
    reason: str
    ballots: int
    narrow: int
    fresh: int

    @property
    def rule(self) -> Rule:
        """What is true of just these ballots."""
        reason = Reason(self.reason) if self.reason else None
        return Rule(Status(self.status), reason, self.network, self.hour * 60, self.hour * 60 + 60)
