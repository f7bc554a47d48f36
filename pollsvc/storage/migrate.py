"""Bringing a database to the schema of this release, by Alembic."""

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from databases import DatabaseURL
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.leaves import Stamp, no_stamp
from pollsvc.storage.database import TIMEOUT
from pollsvc.storage.postgres_hosts import connect

T = TypeVar("T")

SignAs = Callable[[str, bytes], bytes | None]
"""The signature of a key of the log, by its public half in base64; None when no secret makes that key."""

_TRIES = 100  # of work on a SQLite file that another process has locked
_PAUSE = 0.1  # seconds between them
_LOCK = 0x706F6C6C  # any number that only pollsvc uses for PostgreSQL's advisory locks


def _engine(url: str) -> AsyncEngine:
    if DatabaseURL(url).dialect == "sqlite":
        return create_async_engine("sqlite+aiosqlite" + url[url.index(":") :])
    return create_async_engine("postgresql+asyncpg://", async_creator=partial(connect, url, timeout=TIMEOUT))


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def head_revision() -> str:
    """The revision that this release makes, and needs."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def _revisions(connection: Connection) -> tuple[str | None, str | None]:
    current = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory.from_config(_config(connection))
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise PollError(
            Code.BAD_REQUEST,
            f"The database is at revision {current}, which this release does not know: "
            "install the newer release of pollsvc that made it.",
        )
    return current, scripts.get_current_head()


def _upgrade(stamp: Stamp, sign_as: SignAs, connection: Connection) -> str | None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    else:
        connection.execute(text("PRAGMA page_size = 2048"))  # small: a vote rewrites one of its own
        connection.execute(text("PRAGMA journal_mode = WAL"))
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    before, head = _revisions(connection)
    if before != head:
        config = _config(connection)
        config.attributes |= {"stamp": stamp, "sign_as": sign_as}
        command.upgrade(config, "head")
    connection.commit()
    return before


async def migrate(
    url: str, stamp: Stamp = no_stamp, sign_as: SignAs = lambda _public, _data: None
) -> str | None:
    """Bring the database to this release's schema; returns the revision it had (None: it was empty).

    What an earlier release wrote into the logs is taken as it is, and stamped. Whoever comes second waits for
    the first and then finds nothing to do. Raises PollError `bad_request` when the database is of a newer
    release, or a stamp is needed and there is no secret.
    """
    return await _run(url, partial(_upgrade, stamp, sign_as))


async def outdated(url: str) -> str | None:
    """The revision of a database that an earlier release made; None when `migrate` has nothing to move.

    Raises PollError `bad_request` when the database is of a newer release.
    """
    current, head = await _run(url, _revisions)
    return None if current == head else current


async def ensure_current(url: str) -> None:
    """Make the tables in an empty database; leave one of this release alone.

    Raises PollError `bad_request` when the database is of another release.
    """
    current, head = await _run(url, _revisions)
    if current is None:
        await migrate(url)
    elif current != head:
        raise PollError(
            Code.BAD_REQUEST,
            f"The database is at revision {current} and this release needs {head}: run `pollsvc migrate`, "
            "or start `pollsvc serve`.",
        )


async def _run(url: str, work: Callable[[Connection], T]) -> T:
    """Do this work on a connection; SQLite does not wait for its turn to switch to WAL, so we do."""
    if DatabaseURL(url).dialect == "sqlite":
        # A file that cannot be opened is told of here: aiosqlite would leave a thread behind.
        sqlite3.connect(DatabaseURL(url).database).close()
    engine = _engine(url)
    try:
        for tries_left in reversed(range(_TRIES)):
            try:
                async with engine.connect() as connection:
                    return await connection.run_sync(work)
            except OperationalError as error:
                if not tries_left or "locked" not in str(error):
                    raise
                await asyncio.sleep(_PAUSE)
        raise AssertionError("unreachable")
    finally:
        await engine.dispose()
