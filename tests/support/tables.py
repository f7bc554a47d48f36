"""Databases that have this release's tables: they are made once for each engine, and then copied."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from databases import DatabaseURL

from pollsvc.storage.migrate import ensure_current
from tests.support.postgres import create_database

_sqlite: list[bytes] = []
"""A SQLite file with the tables, once there is one."""
_postgres: dict[str, str] = {}
"""The name of a database with the tables, by the URL of its server."""


async def make_tables(url: str) -> None:
    """Have the tables in a database; where there is no SQLite file yet, it becomes a copy."""
    parsed = DatabaseURL(url)
    file = Path(parsed.database)
    if parsed.dialect != "sqlite" or file.exists():
        await ensure_current(url)
    elif _sqlite:
        file.write_bytes(_sqlite[0])
    else:
        await ensure_current(url)
        _sqlite.append(file.read_bytes())


async def create_with_tables(server: str) -> str:
    """A new PostgreSQL database with the tables; returns its URL.

    A server that was not started for the tests keeps nothing to copy from: there each one is made anew.
    """
    if os.environ.get("POLLSVC_TEST_POSTGRES"):
        return await _made_anew(server)
    if server not in _postgres:
        _postgres[server] = urlsplit(await _made_anew(server)).path[1:]
    return await create_database(server, _postgres[server])


async def _made_anew(server: str) -> str:
    url = await create_database(server)
    await ensure_current(url)
    return url
