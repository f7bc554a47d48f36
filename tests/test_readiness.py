"""`/readyz` says whether votes can be taken now: it is so, when things fail and when they come back."""

import asyncio
import resource
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import asyncpg
import psutil  # type: ignore[import-untyped,unused-ignore]
import pytest

from pollsvc.app import create_app
from pollsvc.cli.server import Server, listen
from pollsvc.domain.poll import Policy
from pollsvc.services import ballot_writer, readiness
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ballot_log.sealing import seal
from pollsvc.services.ballot_writer import BallotWriter
from pollsvc.services.meters import VoteMeters
from pollsvc.settings import Settings
from pollsvc.storage.database import Connection
from tests.support.postgres import create_database, drop_database
from tests.support.reader import Http, Reader
from tests.support.server import SECRET, Service, add_site, free_port, run_service, until


@asynccontextmanager
async def cut_off(admin: asyncpg.Connection, name: str) -> AsyncIterator[None]:
    """Nobody can reach the database while the block lasts, and all connections to it are broken."""
    await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    yield
    await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


async def test_the_first_vote_after_it_says_ready_is_recorded(tmp_path: Path, postgres: str) -> None:
    """Though nothing was asked of the writer's connection while the database was away."""
    url = await create_database(postgres)
    name = url.split("?")[0].rpartition("/")[2]
    admin = await asyncpg.connect(postgres)
    try:
        async with run_service(tmp_path, url, site=True) as service, Http(service.base_url) as http:
            poll = await service.add_poll()
            for _ in range(5):
                assert (await Reader(http).vote(poll, 1)).status == 201
                async with cut_off(admin, name):
                    away = await http.get("/readyz")
                    assert (away.status, b"database" in away.body) == (503, True), away
                await until(http.is_ready, pause=0.001)
                assert (await Reader(http).vote(poll, 1)).status == 201
            # also when nobody asked meanwhile
            async with cut_off(admin, name):
                pass
            await until(http.is_ready, pause=0.001)
            assert (await Reader(http).vote(poll, 1)).status == 201
            assert await http.counts(poll) == [11, 0, 0]
    finally:
        await admin.close()
        await drop_database(postgres, url)


async def test_a_proof_that_is_asked_for_while_the_log_is_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given after the sealing, and not only when there is something else to do."""
    url, keys, asked = f"sqlite:///{tmp_path}/pollsvc.db", LogKeys([SECRET]), list[asyncio.Task[None]]()
    await add_site(url)
    writer = BallotWriter(url, keys, lambda _: None, 10, time.time, VoteMeters())

    async def sealing(connection: Connection, keys: LogKeys, now: int) -> bool:
        asked.append(asyncio.create_task(writer.prove()))
        await asyncio.sleep(0)  # it asks meanwhile
        return await seal(connection, keys, now)

    monkeypatch.setattr(ballot_writer, "seal", sealing)
    monkeypatch.setattr(ballot_writer, "SEAL_EVERY", 60.0)
    await writer.start()
    try:
        await until(lambda: _ended(asked))
        assert (len(asked), writer.fault) == (1, "")
    finally:
        await writer.stop()


async def _ended(tasks: list[asyncio.Task[None]]) -> bool:
    return bool(tasks) and tasks[0].done()


async def test_a_database_of_another_revision(tmp_path: Path) -> None:
    """As when a newer release migrates it while this one still runs."""
    async with run_service(tmp_path) as service, Http(service.base_url) as http:
        with closing(sqlite3.connect(tmp_path / "pollsvc.db", isolation_level=None)) as file:
            [(revision,)] = file.execute("SELECT version_num FROM alembic_version").fetchall()
            file.execute("UPDATE alembic_version SET version_num = 'newer'")
            answer = await http.get("/readyz")
            assert (answer.status, b"revision newer" in answer.body) == (503, True)
            file.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        assert (await http.get("/readyz")).status == 200


async def test_a_disk_that_takes_nothing_is_told_of_until_it_takes_something(tmp_path: Path) -> None:
    """Also when no vote comes that could find out; what is read goes on."""
    async with run_service(tmp_path, site=True) as service, Http(service.base_url) as http:
        poll = await service.add_poll()
        assert (await Reader(http).vote(poll, 1)).status == 201
        assert service.process
        process = psutil.Process(service.process.pid)
        size = (tmp_path / "pollsvc.db-wal").stat().st_size
        process.rlimit(psutil.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        refused = await Reader(http).vote(poll, 1)
        assert (refused.status, refused.code) == (503, "busy")
        began = time.monotonic()
        while time.monotonic() - began < 6:  # longer than a batch that failed is held against the service
            answer = await http.get("/readyz")
            assert answer.status == 503
            assert await http.counts(poll) == [1, 0, 0]
            await asyncio.sleep(0.05)
        process.rlimit(psutil.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await until(http.is_ready, pause=0.001)
        assert (await Reader(http).vote(poll, 1)).status == 201
        await service.assert_clean()


async def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    service = Service(f"sqlite:///{tmp_path}/pollsvc.db", tmp_path, {}, 1, port)
    await add_site(service.database_url)
    settings = Settings(service.database_url, (SECRET,), service.base_url, admission=Policy.OPEN)
    server = Server(create_app(settings), takes_signals=False, grace=1)
    task = asyncio.create_task(server.serve(sockets=[listen("127.0.0.1", port)]))
    async with Http(service.base_url) as http:
        await until(http.is_ready)
        monkeypatch.setattr(readiness, "LEAST_FREE", 1 << 62)

        async def told() -> bool:
            answer = await http.get("/readyz")
            return (answer.status, answer.body) == (503, b"the disk is full\n")

        await until(told)
    server.should_exit = True
    await asyncio.wait_for(task, 5)


@pytest.mark.parametrize("workers", [1, 2])
async def test_load_balancers_are_told_before_it_ends(tmp_path: Path, workers: int) -> None:
    """For as long as the setting says, all else is answered as before; then it ends in good order."""
    env = {"POLLSVC_DRAIN_SECONDS": "2"}
    async with run_service(tmp_path, env=env, workers=workers, site=True) as service:
        poll = await service.add_poll()
        assert service.process
        began = time.monotonic()
        service.process.terminate()

        async def told() -> bool:
            async with Http(service.base_url) as http:
                answer = await http.get("/readyz")
                return answer.status == 503 and b"ending" in answer.body

        for _ in range(2 * workers):
            await until(told)
        async with Http(service.base_url) as http:
            assert (await Reader(http).vote(poll, 1)).status == 201
        assert time.monotonic() - began < 2
        assert await asyncio.wait_for(service.process.wait(), 10) == 0
        assert time.monotonic() - began >= 2
        await service.assert_clean()
