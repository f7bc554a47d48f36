"""Reading the tally: totals of polls, and the versions that tell whether they are up to date."""

import json
from collections.abc import Collection
from typing import NamedTuple

from pollsvc.domain.poll import Poll
from pollsvc.domain.tally import Key
from pollsvc.storage import schema
from pollsvc.storage.database import Connection
from pollsvc.storage.polls import load_polls


class StoredTotals(NamedTuple):
    """A poll's version, and its ballots by (selection, status, reason) at just that version."""

    version: int
    totals: dict[Key, int]


async def load_totals(connection: Connection, poll: str) -> StoredTotals:
    """The totals of a poll."""
    return (await _totals(connection, [poll])).get(poll) or StoredTotals(0, {})


async def load_counted(connection: Connection, polls: Collection[str]) -> list[tuple[Poll, StoredTotals]]:
    """Those of these polls that there are, each with its totals."""
    # Totals first: a definition that is newer than its version is put right by the next notice,
    # one that is older would stay.
    totals = await _totals(connection, polls)
    found = await load_polls(connection, schema.polls.c.id.in_(totals)) if totals else []
    return [(poll, totals[poll.id]) for poll in found]


async def load_versions(connection: Connection, polls: Collection[str]) -> dict[str, int]:
    """The current versions of these polls."""
    rows = await connection.rows(
        f"SELECT poll_id, version FROM poll_versions WHERE poll_id {_among(connection)}",
        polls=_list(connection, polls),
    )
    return dict(map(tuple, rows))


async def _totals(connection: Connection, polls: Collection[str]) -> dict[str, StoredTotals]:
    """The totals of those of these polls that there are; one statement, so that versions and counts are of
    one moment."""
    rows = await connection.rows(
        "SELECT polls.id, version, selection, status, reason, SUM(count) FROM polls "
        "LEFT JOIN poll_versions ON poll_versions.poll_id = polls.id "
        "LEFT JOIN tally ON tally.poll_id = polls.id AND count <> 0 "
        f"WHERE polls.id {_among(connection)} GROUP BY polls.id, version, selection, status, reason",
        polls=_list(connection, polls),
    )
    found: dict[str, StoredTotals] = {}
    for poll, version, selection, status, reason, ballots in rows:
        stored = found.get(poll)
        if stored is None:
            stored = found[poll] = StoredTotals(version or 0, {})
        if selection is not None:
            stored.totals[selection, status, reason] = int(ballots)
    return found


def _among(connection: Connection) -> str:
    """The condition that an id is in the parameter `:polls`."""
    return (
        "IN (SELECT value FROM json_each(:polls))" if connection.sqlite else "= ANY(CAST(:polls AS text[]))"
    )


def _list(connection: Connection, polls: Collection[str]) -> object:
    return json.dumps(list(polls)) if connection.sqlite else list(polls)
