"""Reading everything once more, for a recount."""

from collections.abc import AsyncIterator, Sequence

from pollsvc.domain.ballot import Ballot
from pollsvc.domain.tally import Cell
from pollsvc.storage.ballots import BALLOT_COLUMNS, CELL_COLUMNS
from pollsvc.storage.database import Connection

PAGE = 5_000
"""How many ballots are read at a time."""


async def count_ballots(connection: Connection, poll: str | None) -> int:
    """How many ballots there are, in a poll or in all."""
    where, values = _of_poll(poll)
    [(count,)] = await connection.rows(f"SELECT COUNT(*) FROM ballots {where}", **values)
    return int(count)


async def all_ballots(connection: Connection, poll: str | None) -> AsyncIterator[Sequence[Ballot]]:
    """The ballots of a poll, or all, in pages and in the order of their keys."""
    last = ("", "")
    and_poll = "AND poll_id = :poll" if poll else ""
    values = {"poll": poll} if poll else {}
    while True:
        rows = await connection.rows(
            f"SELECT {BALLOT_COLUMNS} FROM ballots WHERE (poll_id, voter) > (:last_poll, :last_voter) "
            f"{and_poll} ORDER BY poll_id, voter LIMIT {PAGE}",
            last_poll=last[0],
            last_voter=last[1],
            **values,
        )
        if not rows:
            return
        page = [Ballot(*row) for row in rows]
        last = (page[-1].poll, page[-1].voter)
        yield page


async def all_cells(connection: Connection, poll: str | None) -> dict[Cell, int]:
    """The tally of a poll, or all of it."""
    where, values = _of_poll(poll)
    rows = await connection.rows(
        f"SELECT {CELL_COLUMNS} FROM tally {where} ORDER BY poll_id, article, minute, selection, status",
        **values,
    )
    return {Cell(*row[:-1]): row[-1] for row in rows}


def _of_poll(poll: str | None) -> tuple[str, dict[str, object]]:
    return ("WHERE poll_id = :poll", {"poll": poll}) if poll else ("", {})
