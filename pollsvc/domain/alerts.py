"""What is out of the ordinary in how a poll's ballots came in: a question to an editor, never a verdict.

A finding is `serious` when what stands out also votes otherwise than the poll did before, and so moves the
result, or when no crowd of people comes like that; else it is a note. Honest opinion drifts, crowds come at
once, and the readers of a network have things in common, so each test allows for that first and asks
then how likely the rest is by chance. Each kind raises a false alarm by chance at most in ONE_IN polls a day,
shared out among all that is looked at (Bonferroni). The reasoning, and what none of this can see, is in
docs/integrity.md.
"""

import math
from collections.abc import Iterator, Mapping
from statistics import median

from pollsvc.domain.alert import Finding, Kind, Pull, finding_of
from pollsvc.domain.arrivals import HORIZON, Course, Line
from pollsvc.domain.chances import binomial_above, chi_square_below, share_at_most

HOUR = 60
"""The minutes that the ordinary is learnt of."""
DRIFT = 0.10
"""How far an option's share may honestly move against the hour before (0.1: ten points of a hundred)."""
LEANING = 0.25
"""How much more one-sided than the poll, and than most of its larger networks, a network may honestly be."""
SHARE = 0.05
"""The part of an hour's ballots that one network may honestly give, or twice what the next one gives."""
LEAST_BEFORE = 50
"""Ballots to learn the ordinary of, at least."""
LEAST_BURST = 30
"""Ballots in a minute that are a burst, at least."""
LEAST_NETWORK = 40
"""Ballots of a network that are noted, at least."""
LEAST_MEAN = 5
"""Ballots a minute whose rhythm is looked at, at least."""
TIMES = 4
"""How many times as many as usual a burst is, at least."""
DEVIATIONS = 8
"""How many standard deviations above the usual a burst is, at least."""
ONE_IN = 100
"""Of so many polls, one a day has a false alarm of a kind by chance, at most."""

_LOOKS = 1_440  # a day
_CHANCE = -math.log10(ONE_IN * _LOOKS)
_RUNS = (5, 10, 20, 40)  # minutes
_FRESH_RUNS = (10, 30)
_RHYTHMS = (30, 60, HORIZON)
_LATE = 3  # minutes in which a burst is looked for, should a look come late
_PEERS = 15  # ballots of a network that others are compared with
_SURE = 3.0  # deviations that what is known of the ordinary may be off


def findings(course: Course, standing: Mapping[int, int]) -> list[Finding]:
    """What stands out at the end of a course. `standing` has since which Unix minute an option's run has been
    told already: its ordinary share is that of the time before."""
    if not len(course):
        return []
    found = [_burst(course), *_one_sided(course, standing), *_networks(course), _token_age(course)]
    return [one for one in (*found, *_timing(course)) if one is not None]


def _burst(course: Course) -> Finding | None:
    """A minute with far more ballots than the hour before had, by median and median absolute deviation
    (modified z-scores; B. Iglewicz and D. C. Hoaglin, 1993, How to Detect and Handle Outliers)."""
    counts, end = course.every.counts, len(course)
    for place in range(max(end - _LATE, HOUR // 3), end):
        before = counts[max(place - HOUR, 0) : place]
        usual = median(before)
        spread = 1.4826 * median(abs(count - usual) for count in before)
        deviation = max(math.sqrt(usual), spread, 1.0)
        if counts[place] >= max(LEAST_BURST, TIMES * usual, usual + DEVIATIONS * deviation):
            pull = _pulled(course, course.options, place, end, _CHANCE)
            ballots = course.every.sum(place, end)
            return finding_of(
                course,
                Kind.BURST,
                place,
                course.every,
                ballots=ballots,
                of=ballots,
                serious=pull is not None,
                usual=float(usual),
                steady=True,
                pull=pull,
            )
    return None


def _one_sided(course: Course, standing: Mapping[int, int]) -> Iterator[Finding]:
    """Runs in which an option has far more than before: the exact binomial tail above the upper end of
    Wilson's interval for its share before, and DRIFT more."""
    end = len(course)
    for option, line in course.options.items():
        best: tuple[int, Pull] | None = None
        limit = _CHANCE - math.log10(len(_RUNS) * len(course.options))
        for run in _RUNS:
            start = end - run
            if start <= 0:
                continue
            told = standing.get(option)
            until = start if told is None else max(min(start, told - course.first), 0)
            pull = _pull(course.every, option, line, start, end, _before(course, line, option, until))
            if pull and pull.chance <= limit and (best is None or pull.chance < best[1].chance):
                best = start, pull
        if best:
            start, pull = best
            yield finding_of(
                course,
                Kind.ONE_SIDED,
                start,
                line,
                ballots=pull.ballots,
                of=pull.of,
                serious=True,
                usual=pull.before,
                option=option,
                chance=pull.chance,
                pull=pull,
            )


def _networks(course: Course) -> Iterator[Finding]:
    """Networks that give far more of an hour's ballots than any may (a note), or that vote otherwise than the
    rest and than most of the larger networks do: exact binomial tails."""
    end = len(course)
    start = max(end - HOUR, 0)
    total = course.every.sum(start)
    sums = sorted(((one.every.sum(start), name) for name, one in course.sources.items()), reverse=True)
    for ballots, name in sums:
        if ballots < LEAST_NETWORK // 2:
            break
        source = course.sources[name]
        pull = _network_pull(course, name, start, _CHANCE - math.log10(len(sums)))
        others = max((count for count, other in sums if other != name), default=0)
        allowed = max(SHARE, 2 * others / total)
        chance = binomial_above(ballots, total, allowed) if allowed < 1 else 0.0
        many = ballots >= LEAST_NETWORK and chance <= _CHANCE - math.log10(len(sums))
        if pull or many:
            began = next(place for place in range(start, end) if source.every.counts[place])
            ended = next(place for place in range(end, start, -1) if source.every.counts[place - 1])
            yield finding_of(
                course,
                Kind.NETWORK,
                began,
                source.every,
                end=ended,
                ballots=ballots,
                of=course.every.sum(began, ended),
                serious=pull is not None,
                usual=others / total,
                network=name,
                chance=pull.chance if pull else chance,
                pull=pull,
            )


def _network_pull(course: Course, name: str, start: int, limit: float) -> Pull | None:
    source = course.sources[name]
    ballots = source.every.sum(start)
    limit -= math.log10(max(len(course.options), 1))
    best: Pull | None = None
    for option, line in source.options.items():
        rest, of = course.options[option].sum() - line.sum(), course.every.sum() - source.every.sum()
        if of < LEAST_BEFORE:
            rest, of = rest + course.earlier.get(option, 0), of + course.before
        if of < LEAST_BEFORE:
            continue
        peers = sorted(
            _sum(other.options.get(option)) / other.every.sum()
            for tag, other in course.sources.items()
            if tag != name and other.every.sum() >= _PEERS
        )
        share = share_at_most(rest, of, _SURE)
        if len(peers) >= 4:
            share = max(share, peers[len(peers) * 9 // 10])
        chance = binomial_above(line.sum(start), ballots, min(share + LEANING, 1.0))
        if share + LEANING < 1 and chance <= limit and (best is None or chance < best.chance):
            best = Pull(option, line.sum(start), ballots, rest / of, chance)
    return best


def _token_age(course: Course) -> Finding | None:
    """Runs in which far more readers are new than before; serious when the new ones vote otherwise."""
    end, limit = len(course), _CHANCE - math.log10(len(_FRESH_RUNS))
    best: Finding | None = None
    for run in _FRESH_RUNS:
        start = end - run
        since = max(start - HOUR, 0)
        fresh, of = course.fresh.sum(start), course.every.sum(start)
        known, before = course.fresh.sum(since, max(start, 0)), course.every.sum(since, max(start, 0))
        if start <= 0 or before < LEAST_BEFORE:
            continue
        allowed = share_at_most(known, before, _SURE) + DRIFT
        chance = binomial_above(fresh, of, allowed) if allowed < 1 else 0.0
        if chance <= limit and (best is None or best.chance is None or chance < best.chance):
            pull = _pulled(course, course.fresh_options, start, end, limit, course.fresh)
            best = finding_of(
                course,
                Kind.TOKEN_AGE,
                start,
                course.fresh,
                ballots=fresh,
                of=of,
                serious=pull is not None,
                usual=known / before,
                chance=chance,
                pull=pull,
            )
    return best


def _timing(course: Course) -> Iterator[Finding]:
    """Ballots too regular for people, who come at least as irregularly as by chance: Fisher's index of
    dispersion (R. A. Fisher, 1925, Statistical Methods for Research Workers), its lower tail."""
    lines: dict[int | None, list[Line]] = {None: [course.every]}
    for number, picked in course.options.items():
        fresh = course.fresh_options.get(number)
        lines[number] = [picked] if fresh is None else [picked, fresh]
    limit = _CHANCE - math.log10(len(_RHYTHMS) * sum(map(len, lines.values())))
    for option, each in lines.items():
        tried = [
            (_regular(line, start), start, line)
            for line in each
            for start in (len(course) - run for run in _RHYTHMS)
            if start >= 0
        ]
        chance, start, line = min(tried, key=lambda one: one[:2], default=(0.0, 0, each[0]))
        if chance <= limit:
            ballots = line.sum(start)
            yield finding_of(
                course,
                Kind.TIMING,
                start,
                line,
                ballots=ballots,
                of=course.every.sum(start),
                serious=True,
                usual=ballots / (len(course) - start),
                steady=True,
                option=option,
                chance=chance,
            )


def _regular(line: Line, start: int) -> float:
    """log10 of how likely counts would vary so little, were they by chance; 0.0 where they are too few."""
    counts = line.counts[start:]
    mean = line.sum(start) / len(counts)
    if mean < LEAST_MEAN:
        return 0.0
    return chi_square_below(sum((count - mean) ** 2 for count in counts) / mean, len(counts) - 1)


def _pulled(
    course: Course, options: Mapping[int, Line], start: int, end: int, limit: float, among: Line | None = None
) -> Pull | None:
    """The option that these ballots of a run favour most, against all ballots before it."""
    best: Pull | None = None
    for option, line in options.items():
        before = _before(course, course.options[option], option, start)
        pull = _pull(among or course.every, option, line, start, end, before)
        if pull and pull.chance <= limit - math.log10(len(options)):
            best = pull if best is None or pull.chance < best.chance else best
    return best


def _pull(among: Line, option: int, line: Line, start: int, end: int, before: tuple[int, int]) -> Pull | None:
    known, of = before
    ballots, total = line.sum(start, end), among.sum(start, end)
    allowed = share_at_most(known, of, _SURE) + DRIFT
    if of < LEAST_BEFORE or allowed >= 1:
        return None
    return Pull(option, ballots, total, known / of, binomial_above(ballots, total, allowed))


def _before(course: Course, line: Line, option: int, until: int) -> tuple[int, int]:
    """How many ballots of the hour before a place picked an option, and of how many; where there were few, of
    all before it."""
    since = max(until - HOUR, 0)
    known, of = line.sum(since, until), course.every.sum(since, until)
    if of >= LEAST_BEFORE:
        return known, of
    return line.sum(0, until) + course.earlier.get(option, 0), course.every.sum(0, until) + course.before


def _sum(line: Line | None) -> int:
    return line.sum() if line else 0
