"""The form of a poll's page: what a reader put into it, and the selection that it means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.poll import Kind, Poll
from pollsvc.web.numbers import whole

OWN = "own"
"""What stands for the answer in the reader's own words: its text's field, and its value among the picks."""
RANK = "rank_"
"""The beginning of the names of the fields with ranks; the option's id follows, or OWN."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it was filled in; `own` says that the reader's own words were chosen.

    `ranks` are by option id, and 0 for the reader's own words.
    """

    picks: Sequence[int] = ()
    own: bool = False
    text: str = ""
    ranks: Mapping[int, int] = field(default_factory=dict)


def read_form(fields: Mapping[str, Sequence[str]]) -> Filled:
    """Read the fields. Raises PollError `bad_request` for what a form of ours cannot send."""
    picks = fields.get("selection", ())
    ranks = {}
    for name, values in fields.items():
        if name.startswith(RANK) and len(values) == 1:
            option = name.removeprefix(RANK)
            ranks[0 if option == OWN else _number(option)] = _number(values[0])
    return Filled(
        picks=[_number(pick) for pick in picks if pick != OWN],
        own=OWN in picks,
        text=" ".join(fields.get(OWN, [""])[0].split()),
        ranks=ranks,
    )


def selection_of(poll: Poll, filled: Filled) -> list[int | str]:
    """The selection that a form means, still to be checked with its poll.

    Raises PollError `invalid_selection` where the form says two things at once, or nothing where it should;
    its details have the `reason`, and the `rank` that is wrong.
    """
    if poll.kind is Kind.RANKED:
        return _ranking(filled)
    if poll.kind is Kind.MULTIPLE:
        return [*filled.picks, *([filled.text] if filled.text else [])]
    if filled.text and filled.picks:
        raise _unclear("both")
    if filled.own and not filled.text:
        raise _unclear("no_text")
    return [filled.text] if filled.text else [*filled.picks]


def _ranking(filled: Filled) -> list[int | str]:
    if filled.text and 0 not in filled.ranks:
        raise _unclear("text_no_rank")
    if 0 in filled.ranks and not filled.text:
        raise _unclear("rank_no_text")
    ranks = sorted(filled.ranks.values())
    for expected, rank in enumerate(ranks, 1):
        if rank != expected:
            raise _unclear("rank_gap" if rank > expected else "rank_twice", min(rank, expected))
    return [option or filled.text for option in sorted(filled.ranks, key=filled.ranks.__getitem__)]


def _number(text: str) -> int:
    number = whole(text, 5)
    if number is None:
        raise PollError(Code.BAD_REQUEST, "Send the form of the poll's page.")
    return number


def _unclear(reason: str, rank: int | None = None) -> PollError:
    details = {"reason": reason} if rank is None else {"reason": reason, "rank": rank}
    return PollError(Code.INVALID_SELECTION, "The form can be understood in two ways.", details=details)
