"""A poll's public history."""

from collections.abc import Sequence

from pollsvc.domain.history import Noted, Notice
from pollsvc.storage.database import Connection


async def add_notices(connection: Connection, poll: str, notices: Sequence[Notice], now: int) -> None:
    """Add to a poll's history, in the current `editing` transaction."""
    [(last,)] = await connection.rows(
        "SELECT COALESCE(MAX(number), 0) FROM poll_history WHERE poll_id = :poll", poll=poll
    )
    for number, notice in enumerate(notices, last + 1):
        await connection.rows(
            'INSERT INTO poll_history (poll_id, number, at, what, old, new, "option", lang) '
            "VALUES (:poll, :number, :at, :what, :old, :new, :option, :lang)",
            poll=poll,
            number=number,
            at=now,
            **notice._asdict(),
        )


async def history_of(connection: Connection, poll: str) -> list[Noted]:
    """A poll's history, oldest first."""
    rows = await connection.rows(
        'SELECT number, at, what, old, new, "option", lang FROM poll_history '
        "WHERE poll_id = :poll ORDER BY number",
        poll=poll,
    )
    return [Noted(row[0], row[1], Notice(*row[2:])) for row in rows]
