"""A poll that is being imported: filled in batches while readers vote in others, or removed again.

Until all of it is in, its history has a notice `imported` that says nothing yet; by that one knows a poll
whose import was broken off.
"""

import json
from collections import Counter
from collections.abc import Sequence

from pollsvc.domain.ballot import Ballot
from pollsvc.domain.history import Notice
from pollsvc.domain.leaves import Leaves, removed_leaf
from pollsvc.domain.merkle import leaf_hash
from pollsvc.domain.poll import Poll
from pollsvc.domain.tally import cell_of, differences
from pollsvc.storage.ballot_log import append, count_leaves, next_numbers
from pollsvc.storage.ballots import BALLOT_COLUMNS, add_to_tally, insert_ballots
from pollsvc.storage.database import Connection
from pollsvc.storage.history import add_notices
from pollsvc.storage.log import editing
from pollsvc.storage.past_leaves import add_own
from pollsvc.storage.polls import insert_poll

_TOGETHER = 500
"""How many ballots share the signature that their receipts would have."""
_TABLES = ("tally", "poll_versions", "placements", "poll_history", "options")


async def begin(connection: Connection, poll: Poll, now: int) -> None:
    """Insert a poll that nobody is to see yet."""
    async with editing(connection):
        await insert_poll(connection, poll)
        await add_notices(connection, poll.id, [Notice("imported", None, None)], now)


async def is_coming(connection: Connection, poll: str) -> bool:
    """Whether not all of a poll is in yet, or never will be."""
    sql = "SELECT 1 FROM poll_history WHERE poll_id = :poll AND what = 'imported' AND new IS NULL"
    return bool(await connection.rows(sql, poll=poll))


async def insert_batch(connection: Connection, poll: str, ballots: Sequence[Ballot]) -> None:
    """Insert ballots of new voters and count them, in a transaction of its own; nobody is told.

    They get their numbers in the log here.
    """
    async with connection.transaction():
        numbers = await next_numbers(connection, [poll])
        leaves, numbered = list[Leaves](), list[Ballot]()
        for start in range(0, len(ballots), _TOGETHER):
            first = numbers[poll] + start
            some = [
                ballot._replace(number=number)
                for number, ballot in enumerate(ballots[start : start + _TOGETHER], first)
            ]
            leaves.append(Leaves(poll, first, b"".join(leaf_hash(ballot.leaf()) for ballot in some)))
            numbered += [ballot._replace(batch=leaves[-1].batch) for ballot in some]
        await insert_ballots(connection, sorted(numbered))
        await append(connection, leaves)
        await add_to_tally(connection, differences((None, ballot) for ballot in numbered))


async def say_imported(connection: Connection, poll: str, text: str, now: int) -> None:
    """Fill in what the poll's history says of the import, in the current `editing` transaction."""
    await connection.rows(
        "UPDATE poll_history SET at = :now, new = :text WHERE poll_id = :poll AND what = 'imported'",
        poll=poll,
        text=text,
        now=now,
    )


async def remove_batch(connection: Connection, poll: str, size: int) -> bool:
    """Remove some of a poll's ballots, in a transaction of its own; False when there were none left."""
    async with connection.transaction():
        rows = await connection.rows(
            f"SELECT {BALLOT_COLUMNS} FROM ballots WHERE poll_id = :poll ORDER BY voter LIMIT {int(size)}",
            poll=poll,
        )
        if rows:
            ballots = [Ballot(*row) for row in rows]
            await connection.rows(
                "DELETE FROM ballots WHERE poll_id = :poll AND voter <= :last",
                poll=poll,
                last=ballots[-1].voter,
            )
            cells = Counter(map(cell_of, ballots))
            await add_to_tally(connection, {cell: -cells[cell] for cell in sorted(cells)})
    return bool(rows)


async def remove_poll(connection: Connection, poll: str) -> None:
    """Remove all of a poll that has no ballots; as if it had never been there.

    But the log of ballots forgets nothing: where it has leaves of the poll, another one says that it is gone.
    """
    async with editing(connection):
        if leaves := await count_leaves(connection, poll):
            await add_own(connection, "", lambda number: removed_leaf(number, poll, leaves))
        for table in _TABLES:
            await connection.rows(f"DELETE FROM {table} WHERE poll_id = :poll", poll=poll)
        await connection.rows("DELETE FROM polls WHERE id = :poll", poll=poll)


async def broken_off(connection: Connection, before: int) -> list[str]:
    """The polls whose import began before a time and never ended."""
    rows = await connection.rows(
        "SELECT polls.id FROM polls JOIN poll_history ON poll_history.poll_id = polls.id "
        "WHERE polls.draft AND what = 'imported' AND new IS NULL AND at < :before",
        before=before,
    )
    return [row[0] for row in rows]


async def questions_of(connection: Connection, site: str) -> list[tuple[str, dict[str, str]]]:
    """The id and the question, by language, of all polls of a site."""
    rows = await connection.rows("SELECT id, question FROM polls WHERE site_id = :site", site=site)
    return [(id_, json.loads(question)) for id_, question in rows]
