"""Counting: from ballots to tally cells, from cells to a poll's totals and results."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pollsvc.domain.ballot import Ballot, Status
from pollsvc.domain.poll import Kind, OptionState, Poll
from pollsvc.domain.selection import WITHDRAWN, folded


class Cell(NamedTuple):
    """The key of one number of the tally; the number is how many ballots share all six."""

    poll: str
    article: int
    minute: int
    selection: str
    status: str
    reason: str


Key = tuple[str, str, str]
"""Selection, status and reason."""

Totals = Mapping[Key, int]
"""How many ballots of a poll there are by (selection, status, reason)."""


class Change(NamedTuple):
    """What one commit did to a poll: the version it made, and the difference to its totals."""

    poll: str
    version: int
    difference: Totals


def cell_of(ballot: Ballot) -> Cell:
    """The cell in which a ballot is counted."""
    return Cell(ballot.poll, ballot.article, ballot.minute, ballot.selection, ballot.status, ballot.reason)


def differences(moves: Iterable[tuple[Ballot | None, Ballot]]) -> dict[Cell, int]:
    """The non-zero changes of the cells when each voter's ballot moves from one state to the next.

    Sorted by cell: whoever writes them locks the rows in the same order as everybody else.
    """
    cells: dict[Cell, int] = {}
    for before, after in moves:
        if before is not None:
            cell = cell_of(before)
            cells[cell] = cells.get(cell, 0) - 1
        cell = cell_of(after)
        cells[cell] = cells.get(cell, 0) + 1
    return {cell: cells[cell] for cell in sorted(cells) if cells[cell]}


def by_poll(cells: Mapping[Cell, int]) -> dict[str, dict[Key, int]]:
    """The same differences summed for each poll by (selection, status, reason)."""
    polls: dict[str, dict[Key, int]] = {}
    for cell, count in cells.items():
        totals = polls.setdefault(cell.poll, {})
        key = (cell.selection, cell.status, cell.reason)
        totals[key] = totals.get(key, 0) + count
    return polls


@dataclass(frozen=True, slots=True)
class Results:
    """A poll's result at a version; `voters` and `options` are of counted ballots.

    `options` are picks by option id; in a ranked poll, first preferences. `other` are picks of write-ins
    that no editor has approved. `mean` is that of a rating. `reasons` are why how many ballots are held and
    excluded, by (status, reason).
    """

    version: int
    voters: int
    picks: int
    held: int
    excluded: int
    options: dict[int, int]
    other: int = 0
    mean: float | None = None
    reasons: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """The `results` member of a poll, as JSON values."""
        return {
            "version": self.version,
            "voters": self.voters,
            "picks": self.picks,
            "held": self.held,
            "excluded": self.excluded,
            "options": [{"id": option, "count": count} for option, count in self.options.items()],
            "other": self.other,
            "mean": self.mean,
            "reasons": [
                {"status": status, "reason": reason, "count": count}
                for (status, reason), count in sorted(self.reasons.items())
            ],
        }


class Tally:
    """A poll's totals at a version and what they come to, moved on by each change of them.

    Moving on takes the time of what has changed, however many different selections there are. `totals` has
    no zeros, and is to be changed by `add` alone.
    """

    def __init__(self, poll: Poll, version: int = 0, totals: Totals | None = None) -> None:
        self.poll = poll
        self.totals: dict[Key, int] = {}
        self._ballots: dict[tuple[str, str], int] = {}  # by status and reason; withdrawn ones count nowhere
        self._picks: dict[int, int] = {}
        self.add(version, totals or {})

    def add(self, version: int, difference: Totals) -> None:
        """Take in a change that has made this version."""
        self.version = version
        for key, ballots in difference.items():
            total = self.totals.get(key, 0) + ballots
            if total:
                self.totals[key] = total
            else:
                self.totals.pop(key, None)
            selection, status, reason = key
            if selection == WITHDRAWN:
                continue
            self._ballots[status, reason] = self._ballots.get((status, reason), 0) + ballots
            if status == Status.COUNTED:
                for option in self._options_of(selection):
                    self._picks[option] = self._picks.get(option, 0) + ballots

    def results(self) -> Results:
        """What it comes to now."""
        voters, picks = self._sum(Status.COUNTED), self._picks
        mean = None
        if self.poll.kind is Kind.RATING and voters:
            mean = round(sum(option * count for option, count in picks.items()) / voters, 2)
        return Results(
            version=self.version,
            voters=voters,
            picks=sum(picks.values()),
            held=self._sum(Status.HELD),
            excluded=self._sum(Status.EXCLUDED),
            options={
                option.id: picks.get(option.id, 0)
                for option in self.poll.options
                if option.state is OptionState.ACTIVE
                or (option.state is OptionState.RETIRED and picks.get(option.id))
            },
            other=picks.get(0, 0),
            mean=mean,
            reasons={
                key: count for key, count in self._ballots.items() if count and key[0] != Status.COUNTED
            },
        )

    def _sum(self, wanted: Status) -> int:
        return sum(count for (status, _), count in self._ballots.items() if status == wanted)

    def _options_of(self, selection: str) -> list[int]:
        if self.poll.kind is Kind.RANKED:
            selection = selection.partition(">")[0]
        return folded(selection, self.poll.folds)


def results_of(poll: Poll, version: int, totals: Totals) -> Results:
    """The results of a poll, from its totals."""
    return Tally(poll, version, totals).results()
