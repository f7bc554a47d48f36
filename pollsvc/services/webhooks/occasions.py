"""Finding what webhooks are to be told, by looking at how the polls stand.

Nothing is remembered of what was going on, only of what was told: whatever happened while no process ran,
or just before one died, is found by the next look of any process.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from pollsvc.domain.clock import Clock
from pollsvc.domain.webhook import (
    Event,
    Message,
    Occasion,
    Webhook,
    changes_of_state,
    milestones,
)
from pollsvc.services.webhooks.messages import (
    body_of_checkpoint,
    body_of_occasion,
    new_message,
    silent_message,
)
from pollsvc.storage import outbox as store
from pollsvc.storage.ballot_log import last_head
from pollsvc.storage.database import Connection
from pollsvc.storage.outbox import LivePoll
from pollsvc.storage.webhooks import active_webhooks, add_messages

LOOK_BACK = 7 * 86_400
"""Seconds after which an opening or a closing that was not told is not told any more."""
HEADS_EVERY = 60
"""Seconds between two heads of the log that a webhook is told."""
_BATCH = 50  # polls that are looked into at a time


class _Wanted(NamedTuple):
    hook: Webhook
    poll: str
    occasion: Occasion


class _Facts(NamedTuple):
    """What is known of a poll: when it opened and closed and was alerted of, how many voters count, and
    whether it was imported."""

    poll: LivePoll
    changes: Sequence[Occasion]
    voters: int
    imported: bool


class Finder:
    """Looks for occasions and queues a message of each, on a connection that others may use too."""

    def __init__(self, connection: Connection, clock: Clock, base_url: str) -> None:
        self._connection = connection
        self._clock = clock
        self._base_url = base_url
        self._hooks: frozenset[str] = frozenset()
        self._seen: dict[str, tuple[int, int]] = {}  # the marks of polls as they were looked into

    async def look(self) -> bool:
        """Queue what is not queued yet; whether there was anything.

        Only polls that changed since the last look are looked into.
        """
        hooks = await active_webhooks(self._connection)
        ids = frozenset(hook.id for hook in hooks)
        if ids - self._hooks:
            self._seen.clear()
        self._hooks = ids
        if not hooks:
            return False
        by_site: dict[str, list[Webhook]] = {}
        for hook in hooks:
            by_site.setdefault(hook.site, []).append(hook)
        now = int(self._clock())
        found = await self._tell_head([hook for hook in hooks if Event.CHECKPOINT in hook.events], now)
        found_marks = await store.marks_of_polls(self._connection, by_site, now, now - LOOK_BACK)
        marks = {poll: (mark, alerts) for poll, mark, alerts in found_marks}
        moved = [poll for poll, mark in marks.items() if self._seen.get(poll) != mark]
        for start in range(0, len(moved), _BATCH):
            polls = moved[start : start + _BATCH]
            found |= await self._look_into(polls, by_site, now)
            self._seen.update((poll, marks[poll]) for poll in polls)
        self._seen = marks
        return found

    async def _tell_head(self, hooks: Sequence[Webhook], now: int) -> bool:
        """Queue the log's newest head for those who ask for heads, but for who was told of one just now."""
        head = await last_head(self._connection) if hooks else None
        if head is None:
            return False
        told = await store.last_told(self._connection, [hook.id for hook in hooks], Event.CHECKPOINT)
        occasion = Occasion(Event.CHECKPOINT, head.size, head.at)
        messages = []
        for hook in hooks:
            number, at = told.get(hook.id, (0, 0))
            if head.size > number and now - at >= HEADS_EVERY:
                messages.append(new_message(hook, "", occasion, body_of_checkpoint(head), self._clock()))
        if messages:
            await add_messages(self._connection, messages)
        return bool(messages)

    async def _look_into(
        self, polls: Sequence[str], by_site: Mapping[str, Sequence[Webhook]], now: int
    ) -> bool:
        facts = await self._facts(polls, by_site, now)
        hooks = {hook.id for fact in facts for hook in by_site[fact.poll.site]}
        known = await store.known_occasions(self._connection, hooks, polls)
        wanted: list[_Wanted] = []
        messages: list[Message] = []
        for fact in facts:
            for hook in by_site[fact.poll.site]:
                told = known.get((hook.id, fact.poll.id), set())
                if fact.imported and Event.MILESTONE in hook.events and not _milestones(told):
                    reached = max(milestones(fact.voters), default=0)
                    messages.append(silent_message(hook, fact.poll.id, reached, now))
                    told = told | {(Event.MILESTONE, reached)}
                untold = _untold(fact, hook, told, now)
                wanted += [_Wanted(hook, fact.poll.id, occasion) for occasion in untold]
        messages += await self._compose(wanted)
        if messages:
            await add_messages(self._connection, messages)
        return bool(messages)

    async def _facts(
        self, ids: Sequence[str], by_site: Mapping[str, Sequence[Webhook]], now: int
    ) -> list[_Facts]:
        polls = await store.live_polls(self._connection, ids)
        counting = {
            site for site, hooks in by_site.items() if any(Event.MILESTONE in h.events for h in hooks)
        }
        voters = await store.count_voters(
            self._connection, [poll.id for poll in polls if poll.site in counting]
        )
        history = await store.schedules_of(self._connection, ids)
        alerts = await store.alerts_of(self._connection, ids, now - LOOK_BACK)
        return [
            _Facts(
                poll,
                [
                    *changes_of_state(poll.times, poll.created_at, history[poll.id], now),
                    *(Occasion(Event.ALERT, number, at) for number, _, at in alerts[poll.id]),
                ],
                voters.get(poll.id, 0),
                any(noted.notice.what == "imported" for noted in history[poll.id]),
            )
            for poll in polls
        ]

    async def _compose(self, wanted: Sequence[_Wanted]) -> list[Message]:
        now = self._clock()
        ids = sorted({one.poll for one in wanted})
        polls = await store.whole_polls(self._connection, ids)
        voters = await store.count_voters(self._connection, ids) if ids else {}
        alerts = await store.alerts_of(self._connection, ids, 0) if ids else {}
        kinds = {(poll, one.number): one.kind for poll, raised in alerts.items() for one in raised}
        messages = []
        for place, (hook, id_, occasion) in enumerate(sorted(wanted, key=lambda one: one.occasion.at)):
            kind = kinds.get((id_, occasion.number), "") if occasion.event == Event.ALERT else ""
            body = body_of_occasion(occasion, polls[id_], voters[id_], self._base_url, int(now), kind)
            messages.append(new_message(hook, id_, occasion, body, now, place))
        return messages


def _untold(fact: _Facts, hook: Webhook, told: set[tuple[str, int]], now: int) -> list[Occasion]:
    """What a webhook is to be told of a poll: what it asks for, since it is there, and not twice."""
    since = max(hook.created_at, now - LOOK_BACK)
    highest = max(_milestones(told), default=0)
    reached = [
        Occasion(Event.MILESTONE, number, now) for number in milestones(fact.voters) if number > highest
    ]
    changes = [change for change in fact.changes if change.at >= since and change[:2] not in told]
    return [occasion for occasion in (*changes, *reached) if occasion.event in hook.events]


def _milestones(told: Collection[tuple[str, int]]) -> list[int]:
    return [number for event, number in told if event == Event.MILESTONE]
