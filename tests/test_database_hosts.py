"""A URL of several database hosts: the one that takes writes is found, whatever the others do."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

import asyncpg
import pytest

from pollsvc.storage import database
from pollsvc.storage.migrate import migrate
from pollsvc.storage.postgres_hosts import connect, host_urls
from tests.support.postgres import create_database, drop_database
from tests.support.server import open_connection

READ_WRITE = "target_session_attrs=read-write"


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a host that takes connections and says nothing, as one that is cut off seems to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def refusing() -> Iterator[str]:
    """The address of a host that refuses connections."""
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def behind(url: str, *hosts: str) -> str:
    """The URL of a database on a server's socket, with other hosts that are to be asked first."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    folder = quote(host or parse_qs(parts.query)["host"][0], safe="%:")
    return urlunsplit(parts._replace(netloc=f"{user}@{','.join([*hosts, folder])}", query=READ_WRITE))


def test_each_host_has_a_url_with_the_same_user_and_options() -> None:
    assert host_urls("postgresql://me:a,b@one:1,[::1]:2/polls?target_session_attrs=read-write") == [
        "postgresql://me:a,b@one:1/polls?target_session_attrs=read-write",
        "postgresql://me:a,b@[::1]:2/polls?target_session_attrs=read-write",
    ]
    assert host_urls("postgresql:///polls?host=/run") == ["postgresql:///polls?host=/run"]


async def test_hosts_that_are_silent_or_refuse_are_passed_over(
    postgres: str, silent: str, refusing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "TIMEOUT", 1.5)
    alone = await create_database(postgres)
    url = behind(alone, silent, refusing)
    await migrate(url)
    async with open_connection(url) as connection:
        assert [tuple(row) for row in await connection.rows("SELECT count(*) FROM polls")] == [(0,)]
    await drop_database(postgres, alone)


async def test_the_host_that_was_found_is_asked_first_from_then_on(postgres: str, silent: str) -> None:
    url = behind(postgres, silent)
    await (await connect(url, timeout=1)).close()
    began = time.monotonic()
    await (await connect(url, timeout=20)).close()
    assert time.monotonic() - began < 5


async def test_a_server_that_takes_no_writes_is_passed_over(postgres: str) -> None:
    alone = await create_database(postgres)
    admin = await asyncpg.connect(alone)
    name = urlsplit(alone).path[1:]
    await admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await admin.close()
    with pytest.raises(asyncpg.TargetServerAttributeNotMatched):
        await connect(behind(alone), timeout=5)
    await drop_database(postgres, alone)


async def test_when_no_host_answers_the_last_ones_error_is_raised(silent: str, refusing: str) -> None:
    with pytest.raises(ConnectionRefusedError):
        await connect(f"postgresql://me@{silent},{refusing}/polls", timeout=0.2)
    with pytest.raises(TimeoutError):
        await connect(f"postgresql://me@{refusing},{silent}/polls", timeout=0.2)
