"""The dashboard: how fast votes come in, what moves, what opens next and what has ended."""

from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

import pytest

from pollsvc.services.editing.sites import Sites
from tests.support.newsroom import Newsroom, minute, newsroom_on


@pytest.fixture
async def room(database_url: str) -> AsyncIterator[Newsroom]:
    async with newsroom_on(database_url) as room:
        yield room


async def test_the_dashboard_counts_now_today_and_in_all(room: Newsroom) -> None:
    tehran = ZoneInfo("Asia/Tehran")
    other = await Sites(room.connection, room.clock).add(
        "Rooz", ["https://rooz.example"], time_zone="Asia/Tehran"
    )
    room.at("2026-11-20T12:00")
    here, there = await room.poll(), await room.poll(site=other)
    now = minute("2026-11-22T00:30")  # 03:00 in Tehran
    for poll in (here, there):
        await room.vote(poll, "1", minute("2026-11-22T00:00", tehran) - 1, 1)
        await room.vote(poll, "1", minute("2026-11-22T00:00", tehran), 2)
        await room.vote(poll, "2", minute("2026-11-21T23:59"), 4)
        await room.vote(poll, "2", now - 4, 8)
        await room.vote(poll, "2", now, 16, status="held")
    room.now = now * 60 + 30
    dashboard = await room.dashboard()
    today = {card.poll.id: card.today for card in dashboard.cards}
    assert today == {here.id: 8, there.id: 14}
    assert (dashboard.today, dashboard.counted, dashboard.held, dashboard.lately) == (22, 30, 32, 16)
    assert dashboard.per_minute == pytest.approx(16 / 5)  # of the 5 minutes that it stands beside
    assert dashboard.settled
    [card] = (await room.dashboard(other)).cards
    assert (card.poll.id, card.pace.lately, card.pace.hour) == (there.id, 8, 12)
    assert [line.votes for line in card.leaders] == [12, 3]


async def test_the_dashboard_tells_what_moves_and_what_takes_off(room: Newsroom) -> None:
    room.at("2026-11-22T08:00")
    moving, steady, small = [await room.poll() for _ in range(3)]
    now = minute("2026-11-22T12:00")
    await room.vote(moving, "1", now - 120, 60)
    await room.vote(moving, "2", now - 120, 40)
    await room.vote(moving, "2", now - 5, 50)
    await room.vote(moving, "2", now - 30, 10)
    for option in ("1", "2"):
        await room.vote(steady, option, now - 120, 100)
        for back in range(60):
            await room.vote(steady, option, now - back, 2)
    await room.vote(small, "1", now - 100, 10)
    await room.vote(small, "2", now - 30, 30)
    room.at("2026-11-22T12:00")
    dashboard = await room.dashboard()
    [card] = dashboard.moving
    assert card.poll.id == moving.id
    assert card.move is not None
    assert card.move.label == "Iran"
    assert card.move.votes == 60
    assert card.move.change == pytest.approx(60 / 160 - 0.6)
    [card] = dashboard.rising
    assert card.poll.id == moving.id
    assert card.rise == pytest.approx((50 / 9) / (10 / 50))
    assert [card.poll.id for card in dashboard.cards] == [steady.id, moving.id, small.id]


async def test_the_dashboard_lists_what_comes_and_what_has_ended(room: Newsroom) -> None:
    hour = 3_600
    now = int(room.now)
    opened = await room.poll()
    soon = await room.poll(opens_at=now + hour)
    later = await room.poll(opens_at=now + 2 * hour, closes_at=now + 3 * hour)
    closing = await room.poll(closes_at=now + 60)
    await room.poll(draft=True)
    archived = await room.poll()
    await room.editing.close_poll(archived.id)
    await room.editing.archive_poll(archived.id)
    before, dashboard = await room.glance(), await room.dashboard()
    assert {card.poll.id for card in dashboard.cards} == {opened.id, closing.id}
    assert [poll.id for poll in dashboard.scheduled] == [soon.id, later.id]
    assert dashboard.closed == []
    agenda = dashboard.agenda
    assert (agenda.open_count, agenda.scheduled_count, agenda.closed_count, agenda.drafts) == (2, 2, 0, 1)
    room.now = now + 60
    after = await room.dashboard()
    assert [card.poll.id for card in after.cards] == [opened.id]
    assert [one.poll.id for one in after.closed] == [closing.id]
    assert (await room.glance()).stamp != before.stamp


async def test_the_dashboards_stamp_changes_with_a_vote_and_with_a_minute_only(room: Newsroom) -> None:
    poll = await room.poll()
    stamps = [(await room.glance()).stamp for _ in range(2)]
    assert stamps[0] == stamps[1]
    await room.vote(poll, "1", minute("2026-11-22T12:00"))
    stamps.append((await room.glance()).stamp)
    room.now += 60
    stamps.append((await room.glance()).stamp)
    assert len(set(stamps)) == 3


async def test_a_poll_stands_where_its_schedule_in_memory_puts_it(room: Newsroom) -> None:
    poll = await room.poll()
    await room.dashboard()  # now it is in memory
    await room.editing.close_poll(poll.id)
    glance = await room.dashboards.glance(room.readings, None)  # before this process hears of it
    assert glance.agenda.closed == [poll.id]
    assert ([one.poll.id for one in glance.opened], glance.closed) == ([poll.id], [])
    assert [one.poll.id for one in (await room.dashboard()).closed] == [poll.id]


async def test_a_card_shows_who_leads_also_when_readers_wrote_it(room: Newsroom) -> None:
    poll = await room.poll("Iran", "The United States", "Both", "Neither", write_in=True)
    await room.connection.rows(
        "INSERT INTO options VALUES (:poll, 5, 5, '{}', 'pending', '', '', '{}', 'nobody', NULL)",
        poll=poll.id,
    )
    for selection, times in (("1", 2), ("2", 1), ("3", 1), ("5", 4)):
        await room.vote(poll, selection, minute("2026-11-22T12:00"), times)
    [card] = (await room.dashboard()).cards
    assert [(line.label, line.votes) for line in card.leaders[:2]] == [("Other answers", 4), ("Iran", 2)]
    assert (len(card.leaders), card.more) == (3, 2)
