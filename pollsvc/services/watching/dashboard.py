"""All polls at a glance: how fast votes come in, what moves, what opens next and what has ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pollsvc.domain.clock import minute_of
from pollsvc.domain.poll import Poll, State
from pollsvc.domain.tally import Results
from pollsvc.services.snapshots import Snapshot
from pollsvc.services.watching.counting import Votes, total
from pollsvc.services.watching.lookout import Lookout, Memory, Readings
from pollsvc.services.watching.timeline import midnight
from pollsvc.services.watching.watch import Line, VotingPace, beginning, lines_of, other_of, pace_of
from pollsvc.storage.agenda import Agenda

HOUR = 60  # minutes
LEAST_BEFORE = 50
"""Voters that a poll had an hour ago at least, for a change of shares to be told."""
LEAST_SINCE = 20
"""Voters of the last hour at least, likewise; and of the last SPURT minutes, for a rise in pace."""
LEAST_POINTS = 0.01
"""Change of a share at least (0.01 is a percentage point)."""
SPURT = 10
"""Minutes whose pace is compared with that of the hour before them."""
LEAST_RISE = 1.5
"""How many times as fast votes come in at least, for a rise to be told."""
_LEADERS = 3  # answers that a card shows
_TOLD = 4  # polls that are named as moving or rising


class Move(NamedTuple):
    """The answer whose share has changed most within an hour: by `change` (of 1), to so many `votes`."""

    label: str
    change: float
    votes: int


@dataclass(frozen=True, slots=True)
class Card:
    """An open poll: its pace, its votes of today, and what moves in it.

    `today` is since midnight in its site's time zone. `leaders` are the answers with the most votes, also
    what readers wrote in; `more` is how many others there are. `rise` is how many times as fast votes come
    in as in the hour before, None where that cannot be said.
    """

    poll: Poll
    results: Results
    pace: VotingPace
    today: int
    leaders: Sequence[Line]
    more: int
    move: Move | None
    rise: float | None


class Ended(NamedTuple):
    """A poll that has closed, with its result."""

    poll: Poll
    results: Results


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The polls of a site, or of all. `cards` are the open polls, the liveliest first.

    `settled` says that nothing in it lags behind.
    """

    now: float
    cards: Sequence[Card]
    scheduled: Sequence[Poll]
    closed: Sequence[Ended]
    agenda: Agenda
    moving: Sequence[Card]
    rising: Sequence[Card]
    lately: int
    per_minute: float
    today: int
    counted: int
    held: int
    settled: bool


class _Numbers(NamedTuple):
    """What was read of the tally for a dashboard."""

    minutes: Mapping[str, Mapping[int, Votes]]
    today: Mapping[str, int]
    day: tuple[tuple[str, int], ...]


class Glance(NamedTuple):
    """What is known before anything of the tally was read; `stamp` differs when a dashboard of it would."""

    now: float
    site: str | None
    agenda: Agenda
    opened: Sequence[Snapshot]
    scheduled: Sequence[Snapshot]
    closed: Sequence[Snapshot]

    @property
    def stamp(self) -> str:
        everything = (*self.opened, *self.scheduled, *self.closed)
        versions = [(one.poll.id, one.version) for one in everything]
        return repr((self.site, minute_of(self.now), self.agenda, versions))


class Dashboards:
    """Dashboards of sites; what was read for one editor serves the others too."""

    def __init__(self, lookout: Lookout) -> None:
        self._lookout = lookout
        self._numbers: Memory[_Numbers] = Memory(lookout.stopwatch)

    async def glance(self, readings: Readings, site: str | None) -> Glance:
        """The polls of a site, or of all. Raises PollError `busy`."""
        now = self._lookout.clock()
        agenda = await readings.agenda(int(now), site)
        snapshots = await self._lookout.of_ids([*agenda.open, *agenda.scheduled, *agenda.closed])
        by_state: dict[State, list[Snapshot]] = {state: [] for state in State}
        for snapshot in snapshots:  # whose schedules may not be those of the agenda, by some moments
            by_state[snapshot.poll.state(now)].append(snapshot)
        return Glance(
            now, site, agenda, by_state[State.OPEN], by_state[State.SCHEDULED], by_state[State.CLOSED]
        )

    async def show(self, readings: Readings, glance: Glance) -> Dashboard:
        """The dashboard of the polls that were found."""
        polls = [snapshot.poll for snapshot in glance.opened]
        day = tuple((poll.id, midnight(glance.now, ZoneInfo(poll.site.time_zone))) for poll in polls)
        hour_ago = minute_of(glance.now) - HOUR + 1

        async def read() -> _Numbers:
            minutes = await readings.recent(polls, hour_ago)
            return _Numbers(minutes, await readings.counted(dict(day)), day)

        version = sum(snapshot.version for snapshot in glance.opened)
        numbers = await self._numbers.get(glance.site, version, read, lambda kept: kept.day == day)
        return dashboard_of(glance, numbers.value, settled=numbers.version == version)


def dashboard_of(glance: Glance, numbers: _Numbers, *, settled: bool) -> Dashboard:
    """A dashboard from what is in memory and what was read."""
    now, opened, closed = glance.now, glance.opened, glance.closed
    cards = [
        card_of(one.poll, one.results, numbers.minutes[one.poll.id], numbers.today.get(one.poll.id, 0), now)
        for one in opened
    ]
    cards.sort(key=lambda card: (-card.pace.lately, -card.pace.hour, -card.today, -card.results.voters))
    moving = [card for card in cards if card.move]
    moving.sort(key=lambda card: -abs(card.move.change if card.move else 0))
    rising = sorted((card for card in cards if card.rise), key=lambda card: -(card.rise or 0))
    return Dashboard(
        now=now,
        cards=cards,
        scheduled=[one.poll for one in glance.scheduled],
        closed=[Ended(one.poll, one.results) for one in closed],
        agenda=glance.agenda,
        moving=moving[:_TOLD],
        rising=rising[:_TOLD],
        lately=sum(card.pace.lately for card in cards),
        per_minute=sum(card.pace.per_minute for card in cards),
        today=sum(card.today for card in cards),
        counted=sum(card.results.voters for card in cards),
        held=sum(one.results.held for one in (*opened, *closed)),
        settled=settled,
    )


def card_of(poll: Poll, results: Results, minutes: Mapping[int, Votes], today: int, now: float) -> Card:
    """An open poll, from its votes of the last hour by Unix minute."""
    other = other_of(results)
    lines = [*lines_of(poll, results), *([other] if other else [])]
    return Card(
        poll=poll,
        results=results,
        pace=pace_of(minutes, now),
        today=today,
        leaders=sorted(lines, key=lambda line: -line.votes)[:_LEADERS],
        more=max(len(lines) - _LEADERS, 0),
        move=move_of(lines, results, minutes, now),
        rise=rise_of(minutes, beginning(poll), now),
    )


def move_of(lines: Sequence[Line], results: Results, minutes: Mapping[int, Votes], now: float) -> Move | None:
    """The largest change of a share within the hour, if there were enough voters before and since."""
    hour_ago = minute_of(now) - HOUR + 1
    hour = total(votes for minute, votes in minutes.items() if minute >= hour_ago)
    before = Votes.of(results).less(hour)
    if before.counted < LEAST_BEFORE or hour.counted < LEAST_SINCE:
        return None
    moves = (
        Move(line.label, line.share - (before.share(line.id) or 0), line.votes)
        for line in lines
        if line.share is not None
    )
    most = max(moves, key=lambda move: abs(move.change), default=None)
    return most if most and abs(most.change) >= LEAST_POINTS else None


def rise_of(minutes: Mapping[int, Votes], begins: int, now: float) -> float | None:
    """How many times as fast votes come in as before, over as much of the hour as the poll was open."""
    last = minute_of(now)
    first = max(last - HOUR + 1, minute_of(begins))
    spurt = last - SPURT + 1
    if spurt - first < SPURT:
        return None
    lately = sum(votes.counted for minute, votes in minutes.items() if minute >= spurt)
    before = sum(votes.counted for minute, votes in minutes.items() if first <= minute < spurt)
    if lately < LEAST_SINCE:
        return None
    pace = lately / (now / 60 - spurt)
    rise = pace / (max(before, 1) / (spurt - first))
    return rise if rise >= LEAST_RISE else None
