"""What a poll is: its question, options, rules and schedule, and the site it belongs to."""

from dataclasses import dataclass, field
from enum import StrEnum

RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"})
"""Primary language subtags (BCP 47) whose usual script runs from right to left."""

MAX_ID = 16
"""The longest id of a poll or a site, in characters."""


class Kind(StrEnum):
    """How a poll is answered."""

    SINGLE = "single"
    MULTIPLE = "multiple"


class State(StrEnum):
    """Where a poll stands in its schedule."""

    SCHEDULED = "scheduled"
    OPEN = "open"
    CLOSED = "closed"


class Visibility(StrEnum):
    """Who sees the results while a poll runs."""

    ALWAYS = "always"
    AFTER_VOTE = "after_vote"
    AFTER_CLOSE = "after_close"
    NEVER = "never"


class Policy(StrEnum):
    """How readily a vote counts; what each means is in docs/settings.md."""

    OPEN = "open"
    STANDARD = "standard"
    STRICT = "strict"


@dataclass(frozen=True, slots=True)
class Site:
    """A publisher.

    `key` (32 random bytes) turns an idempotency key into a reader id, so that a retried first vote is
    the same reader. `percent_from` is the least number of voters for which percentages are shown.
    """

    id: str
    name: str
    origins: frozenset[str]
    locale: str
    time_zone: str
    key: bytes
    percent_from: int


@dataclass(frozen=True, slots=True)
class Option:
    """One answer; `id` is a small positive integer, unique in its poll and never used again."""

    id: int
    label: str


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll's definition. Times are Unix seconds; `key` (32 random bytes) makes voters of readers.

    `results_key` is the unguessable part of the results address that those who voted are given, and
    `placements` maps the canonical URL of each article to its number within the poll (from 1 on).
    """

    id: str
    site: Site
    kind: Kind
    question: str
    lang: str
    options: tuple[Option, ...]
    min_picks: int
    max_picks: int
    opens_at: int | None
    closes_at: int | None
    draft: bool
    visibility: Visibility
    allow_change: bool
    key: bytes
    results_key: str
    placements: dict[str, int]
    option_ids: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "option_ids", frozenset(option.id for option in self.options))

    def state(self, now: float) -> State:
        """The poll's state at `now`; a poll opens at `opens_at` and is closed from `closes_at` on."""
        if self.closes_at is not None and now >= self.closes_at:
            return State.CLOSED
        if self.opens_at is not None and now < self.opens_at:
            return State.SCHEDULED
        return State.OPEN

    def next_change(self, now: float) -> int | None:
        """When the schedule changes the state next, after `now`; None when it never will."""
        coming = [at for at in (self.opens_at, self.closes_at) if at is not None and at > now]
        return min(coming, default=None)

    def shows_results(self, state: State, *, voted: bool) -> bool:
        """Whether somebody who has voted (or has not) may see the results in this state."""
        match self.visibility:
            case Visibility.ALWAYS:
                return True
            case Visibility.AFTER_VOTE:
                return voted or state is State.CLOSED
            case Visibility.AFTER_CLOSE:
                return state is State.CLOSED
            case Visibility.NEVER:
                return False


def is_id(text: str) -> bool:
    """Whether a text has the shape of a poll's or site's id: 1 to 16 ASCII letters and digits."""
    return len(text) <= MAX_ID and text.isascii() and text.isalnum()


def direction(lang: str) -> str:
    """`rtl` or `ltr` for a BCP 47 language tag, by its primary subtag."""
    return "rtl" if lang.partition("-")[0].lower() in RIGHT_TO_LEFT else "ltr"
