"""When the database stands still, votes wait in a bounded queue; what does not fit is told to come again."""

import asyncio
import contextlib
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.support.reader import Answer, Http, Wire, ask, fire, new_key, vote_bytes
from tests.support.server import Service, run_service, until

LIMIT = 5
VOTES = 60


@pytest.fixture
async def small_queue(tmp_path: Path, database_url: str) -> AsyncIterator[Service]:
    async with run_service(tmp_path, database_url, {"POLLSVC_QUEUE_LIMIT": str(LIMIT)}, site=True) as running:
        yield running


@asynccontextmanager
async def standing_still(service: Service) -> AsyncIterator[None]:
    """Nobody can write ballots for as long as the block lasts; reading goes on."""
    if service.database_url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(service.database_url.removeprefix("sqlite:///"))) as file:
            file.isolation_level = None
            file.execute("BEGIN IMMEDIATE")
            yield
            file.execute("ROLLBACK")
        return
    connection = await asyncpg.connect(service.database_url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE ballots IN EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def test_what_does_not_fit_is_told_to_come_again_and_nothing_is_lost(small_queue: Service) -> None:
    poll = await small_queue.add_poll()
    requests = [vote_bytes(poll, {"selection": [1], "idempotency_key": new_key()}) for _ in range(VOTES)]
    refused: list[tuple[bytes, Answer]] = []

    async def try_once(wire: Wire, request: bytes) -> Answer:
        answer = await wire.ask(request)
        if answer.status == 503:
            refused.append((request, answer))
        return answer

    async def full() -> bool:
        return len(refused) >= VOTES - 2 * LIMIT - 1  # one batch at the database, one queue full

    async with standing_still(small_queue), Http(small_queue.base_url) as http:
        votes = asyncio.create_task(fire(small_queue.base_url, try_once, requests, connections=VOTES))
        await until(full)
        assert not votes.done()
        assert (await http.results(poll))["voters"] == 0
        assert (await http.get("/healthz")).status == 200
    answers = await votes
    assert {answer.status for answer in answers} == {201, 503}
    for _, answer in refused:
        assert answer.code == "busy"
        assert int(answer.headers["retry-after"]) >= 1
    recorded = Counter(answer.status for answer in answers)[201]
    assert LIMIT <= recorded <= 2 * LIMIT + 1
    assert len(await small_queue.ballots(poll)) == recorded

    again = await fire(small_queue.base_url, ask, requests, connections=LIMIT)
    assert Counter(answer.status for answer in again) == {200: recorded, 201: VOTES - recorded}
    assert len(await small_queue.ballots(poll)) == VOTES
    await small_queue.assert_clean()


async def test_a_waiting_vote_whose_reader_hangs_up_is_not_counted_twice(small_queue: Service) -> None:
    """Readers who give up while the database stands still and come back later have one ballot each."""
    poll = await small_queue.add_poll()
    requests = [vote_bytes(poll, {"selection": [1], "idempotency_key": new_key()}) for _ in range(LIMIT)]
    async with standing_still(small_queue), Http(small_queue.base_url) as http:
        await http.results(poll)
        for request in requests:
            with Wire(small_queue.base_url) as wire:
                await wire.send(request)
        await http.results(poll)

    async def come_back() -> bool:  # again, where the standstill outlasted the database's time
        answers = await fire(small_queue.base_url, ask, requests, connections=1)
        return {answer.status for answer in answers} <= {200, 201}

    await until(come_back)
    assert len(await small_queue.ballots(poll)) == LIMIT
    await small_queue.assert_clean()


async def test_results_and_pages_do_not_wait_for_the_writer(small_queue: Service) -> None:
    """Votes stand in the queue; all that is read is answered at once."""
    poll, other = await small_queue.add_poll(), await small_queue.add_poll()
    requests = [vote_bytes(poll, {"selection": [1], "idempotency_key": new_key()}) for _ in range(LIMIT)]
    async with standing_still(small_queue), Http(small_queue.base_url) as http:
        votes = asyncio.create_task(fire(small_queue.base_url, ask, requests, connections=LIMIT))
        for path in (f"/api/v1/polls/{other}", f"/p/{poll}", f"/api/v1/polls/{poll}", "/healthz"):
            async with asyncio.timeout(2):
                assert (await http.get(path)).status == 200
    assert {answer.status for answer in await votes} == {201}
