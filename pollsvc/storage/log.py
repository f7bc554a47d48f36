"""The audit log, and the transactions of those who edit: one at a time, each with what it did."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pollsvc.domain.log import Act, Entry, entry_of
from pollsvc.storage.database import Connection

PAGE = 1_000
"""How many entries are read at a time."""
_COLUMNS = "number, at, actor, actor_name, action, subject, before, after, hash, stamp"
_LOCK = 0x706F6C6D  # any number that only this uses among PostgreSQL's advisory locks


@asynccontextmanager
async def editing(connection: Connection) -> AsyncIterator[None]:
    """A write transaction that no other editing transaction, of any process, overlaps.

    So what it reads stays true until it ends, and the log's entries follow one another. Votes go on.
    """
    async with connection.transaction():
        if not connection.sqlite:  # SQLite's write lock does the same
            await connection.rows("SELECT pg_advisory_xact_lock(CAST(:lock AS bigint))", lock=_LOCK)
        yield


async def append(connection: Connection, act: Act, now: int) -> Entry:
    """Log something in the `editing` transaction that does it."""
    number, previous = await last_entry(connection)
    entry = entry_of(act, number + 1, now, previous)
    entry = entry._replace(stamp=connection.stamp(entry.stamped()))
    await connection.rows(
        f"INSERT INTO audit_log ({_COLUMNS}) VALUES ({', '.join(f':{name}' for name in entry._fields)})",
        **entry._asdict(),
    )
    return entry


async def last_entry(connection: Connection) -> tuple[int, str]:
    """Number and hash of the log's last entry; 0 and nothing for an empty log."""
    rows = await connection.rows("SELECT number, hash FROM audit_log ORDER BY number DESC LIMIT 1")
    return (int(rows[0][0]), rows[0][1]) if rows else (0, "")


async def entries(
    connection: Connection, *, subject: str | None = None, before: int | None = None, limit: int = 50
) -> list[Entry]:
    """The newest entries, or those with numbers below `before`; of one subject, if it is given."""
    conditions, values = ["true"], dict[str, object]()
    if subject is not None:
        conditions.append("subject = :subject")
        values["subject"] = subject
    if before is not None:
        conditions.append("number < :before")
        values["before"] = before
    rows = await connection.rows(
        f"SELECT {_COLUMNS} FROM audit_log WHERE {' AND '.join(conditions)} "
        f"ORDER BY number DESC LIMIT {int(limit)}",
        **values,
    )
    return [Entry(*row) for row in rows]


async def all_entries(connection: Connection, last: int = 0) -> AsyncIterator[Sequence[Entry]]:
    """The log after the entry with the number `last`, oldest first, in pages."""
    while True:
        rows = await connection.rows(
            f"SELECT {_COLUMNS} FROM audit_log WHERE number > :last ORDER BY number LIMIT {PAGE}", last=last
        )
        if not rows:
            return
        last = rows[-1][0]
        yield [Entry(*row) for row in rows]
