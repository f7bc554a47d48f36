"""Ballots and the tally, written together in one transaction."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pollsvc.domain.ballot import Ballot, Cast, Recorded, Seal, decide
from pollsvc.domain.tally import Cell, Change, by_poll, differences
from pollsvc.storage.changes import announce
from pollsvc.storage.database import Connection

_KEY = (("poll_id", "text"), ("voter", "text"))
_BALLOT = (
    *_KEY,
    ("revision", "integer"),
    ("selection", "text"),
    ("status", "text"),
    ("article", "smallint"),
    ("minute", "integer"),
    ("signature", "text"),
)
_CELL = (
    ("poll_id", "text"),
    ("article", "smallint"),
    ("minute", "integer"),
    ("selection", "text"),
    ("status", "text"),
    ("count", "bigint"),
)
_VERSION = (("poll_id", "text"), ("version", "bigint"))
BALLOT_COLUMNS = ", ".join(name for name, _ in _BALLOT)
CELL_COLUMNS = ", ".join(name for name, _ in _CELL)


class Batch(NamedTuple):
    """What a transaction did: an outcome for each cast, in order, and a change for each poll it moved."""

    recorded: list[Recorded]
    changes: list[Change]


async def record(connection: Connection, casts: Sequence[Cast], seal: Seal) -> Batch:
    """Record a batch of casts and the tally's changes, durably, before this returns.

    Casts of one voter take effect in their order. Two processes that record at once insert ballots, lock
    ballots, and change tally rows each in sorted order, so they cannot deadlock. Raises what the driver
    raises; then nothing of the batch was recorded, unless the connection broke during COMMIT.
    """
    first: dict[tuple[str, str], Ballot] = {}
    for ballot, _ in casts:
        if ballot.selection:
            first.setdefault((ballot.poll, ballot.voter), ballot)
    async with connection.transaction():
        created = await _insert(connection, [first[key] for key in sorted(first)])
        unsure = sorted({cast.ballot[:2] for cast in casts} - created)
        before = await _lock(connection, unsure) if unsure else {}
        standing: dict[tuple[str, ...], Ballot | None] = dict(before)
        recorded = []
        for cast in casts:
            key = cast.ballot[:2]
            answer = decide(standing.get(key), cast, seal)
            standing[key] = answer.ballot
            recorded.append(answer)
        moves = [
            (before.get(key), after)
            for key, after in standing.items()
            if after is not None and after is not before.get(key)
        ]
        await _update(connection, [after for _, after in moves if after.revision > 1])
        cells = differences(moves)
        changes = await _count(connection, cells)
        await announce(connection, changes)
    return Batch(recorded, changes)


async def find(connection: Connection, poll: str, voter: str) -> Ballot | None:
    """The voter's ballot in a poll, if there is one."""
    rows = await connection.rows(
        f"SELECT {BALLOT_COLUMNS} FROM ballots WHERE poll_id = :poll AND voter = :voter",
        poll=poll,
        voter=voter,
    )
    return Ballot(*rows[0]) if rows else None


async def _insert(connection: Connection, ballots: Sequence[Ballot]) -> set[tuple[str, ...]]:
    """Insert the ballots of new voters; returns the keys (poll, voter) that were new."""
    if not ballots:
        return set()
    rows = await connection.rows(
        f"INSERT INTO ballots ({BALLOT_COLUMNS}) {connection.json_rows(*_BALLOT)} "
        "ON CONFLICT DO NOTHING RETURNING poll_id, voter",
        rows=json.dumps(ballots),
    )
    return {(poll, voter) for poll, voter in rows}


async def _lock(connection: Connection, keys: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], Ballot]:
    """The ballots that stand under these keys, kept from changing until the transaction ends."""
    rows = await connection.rows(
        f"SELECT {BALLOT_COLUMNS} FROM ballots "
        f"WHERE (poll_id, voter) IN ({connection.json_rows(*_KEY)}) ORDER BY poll_id, voter"
        + ("" if connection.sqlite else " FOR UPDATE"),
        rows=json.dumps(keys),
    )
    return {(ballot.poll, ballot.voter): ballot for ballot in map(Ballot._make, rows)}


async def _update(connection: Connection, ballots: Sequence[Ballot]) -> None:
    """Overwrite the ballots of voters who changed their vote."""
    if ballots:
        fields = [name for name, _ in _BALLOT[2:]]
        await connection.rows(
            f"UPDATE ballots SET {', '.join(f'{name} = new.{name}' for name in fields)} "
            f"FROM ({connection.json_rows(*_BALLOT)}) AS new "
            "WHERE ballots.poll_id = new.poll_id AND ballots.voter = new.voter",
            rows=json.dumps(ballots),
        )


async def _count(connection: Connection, cells: Mapping[Cell, int]) -> list[Change]:
    """Add the differences to the tally and move the polls' versions on."""
    if not cells:
        return []
    await connection.rows(
        f"INSERT INTO tally ({CELL_COLUMNS}) {connection.json_rows(*_CELL)} "
        "ON CONFLICT (poll_id, article, minute, selection, status) "
        "DO UPDATE SET count = tally.count + excluded.count",
        rows=json.dumps([[*cell, count] for cell, count in cells.items()]),
    )
    polls = by_poll(cells)
    versions = await next_versions(connection, sorted(polls))
    return [Change(poll, version, polls[poll]) for poll, version in versions.items()]


async def next_versions(connection: Connection, polls: Sequence[str]) -> dict[str, int]:
    """Move these polls' versions on, within a transaction; `polls` is sorted. Returns the new versions."""
    rows = await connection.rows(
        f"INSERT INTO poll_versions (poll_id, version) {connection.json_rows(*_VERSION)} "
        "ON CONFLICT (poll_id) DO UPDATE SET version = poll_versions.version + 1 "
        "RETURNING poll_id, version",
        rows=json.dumps([[poll, 1] for poll in polls]),
    )
    return dict(map(tuple, rows))
