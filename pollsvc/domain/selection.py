"""What a ballot says, as canonical text.

`2` is one option, `1,3` a set (ascending), `3>1>2` a ranking (best first); the empty text is a ballot
that was withdrawn. The same text stands in ballots, tally, receipts and exports, so two selections are
equal exactly when their texts are.
"""

from collections.abc import Iterable, Mapping, Set

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.poll import Kind, Poll

WITHDRAWN = ""


def canonical(poll: Poll, picks: object, ids: Set[int] | None = None) -> str:
    """The canonical text of `picks`, a list of option ids as a reader sent it; `[]` withdraws.

    `ids` are those that may be picked, if not `poll.option_ids`. Raises PollError `invalid_selection` for
    anything that this poll's ballot cannot say.
    """
    if type(picks) is list and len(picks) == 1 and type(picks[0]) is int:  # by far the most common
        [pick] = picks
        if pick in poll.option_ids and poll.min_picks <= 1:
            return str(pick)
    if type(picks) is not list or any(type(pick) is not int for pick in picks):
        raise _invalid('Send "selection" as a list of option ids, such as [2].')
    if not picks:
        if poll.allow_change:
            return WITHDRAWN
        raise _invalid("Pick at least one option; a vote in this poll cannot be withdrawn.")
    if not (poll.option_ids if ids is None else ids) >= set(picks):
        raise _invalid("Pick only options of this poll; at least one id is not.")
    if len(set(picks)) != len(picks):
        raise _invalid("Pick each option at most once.")
    if not poll.min_picks <= len(picks) <= poll.max_picks:
        wanted = (
            f"exactly {poll.min_picks}"
            if poll.min_picks == poll.max_picks
            else f"{poll.min_picks} to {poll.max_picks}"
        )
        raise _invalid(f"Pick {wanted}; {len(picks)} were sent.")
    if poll.kind is Kind.RANKED:
        return ">".join(map(str, picks))
    return ",".join(map(str, sorted(picks)))


def picked(selection: str) -> list[int]:
    """The option ids that a canonical text names, in its order."""
    return [int(part) for part in selection.replace(">", ",").split(",")] if selection else []


def as_json(selection: str) -> str:
    """A canonical text as the JSON list of its option ids: `1,3` is `[1,3]`."""
    return f"[{selection.replace('>', ',')}]"


def check_picks(kind: Kind, options: int, least: int, most: int) -> None:
    """Raise PollError `bad_request` unless a poll of so many options can ask for `least` to `most` picks."""
    if kind not in (Kind.MULTIPLE, Kind.RANKED) and (least, most) != (1, 1):
        raise PollError(
            Code.BAD_REQUEST,
            f"Readers of a poll of kind {kind} pick one; for more, make it multiple or ranked.",
        )
    if not 1 <= least <= most <= options:
        raise PollError(
            Code.BAD_REQUEST,
            f"There are {options} options: let readers pick from 1 to {options}, "
            "with the least (min) no more than the most (max).",
        )


def folded(selection: str, folds: Mapping[int, int]) -> list[int]:
    """The options that a ballot counts for, in its order, each once (`Poll.folds`; 0: any other answer)."""
    options = picked(selection)
    return list(dict.fromkeys(folds.get(option, option) for option in options)) if folds else options


def count_picks(selections: Iterable[tuple[str, int]], folds: Mapping[int, int]) -> dict[int, int]:
    """How often each option was picked, by option id, from pairs of (selection, number of ballots)."""
    counts: dict[int, int] = {}
    for selection, ballots in selections:
        for option in folded(selection, folds):
            counts[option] = counts.get(option, 0) + ballots
    return counts


def _invalid(message: str) -> PollError:
    return PollError(Code.INVALID_SELECTION, message)
