"""Deleting what has had its time: polls' keys, the networks of ballots, salts, signed heads."""

import asyncio

from pollsvc.storage.ballot_log import next_numbers
from pollsvc.storage.database import Connection
from pollsvc.storage.polls import announce_poll

_TRIES = 40
_PAUSE = 0.05  # seconds between them


async def due_polls(connection: Connection, closed_by: int) -> list[str]:
    """The polls that closed at that Unix second or before and have their keys still, the oldest first."""
    rows = await connection.rows(
        "SELECT id FROM polls WHERE closes_at <= :closed_by AND NOT draft AND LENGTH(key) > 0 "
        "ORDER BY closes_at, id",
        closed_by=closed_by,
    )
    return [poll for (poll,) in rows]


async def clear_networks(connection: Connection, poll: str, after: str, size: int) -> tuple[int, str]:
    """Clear what ballots say of where their votes came from; of up to `size`, those of voters behind `after`.

    Returns of how many, and the last of the voters looked at: empty at the end. A review of the poll's
    ballots, which writes all of what it has read, waits meanwhile.
    """
    async with connection.transaction():
        await next_numbers(connection, [poll])
        [(last, looked_at)] = await connection.rows(
            "SELECT MAX(voter), COUNT(*) FROM (SELECT voter FROM ballots "
            f"WHERE poll_id = :poll AND voter > :after ORDER BY voter LIMIT {int(size)}) AS piece",
            poll=poll,
            after=after,
        )
        cleared = await connection.rows(
            "UPDATE ballots SET network = '', fresh = false WHERE poll_id = :poll AND voter > :after "
            "AND voter <= :last AND (network <> '' OR fresh) RETURNING voter",
            poll=poll,
            after=after,
            last=last or "",
        )
    return len(cleared), last if looked_at == size else ""


async def destroy_key(connection: Connection, poll: str, closed_by: int) -> bool:
    """Destroy a poll's key in the current `editing` transaction; False when it is not due any more."""
    rows = await connection.rows(
        "UPDATE polls SET key = :none WHERE id = :poll AND closes_at <= :closed_by AND LENGTH(key) > 0 "
        "RETURNING id",
        none=b"",
        poll=poll,
        closed_by=closed_by,
    )
    if rows:
        await announce_poll(connection, poll)
    return bool(rows)


async def delete_salts(connection: Connection, before: int) -> int:
    """Delete the salts of the days (since 1970) before this one; returns how many."""
    return len(await connection.rows("DELETE FROM salts WHERE day < :day RETURNING day", day=before))


async def thin_heads(connection: Connection, before: int, limit: int) -> int:
    """Delete signed heads from before a Unix second but for the last of each hour; returns how many.

    Those at which a key handed over to the next one stay.
    """
    rows = await connection.rows(
        "DELETE FROM checkpoints WHERE size IN (SELECT size FROM checkpoints AS head WHERE at < :before "
        "AND at / 3600 = (SELECT at / 3600 FROM checkpoints AS later WHERE later.size > head.size "
        "ORDER BY later.size LIMIT 1) AND size NOT IN (SELECT since FROM log_keys) "
        f"ORDER BY size LIMIT {int(limit)}) RETURNING size",
        before=before,
    )
    return len(rows)


async def wipe(connection: Connection) -> bool:
    """See to it that what was deleted is in no file of the database any more; False when that has to wait.

    SQLite writes zeros over it (`secure_delete`), and here its write-ahead log is emptied, for which no
    vote waits. PostgreSQL has it in dead rows, even after a vacuum, until the table is rewritten, as here;
    from its write-ahead log and the archives of that, nothing takes it.
    """
    if not connection.sqlite:
        await connection.rows("VACUUM (FULL, SKIP_LOCKED) polls, salts, sessions")
        return True
    [(patience,)] = await connection.rows("PRAGMA busy_timeout")
    await connection.rows("PRAGMA busy_timeout = 0")  # else votes would wait for whoever reads, with us
    try:
        for _ in range(_TRIES):
            [(busy, _, _)] = await connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
            if not busy:
                return True
            await asyncio.sleep(_PAUSE)
    finally:
        await connection.rows(f"PRAGMA busy_timeout = {int(patience)}")
    return False
