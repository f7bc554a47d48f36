"""Webhooks: which events there are, what happened to a message, and when a failed one is sent again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from pollsvc.domain.clock import parse_time
from pollsvc.domain.history import Noted
from pollsvc.domain.poll import State, state_at

PING = "ping"
"""The event of a test message, which every webhook takes."""
FIRST_MILESTONE = 100
"""Voters at the first milestone; each further one is ten times as many."""
DELAYS = (5, 30, 120, 600, 1_800, 7_200, 21_600, 43_200, 86_400)
"""Seconds from each failed try to the next; after the last one a message is given up, two days later."""
JITTER = 0.25
"""How much longer, as a fraction, a delay may be by chance."""
BOTH_FOR = 86_400
"""Seconds after a rotation in which messages are signed with the old secret too."""

_ABOVE_TIMES = 40  # bits, more than any time has
_BEGINNINGS = ("published", "imported")


class Event(StrEnum):
    """What a webhook can be told of."""

    OPENED = "poll.opened"
    CLOSED = "poll.closed"
    MILESTONE = "poll.milestone"
    ALERT = "poll.alert"
    CHECKPOINT = "log.checkpoint"


POLL_EVENTS = (Event.OPENED, Event.CLOSED, Event.MILESTONE, Event.ALERT)
"""What a webhook is told of that does not ask for anything else."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address of a site's own system that is told of `events`. Times are Unix seconds.

    `secret` (32 random bytes) signs what is sent; so does `old_secret` for BOTH_FOR after `rotated_at`. One
    that was disabled, by hand or because its receiver answered 410, is told nothing more.
    """

    id: str
    site: str
    url: str
    events: frozenset[Event]
    secret: bytes = field(repr=False)
    old_secret: bytes | None = field(repr=False)
    rotated_at: int | None
    created_at: int
    disabled_at: int | None

    def secrets(self, now: float) -> tuple[bytes, ...]:
        """The secrets that sign at `now`, the current one first."""
        if self.old_secret is None or self.rotated_at is None or now >= self.rotated_at + BOTH_FOR:
            return (self.secret,)
        return self.secret, self.old_secret


class Occasion(NamedTuple):
    """One thing that happened to a poll or the log, at `at` (Unix seconds), or PING.

    `number` tells it from others of the same event: the number of voters of a milestone or of a checkpoint's
    leaves, an alert's own in its poll, or the time; and where an edit came before within the second, the
    edit's number in the poll's history above the time.
    """

    event: str
    number: int
    at: int


class Message(NamedTuple):
    """One occasion for one webhook, to be sent from `due_at` on (Unix seconds; None: never).

    The `id` is the same for each try. Ids in their alphabetical order are in the order of time. An empty
    `body` marks an occasion from before the webhook, which must not be found again.
    """

    id: str
    webhook: str
    poll: str
    event: str
    number: int
    body: str
    created_at: int
    due_at: int | None


class Claim(NamedTuple):
    """A message that this process alone sends until `until` (Unix seconds), after `tries` that failed."""

    webhook: Webhook
    id: str
    body: str
    tries: int
    until: int


class Delivery(NamedTuple):
    """How a message fares: `due_at` is its next try, `answer` what came of the last one, in words."""

    id: str
    poll: str
    event: str
    created_at: int
    tries: int
    due_at: int | None
    delivered_at: int | None
    answer: str
    body: str

    @property
    def state(self) -> str:
        """`delivered`, `waiting` for a try, or `given up`."""
        if self.delivered_at is not None:
            return "delivered"
        return "given up" if self.due_at is None else "waiting"


class Times(NamedTuple):
    """A poll's schedule, in Unix seconds."""

    opens_at: int | None
    closes_at: int | None

    def state(self, at: int) -> State:
        """The state of a poll with this schedule."""
        return state_at(at, self.opens_at, self.closes_at)


def retry_delay(tries: int, chance: float) -> int | None:
    """Seconds until a message that failed `tries` times is sent again; None: it is given up.

    `chance`, from 0 to 1, spreads those that failed together. The schedule follows what the Standard
    Webhooks specification 1.0.0 recommends: exponential, over days, with jitter.
    """
    if tries > len(DELAYS):
        return None
    return int(DELAYS[tries - 1] * (1 + JITTER * chance))


def milestones(voters: int) -> list[int]:
    """The milestones that a poll with so many voters has reached, in ascending order."""
    found, milestone = [], FIRST_MILESTONE
    while milestone <= voters:
        found.append(milestone)
        milestone *= 10
    return found


def changes_of_state(times: Times, created_at: int, history: Sequence[Noted], now: int) -> list[Occasion]:
    """When a poll, as readers could see it, has opened and closed until `now`, in order.

    `times` is the schedule that it has now, and `history` what was noted of it, oldest first. So each
    reopening is an occasion of its own, and moving the closing time of an open poll is none. A poll that
    was published closed did not close, and one that was imported did not open by that.
    """
    phases, state = _phases(times, created_at, history)
    found = []
    starts: set[int] = set()
    for place, (number, start, planned) in enumerate(phases):
        end = phases[place + 1].start if place + 1 < len(phases) else now
        coming = sorted(at for at in planned if at is not None and start < at <= end)
        first = start + (number << _ABOVE_TIMES) if start in starts else start
        starts.add(start)
        for at, key in ((start, first), *zip(coming, coming, strict=True)):
            before, state = state, planned.state(at)
            if state is State.OPEN and before is not State.OPEN:
                found.append(Occasion(Event.OPENED, key, at))
            elif state is State.CLOSED and before not in (None, State.CLOSED):
                found.append(Occasion(Event.CLOSED, key, at))
    return found


class _Phase(NamedTuple):
    """A schedule that a poll has had since `start`, where the notice of this number tells of it."""

    number: int
    start: int
    times: Times


def _phases(times: Times, created_at: int, history: Sequence[Noted]) -> tuple[list[_Phase], State | None]:
    """The schedules that a published poll has had, oldest first; and the state that it came with."""
    phases: list[_Phase] = []
    closing = None  # the number and time of the notice that follows, if that moved the closing time
    for number, at, notice in reversed(history):
        if notice.what in _BEGINNINGS:
            phases.append(_Phase(number, at, times))
            imported = any(noted.at == at and noted.notice.what == "imported" for noted in history)
            return phases[::-1], times.state(at) if imported else None
        if notice.what in Times._fields:
            if notice.what == "closes_at" or closing != (number + 1, at):  # one edit may move both times
                phases.append(_Phase(number, at, times))
            closing = (number, at) if notice.what == "closes_at" else None
            times = times._replace(**{notice.what: parse_time(notice.old) if notice.old else None})
    phases.append(_Phase(0, created_at, times))
    return phases[::-1], None
