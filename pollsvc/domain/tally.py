"""Counting: from ballots to tally cells, from cells to a poll's totals and results."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pollsvc.domain.ballot import Ballot, Status
from pollsvc.domain.poll import Kind, OptionState, Poll
from pollsvc.domain.selection import WITHDRAWN, count_first, count_picks


class Cell(NamedTuple):
    """The key of one number of the tally; the number is how many ballots share all five."""

    poll: str
    article: int
    minute: int
    selection: str
    status: str


Totals = Mapping[tuple[str, str], int]
"""How many ballots of a poll there are by (selection, status)."""


class Change(NamedTuple):
    """What one commit did to a poll: the version it made, and the difference to its totals."""

    poll: str
    version: int
    difference: Totals


def cell_of(ballot: Ballot) -> Cell:
    """The cell in which a ballot is counted."""
    return Cell(ballot.poll, ballot.article, ballot.minute, ballot.selection, ballot.status)


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


def by_poll(cells: Mapping[Cell, int]) -> dict[str, dict[tuple[str, str], int]]:
    """The same differences summed for each poll by (selection, status)."""
    polls: dict[str, dict[tuple[str, str], int]] = {}
    for cell, count in cells.items():
        totals = polls.setdefault(cell.poll, {})
        key = (cell.selection, cell.status)
        totals[key] = totals.get(key, 0) + count
    return polls


@dataclass(frozen=True, slots=True)
class Results:
    """A poll's result at a version; `voters` and `options` are of counted ballots.

    `options` are picks by option id; in a ranked poll, first preferences. `other` are picks of write-ins
    that no editor has approved. `mean` is that of a rating.
    """

    version: int
    voters: int
    picks: int
    held: int
    excluded: int
    options: dict[int, int]
    other: int = 0
    mean: float | None = None

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
        }


def results_of(poll: Poll, version: int, totals: Totals) -> Results:
    """The results of a poll, from its totals; withdrawn ballots count nowhere."""
    number = dict.fromkeys(Status, 0)
    for (selection, status), ballots in totals.items():
        if selection != WITHDRAWN:
            number[Status(status)] += ballots
    counting = count_first if poll.kind is Kind.RANKED else count_picks
    counted = counting(
        ((sel, ballots) for (sel, status), ballots in totals.items() if status == Status.COUNTED), poll.folds
    )
    voters = number[Status.COUNTED]
    mean = None
    if poll.kind is Kind.RATING and voters:
        mean = round(sum(option * count for option, count in counted.items()) / voters, 2)
    return Results(
        version=version,
        voters=voters,
        picks=sum(counted.values()),
        held=number[Status.HELD],
        excluded=number[Status.EXCLUDED],
        options={
            option.id: counted.get(option.id, 0)
            for option in poll.options
            if option.state is OptionState.ACTIVE
            or (option.state is OptionState.RETIRED and counted.get(option.id))
        },
        other=counted.get(0, 0),
        mean=mean,
    )
