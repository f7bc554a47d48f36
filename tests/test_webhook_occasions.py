"""What webhooks are told of, and when: each occasion once, none that came before, none forgotten."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from pollsvc.domain.history import Notice
from pollsvc.domain.poll import Visibility
from pollsvc.services.editing.new_poll import NewOption, as_new
from pollsvc.services.webhooks.occasions import LOOK_BACK
from pollsvc.services.webhooks.outbox import KEPT, Outbox
from pollsvc.storage import outbox as store
from pollsvc.storage.history import add_notices
from tests.support.webhooks import BASE_URL, NOW, ORIGIN, Publisher, publisher

DAY = 86_400
OPENED, CLOSED, MILESTONE = "poll.opened", "poll.closed", "poll.milestone"


@pytest.fixture
async def news(database_url: str) -> AsyncIterator[Publisher]:
    async with publisher(database_url) as found:
        yield found


@pytest.fixture
async def outbox(news: Publisher) -> Outbox:
    return await news.outbox(ORIGIN)


async def test_a_poll_opens_and_closes_by_its_schedule(news: Publisher, outbox: Outbox) -> None:
    hook, _ = await news.hook()
    question = {"en": "Who won?", "ar": "من فاز؟"}
    options = [NewOption({"en": "Iran", "ar": "إيران"}), NewOption({"en": "Neither", "ar": "لا أحد"})]
    poll = await news.poll(question, options, lang="en", opens_at=NOW + 60, closes_at=NOW + 120)
    await outbox.look()
    assert await news.queued(hook) == []
    news.now += 60
    for _ in range(3):
        await outbox.look()
    assert await news.queued(hook) == [(OPENED, poll.id, NOW + 60)]
    news.now += 70
    for _ in range(3):
        await outbox.look()
    assert await news.queued(hook) == [(OPENED, poll.id, NOW + 60), (CLOSED, poll.id, NOW + 120)]
    opened, closed = [json.loads(delivery.body) for delivery in await news.deliveries(hook)]
    data = {
        "poll": poll.id,
        "site": poll.site.id,
        "question": question,
        "url": f"{BASE_URL}/p/{poll.id}",
        "voters": 0,
    }
    assert opened == {
        "type": OPENED,
        "timestamp": "2027-01-15T08:01:00Z",
        "data": {**data, "state": "open"},
    }
    assert closed == {
        "type": CLOSED,
        "timestamp": "2027-01-15T08:02:00Z",
        "data": {**data, "state": "closed"},
    }


async def test_what_happened_while_no_process_ran_is_found(news: Publisher) -> None:
    """Also by a process that has never seen the poll, and in the order in which it happened."""
    hook, _ = await news.hook()
    poll = await news.poll(closes_at=NOW + 60)
    await news.vote(poll, 150)
    news.now += 2 * DAY
    await (await news.outbox(ORIGIN)).look()
    assert [event for event, _, _ in await news.queued(hook)] == [OPENED, CLOSED, MILESTONE]


async def test_many_processes_queue_an_occasion_once(news: Publisher) -> None:
    hook, _ = await news.hook()
    outboxes = [await news.outbox(ORIGIN) for _ in range(4)]
    polls = [await news.poll(closes_at=NOW + 1) for _ in range(30)]
    news.now += 1
    await asyncio.gather(*(outbox.look() for outbox in outboxes))
    expected = [(OPENED, poll.id, NOW) for poll in polls] + [(CLOSED, poll.id, NOW + 1) for poll in polls]
    assert sorted(await news.queued(hook)) == sorted(expected)


async def test_what_came_before_the_webhook_is_not_told(news: Publisher, outbox: Outbox) -> None:
    opened = await news.poll()
    closed = await news.poll(closes_at=NOW + 5)
    for poll in (opened, closed):
        await news.vote(poll, 100)
    news.now += 10
    hook, _ = await news.hook()
    await outbox.look()
    assert await news.queued(hook) == []
    await news.vote(opened, 900)
    await news.editing.close_poll(opened.id)
    await news.editing.open_poll(closed.id)
    await outbox.look()
    assert sorted(await news.queued(hook)) == sorted(
        [
            (MILESTONE, opened.id, 1_000),
            (CLOSED, opened.id, NOW + 10),
            (OPENED, closed.id, NOW + 10),
        ]
    )


async def test_a_second_webhook_is_told_from_its_own_time_on(news: Publisher, outbox: Outbox) -> None:
    """Also of what was seen in the second in which it was made, before it was known."""
    hooks = [await news.hook()]
    poll = await news.poll()
    await outbox.look()
    hooks += [await news.hook()]
    await outbox.look()
    news.now += 10
    hooks += [await news.hook()]
    await news.editing.close_poll(poll.id)
    await outbox.look()
    opened, closed = (OPENED, poll.id, NOW), (CLOSED, poll.id, NOW + 10)
    told = [await news.queued(hook) for hook, _ in hooks]
    assert told == [[opened, closed], [opened, closed], [closed]]


async def test_a_reopened_poll_opens_and_closes_again(news: Publisher, outbox: Outbox) -> None:
    hook, _ = await news.hook()
    poll = await news.poll()
    for step in (news.editing.close_poll, news.editing.open_poll, news.editing.close_poll):
        news.now += 10
        await step(poll.id)
    await outbox.look()
    assert await news.queued(hook) == [
        (OPENED, poll.id, NOW),
        (CLOSED, poll.id, NOW + 10),
        (OPENED, poll.id, NOW + 20),
        (CLOSED, poll.id, NOW + 30),
    ]


async def test_what_was_told_last_is_how_a_poll_stands(news: Publisher, outbox: Outbox) -> None:
    """Whenever it was looked for while the poll closed and opened again within one second."""
    hook, _ = await news.hook()
    polls = [await news.poll(closes_at=NOW + 10) for _ in range(2)]
    news.now += 10
    await outbox.look()
    steps = (news.editing.open_poll, news.editing.close_poll, news.editing.open_poll)
    for step in steps:
        news.now += 0.2
        await step(polls[0].id)
        await outbox.look()
        await step(polls[1].id)
    news.now += 0.2
    await outbox.look()
    told = await news.queued(hook)
    for poll in polls:
        events = [event for event, of, _ in told if of == poll.id]
        assert events == [OPENED, CLOSED, OPENED, CLOSED, OPENED]


async def test_a_closing_time_that_moves_closes_a_poll_once(news: Publisher, outbox: Outbox) -> None:
    hook, _ = await news.hook(events=[CLOSED])
    poll = await news.poll(closes_at=NOW + 100)
    for closes_at in (NOW + 200, NOW + 50):
        await outbox.look()
        news.now += 10
        poll = await news.editing.edit_poll(poll.id, replace(as_new(poll), closes_at=closes_at))
    news.now += 1_000
    await outbox.look()
    assert await news.queued(hook) == [(CLOSED, poll.id, NOW + 50)]


async def test_drafts_are_nobodys_business(news: Publisher, outbox: Outbox) -> None:
    """A draft opens when it is published, whenever that was to be; published closed, it never opened."""
    hook, _ = await news.hook()
    poll = await news.poll(draft=True, opens_at=NOW - 100, closes_at=NOW + 100)
    late = await news.poll(draft=True, opens_at=NOW - 100, closes_at=NOW + 5)
    await outbox.look()
    assert await news.queued(hook) == []
    news.now += 10
    for draft in (poll, late):
        await news.editing.publish_poll(draft.id)
    await outbox.look()
    assert await news.queued(hook) == [(OPENED, poll.id, NOW + 10)]


async def test_milestones_are_of_voters_who_count(news: Publisher, outbox: Outbox) -> None:
    hook, _ = await news.hook(events=[MILESTONE])
    poll = await news.poll(allow_change=True)
    await news.vote(poll, 99)
    await news.vote(poll, 50, status="held")
    await news.vote(poll, 50, status="excluded")
    await news.withdraw(poll, await news.vote(poll, 50))
    await outbox.look()
    assert await news.queued(hook) == []
    await news.vote(poll, 1)
    await outbox.look()
    assert await news.queued(hook) == [(MILESTONE, poll.id, 100)]
    await news.vote(poll, 10_400)
    news.now += 1
    await outbox.look()
    assert [number for _, _, number in await news.queued(hook)] == [100, 1_000, 10_000]
    bodies = [json.loads(delivery.body)["data"] for delivery in await news.deliveries(hook)]
    assert [(body["milestone"], body["voters"]) for body in bodies] == [
        (100, 100),
        (1_000, 10_500),
        (10_000, 10_500),
    ]


async def test_voters_are_told_where_everybody_may_see_them(news: Publisher, outbox: Outbox) -> None:
    shown = {
        Visibility.ALWAYS: {OPENED, MILESTONE, CLOSED},
        Visibility.AFTER_VOTE: {CLOSED},
        Visibility.AFTER_CLOSE: {CLOSED},
        Visibility.NEVER: set(),
    }
    hook, _ = await news.hook()
    polls = {visibility: await news.poll(visibility=visibility) for visibility in shown}
    await outbox.look()
    for poll in polls.values():
        await news.vote(poll, 100)
    await outbox.look()
    news.now += 10
    for poll in polls.values():
        await news.editing.close_poll(poll.id)
    await outbox.look()
    bodies = [json.loads(delivery.body) for delivery in await news.deliveries(hook)]
    for visibility, poll in polls.items():
        mine = {body["type"]: body["data"] for body in bodies if body["data"]["poll"] == poll.id}
        assert mine.keys() == {OPENED, MILESTONE, CLOSED}
        assert {event for event, data in mine.items() if "voters" in data} == shown[visibility]
        assert mine[MILESTONE]["milestone"] == 100


async def test_a_webhook_is_told_of_its_sites_polls_and_what_it_asks_for(
    news: Publisher, outbox: Outbox
) -> None:
    await news.sites.add("Gazette", ["https://gazette.example"])
    openings, _ = await news.hook(events=[OPENED])
    others, _ = await news.hook(site="Gazette")
    poll = await news.poll()
    news.now += 10
    await news.editing.close_poll(poll.id)
    await outbox.look()
    assert await news.queued(openings) == [(OPENED, poll.id, NOW)]
    assert await news.queued(others) == []


async def test_an_imported_poll_brings_no_news_until_something_happens(
    news: Publisher, outbox: Outbox
) -> None:
    hook, _ = await news.hook()
    poll, small = await news.poll(), await news.poll()
    for one, voters in ((poll, 5_000), (small, 5)):
        await news.vote(one, voters)
        await add_notices(news.connection, one.id, [Notice("imported", None, None)], NOW)
    await outbox.look()
    assert await news.queued(hook) == []
    await news.vote(poll, 5_000)
    await news.vote(small, 95)
    news.now += 10
    await news.editing.close_poll(poll.id)
    await outbox.look()
    assert sorted(await news.queued(hook)) == sorted(
        [(CLOSED, poll.id, NOW + 10), (MILESTONE, poll.id, 10_000), (MILESTONE, small.id, 100)]
    )


async def test_all_old_messages_are_deleted_however_many(
    news: Publisher, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PURGED", 2)
    hook, _ = await news.hook()
    for _ in range(5):
        await news.poll()
    await outbox.look()
    deliveries = await news.deliveries(hook)
    assert len(deliveries) == 5
    for delivery in deliveries:
        await store.note_try(news.connection, delivery.id, due_at=None, delivered_at=NOW, answer="204")
    news.now += KEPT + 1
    await (await news.outbox(ORIGIN)).look()
    assert await news.queued(hook) == []


async def test_nothing_is_told_again_when_old_messages_are_deleted(news: Publisher, outbox: Outbox) -> None:
    """The highest milestone is kept, and openings of long ago are not looked for."""
    hook, _ = await news.hook()
    poll = await news.poll()
    await news.vote(poll, 1_000)
    await outbox.look()
    await store.purge(news.connection, NOW + 100 * DAY)
    assert len(await news.queued(hook)) == 3  # they wait to be sent
    for delivery in await news.deliveries(hook):
        await store.note_try(news.connection, delivery.id, due_at=None, delivered_at=NOW, answer="204")
    await store.purge(news.connection, NOW)
    assert len(await news.queued(hook)) == 3
    news.now += KEPT + 1
    await store.purge(news.connection, int(news.now) - KEPT)
    assert await news.queued(hook) == [(MILESTONE, poll.id, 1_000)]
    await news.vote(poll, 10)
    for finder in (outbox, await news.outbox(ORIGIN)):
        await finder.look()
    assert await news.queued(hook) == [(MILESTONE, poll.id, 1_000)]
    assert KEPT > LOOK_BACK


async def test_polls_that_did_not_change_are_not_looked_into(
    news: Publisher, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[str]] = []
    count = store.count_voters

    async def counting(connection: Any, polls: Any) -> dict[str, int]:
        asked.append(set(polls))
        return await count(connection, polls)

    monkeypatch.setattr(store, "count_voters", counting)
    await news.hook(events=[MILESTONE])
    polls = [await news.poll() for _ in range(120)]
    await outbox.look()
    assert set().union(*asked) == {poll.id for poll in polls}
    assert max(map(len, asked)) <= 50
    asked.clear()
    await outbox.look()
    assert asked == []
    await news.vote(polls[7], 1)
    await outbox.look()
    assert asked == [{polls[7].id}]
