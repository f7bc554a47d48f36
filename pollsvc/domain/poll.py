"""What a poll is: its question, options, rules and schedule, and the site it belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pollsvc.domain.mac import Mac, mac
from pollsvc.domain.paces import Paces

RIGHT_TO_LEFT = frozenset(
    {
        *("ar", "ars", "ary", "arz", "azb", "bal", "bgn", "bqi", "ckb", "dv", "fa", "glk", "he", "khw", "ks"),
        *("lrc", "mzn", "nqo", "pnb", "ps", "rhg", "sd", "skr", "syr", "ug", "ur", "yi"),
    }
)
"""Primary language subtags whose usual script, in CLDR's likely subtags, runs from right to left."""
_SCRIPTS_RIGHT_TO_LEFT = frozenset({"adlm", "arab", "aran", "hebr", "nkoo", "rohg", "syrc", "thaa"})
"""Script subtags, likewise (ISO 15924)."""

MAX_ID = 16
"""The longest id of a poll or a site, in characters."""


Texts = Mapping[str, str]
"""One text in several languages, by BCP 47 tag."""


class Kind(StrEnum):
    """How a poll is answered.

    `rating` is one of the numbers 1 to 5 or 1 to 10, which are its options' ids; `ranked` an order of
    options, best first; `reaction` one emoji.
    """

    SINGLE = "single"
    MULTIPLE = "multiple"
    RATING = "rating"
    RANKED = "ranked"
    REACTION = "reaction"


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
    the same reader. `percent_from` is the least number of voters for which percentages are shown. `policy` is
    None where the service's own is meant, `paces` are None where the usual ones are, and `vouching` counts
    the secrets by which the site has vouched for its readers.
    """

    id: str
    name: str
    origins: frozenset[str]
    locale: str
    time_zone: str
    key: bytes
    percent_from: int
    policy: Policy | None = None
    vouching: int = 1
    paces: Paces | None = None
    mac: Mac = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Take in the key once."""
        object.__setattr__(self, "mac", mac(self.key))


class OptionState(StrEnum):
    """Whether readers can pick an option.

    A `retired` one keeps its votes. What readers wrote in is `pending` until an editor makes it `active`,
    `rejected`, or `merged` into another option.
    """

    ACTIVE = "active"
    RETIRED = "retired"
    PENDING = "pending"
    REJECTED = "rejected"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Option:
    """One answer; `id` is a small positive integer, unique in its poll and never used again.

    `image` is the id of an image and `alt` what it shows, in words. `write_in` is the folded text when a
    reader wrote it.
    """

    id: int
    label: Texts
    state: OptionState = OptionState.ACTIVE
    emoji: str = ""
    image: str = ""
    alt: Texts = field(default_factory=dict)
    write_in: str | None = None
    merged_into: int | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll's definition. Times are Unix seconds; `key` (32 random bytes) makes voters of readers, and is
    empty when its time is over.

    `lang` is the language that every text is there in. `results_key` is the unguessable part of the
    results address that those who voted are given, and `placements` maps the canonical URL of each
    article to its number within the poll (from 1 on). `revision` grows with each edit. A new version
    `replaces` the poll whose question meant something else.
    """

    id: str
    site: Site
    kind: Kind
    question: Texts
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
    placements: Mapping[str, int]
    shuffle: bool = False
    write_in: bool = False
    archived_at: int | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    revision: int = 1
    created_at: int = 0
    option_ids: frozenset[int] = field(init=False)
    folds: Mapping[int, int] = field(init=False)
    mac: Mac = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Take in the key once, and derive `option_ids`, which a ballot may name, and `folds`.

        `folds` says as which option a vote for another one counts: the one that it was merged into, or 0
        for write-ins that are not approved. Nobody can vote for a retired option, nor for what was merged
        into one.
        """
        merged = {option.id: option.merged_into for option in self.options if option.merged_into}
        folds = {
            option.id: 0
            for option in self.options
            if option.state in (OptionState.PENDING, OptionState.REJECTED)
        }
        for option, into in merged.items():
            target = into
            while target in merged:  # it may have been merged on; editors and imports make no circle
                target = merged[target]
            folds[option] = folds.get(target, target)
        retired = {option.id for option in self.options if option.state is OptionState.RETIRED}
        votable = (option.id for option in self.options if folds.get(option.id, option.id) not in retired)
        object.__setattr__(self, "option_ids", frozenset(votable))
        object.__setattr__(self, "folds", folds)
        object.__setattr__(self, "mac", mac(self.key))

    @property
    def langs(self) -> tuple[str, ...]:
        """The languages that the poll is there in, its first one first."""
        return (self.lang, *sorted(self.question.keys() - {self.lang}))

    @property
    def shown_options(self) -> tuple[Option, ...]:
        """The options that readers see in the result: those they can pick, and those retired."""
        return tuple(
            option for option in self.options if option.state in (OptionState.ACTIVE, OptionState.RETIRED)
        )

    @property
    def active_options(self) -> tuple[Option, ...]:
        """The options that readers are offered."""
        return tuple(option for option in self.options if option.state is OptionState.ACTIVE)

    @property
    def purged(self) -> bool:
        """Whether its key is destroyed, so that nobody can tell which ballot is a reader's."""
        return not self.key

    def best_lang(self, *wanted: str) -> str:
        """The first of these language tags that the poll is there in, by tag or primary subtag; or `lang`."""
        for tag in wanted:
            for known in self.langs:
                if known.lower() == tag.lower():
                    return known
            primary = tag.partition("-")[0].lower()
            for known in self.langs:
                if known.partition("-")[0].lower() == primary:
                    return known
        return self.lang

    def state(self, now: float) -> State:
        """The poll's state at `now`; a poll opens at `opens_at` and is closed from `closes_at` on."""
        return state_at(now, self.opens_at, self.closes_at)

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


def state_at(now: float, opens_at: int | None, closes_at: int | None) -> State:
    """The state of a poll with this schedule, as `Poll.state` says."""
    if closes_at is not None and now >= closes_at:
        return State.CLOSED
    if opens_at is not None and now < opens_at:
        return State.SCHEDULED
    return State.OPEN


def say(texts: Texts, lang: str, default: str) -> str:
    """A text in a language, else in the `default` one, else in any that there is."""
    return texts.get(lang) or texts.get(default) or next(iter(texts.values()), "")


def is_id(text: str) -> bool:
    """Whether a text has the shape of a poll's or site's id: 1 to 16 ASCII letters and digits."""
    return len(text) <= MAX_ID and text.isascii() and text.isalnum()


def direction(lang: str) -> str:
    """`rtl` or `ltr` for a language tag, by its script or else its primary subtag (BCP 47, section 2.2)."""
    primary, *others = lang.lower().split("-")
    script = next((subtag for subtag in others[:2] if len(subtag) == 4 and subtag.isalpha()), "")
    if script:
        return "rtl" if script in _SCRIPTS_RIGHT_TO_LEFT else "ltr"
    return "rtl" if primary in RIGHT_TO_LEFT else "ltr"
