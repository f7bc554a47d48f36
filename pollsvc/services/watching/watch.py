"""What editors see of a poll while it runs, whatever readers see: results, votes over time and by article.

A ballot stands at the minute of its last change: a changed vote counts there, and is gone from where it was.
Withdrawn ballots count nowhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pollsvc.domain.clock import minute_of
from pollsvc.domain.poll import Kind, Option, OptionState, Poll, State, say
from pollsvc.domain.tally import Results
from pollsvc.services.editing.describing import state_of
from pollsvc.services.rounds import Count
from pollsvc.services.watching.counting import Votes, total
from pollsvc.services.watching.places import Host, Place, hosts_of, places_of
from pollsvc.services.watching.timeline import Bucket, start_of, starts
from pollsvc.storage.placements import Placement

LATELY = 5
"""The minutes whose votes are "now": the one that runs and those before it."""


class Line(NamedTuple):
    """An option with its votes; `share` is that of the voters, from 0 to 1, None where there are none."""

    id: int
    label: str
    votes: int
    share: float | None
    retired: bool
    written: bool


class Span(NamedTuple):
    """A bucket of time from `begins` (Unix seconds) on: the votes in it, and all until its end."""

    begins: int
    votes: Votes
    so_far: Votes


@dataclass(frozen=True, slots=True)
class Timeline:
    """Votes over time, oldest first; `earlier` is how many of those that count were cast before."""

    bucket: Bucket
    spans: Sequence[Span]
    earlier: int


class VotingPace(NamedTuple):
    """Votes that count of late: in the last LATELY minutes, and in the last hour."""

    lately: int
    hour: int
    minutes: tuple[int, ...]
    """Of each of the last 60 minutes, oldest first."""

    @property
    def per_minute(self) -> float:
        """The mean of the last LATELY minutes."""
        return self.lately / LATELY


@dataclass(frozen=True, slots=True)
class Watch:
    """A poll as it stands at `now`; shares are of the voters, also where these could pick several options.

    `places` and `hosts` are by votes, the most first. `state` is as in `state_of`. `count` is a ranked
    poll's. `settled` says that all of it is of this version.
    """

    poll: Poll
    state: str
    now: float
    version: int
    results: Results
    lines: Sequence[Line]
    other: Line | None
    pending: int
    pace: VotingPace
    timeline: Timeline
    places: Sequence[Place]
    hosts: Sequence[Host]
    count: Count | None
    settled: bool

    @property
    def shows_picks(self) -> bool:
        """Whether a voter can have picked several options, so that shares add up to more than all."""
        return self.poll.kind is Kind.MULTIPLE


class Reading(NamedTuple):
    """What was read of a poll's tally: votes by Unix minute from `since` on, and the results at that time."""

    revision: int
    since: int
    slots: Mapping[int, Votes]
    results: Results


def watch(
    poll: Poll,
    results: Results,
    now: float,
    *,
    bucket: Bucket,
    reading: Reading,
    minutes: Mapping[int, Votes],
    articles: Mapping[int, Votes],
    placements: Sequence[Placement],
    count: Count | None,
    settled: bool,
) -> Watch:
    """A poll as editors see it. `minutes` are votes of the last hour, `articles` by number in the poll."""
    places = places_of(placements, articles)
    return Watch(
        poll=poll,
        state=state_of(poll, now),
        now=now,
        version=results.version,
        results=results,
        lines=lines_of(poll, results),
        other=other_of(results),
        pending=sum(option.state is OptionState.PENDING for option in poll.options),
        pace=pace_of(minutes, now),
        timeline=timeline_of(poll, results, now, bucket, reading),
        places=places,
        hosts=hosts_of(places),
        count=count,
        settled=settled,
    )


def lines_of(poll: Poll, results: Results) -> list[Line]:
    """The options of a result with their shares, in the poll's order."""
    options = {option.id: option for option in poll.options}
    return [
        Line(
            id=number,
            label=label_of(poll, options[number]),
            votes=count,
            share=_share(count, results.voters),
            retired=options[number].state is OptionState.RETIRED,
            written=options[number].write_in is not None,
        )
        for number, count in results.options.items()
    ]


def other_of(results: Results) -> Line | None:
    """The answers of readers that no editor has approved, as one line; None where there are none."""
    if not results.other:
        return None
    return Line(0, "Other answers", results.other, _share(results.other, results.voters), False, True)


def label_of(poll: Poll, option: Option) -> str:
    """An option in the poll's language, after its emoji if it has one."""
    return f"{option.emoji} {say(option.label, poll.lang, poll.lang)}".strip()


def beginning(poll: Poll) -> int:
    """When a poll opened, or was made (Unix seconds)."""
    return poll.created_at if poll.opens_at is None else poll.opens_at


def ending(poll: Poll, now: float) -> float:
    """Until when a poll takes votes, or has taken some by now (Unix seconds)."""
    if poll.closes_at is not None and poll.state(now) is State.CLOSED:
        return poll.closes_at - 1
    return now


def window(poll: Poll, now: float, bucket: Bucket) -> int:
    """The Unix minute from which on a poll's votes are shown in buckets of this length."""
    last = minute_of(ending(poll, now))
    return start_of(bucket, last - bucket.span, ZoneInfo(poll.site.time_zone))


def timeline_of(poll: Poll, results: Results, now: float, bucket: Bucket, reading: Reading) -> Timeline:
    """Votes over time, from what was read, perhaps a while ago: what came since then came now.

    The last span's sums are those of the results.
    """
    zone = ZoneInfo(poll.site.time_zone)
    first = window(poll, now, bucket)
    summed: dict[int, Votes] = {}
    for minute, votes in reading.slots.items():
        if minute >= first:
            start = start_of(bucket, minute, zone)
            summed.setdefault(start, Votes())
            summed[start] += votes
    last = max(minute_of(ending(poll, now)), *summed, 0)
    begins = max(first, min(minute_of(beginning(poll)), *summed, last))
    if results.version != reading.results.version:
        start = start_of(bucket, last, zone)
        summed.setdefault(start, Votes())
        summed[start] += Votes.of(results).less(Votes.of(reading.results))
    so_far = Votes.of(results).less(total(summed.values()))
    earlier = so_far.counted
    spans = []
    for start in starts(bucket, begins, last, zone):
        votes = summed.get(start) or Votes()
        so_far = so_far.copy()
        so_far += votes
        spans.append(Span(start * 60, votes, so_far))
    if spans:
        spans[-1] = spans[-1]._replace(so_far=Votes.of(results))
    if not results.voters and poll.state(now) is State.SCHEDULED:
        spans = []
    return Timeline(bucket, spans, earlier)


def pace_of(minutes: Mapping[int, Votes], now: float) -> VotingPace:
    """How fast votes come, from the votes of the last hour by Unix minute."""
    last = minute_of(now)
    counts = tuple(minutes[m].counted if m in minutes else 0 for m in range(last - 59, last + 1))
    return VotingPace(sum(counts[-LATELY:]), sum(counts), counts)


def _share(count: int, of: int) -> float | None:
    return count / of if of else None
