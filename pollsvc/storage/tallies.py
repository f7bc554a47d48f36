"""Reading the tally: totals of a poll, and the versions that tell whether they are up to date."""

import json
from collections.abc import Collection
from typing import NamedTuple

from pollsvc.storage.database import Connection


class StoredTotals(NamedTuple):
    """A poll's version, and its ballots by (selection, status) at just that version."""

    version: int
    totals: dict[tuple[str, str], int]


async def load_totals(connection: Connection, poll: str) -> StoredTotals:
    """The totals of a poll; one statement, so that version and counts are of one moment."""
    rows = await connection.rows(
        "SELECT poll_versions.version, selection, status, SUM(count) FROM poll_versions "
        "LEFT JOIN tally ON tally.poll_id = poll_versions.poll_id "
        "WHERE poll_versions.poll_id = :poll GROUP BY poll_versions.version, selection, status",
        poll=poll,
    )
    totals = {(row[1], row[2]): int(row[3]) for row in rows if row[1] is not None}
    return StoredTotals(rows[0][0] if rows else 0, totals)


async def load_versions(connection: Connection, polls: Collection[str]) -> dict[str, int]:
    """The current versions of these polls."""
    rows = await connection.rows(
        "SELECT poll_id, version FROM poll_versions "
        f"WHERE poll_id IN ({connection.json_rows(('poll_id', 'text'))})",
        rows=json.dumps([[poll] for poll in polls]),
    )
    return dict(map(tuple, rows))
