"""A poll as an editor asks for it, before it is checked; and what may be wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.poll import Kind, OptionState, Poll, Texts, Visibility


@dataclass(frozen=True, slots=True)
class NewOption:
    """An option as an editor asks for it; one that is there already has its `id`.

    A text alone is in the poll's language. In a poll of kind reaction the label may be left out: it is
    the emoji's name then.
    """

    label: str | Texts = ""
    id: int | None = None
    emoji: str = ""
    image: str = ""
    alt: str | Texts = field(default_factory=dict)
    retired: bool = False


@dataclass(frozen=True, slots=True)
class NewPoll:
    """A poll as an editor asks for it. Times are Unix seconds; the least and most picks default by kind.

    A text alone is in the language `lang`, which defaults to the site's. `scale` is the greatest number of
    a rating, whose options are made of it.
    """

    question: str | Texts
    options: Sequence[str | NewOption] = ()
    kind: Kind = Kind.SINGLE
    lang: str | None = None
    min_picks: int | None = None
    max_picks: int | None = None
    scale: int | None = None
    articles: Sequence[str] = ()
    opens_at: int | None = None
    closes_at: int | None = None
    visibility: Visibility = Visibility.ALWAYS
    allow_change: bool = False
    shuffle: bool = False
    write_in: bool = False
    draft: bool = False


class Problems:
    """What is wrong with an input, each with the field that it is about."""

    def __init__(self) -> None:
        self._found: list[dict[str, str]] = []

    def add(self, field_: str, message: str) -> None:
        self._found.append({"field": field_, "message": message})

    def raise_any(self) -> None:
        """Raise PollError `bad_request` if something is wrong; its details hold all `errors`."""
        if self._found:
            first = self._found[0]
            raise PollError(
                Code.BAD_REQUEST,
                first["message"],
                details={"field": first["field"], "errors": self._found},
            )


def as_new(poll: Poll) -> NewPoll:
    """What an editor would have to ask for to get this poll; its articles are left out."""
    return NewPoll(
        question=poll.question,
        options=[
            NewOption(
                label=option.label,
                id=option.id,
                emoji=option.emoji,
                image=option.image,
                alt=option.alt,
                retired=option.state is OptionState.RETIRED,
            )
            for option in poll.shown_options
        ],
        kind=poll.kind,
        lang=poll.lang,
        min_picks=poll.min_picks,
        max_picks=poll.max_picks,
        scale=len(poll.options) if poll.kind is Kind.RATING else None,
        opens_at=poll.opens_at,
        closes_at=poll.closes_at,
        visibility=poll.visibility,
        allow_change=poll.allow_change,
        shuffle=poll.shuffle,
        write_in=poll.write_in,
        draft=poll.draft,
    )
