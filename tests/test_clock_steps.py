"""The wall clock is put hours forwards and back: votes, schedules, alerts and the log of ballots go on."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from pollsvc.domain.clock import minute_of
from pollsvc.services.editing.editing import Editing
from pollsvc.services.editing.new_poll import NewPoll
from pollsvc.services.editing.sites import Sites
from pollsvc.services.watching.alarm import look
from tests.support.load import Load
from tests.support.reader import Answer, Http, Reader, Stream, new_key, watch
from tests.support.server import Service, add_site, open_connection, until
from tests.support.shim import Shim
from tests.test_admission import solved

HOUR = 3_600


@pytest.fixture
def shim(tmp_path: Path) -> Shim:
    return Shim(tmp_path)


@pytest.fixture
async def service(tmp_path: Path, shim: Shim) -> AsyncIterator[Service]:
    service = await shim.service(tmp_path)
    try:
        await service.start()
        yield service
    finally:
        await service.end()


async def state(stream: Stream, wanted: str) -> float:
    """When a stream was told this state."""
    return (await stream.until(lambda frame: frame.data["state"] == wanted, seconds=10)).at


async def test_schedules_follow_the_clock(service: Service, shim: Shim) -> None:
    """A poll that closes in two hours is closed when it is three hours later, and open when that was wrong.

    Readers who only watch are told, though no vote and no request moves anything.
    """
    poll = await service.add_poll(closes_at=int(time.time()) + 2 * HOUR)
    later = await service.add_poll(opens_at=int(time.time()) + 2 * HOUR)
    async with Http(service.base_url) as http, watch(http, poll) as one, watch(http, later) as other:
        await state(one, "open")
        for ahead, states in ((3 * HOUR, ("closed", "open")), (0, ("open", "scheduled"))):
            shim.set(ahead=ahead)
            began = time.monotonic()
            told = [await state(one, states[0]), await state(other, states[1])]
            print(f"{ahead / HOUR:+.0f} h: readers who watch are told within {max(told) - began:.1f} s")
            votes = [(await Reader(http).vote(poll_, 1)).status for poll_ in (poll, later)]
            assert votes == [201 if wanted == "open" else 409 for wanted in states]
    assert "clock was set" in service.log.read_text()
    await service.assert_clean()


async def test_votes_count_once_and_the_log_goes_on(service: Service, shim: Shim) -> None:
    """Tokens hold, retries are repeats, the tally has the minutes that the clock showed, the audit agrees."""
    day_ago = int(time.time()) - 24 * HOUR
    poll, mine = [await service.add_poll(allow_change=True, opens_at=day_ago) for _ in range(2)]
    load = Load(service, poll)
    async with Http(service.base_url) as http:
        reader = Reader(http)
        assert (await reader.vote(mine, 1)).status == 201
        for pick, ahead in enumerate((26 * HOUR, -5 * HOUR, 0), 1):
            shim.set(ahead=ahead)
            async with load.running():
                await load.more(100)
            assert (await reader.vote(mine, pick % 3 + 1)).status == 200
            minutes = {ballot.minute for ballot in await service.ballots(poll)}
            assert any(abs(minute - minute_of(time.time() + ahead)) <= 1 for minute in minutes)
            sealed = len(await service.ballots(poll))
            await until(partial(_sealed, http, sealed))
        assert load.refused == []
        await load.assert_kept(http)
        assert await http.is_ready()
    await service.assert_clean()


async def test_challenges_may_be_out_of_time_but_votes_come_through(tmp_path: Path, shim: Shim) -> None:
    service = await shim.service(tmp_path, {"POLLSVC_ADMISSION": "standard"})
    try:
        await service.start()
        poll = await service.add_poll(opens_at=int(time.time()) - 24 * HOUR)
        async with Http(service.base_url) as http:

            async def vote(key: str, **proof: str) -> Answer:
                return await http.post_vote(poll, {"selection": [1], "idempotency_key": key, **proof})

            while (await vote(new_key())).status == 201:
                pass
            for ahead, again in ((2 * HOUR, True), (0, False)):
                key = new_key()
                challenge = (await vote(key)).json["challenge"]
                shim.set(ahead=ahead)
                answer = await vote(key, proof=await asyncio.to_thread(solved, challenge))
                assert (answer.status == 428) is again  # forwards it has run out, backwards it lasts longer
                if again:
                    challenge = answer.json["challenge"]
                    answer = await vote(key, proof=await asyncio.to_thread(solved, challenge))
                assert (answer.status, answer.json["status"]) == (201, "counted")
        await service.assert_clean()
    finally:
        await service.end()


async def test_a_clock_that_was_ahead_does_not_put_off_alerts(database_url: str) -> None:
    """A poll that was looked at by a wrong clock is looked at again when its ballots change."""
    await add_site(database_url)
    now = int(time.time())
    async with open_connection(database_url) as connection:
        site = await Sites(connection, time.time).get("News")
        poll = await Editing(connection, time.time).create_poll(site, NewPoll("Who won?", ("One", "Other")))

        async def changed() -> None:
            await connection.rows(
                "INSERT INTO poll_versions (poll_id, version, leaves) VALUES (:poll, 1, 0) "
                "ON CONFLICT (poll_id) DO UPDATE SET version = poll_versions.version + 1",
                poll=poll.id,
            )

        await changed()
        assert await look(connection, lambda: now + 5 * HOUR) == 1
        await changed()
        assert await look(connection, lambda: now) == 1
        await changed()
        assert await look(connection, lambda: now + 1) == 0  # by a clock that is right it is not yet its turn


async def _sealed(http: Http, ballots: int) -> bool:
    """Whether the log has all of them under a signed head."""
    answer = await http.get("/api/v1/log/checkpoint")
    return answer.status == 200 and int(answer.body.split(b"\n")[1]) >= ballots
