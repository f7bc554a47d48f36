"""Reading everything once more, for a recount."""

from collections.abc import AsyncIterator, Sequence

from pollsvc.domain.ballot import Ballot
from pollsvc.domain.tally import Cell
from pollsvc.storage.ballots import BALLOT_COLUMNS, CELL_COLUMNS
from pollsvc.storage.database import Connection

PAGE = 5_000
"""How many ballots are read at a time."""


async def count_ballots(connection: Connection, poll: str | None = None) -> dict[str, int]:
    """How many ballots there are, by poll: of all that have ballots or a tally, or of one if it does."""
    where, values = ("WHERE poll_id = :poll", {"poll": poll}) if poll else ("", {})
    rows = await connection.rows(
        f"SELECT poll_id, COUNT(*) FROM ballots {where} GROUP BY poll_id "
        f"UNION ALL SELECT DISTINCT poll_id, 0 FROM tally {where} "
        f"UNION ALL SELECT DISTINCT poll_id, 0 FROM log_runs {where} "
        f"UNION ALL SELECT DISTINCT poll_id, 0 FROM unsealed {where}",
        **values,
    )
    counts: dict[str, int] = {}
    for id_, count in rows:
        counts[id_] = counts.get(id_, 0) + count
    return counts


async def all_ballots(connection: Connection, poll: str) -> AsyncIterator[Sequence[Ballot]]:
    """The ballots of a poll, in pages and in the order of their keys."""
    last, after = "", ">="  # a voter is never empty, but an audit is to see it
    while True:
        rows = await connection.rows(
            f"SELECT {BALLOT_COLUMNS} FROM ballots WHERE poll_id = :poll AND voter {after} :last "
            f"ORDER BY voter LIMIT {PAGE}",
            poll=poll,
            last=last,
        )
        if not rows:
            return
        page = [Ballot(*row) for row in rows]
        last, after = page[-1].voter, ">"
        yield page


async def all_cells(connection: Connection, poll: str) -> dict[Cell, int]:
    """The tally of a poll."""
    rows = await connection.rows(f"SELECT {CELL_COLUMNS} FROM tally WHERE poll_id = :poll", poll=poll)
    return {Cell(*row[:-1]): row[-1] for row in rows}
