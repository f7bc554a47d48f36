"""Connections to the database: what becomes of one whose user is cancelled, and of one that finds it away."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pollsvc.domain.errors import Code, PollError
from pollsvc.storage import changes, database
from pollsvc.storage.changes import ChangeListener
from pollsvc.storage.database import Connection, busy_if_away
from pollsvc.storage.pool import Pool
from tests.support.postgres import create_database, drop_database
from tests.support.server import open_connection, until


@pytest.fixture
def url(tmp_path: Path) -> str:
    (tmp_path / "some.db").touch()
    return f"sqlite:///{tmp_path}/some.db"


async def test_who_is_cancelled_before_a_transaction_begins_leaves_none_open(url: str) -> None:
    async def change() -> None:
        async with waiting.transaction():
            pass

    async with open_connection(url) as holding, open_connection(url) as waiting:
        async with holding.transaction():
            task = asyncio.create_task(change())
            await asyncio.sleep(0)
            task.cancel()
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(task), 0.05)
        with pytest.raises(asyncio.CancelledError):
            await task
        await waiting.rows("SELECT 1")
        assert not waiting.raw.in_transaction


async def test_who_is_cancelled_while_waiting_for_a_lock_is_cancelled(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "TIMEOUT", 0.01)  # with which PostgreSQL's connections are given up
    pool = Pool(url, 1)

    async def change() -> None:
        async with pool.connection() as connection:
            await connection.rows("BEGIN IMMEDIATE")

    async with pool.connection():
        pass
    async with open_connection(url) as holding, holding.transaction():
        task = asyncio.create_task(change())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=0.1)
    with pytest.raises(asyncio.CancelledError):
        await task
    await pool.stop()


async def test_who_closes_last_leaves_all_in_one_file(url: str, tmp_path: Path) -> None:
    async with open_connection(url) as first, open_connection(url) as last:
        await first.rows("CREATE TABLE anything (id integer)")
        await last.rows("SELECT * FROM anything")
    assert [path.name for path in tmp_path.iterdir()] == ["some.db"]


async def test_a_change_between_two_looks_is_not_missed(url: str) -> None:
    listener = ChangeListener(url, lambda _: None)
    async with open_connection(url) as other:
        await listener.start()
        try:
            assert listener._task is not None
            listener._task.cancel()
            await other.rows("CREATE TABLE anything (id integer)")
            async with asyncio.timeout(2):
                await listener._watch_data_version()
        finally:
            await listener.stop()


async def test_a_database_that_is_away_is_busy(url: str) -> None:
    with pytest.raises(PollError) as error, busy_if_away():
        await Connection(url).rows("SELECT 1")
    assert error.value.code is Code.BUSY


@pytest.fixture
async def empty(postgres: str) -> AsyncIterator[str]:
    """The URL of an empty database on PostgreSQL."""
    url = await create_database(postgres)
    yield url
    await drop_database(postgres, url)


async def other_end(connection: Connection) -> int:
    """The process of PostgreSQL that serves a connection."""
    [(pid,)] = await connection.rows("SELECT pg_backend_pid()")
    return int(pid)


async def end(url: str, pid: int) -> None:
    """End a connection from PostgreSQL's side."""
    async with open_connection(url) as other:
        await other.rows("SELECT pg_terminate_backend(:pid)", pid=pid)


@contextmanager
def silent(pid: int) -> Iterator[None]:
    """Has PostgreSQL's end of a connection say nothing, as when its host is cut off."""
    if os.environ.get("POLLSVC_TEST_POSTGRES"):
        pytest.skip("NOT TESTED: a server that the tests did not start may be on another machine")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_silent_database_is_given_up_at_once_when_its_time_is_over(empty: str) -> None:
    """Nothing more is asked of it: not to roll back, nor for a farewell."""
    connection = Connection(empty, timeout=0.5)
    await connection.open()
    with silent(await other_end(connection)):
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            async with connection.transaction():
                pass
        assert connection.broken
        await connection.close()
        assert time.monotonic() - began < 0.9


async def test_closing_asks_nothing_of_a_database_that_has_gone_unheard(empty: str) -> None:
    connection = Connection(empty, timeout=5)
    await connection.open()
    with silent(await other_end(connection)):
        began = time.monotonic()
        await connection.close()
        assert time.monotonic() - began < 1


async def test_what_only_reads_connects_anew(empty: str) -> None:
    connection = Connection(empty, reconnects=True, timeout=5)
    await connection.open()
    before = await other_end(connection)
    await end(empty, before)
    await until(lambda: asyncio.sleep(0, connection.broken))
    async with asyncio.timeout(3):
        assert await other_end(connection) != before
    await connection.close()


async def test_postgresql_does_not_go_on_when_a_service_has_given_up(empty: str) -> None:
    connection = Connection(empty, timeout=5)
    await connection.open()
    assert await connection.rows("SHOW statement_timeout") == [("5s",)]
    await connection.close()


async def test_changes_are_heard_again_at_once(
    postgres: str, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listener sees that its connection has ended, and tries for as long as it takes."""
    monkeypatch.setattr(changes, "AGAIN_AFTER", 0.05)
    monkeypatch.setattr(changes, "CHECK_INTERVAL", 60)
    heard: list[object] = []
    listener = ChangeListener(empty, heard.append)
    await listener.start()
    name = urlsplit(empty).path[1:]
    try:
        async with open_connection(postgres) as admin:
            await admin.rows(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            await end(postgres, await other_end(listener._connection))
            await until(lambda: asyncio.sleep(0, listener._connection._database is None))  # tried in vain
            assert not heard
            await admin.rows(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            await until(lambda: asyncio.sleep(0, heard), seconds=2)
    finally:
        await listener.stop()
