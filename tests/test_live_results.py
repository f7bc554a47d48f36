"""Open streams show results at once, soon after each vote, and as the schedule or an editor moves a poll."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from tests.support.postgres import create_database, drop_database
from tests.support.reader import Frame, Http, Reader, ask, fire, new_key, vote_bytes, watch
from tests.support.server import Service, run_service, until

SOON = 0.5
"""Seconds within which readers see what happened."""


def anything(frame: Frame) -> bool:
    return True


async def test_the_first_frame_comes_at_once(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    vote = await Reader(http).vote(poll, 2)
    began = time.monotonic()
    async with watch(http, poll) as stream:
        frame = await stream.until(anything)
    assert frame.at - began < SOON
    assert frame.data["results"] == vote.json["results"]
    assert frame.id == frame.data["results"]["version"]
    assert (frame.data["id"], frame.data["state"]) == (poll, "open")
    assert set(frame.data) == {"id", "state", "opens_at", "closes_at", "now", "results"}


async def test_a_frame_comes_soon_after_a_vote(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(allow_change=True)
    async with watch(http, poll) as stream:
        await stream.until(anything)
        reader = Reader(http)
        for number, picks in enumerate([[1], [3], [], [2]]):
            vote = await reader.vote(poll, *picks)
            answered = time.monotonic()
            frame = await stream.until(anything)
            assert frame.data["results"] == vote.json["results"], number
            assert frame.at - answered < SOON


async def test_a_repeat_moves_nothing(shared: Service, http: Http) -> None:
    poll, reader = await shared.add_poll(), Reader(http)
    await reader.vote(poll, 1)
    async with watch(http, poll) as stream:
        first = await stream.until(anything)
        await reader.vote(poll, 1)
        await reader.vote(poll, 2)
        await Reader(http).vote(poll, 2)
        frame = await stream.until(anything)
    assert (first.data["results"]["voters"], frame.data["results"]["voters"]) == (1, 2)
    assert frame.id == first.id + 1


async def test_one_stream_for_all_polls_of_a_page(shared: Service, http: Http) -> None:
    polls = [await shared.add_poll() for _ in range(3)]
    draft = await shared.add_poll(draft=True)
    async with watch(http, *polls, polls[0], draft, "nosuchpoll") as stream:
        first = [await stream.until(anything) for _ in polls]
        assert [frame.data["id"] for frame in first] == polls
        for poll in reversed(polls):
            await Reader(http).vote(poll, 1)
            assert (await stream.until(anything)).data["id"] == poll


async def test_at_most_four_frames_a_second_for_each_poll(shared: Service, http: Http) -> None:
    """While 200 votes come, one after another; the last frame still holds them all."""
    poll = await shared.add_poll()
    requests = [vote_bytes(poll, {"selection": [1], "idempotency_key": new_key()}) for _ in range(200)]
    frames: list[Frame] = []
    async with watch(http, poll) as stream:
        await stream.until(anything)

        async def vote() -> None:
            for start in range(0, 200, 20):  # over about a second
                await fire(shared.base_url, ask, requests[start : start + 20], connections=4)
                await asyncio.sleep(0.1)

        voting = asyncio.create_task(vote())
        while not frames or frames[-1].data["results"]["voters"] < 200:
            frames.append(await stream.until(anything))
        await voting
    assert len(frames) >= 3
    assert len(frames) <= 4 * (frames[-1].at - frames[0].at) + 2  # the first may have been read late
    assert [frame.id for frame in frames] == sorted({frame.id for frame in frames})


async def test_an_etag_spares_the_body_until_something_changes(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    for path in (f"/api/v1/polls/{poll}", f"/api/v1/polls?id={poll}", f"/api/v1/polls/{poll}?lang=ar"):
        first = await http.get(path)
        assert first.headers["etag"].startswith('W/"')
        same = await http.get(path, If_None_Match=first.headers["etag"])
        assert (same.status, same.body, same.headers["etag"]) == (304, b"", first.headers["etag"])
        assert same.headers["cache-control"] == first.headers["cache-control"]
        listed = await http.get(path, If_None_Match=f'"x", {first.headers["etag"]}')
        assert listed.status == 304
        await Reader(http).vote(poll, 1)
        moved = await http.get(path, If_None_Match=first.headers["etag"])
        assert moved.status == 200
        assert moved.headers["etag"] != first.headers["etag"]
    english, arabic = await http.get(f"/api/v1/polls/{poll}"), await http.get(f"/api/v1/polls/{poll}?lang=ar")
    assert english.headers["etag"] != arabic.headers["etag"]


async def test_an_editor_closes_a_poll_that_is_watched(shared: Service, http: Http) -> None:
    """By the command line, which is another process; the stream and the page say so within half a second."""
    poll = await shared.add_poll()
    async with watch(http, poll) as stream:
        assert (await stream.until(anything)).data["state"] == "open"
        await shared.run("poll", "close", poll)
        done = time.monotonic()
        frame = await stream.until(lambda frame: frame.data["state"] == "closed")
        assert frame.at - done < SOON
        assert frame.data["closes_at"]
    assert (await http.get(f"/api/v1/polls/{poll}")).json["state"] == "closed"
    assert (await Reader(http).vote(poll, 1)).code == "poll_not_open"


async def test_the_schedule_opens_and_closes_a_watched_poll_by_itself(shared: Service, http: Http) -> None:
    """Without any write: the version stays as it was."""
    opens, closes = int(time.time()) + 2, int(time.time()) + 3
    poll = await shared.add_poll(opens_at=opens, closes_at=closes)
    async with watch(http, poll) as stream:
        frames = [await stream.until(anything) for _ in range(3)]
        seen = time.time()
    assert [frame.data["state"] for frame in frames] == ["scheduled", "open", "closed"]
    assert len({frame.id for frame in frames}) == 1
    assert 0 <= seen - closes < SOON
    assert 1 - SOON < frames[2].at - frames[1].at < 1 + SOON
    assert (await http.get(f"/api/v1/polls/{poll}")).json["state"] == "closed"


@pytest.fixture
async def few_streams(tmp_path: Path) -> AsyncIterator[Service]:
    limits = {"POLLSVC_STREAMS_LIMIT": "3", "POLLSVC_STREAMS_PER_NETWORK": "2"}
    async with run_service(tmp_path, env=limits, site=True) as running:
        yield running


async def test_limits_on_the_number_of_streams(few_streams: Service) -> None:
    """Two for each network, three in all; one that ends makes room for another."""
    poll = await few_streams.add_poll()
    path = f"/api/v1/live?poll={poll}"
    async with (
        Http(few_streams.base_url) as here,
        Http(few_streams.base_url, address="127.0.0.2") as there,
        AsyncExitStack() as streams,
    ):
        first = AsyncExitStack()
        await first.enter_async_context(watch(here, poll))
        await streams.enter_async_context(watch(here, poll))
        third = await here.get(path)
        assert (third.status, third.code) == (429, "slow_down")
        assert int(third.headers["retry-after"]) > 0
        await streams.enter_async_context(watch(there, poll))
        fourth = await there.get(path)
        assert (fourth.status, fourth.code) == (503, "busy")
        assert int(fourth.headers["retry-after"]) > 0
        assert (await here.get(f"/api/v1/polls/{poll}")).status == 200
        await first.aclose()

        async def room() -> bool:
            async with here.session.get(path) as answer:
                return answer.status == 200

        await until(room)


async def test_results_are_read_without_the_database(tmp_path: Path, postgres: str) -> None:
    """With the database out of reach, results, 304s and new streams are answered from memory."""
    url = await create_database(postgres)
    name = url.split("?")[0].rpartition("/")[2]
    admin = await asyncpg.connect(postgres)
    try:
        async with run_service(tmp_path, url, site=True) as service, Http(service.base_url) as http:
            poll = await service.add_poll()
            vote = await Reader(http).vote(poll, 1)
            page = await http.get(f"/api/v1/polls/{poll}")
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
            )
            assert (await http.get("/readyz")).status == 503
            assert (await http.get("/healthz")).status == 200
            assert await http.results(poll) == vote.json["results"]
            assert (await http.get(f"/api/v1/polls?id={poll}")).json["polls"][0]["results"]["voters"] == 1
            assert (await http.get(f"/p/{poll}")).status == 200
            again = await http.get(f"/api/v1/polls/{poll}", If_None_Match=page.headers["etag"])
            assert again.status == 304
            async with watch(http, poll) as stream:
                assert (await stream.until(anything)).data["results"] == vote.json["results"]
            refused = await Reader(http).vote(poll, 2)
            assert (refused.status, refused.code) == (503, "busy")
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

            reader = Reader(http)

            async def voted() -> bool:  # as the widget does: 503 means to try again
                return (await reader.vote(poll, 2)).status == 201

            await until(voted)
            assert await http.is_ready()
    finally:
        await admin.close()
        await drop_database(postgres, url)


async def test_a_request_behind_a_stream_does_not_mix_with_it(shared: Service, http: Http) -> None:
    """A client that pipelines: the second request waits, and the stream's chunks stay chunks."""
    poll = await shared.add_poll()
    reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
    for path in (f"/api/v1/live?poll={poll}", "/healthz"):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{shared.port}\r\n\r\n".encode())
    assert b"transfer-encoding: chunked" in (await reader.readuntil(b"\r\n\r\n")).lower()
    events = b""
    for _ in range(3):
        vote = await Reader(http).vote(poll, 1)
        version = b"id: %d\n" % vote.json["results"]["version"]
        while version not in events:
            size = int(await asyncio.wait_for(reader.readline(), 10), 16)
            events += await reader.readexactly(size)
            assert await reader.readexactly(2) == b"\r\n"
    assert b"HTTP/1.1" not in events
    writer.close()
