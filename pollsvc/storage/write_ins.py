"""What readers wrote in: options of their own, known by their folded text."""

from pollsvc.domain.poll import Option, Poll
from pollsvc.domain.text import folded_text
from pollsvc.storage.database import Connection
from pollsvc.storage.polls import announce_poll, write_options


async def find_write_in(connection: Connection, poll: str, folded: str) -> tuple[int, str] | None:
    """Id and state of the option that a folded text was written in as, if somebody has written it."""
    rows = await connection.rows(
        "SELECT id, state FROM options WHERE poll_id = :poll AND write_in = :folded",
        poll=poll,
        folded=folded,
    )
    return (rows[0][0], rows[0][1]) if rows else None


async def insert_write_in(connection: Connection, poll: Poll, option: Option) -> None:
    """Add what a reader wrote to the options of a poll, which was read in the current `editing` transaction.

    The poll's revision stays: no editor's work is in the way.
    """
    await write_options(connection, poll.id, [(len(poll.options) + 1, option)])
    await connection.rows(
        "UPDATE polls SET search = search || CAST(:texts AS text) WHERE id = :poll",
        poll=poll.id,
        texts="".join("\n" + folded_text(text) for text in option.label.values()),
    )
    await announce_poll(connection, poll.id)
