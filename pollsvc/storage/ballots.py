"""Ballots and the tally, written together in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.json import Encoder

from pollsvc.domain.ballot import Ballot, Cast, Outcome, Recorded, Seal, decide
from pollsvc.domain.tally import Cell, Change, by_poll, differences
from pollsvc.storage.changes import announce
from pollsvc.storage.database import UNIQUE_VIOLATION, Connection

_encode = Encoder().encode
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
_TRIES = 5  # of a batch that meets ballots which other processes are inserting at the same time
BALLOT_COLUMNS = ", ".join(name for name, _ in _BALLOT)
CELL_COLUMNS = ", ".join(name for name, _ in _CELL)
_CELL_KEY = ", ".join(name for name, _ in _CELL[:-1])


class Batch(NamedTuple):
    """What a transaction did: an outcome for each cast, in order, and a change for each poll it moved."""

    recorded: list[Recorded]
    changes: list[Change]


async def record(connection: Connection, casts: Sequence[Cast], seal: Seal) -> Batch:
    """Record a batch of casts and the tally's changes, durably, before this returns.

    Casts of one voter take effect in their order. Processes that record at once lock ballots, insert
    ballots, and change tally rows each in sorted order, so they cannot deadlock; when two insert the same
    voter's ballot, the later one starts anew and finds it. Raises what the driver raises; then nothing of
    the batch was recorded, unless the connection broke during COMMIT.
    """
    for _ in range(_TRIES - 1):
        recorded: list[Recorded] = []
        try:
            return await _record(connection, casts, seal, recorded)
        except UNIQUE_VIOLATION:
            casts = list(map(_charged, casts, recorded))
    return await _record(connection, casts, seal, [])


def _charged(cast: Cast, answer: Recorded) -> Cast:
    """The cast for another try, which charges its network or its voter no second time."""
    if answer.outcome is Outcome.CREATED and answer.ballot is not None:
        status = answer.ballot.status
        return cast._replace(admit=lambda: status)
    return cast._replace(pace=float) if answer.outcome is Outcome.CHANGED else cast


async def _record(
    connection: Connection, casts: Sequence[Cast], seal: Seal, recorded: list[Recorded]
) -> Batch:
    """Record the batch once; what becomes of each cast is added to `recorded`."""
    keys = [cast.ballot[:2] for cast in casts]
    async with connection.transaction():
        before = await _lock(connection, sorted(set(keys)))
        standing: dict[tuple[str, ...], Ballot | None] = dict(before)
        for key, cast in zip(keys, casts, strict=True):
            answer = decide(standing.get(key), cast, seal)
            standing[key] = answer.ballot
            recorded.append(answer)
        moves = [
            (before.get(key), after)
            for key, after in standing.items()
            if after is not None and after is not before.get(key)
        ]
        await insert_ballots(connection, sorted(after for old, after in moves if old is None))
        await _update(connection, [after for old, after in moves if old is not None])
        changes = await add_to_tally(connection, differences(moves))
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


async def _lock(connection: Connection, keys: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], Ballot]:
    """The ballots that stand under these sorted keys, kept from changing until the transaction ends."""
    rows = await connection.rows(
        f"SELECT {', '.join(f'ballots.{name}' for name, _ in _BALLOT)} "
        f"FROM ({connection.json_rows(*_KEY)}) AS keys "
        "JOIN ballots ON ballots.poll_id = keys.poll_id AND ballots.voter = keys.voter "
        "ORDER BY ballots.poll_id, ballots.voter" + ("" if connection.sqlite else " FOR UPDATE OF ballots"),
        rows=_json(keys),
    )
    return {(ballot.poll, ballot.voter): ballot for ballot in map(Ballot._make, rows)}


async def insert_ballots(connection: Connection, ballots: Sequence[Ballot]) -> None:
    """Insert the ballots of new voters, sorted by key, in the current transaction.

    Raises what the driver raises when a voter is not new.
    """
    if ballots:
        await connection.rows(
            f"INSERT INTO ballots ({BALLOT_COLUMNS}) {connection.json_rows(*_BALLOT)}",
            rows=_json(ballots),
        )


async def _update(connection: Connection, ballots: Sequence[Ballot]) -> None:
    """Overwrite the ballots of voters who changed their vote."""
    if ballots:
        fields = [name for name, _ in _BALLOT[2:]]
        await connection.rows(
            f"UPDATE ballots SET {', '.join(f'{name} = new.{name}' for name in fields)} "
            f"FROM ({connection.json_rows(*_BALLOT)}) AS new "
            "WHERE ballots.poll_id = new.poll_id AND ballots.voter = new.voter",
            rows=_json(ballots),
        )


async def add_to_tally(connection: Connection, cells: Mapping[Cell, int]) -> list[Change]:
    """Add the differences, sorted by cell, to the tally and move the polls' versions on, in the current
    transaction. Cells that become empty go: else each change of a vote would leave one for ever."""
    if not cells:
        return []
    await connection.rows(
        f"INSERT INTO tally ({CELL_COLUMNS}) {connection.json_rows(*_CELL)} "
        f"ON CONFLICT ({_CELL_KEY}) "
        "DO UPDATE SET count = tally.count + excluded.count",
        rows=_json((*cell, count) for cell, count in cells.items()),
    )
    if less := [cell for cell, count in cells.items() if count < 0]:
        # Without the casts SQLite looks through all cells of the poll: an expression has no column's type.
        key = ", ".join(f"CAST({name} AS {type_})" for name, type_ in _CELL[:-1])
        await connection.rows(
            f"DELETE FROM tally WHERE count = 0 AND ({_CELL_KEY}) IN "
            f"(SELECT {key} FROM ({connection.json_rows(*_CELL[:-1])}) AS less)",
            rows=_json(less),
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
        rows=_json((poll, 1) for poll in polls),
    )
    return dict(map(tuple, rows))


def _json(rows: Iterable[tuple[object, ...]]) -> str:
    """Rows as the JSON array of arrays that `Connection.json_rows` reads."""
    return _encode(list(rows)).decode()
