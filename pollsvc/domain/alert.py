"""An alert: something out of the ordinary in how a poll's ballots came in, with its evidence."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from pollsvc.domain.arrivals import HORIZON, Course, Line


class Kind(StrEnum):
    """What stands out."""

    BURST = "burst"
    ONE_SIDED = "one_sided"
    NETWORK = "network"
    TOKEN_AGE = "token_age"  # noqa: S105 - no password
    TIMING = "timing"


class Pull(NamedTuple):
    """An option that has more of some ballots than it ordinarily has: `ballots` of `of`, a share of `before`.

    `chance` is the log10 of how likely so many are by chance, also where opinion had drifted as it may.
    """

    option: int
    ballots: int
    of: int
    before: float
    chance: float


class Finding(NamedTuple):
    """Something out of the ordinary, from the Unix minute `since` up to `until`, not included.

    `ballots` of `of` are what stands out: of the ballots in that time; `networks` is how many networks they
    came from at most in a minute. `part` has them by minute and `every` all ballots, from the Unix minute
    `first` on; ordinarily `part` were the share `usual` of `every`, or, where that is `steady`, that number a
    minute. `chance` is a log10, None where no test gave it.
    """

    kind: Kind
    serious: bool
    since: int
    until: int
    option: int | None
    network: str | None
    ballots: int
    of: int
    networks: int
    usual: float
    steady: bool
    chance: float | None
    pull: Pull | None
    first: int
    every: tuple[int, ...]
    part: tuple[int, ...]


def finding_of(
    course: Course,
    kind: Kind,
    start: int,
    part: Line,
    *,
    end: int | None = None,
    ballots: int,
    of: int,
    serious: bool,
    usual: float,
    steady: bool = False,
    option: int | None = None,
    network: str | None = None,
    chance: float | None = None,
    pull: Pull | None = None,
) -> Finding:
    """A finding from a place of a course on, to its end or `end`; `part` is what stands out."""
    return Finding(
        kind=kind,
        serious=serious,
        since=course.first + start,
        until=course.first + (len(course) if end is None else end),
        option=option,
        network=network,
        ballots=ballots,
        of=of,
        networks=max(course.networks[start:], default=0),
        usual=usual,
        steady=steady,
        chance=chance,
        pull=pull,
        first=course.first,
        every=tuple(course.every.counts),
        part=tuple(part.counts),
    )


QUIET = HORIZON * 60
"""Seconds for which what was dismissed is not told anew: so long, what was seen is still in sight."""
MOST_MINUTES = 240
"""Minutes that an alert keeps for its picture at most."""


class Alert(NamedTuple):
    """A finding that editors are told of; one of a kind and subject at a time is open, and grows.

    `number` is its own in the poll. Once `dismissed_at` (Unix seconds) is set, it is over: `dismissed_by`
    says by whom, and `note` why.
    """

    number: int
    finding: Finding
    raised_at: int
    dismissed_at: int | None = None
    dismissed_by: str = ""
    note: str = ""

    def is_of(self, finding: Finding) -> bool:
        """Whether it is of the same kind and subject."""
        one = self.finding
        return (one.kind, one.option, one.network) == (finding.kind, finding.option, finding.network)


def news(known: Sequence[Alert], found: Sequence[Finding], now: int) -> list[Alert]:
    """The alerts that are new or have changed, by what stands out `now` (Unix seconds).

    What has been dismissed lately stays so.
    """
    changed = []
    number = max((alert.number for alert in known), default=0)
    for finding in found:
        alike = [alert for alert in known if alert.is_of(finding)]
        standing = next((alert for alert in alike if alert.dismissed_at is None), None)
        if standing is not None:
            grown = _grown(standing.finding, finding)
            if grown != standing.finding:
                changed.append(standing._replace(finding=grown))
        elif not any(now < (alert.dismissed_at or 0) + QUIET for alert in alike):
            number += 1
            changed.append(Alert(number, finding, now))
    return changed


def _grown(old: Finding, new: Finding) -> Finding:
    """One finding of both: the time that they span, the ballots of that, and the stronger evidence."""
    since, until = min(old.since, new.since), max(old.until, new.until)
    ahead = max(min(new.first - old.first, len(old.every)), 0)
    gap = (0,) * max(new.first - old.first - ahead, 0)
    every = (*old.every[:ahead], *gap, *new.every)[-MOST_MINUTES:]
    part = (*old.part[:ahead], *gap, *new.part)[-MOST_MINUTES:]
    first = new.first + len(new.every) - len(every)
    start = max(since - first, 0)
    stronger = min(old, new, key=lambda one: (not one.serious, one.chance or 0.0))
    return stronger._replace(
        since=since,
        until=until,
        ballots=sum(part[start : until - first]),
        of=sum(every[start : until - first]),
        networks=max(old.networks, new.networks),
        first=first,
        every=every,
        part=part,
    )
