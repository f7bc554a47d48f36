"""Alerts are raised beside the votes, once, grow while it goes on, and are told."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pollsvc.domain.alert import QUIET, Alert, Kind
from pollsvc.domain.ballot import Status
from pollsvc.domain.errors import PollError
from pollsvc.domain.poll import Poll
from pollsvc.domain.review import Verdict
from pollsvc.services.editing.alerts import Alerts, rule_of
from pollsvc.services.editing.judging import Judging
from pollsvc.services.editing.sites import Sites
from pollsvc.services.purging import purge
from pollsvc.services.watching.alarm import AGAIN, look
from pollsvc.storage.log import entries
from tests.support.server import open_connection, run_service, until
from tests.support.stuffing import from_a_room, ordinary, put, stuff_lately
from tests.support.tables import make_tables
from tests.support.webhooks import ADMIN, NOW, ORIGIN, Publisher, publisher

FIRST = NOW // 60
"""The minute in which the polls begin."""


@pytest.fixture
async def news(database_url: str) -> AsyncIterator[Publisher]:
    async with publisher(database_url) as found:
        yield found


async def stuffed(news: Publisher) -> Poll:
    """A poll that had an ordinary hour and a half, and then ten minutes of votes from one room, too."""
    poll = await news.poll()
    await stuff(news, poll)
    return poll


async def stuff(news: Publisher, poll: Poll) -> None:
    await put(news.connection, poll.id, [*ordinary(FIRST, 100), *from_a_room(FIRST + 90, 10)])
    news.now = NOW + 100 * 60


async def looked(news: Publisher, poll: Poll) -> list[Alert]:
    """The serious alerts of networks, after a look."""
    await look(news.connection, news.clock)
    found = await Alerts(news.connection, news.clock).of_poll(poll)
    return [one for one in found if one.finding.kind is Kind.NETWORK and one.finding.serious]


async def test_a_room_raises_one_alert_that_grows(news: Publisher) -> None:
    poll = await stuffed(news)
    [alert] = await looked(news, poll)
    finding = alert.finding
    assert (finding.network, finding.ballots) == ("rooms", 200)
    assert (finding.since, finding.until) == (FIRST + 90, FIRST + 100)
    assert finding.pull is not None
    assert (finding.pull.option, finding.pull.ballots, finding.pull.of) == (1, 200, 200)
    assert sum(finding.part) == 200
    await put(news.connection, poll.id, from_a_room(FIRST + 100, 5))
    assert (await looked(news, poll))[0].finding.ballots == 200, "a poll has its turn once a minute"
    news.now += 5 * 60
    [grown] = await looked(news, poll)
    assert (grown.number, grown.raised_at) == (alert.number, alert.raised_at)
    assert (grown.finding.until, grown.finding.ballots) == (FIRST + 105, 300)


async def test_the_minute_that_runs_is_looked_at_when_it_is_over(news: Publisher) -> None:
    poll = await news.poll()
    news.now = NOW + 90 * 60
    await put(news.connection, poll.id, [*ordinary(FIRST, 90), *from_a_room(FIRST + 90, 1) * 5])
    assert await looked(news, poll) == []
    news.now += AGAIN
    [alert] = await looked(news, poll)
    assert alert.finding.ballots == 100


async def test_a_poll_that_did_not_change_is_left_alone(news: Publisher) -> None:
    poll = await stuffed(news)
    assert await look(news.connection, news.clock) == 1
    news.now += AGAIN
    assert await look(news.connection, news.clock) == 0
    await put(news.connection, poll.id, ordinary(FIRST + 99, 1))
    assert await look(news.connection, news.clock) == 1


async def test_several_processes_raise_each_alert_once(news: Publisher) -> None:
    polls = [await news.poll() for _ in range(3)]
    for poll in polls:
        await stuff(news, poll)

    async def process() -> int:
        async with open_connection(news.url) as connection:
            return await look(connection, news.clock)

    assert sum(await asyncio.gather(*(process() for _ in range(4)))) == 3
    for poll in polls:
        assert len(await looked(news, poll)) == 1


async def test_the_rule_of_an_alert_holds_its_ballots_and_the_alert_does_not_come_again(
    news: Publisher,
) -> None:
    poll = await stuffed(news)
    [alert] = await looked(news, poll)
    judging = Judging(news.connection, news.clock, ADMIN)
    rule = rule_of(alert.finding)
    assert (await judging.count(poll.id, rule))[Status.COUNTED] == 200
    assert await judging.judge(poll.id, rule, Verdict.HOLD) == 200
    alerts = Alerts(news.connection, news.clock, ADMIN)
    await alerts.dismiss(poll.id, alert.number, " held ")
    news.now += 2 * QUIET
    await put(news.connection, poll.id, ordinary(FIRST + 340, 1))
    [dismissed] = await looked(news, poll)
    assert (dismissed.dismissed_by, dismissed.note, dismissed.number) == ("anna", "held", alert.number)
    opened = [one for _, one in await alerts.open(None, 10)]
    assert Kind.NETWORK not in {one.finding.kind for one in opened}
    assert {one.finding.kind for one in opened} == {Kind.ONE_SIDED, Kind.TOKEN_AGE}, "these wait for a word"
    [entry] = [one for one in await entries(news.connection) if one.action == "alert.dismiss"]
    assert json.loads(entry.after) == {"alert": "One network", "number": alert.number, "note": "held"}


async def test_what_was_dismissed_is_told_anew_when_it_goes_on_for_long(news: Publisher) -> None:
    poll = await stuffed(news)
    [alert] = await looked(news, poll)
    alerts = Alerts(news.connection, news.clock, ADMIN)
    await alerts.dismiss(poll.id, alert.number, "a school")
    for _ in range(2):
        news.now += 30 * 60
        minute = int(news.now) // 60
        await put(news.connection, poll.id, [*ordinary(minute - 30, 30), *from_a_room(minute - 5, 5)])
        assert len(await looked(news, poll)) == 1
    news.now += QUIET
    minute = int(news.now) // 60
    await put(news.connection, poll.id, [*ordinary(minute - 60, 60), *from_a_room(minute - 10, 10)])
    new, old = await looked(news, poll)
    assert (new.dismissed_at, old.number) == (None, alert.number)
    assert new.number > alert.number


async def test_a_dismissal_needs_a_note_and_an_alert(news: Publisher) -> None:
    poll = await stuffed(news)
    [alert] = await looked(news, poll)
    alerts = Alerts(news.connection, news.clock, ADMIN)
    for poll_id, number, note, said in (
        (poll.id, alert.number, "  ", "why"),
        (poll.id, 99, "no", "no alert 99"),
        ("nopoll", 1, "no", "no such poll"),
    ):
        with pytest.raises(PollError, match=f"(?i){said}"):
            await alerts.dismiss(poll_id, number, note)
    assert await alerts.count(poll) >= 1


async def test_a_webhook_is_told_once(news: Publisher) -> None:
    hook, _ = await news.hook(events=["poll.alert"])
    outbox = await news.outbox(ORIGIN)
    poll = await stuffed(news)
    await outbox.look()
    assert await news.queued(hook) == []
    alert = (await looked(news, poll))[0]
    for _ in range(2):
        await outbox.look()
    told = await news.queued(hook)
    assert ("poll.alert", poll.id, alert.number) in told
    assert len(told) == await Alerts(news.connection, news.clock).count(poll)
    bodies = [json.loads(delivery.body)["data"]["alert"] for delivery in await news.deliveries(hook)]
    [body] = [one for one in bodies if one["number"] == alert.number]
    assert body == {
        "number": alert.number,
        "kind": "network",
        "url": f"https://polls.example/admin/polls/{poll.id}/ballots#alert-{alert.number}",
    }


async def test_the_service_looks_by_itself(database_url: str, tmp_path: Path) -> None:
    await make_tables(database_url)
    async with open_connection(database_url) as connection:
        await Sites(connection, time.time).add("News", ["https://news.example"])
        poll = await stuff_lately(connection)
        async with run_service(tmp_path, database_url):
            alerts = Alerts(connection, time.time)

            async def raised() -> bool:
                return bool(await alerts.count(poll))

            await until(raised)
        assert [poll_id for poll_id, _ in await alerts.open(None, 1)] == [poll.id]
        assert await alerts.open("no site", 1) == []


async def test_alerts_forget_networks_with_the_ballots(news: Publisher) -> None:
    poll = await stuffed(news)
    [alert] = await looked(news, poll)
    await news.editing.close_poll(poll.id)
    news.now += 10 * 86_400
    await purge(news.connection, news.clock, 86_400)
    [purged] = [
        one for one in await Alerts(news.connection, news.clock).of_poll(poll) if one.number == alert.number
    ]
    assert purged.finding == alert.finding._replace(network=None)
