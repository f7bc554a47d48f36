"""What shows that the database can do its work."""

import os
from functools import cache

from pollsvc.storage.database import Connection
from pollsvc.storage.migrate import head_revision
from pollsvc.storage.sqlite_file import file_of

expected_revision = cache(head_revision)


async def revision_of(connection: Connection) -> str:
    """The schema's revision; raises what the driver raises when the database does not answer."""
    [(revision,)] = await connection.rows("SELECT version_num FROM alembic_version")
    return str(revision)


async def prove(connection: Connection, *, durably: bool) -> None:
    """Begin and commit a transaction that may write; raises what the driver raises when that cannot be.

    `durably` has it write without changing anything: SQLite must then find room on the disk, PostgreSQL be
    the primary.
    """
    async with connection.transaction():
        if durably:
            await connection.rows("PRAGMA user_version = 0" if connection.sqlite else "SELECT txid_current()")


def folder_of(url: str) -> str:
    """Where the SQLite file is; empty for PostgreSQL."""
    file = file_of(url)
    return str(file.parent) if file else ""


def free_bytes(folder: str) -> int:
    """The bytes that this user may still write in a folder's file system; quotas are not known."""
    found = os.statvfs(folder)
    return found.f_frsize * (found.f_bavail if os.geteuid() else found.f_bfree)
