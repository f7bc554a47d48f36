"""The records of an export of `all`, as far as an import needs them.

What they are made of stands in `pollsvc.services.exports`; other members are passed over.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pollsvc.domain.ballot import Admitted, Reason, Status
from pollsvc.domain.poll import Kind, OptionState, Visibility

Texts = dict[str, str]
Id = Annotated[int, Meta(ge=1, le=32_767)]
Count = Annotated[int, Meta(ge=0, le=2**53)]


class Head(Struct):
    """What an export says of itself."""

    format: int
    what: str
    ballots: Count = 0


class OptionRecord(Struct):
    """An option; `written` is what a reader wrote in, folded."""

    id: Id
    label: Texts
    state: OptionState = OptionState.ACTIVE
    emoji: str = ""
    image: str = ""
    alt: Texts = {}
    merged_into: Id | None = None
    write_in: bool = False
    written: str = ""


class Picks(Struct):
    """How many options a ballot picks."""

    min: Id
    max: Id


class PlacementRecord(Struct):
    """An article where the poll stands, or stood."""

    link: str
    attached: bool = True


class PollRecord(Struct):
    """A poll's definition; times are RFC 3339."""

    kind: Kind
    question: Texts
    lang: str
    options: list[OptionRecord]
    picks: Picks
    opens_at: str | None = None
    closes_at: str | None = None
    visibility: Visibility = Visibility.ALWAYS
    allow_change: bool = False
    order: Literal["fixed", "shuffled"] = "fixed"
    write_in: bool = False
    placements: list[PlacementRecord] = []
    created_at: str | None = None
    draft: bool = False
    archived_at: str | None = None


class OptionCount(Struct):
    """How often an option was picked."""

    id: Id
    count: Count


class ResultsRecord(Struct):
    """The results that the ballots must add up to."""

    voters: Count
    picks: Count
    held: Count
    excluded: Count
    options: list[OptionCount]
    other: Count = 0


class BallotRecord(Struct):
    """A ballot: `article` is the link of one of the poll's placements, `minute` an RFC 3339 date-time."""

    minute: str
    selection: str
    status: Status = Status.COUNTED
    reason: Reason | None = None
    article: str | None = None

    @property
    def admitted(self) -> Admitted:
        """Status and reason; a counted ballot has no reason, whatever the file says."""
        reason = "" if self.reason is None or self.status is Status.COUNTED else self.reason.value
        return Admitted(self.status.value, reason)
