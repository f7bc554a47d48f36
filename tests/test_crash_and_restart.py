"""What was acknowledged is kept: through kill -9, SIGTERM and the loss of the database, all under load."""

import asyncio
import time
from pathlib import Path

import asyncpg
import pytest

from tests.support.load import Load
from tests.support.postgres import create_database, drop_database
from tests.support.reader import Http, Reader, Stream, watch
from tests.support.server import Service, run_service

ROUNDS = 20
PER_ROUND = 60
"""Acknowledged votes after which a round's load may end."""


async def test_no_acknowledged_vote_is_lost_by_kill_9(tmp_path: Path, postgres: str) -> None:
    """Twenty kills under load on one database of each engine, both at once since starts take long."""
    url = await create_database(postgres)
    try:
        async with (
            run_service(tmp_path, site=True) as on_sqlite,
            run_service(tmp_path, url, site=True) as on_postgresql,
            asyncio.TaskGroup() as both,
        ):
            both.create_task(_survive_kills(on_sqlite))
            both.create_task(_survive_kills(on_postgresql))
    finally:
        await drop_database(postgres, url)


async def _survive_kills(service: Service) -> None:
    """With a recount now and then and at the end."""
    poll = await service.add_poll()
    load = Load(service, poll)
    for number in range(ROUNDS):
        async with load.running():
            await load.more(PER_ROUND)
            await service.kill()
        await service.start()
        async with Http(service.base_url) as http:
            await load.assert_kept(http, sample=5)
        if number % 5 == 4:
            await service.assert_clean()
    assert len(load.acknowledged) >= ROUNDS * PER_ROUND


async def test_sigterm_under_load_with_streams_open(service_on: Service) -> None:
    """It ends within 2 s with status 0, the streams end cleanly, and what was acknowledged is there."""
    poll = await service_on.add_poll()
    load = Load(service_on, poll)
    async with Http(service_on.base_url) as http, watch(http, poll) as one, watch(http, poll) as other:
        await one.until(lambda frame: True)
        await other.until(lambda frame: True)
        async with load.running():
            await load.more(100)
            began = time.monotonic()
            assert await service_on.stop() == 0
            assert time.monotonic() - began < 2
            for stream in (one, other):
                while await stream.next() is not None:
                    pass
    service_on.forks = None  # the next start is an interpreter's of its own, as an operator's is
    await service_on.start()
    async with Http(service_on.base_url) as http:
        await load.assert_kept(http)
    await service_on.assert_clean()


async def test_postgresql_drops_every_connection_under_load(tmp_path: Path, postgres: str) -> None:
    """The service finds its way back by itself: votes count again, streams and results go on."""
    url = await create_database(postgres)
    try:
        async with run_service(tmp_path, url, site=True) as service:
            await _survive_termination(service, postgres)
    finally:
        await drop_database(postgres, url)


async def _survive_termination(service: Service, postgres: str) -> None:
    poll, name = await service.add_poll(), service.database_url.split("?")[0].rpartition("/")[2]
    load, admin = Load(service, poll), await asyncpg.connect(postgres)
    try:
        async with Http(service.base_url) as http, watch(http, poll) as stream:
            for _ in range(3):
                async with load.running():
                    await load.more(100)
                    ended = await admin.fetch(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
                    )
                    assert ended, "nobody was connected"
                    await load.more(100)
                assert set(load.refused) <= {503}
                voters = (await http.results(poll))["voters"]
                await seen(stream, voters)
                await load.assert_kept(http)
            assert await http.is_ready()
            async with service.editor() as editor:  # by another process, so told by the listener
                await editor.close_poll(poll)
            await stream.until(lambda frame: frame.data["state"] == "closed", seconds=10)
    finally:
        await admin.close()
    await service.assert_clean()


async def seen(stream: Stream, voters: int) -> None:
    await stream.until(lambda frame: frame.data["results"]["voters"] >= voters)


async def test_a_start_without_the_database_says_so_and_ends(tmp_path: Path) -> None:
    """And a later start on the same, restored database serves it."""
    async with run_service(tmp_path, site=True) as service:
        poll = await service.add_poll()
        async with Http(service.base_url) as http:
            await Reader(http).vote(poll, 1)
        await service.stop()
        file, away = tmp_path / "pollsvc.db", tmp_path / "away.db"
        file.rename(away)
        file.mkdir()
        with pytest.raises(AssertionError, match="POLLSVC_DATABASE_URL") as failed:
            await service.start()
        assert "Traceback" not in str(failed.value)
        file.rmdir()
        away.rename(file)
        await service.start()
        async with Http(service.base_url) as http:
            assert await http.counts(poll) == [1, 0, 0]
