"""Sums of ballots: how many count, for which options, and how many do not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self, TypeVar

from pollsvc.domain.ballot import Status
from pollsvc.domain.selection import folded
from pollsvc.domain.tally import Results

K = TypeVar("K")


@dataclass(slots=True)
class Votes:
    """Ballots that count, that are held and that are excluded; and the picks of those that count.

    `options` are picks by option id, 0 being answers of readers that no editor has approved; in a ranked
    poll, first preferences.
    """

    counted: int = 0
    held: int = 0
    excluded: int = 0
    options: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, results: Results) -> "Votes":
        """The votes in a poll's results."""
        return cls(results.voters, results.held, results.excluded, results.options | {0: results.other})

    def add(self, options: Iterable[int], status: str, ballots: int) -> None:
        """Add so many ballots that pick these options."""
        if status == Status.COUNTED:
            self.counted += ballots
            for option in options:
                self.options[option] = self.options.get(option, 0) + ballots
        elif status == Status.HELD:
            self.held += ballots
        else:
            self.excluded += ballots

    def __iadd__(self, other: "Votes") -> Self:
        self.counted += other.counted
        self.held += other.held
        self.excluded += other.excluded
        for option, picks in other.options.items():
            self.options[option] = self.options.get(option, 0) + picks
        return self

    def less(self, other: "Votes") -> "Votes":
        """These votes without others, and nowhere fewer than none."""
        return Votes(
            max(self.counted - other.counted, 0),
            max(self.held - other.held, 0),
            max(self.excluded - other.excluded, 0),
            {option: max(picks - other.options.get(option, 0), 0) for option, picks in self.options.items()},
        )

    def copy(self) -> "Votes":
        """The same votes, to add others to."""
        return Votes(self.counted, self.held, self.excluded, dict(self.options))

    def share(self, option: int) -> float | None:
        """How many of the voters picked an option, from 0 to 1; None where nobody voted."""
        return self.options.get(option, 0) / self.counted if self.counted else None


def sum_votes(rows: Iterable[tuple[K, str, str, int]], folds: Mapping[int, int]) -> dict[K, Votes]:
    """Rows of (key, pick, status, ballots) as votes by key; `folds` as in `Poll`."""
    sums: dict[K, Votes] = {}
    known: dict[str, list[int]] = {}
    for key, pick, status, ballots in rows:
        options = known.get(pick)
        if options is None:
            options = known[pick] = folded(pick, folds)
        votes = sums.get(key)
        if votes is None:
            votes = sums[key] = Votes()
        votes.add(options, status, ballots)
    return sums


def total(votes: Iterable[Votes]) -> Votes:
    """The sum of votes."""
    summed = Votes()
    for each in votes:
        summed += each
    return summed
