"""`serve` brings a database of the first release up to date, whole or not at all, and then is ready."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiohttp
import asyncpg
import psutil  # type: ignore[import-untyped,unused-ignore]
import pytest

from tests.support.first_release import POLLS, make_first_release, poll_id
from tests.support.postgres import create_database, drop_database
from tests.support.reader import Http, Reader
from tests.support.server import Service, until

BALLOTS = 40_000


@pytest.fixture(params=["sqlite", "postgresql"])
async def old(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a database of the first release."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/pollsvc.db"
        await make_first_release(url, BALLOTS)
        yield url
        return
    server = request.getfixturevalue("postgres")
    url = await create_database(server)
    await make_first_release(url, BALLOTS)
    yield url
    await drop_database(server, url)


async def test_an_upgrade_by_serve(tmp_path: Path, old: str) -> None:
    """Killed on its way it has changed nothing; the next start does it, and then answers."""
    service = Service(old, tmp_path, {}, 1)
    killed = asyncio.create_task(service.start())
    try:
        await until(partial(_in_the_middle, old), seconds=30)
        with pytest.raises(aiohttp.ClientError):  # it takes no request before it is ready
            async with Http(service.base_url) as http:
                await http.get("/readyz")
        await service.kill()
        with pytest.raises(AssertionError, match="earlier release"):
            await killed

        began = time.monotonic()
        await service.start()
        took = time.monotonic() - began
        assert service.process is not None
        memory = psutil.Process(service.process.pid).memory_info().rss
        print(f"{BALLOTS} ballots: ready after {took:.1f} s, with {memory / 2**20:.0f} MB")
        async with Http(service.base_url) as http:
            for number in range(POLLS):
                assert sum(await http.counts(poll_id(number))) == BALLOTS // POLLS
            assert (await Reader(http).vote(poll_id(0), 1)).status == 201
        assert service.log.read_text().count("brought up to date") == 2
        await service.stop()
        await service.start()
        assert service.log.read_text().count("brought up to date") == 2
        await service.assert_clean()
    finally:
        await service.end()


async def _in_the_middle(url: str) -> bool:
    """Whether ballots are being moved."""
    if url.startswith("sqlite"):
        log = Path(url.removeprefix("sqlite:///") + "-wal")
        return log.exists() and log.stat().st_size > 1_000_000
    connection = await asyncpg.connect(url)
    try:
        moving = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO ballots (%'"
        return bool(await connection.fetchval(moving))
    finally:
        await connection.close()
