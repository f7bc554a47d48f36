"""WP-Polls' log of votes as anonymous ballots that agree with the answers' recorded votes.

The log has a row for each answer of a vote, may lack rows, whole polls or all of them, and may have more than
the answers say that they have; the answers' votes are what readers were shown, and are kept exactly.
"""

from collections import Counter, OrderedDict
from collections.abc import Container, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

PollKey = tuple[str, int]
"""The prefix of a poll's tables and its id."""

Log = Counter[tuple[int | None, tuple[int, ...]]]
"""How many votes are logged by (minute or None, answers picked in the log's order)."""

Cells = Counter[tuple[int, tuple[int, ...]]]
"""How many ballots there are by (Unix minute, ids of the answers picked, ascending)."""

_WINDOW = 10_000  # votes that may still get a further answer; rows of one vote stand together


class VoteLog:
    """Puts the rows of one vote together while they arrive; who voted is forgotten soon after."""

    def __init__(self) -> None:
        self._recent: OrderedDict[tuple[PollKey, int | None, Hashable], list[int]] = OrderedDict()
        self._logs: dict[PollKey, Log] = {}

    def add(self, poll: PollKey, second: int | None, voter: Hashable, answer: int) -> None:
        """Take in a row; rows of the same second and voter are one vote."""
        self._recent.setdefault((poll, second, voter), []).append(answer)
        if len(self._recent) > _WINDOW:
            self._forget_oldest()

    def pop(self, poll: PollKey) -> Log:
        """A poll's votes, by minutes of the clock that `second` was read from, when all rows are in."""
        while self._recent:
            self._forget_oldest()
        return self._logs.pop(poll, Counter())

    def _forget_oldest(self) -> None:
        (poll, second, _), answers = self._recent.popitem(last=False)
        minute = None if second is None else second // 60
        self._logs.setdefault(poll, Counter())[minute, tuple(answers)] += 1


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Ballots that add up to the answers' votes, and in `notes` what had to be done for it."""

    cells: Cells
    notes: tuple[str, ...]


def reconcile(log: Log, votes: Mapping[int, int], most: int, voters: int | None, begin: int) -> Reconciled:
    """The ballots of a poll with these votes by answer, each of at most `most` different answers.

    `voters` is how many WordPress counted: there are as many ballots, or else the nearest number that the
    answers' votes allow. What the log does not have is put into the minute `begin`.
    """
    notes = []
    strays = sum(count for (_, picks), count in log.items() for pick in picks if pick not in votes)
    if strays:
        notes.append(f"Rows of the log whose answers are gone are left out: {strays:,}.")
    cells = _ballots(log, votes, most, begin)
    lacking = Counter(votes) - _picks(cells)
    merged = (voters or 0) - cells.total() - lacking.total()
    if merged > 0:
        cells = _ballots(log, votes, most, begin, merged)
    surplus = _picks(cells) - Counter(votes)
    if surplus:
        notes.append(
            f"The log has more votes than the answers; left out, from the latest: {surplus.total():,}."
        )
        for answer, count in surplus.items():
            _drop(cells, answer, count)
    if missing := lacking.total():
        notes.append(
            f"Votes that are not in the log: {missing:,} of {sum(votes.values()):,}; "
            "they are put into the minute when the poll began."
        )
        least = max(*lacking.values(), -(-missing // most))
        further = min(max(least, (voters or 0) - cells.total()), missing)
        cells.update({(begin, selection): count for selection, count in _dealt(lacking, further)})
        if most > 1:
            notes.append(
                f"Which of these were cast together is not known; ballots made of them: {further:,}."
            )
    if voters is not None and voters != cells.total():
        notes.append(
            f"Voters are taken to be {cells.total():,}; the {voters:,} that WordPress counted do not fit "
            "the answers' votes and the log."
        )
    return Reconciled(cells, tuple(notes))


def _ballots(log: Log, known: Container[int], most: int, begin: int, merged: int = 0) -> Cells:
    """The ballots that are logged, for answers that are `known`.

    Voters behind one address may have voted within the same second, so that their votes look like one: it is
    taken apart where an answer comes again or there are too many, and to gain `merged` ballots where the
    answers, which a vote usually has in ascending order, begin anew.
    """
    cells: Cells = Counter()
    for (minute, picks), count in log.items():
        kept = [pick for pick in picks if pick in known]
        whole, parts = _split(kept, most), _split(kept, most, ascending=True)
        gain = len(parts) - len(whole)
        apart = min(count, merged // gain) if gain else 0
        merged -= apart * gain
        for selections, times in ((whole, count - apart), (parts, apart)):
            for selection in selections if times else ():
                cells[begin if minute is None else minute, selection] += times
    return cells


def _split(picks: Iterable[int], most: int, *, ascending: bool = False) -> list[tuple[int, ...]]:
    ballots: list[list[int]] = []
    for pick in picks:
        last = ballots[-1] if ballots else []
        if not last or len(last) == most or pick in last or (ascending and pick < last[-1]):
            ballots.append([pick])
        else:
            last.append(pick)
    return [tuple(sorted(ballot)) for ballot in ballots]


def _picks(cells: Cells) -> Counter[int]:
    """How often each answer was picked."""
    picks: Counter[int] = Counter()
    for (_, selection), count in cells.items():
        for answer in selection:
            picks[answer] += count
    return picks


def _drop(cells: Cells, answer: int, surplus: int) -> None:
    """Take an answer off so many ballots, the latest first."""
    for cell in sorted((cell for cell in cells if answer in cell[1]), reverse=True):
        count = min(surplus, cells[cell])
        cells[cell] -= count
        surplus -= count
        minute, selection = cell
        if others := tuple(other for other in selection if other != answer):
            cells[minute, others] += count
        if not cells[cell]:
            del cells[cell]
        if not surplus:
            break


def _dealt(votes: Mapping[int, int], ballots: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Votes by answer dealt to so many ballots in turn: each selection with its number of ballots.

    Each answer's votes go to ballots that follow each other in the round. So no ballot has an answer twice
    when none has more votes than there are ballots, and sizes of ballots differ by one at most.
    """
    spans, at = [], 0
    for answer, count in sorted(votes.items()):
        spans.append((answer, at, count))
        at = (at + count) % ballots
    marks = sorted({0, *(start for _, start, _ in spans), at})
    for mark, end in pairwise([*marks, ballots]):
        yield tuple(answer for answer, start, count in spans if (mark - start) % ballots < count), end - mark
