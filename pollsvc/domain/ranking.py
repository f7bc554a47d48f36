"""Ranked ballots: the instant runoff with all its rounds, and the Borda count.

Ballots are given as selection texts such as `3>1>2` (best first, perhaps not all options) with their number.
Marks for options that are not among the candidates (merged, withdrawn) are skipped: the next mark moves up.
Withdrawn ballots (the empty text) count nowhere; a ballot that names no candidate is exhausted at once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pollsvc.domain.selection import WITHDRAWN, picked

Ballots = Mapping[str, int] | Iterable[tuple[str, int]]
"""How many ballots there are of each ranking; pairs may repeat a ranking, their order does not matter."""

_Pile = list[tuple[Iterator[int], int]]
"""The ballots that count for one option: the marks that each still has below it, and how many they are."""


class Tie(StrEnum):
    """What broke a tie for the fewest ballots."""

    EARLIER_ROUND = "earlier_round"
    ID = "id"


@dataclass(frozen=True, slots=True)
class Round:
    """One round of an instant runoff; every ballot is either in `counts` or `exhausted`.

    `counts` has the continuing options in their shown order. `eliminated` leave after this round, and
    `transfers` says where their ballots go: (from, to) → ballots, to None if exhausted, no zeros. `tie` says
    what settled who leaves, if several options had the fewest ballots.
    """

    counts: dict[int, int]
    exhausted: int
    eliminated: tuple[int, ...] = ()
    transfers: dict[tuple[int, int | None], int] = field(default_factory=dict)
    tie: Tie | None = None

    def as_json(self) -> dict[str, object]:
        """The round as JSON values."""
        return {
            "counts": [{"id": option, "count": count} for option, count in self.counts.items()],
            "exhausted": self.exhausted,
            "eliminated": list(self.eliminated),
            "transfers": [
                {"from": source, "to": target, "count": count}
                for (source, target), count in self.transfers.items()
            ],
            "tie": None if self.tie is None else self.tie.value,
        }


@dataclass(frozen=True, slots=True)
class Runoff:
    """An instant runoff: its rounds (at least one) and who won. Two winners are a tie; none: no ballots."""

    rounds: tuple[Round, ...]
    winners: tuple[int, ...]

    def as_json(self) -> dict[str, object]:
        """The runoff as JSON values."""
        return {"rounds": [each.as_json() for each in self.rounds], "winners": list(self.winners)}


def runoff(
    candidates: Sequence[int], ballots: Ballots, *, to_two: bool = False, batch: bool = False
) -> Runoff:
    """Count an instant runoff among the candidates, which are given in their shown order.

    Each ballot counts for its best continuing option. An option with more than half of the ballots that
    count in a round (the exhausted do not) wins; with `to_two` the rounds go on until two options are left.
    Until then the option with the fewest ballots is eliminated, and its ballots move on.

    With `batch`, all options leave together that could not win with all of each other's ballots: the largest
    group of lowest options whose sum is less than the next higher count. San Francisco's charter has this
    rule (section 13.102(e)), and Burlington, Vermont, had it ("when mathematically inevitable", 2009).
    Polls are counted without `to_two` and `batch`: both are here because elections were published with them,
    and what reproduces those round by round can be trusted with a poll.

    Of several with the fewest ballots, that one leaves which had the fewest in the round before; those that
    tied there are compared in the round before that, and so on; of those that always tied, the greatest
    option id leaves. No lot is drawn, so that everyone who recounts gets the same. Two options left with
    equal counts have both won.
    """
    piles: dict[int, _Pile] = {option: [] for option in candidates}
    counts = dict.fromkeys(piles, 0)
    exhausted = 0
    for target, number in _deal(((iter(marks), number) for marks, number in _rankings(ballots)), piles):
        if target is None:
            exhausted += number
        else:
            counts[target] += number

    rounds: list[Round] = []
    while not (winners := _winners(counts, to_two)) and any(counts.values()):
        eliminated, tie = _losers(counts, rounds, batch, 2 if to_two else 1)
        leaving = [(option, piles.pop(option)) for option in eliminated]
        moved: dict[tuple[int, int | None], int] = {}
        for option, pile in leaving:
            for target, number in _deal(pile, piles):
                moved[option, target] = moved.get((option, target), 0) + number
        order = ((option, target) for option in eliminated for target in (*piles, None))
        transfers = {key: moved[key] for key in order if key in moved}
        rounds.append(Round(counts, exhausted, eliminated, transfers, tie))

        counts = {option: counts[option] for option in piles}
        for (_, target), number in transfers.items():
            if target is None:
                exhausted += number
            else:
                counts[target] += number
    return Runoff((*rounds, Round(counts, exhausted)), winners)


def borda(candidates: Sequence[int], ballots: Ballots) -> dict[int, int]:
    """The Borda points of each candidate, in shown order.

    Of n candidates a ballot gives its first n-1 points, its second n-2 and so on, and nothing to those that
    it does not rank. On full ballots this is the method of J.-C. de Borda, "Mémoire sur les élections au
    scrutin" (1784). On partial ballots it is the variant that keeps the points of a rank and gives the
    unranked the least (P. Emerson, "The original Borda count and partial voting", Social Choice and Welfare
    40, 2013, compares it and argues for k, k-1, … on a ballot of k ranks). It is taken because a rank is
    worth the same on every ballot, so that anyone can check the sum from a table of counts by rank, and
    because to rank fewer options never makes the first one's points fewer. Its known price: leaving the
    rivals of a favourite unranked is the strongest ballot for it.
    """
    points = dict.fromkeys(candidates, 0)
    for marks, number in _rankings(ballots):
        worth = len(points) - 1
        for option in marks:
            if option in points:
                points[option] += worth * number
                worth -= 1
    return points


def _rankings(ballots: Ballots) -> Iterator[tuple[list[int], int]]:
    """The marks of each ranking and its number of ballots, without the withdrawn."""
    pairs = ballots.items() if isinstance(ballots, Mapping) else ballots
    return ((picked(selection), number) for selection, number in pairs if number and selection != WITHDRAWN)


def _deal(
    pile: Iterable[tuple[Iterator[int], int]], piles: dict[int, _Pile]
) -> Iterator[tuple[int | None, int]]:
    """Put each ballot on the pile of its next mark that has one; tell which (None: exhausted), how many."""
    for marks, number in pile:
        target = next((option for option in marks if option in piles), None)
        if target is not None:
            piles[target].append((marks, number))
        yield target, number


def _winners(counts: Mapping[int, int], to_two: bool) -> tuple[int, ...]:
    """Who has won with these counts, if that can be said yet."""
    most = max(counts.values(), default=0)
    if most == 0 or (to_two and len(counts) > 2):
        return ()
    if len(counts) > 2 and 2 * most <= sum(counts.values()):
        return ()
    return tuple(option for option, count in counts.items() if count == most)


def _losers(
    counts: Mapping[int, int], rounds: Sequence[Round], batch: bool, keep: int
) -> tuple[tuple[int, ...], Tie | None]:
    """Who leaves with these counts, in shown order, so that `keep` stay; and what broke a tie, if one did."""
    if batch:
        ascending = sorted(counts.values())
        for size in range(len(ascending) - keep, 1, -1):
            if sum(ascending[:size]) < ascending[size]:
                return tuple(option for option, count in counts.items() if count < ascending[size]), None
    fewest = min(counts.values())
    last = [option for option, count in counts.items() if count == fewest]
    if len(last) == 1:
        return tuple(last), None
    for earlier in reversed(rounds):
        fewest = min(earlier.counts[option] for option in last)
        last = [option for option in last if earlier.counts[option] == fewest]
        if len(last) == 1:
            return tuple(last), Tie.EARLIER_ROUND
    return (max(last),), Tie.ID
