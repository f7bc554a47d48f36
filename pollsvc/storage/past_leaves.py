"""The data of leaves that no ballot says: it has changed since, or they are the log's own."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pollsvc.domain.leaves import Leaves
from pollsvc.domain.merkle import leaf_hash
from pollsvc.storage.ballot_log import append, next_numbers
from pollsvc.storage.database import Connection

_PAST = (("poll_id", "text"), ("number", "bigint"), ("data", "text"))


class Past(NamedTuple):
    """A leaf whose data no ballot says any more: the ballot has changed, or there was none."""

    poll: str
    number: int
    data: str


async def keep_past(connection: Connection, past: Sequence[Past]) -> None:
    """Keep the data of leaves that no ballot says any more."""
    await connection.insert("past_leaves", _PAST, past)


async def add_own(connection: Connection, poll: str, data: Callable[[int], str]) -> int:
    """Add a leaf that no ballot says, to a poll's leaves or to those of none; `data` is made of its number.

    Returns the number.
    """
    number = (await next_numbers(connection, [poll]))[poll]
    text = data(number)
    await keep_past(connection, [Past(poll, number, text)])
    await append(connection, [Leaves(poll, number, leaf_hash(text.encode()))])
    return number


async def last_own(connection: Connection, poll: str, kind: str) -> Past | None:
    """The last leaf of a kind that no ballot says."""
    rows = await connection.rows(
        "SELECT poll_id, number, data FROM past_leaves WHERE poll_id = :poll AND data LIKE :start "
        "ORDER BY number DESC LIMIT 1",
        poll=poll,
        start=f"{kind}\n%",
    )
    return Past(*rows[0]) if rows else None


async def is_past(connection: Connection, poll: str, number: int) -> bool:
    """Whether no ballot says this leaf any more."""
    sql = "SELECT 1 FROM past_leaves WHERE poll_id = :poll AND number = :number"
    return bool(await connection.rows(sql, poll=poll, number=number))


async def past_of(connection: Connection, poll: str) -> list[tuple[int, str]]:
    """What is kept of a poll's leaves that no ballot says any more: number and data, in order."""
    rows = await connection.rows(
        "SELECT number, data FROM past_leaves WHERE poll_id = :poll ORDER BY number", poll=poll
    )
    return [(number, data) for number, data in rows]
