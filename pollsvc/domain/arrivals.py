"""How a poll's ballots came in: by minute, option, network and whether the reader was new."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

HORIZON = 120
"""Minutes that are looked back on."""


class Arrival(NamedTuple):
    """So many ballots of one minute (Unix) that pick these options, of `fresh` readers or of others.

    `network` is the tag of a wide prefix, or empty for ballots of all networks together.
    """

    minute: int
    options: tuple[int, ...]
    fresh: bool
    network: str
    ballots: int


class Line:
    """Numbers by minute, summed quickly."""

    def __init__(self, counts: Sequence[int]) -> None:
        self.counts = counts
        self._sums = (0, *accumulate(counts))

    def sum(self, start: int = 0, end: int | None = None) -> int:
        """The sum from place `start` up to `end`, not included."""
        return self._sums[len(self.counts) if end is None else end] - self._sums[max(start, 0)]


@dataclass(frozen=True, slots=True)
class Source:
    """The ballots of one network: all of them and by option."""

    every: Line
    options: Mapping[int, Line]


@dataclass(frozen=True, slots=True)
class Course:
    """A poll's ballots minute by minute from `first` (Unix) on, as long as `every` is.

    `options` has those that pick an option, `fresh` those of new readers, and `fresh_options` both.
    `networks` says from how many networks each minute's came, and `sources` has those that gave the most;
    `earlier` has the ballots from before `first`, by option, and `before` how many those are.
    """

    first: int
    every: Line
    fresh: Line
    options: Mapping[int, Line]
    fresh_options: Mapping[int, Line]
    networks: Sequence[int]
    sources: Mapping[str, Source]
    earlier: Mapping[int, int] = field(default_factory=dict)
    before: int = 0

    def __len__(self) -> int:
        return len(self.every.counts)


def course_of(
    arrivals: Iterable[Arrival],
    networks: Mapping[int, int],
    first: int,
    until: int,
    earlier: Mapping[int, int] | None = None,
    before: int = 0,
) -> Course:
    """The course from the Unix minute `first` up to `until`, not included, without what came at other times.

    `networks` is by Unix minute.
    """
    length = max(until - first, 0)
    every, fresh = [0] * length, [0] * length
    options: dict[int, list[int]] = {}
    fresh_options: dict[int, list[int]] = {}
    sources: dict[str, tuple[list[int], dict[int, list[int]]]] = {}
    for minute, picks, new, network, ballots in arrivals:
        place = minute - first
        if not 0 <= place < length:
            continue
        if network:
            found = sources.get(network)
            if found is None:
                found = sources[network] = [0] * length, {}
            found[0][place] += ballots
            _add(found[1], picks, place, ballots, length)
            continue
        every[place] += ballots
        _add(options, picks, place, ballots, length)
        if new:
            fresh[place] += ballots
            _add(fresh_options, picks, place, ballots, length)
    return Course(
        first=first,
        every=Line(every),
        fresh=Line(fresh),
        options=_lines(options),
        fresh_options=_lines(fresh_options),
        networks=[networks.get(first + place, 0) for place in range(length)],
        sources={name: Source(Line(counts), _lines(picks)) for name, (counts, picks) in sources.items()},
        earlier=earlier or {},
        before=before,
    )


def _add(lines: dict[int, list[int]], picks: tuple[int, ...], place: int, ballots: int, length: int) -> None:
    for option in picks:
        counts = lines.get(option)
        if counts is None:
            counts = lines[option] = [0] * length
        counts[place] += ballots


def _lines(counts: Mapping[int, Sequence[int]]) -> dict[int, Line]:
    return {option: Line(each) for option, each in counts.items()}
