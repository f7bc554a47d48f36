"""Ballots and the tally, written together in one transaction."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from time import monotonic
from typing import NamedTuple

from msgspec.json import Encoder

from pollsvc.domain.ballot import Ballot, Cast, Recorded, Status, decide
from pollsvc.domain.leaves import Leaves
from pollsvc.domain.merkle import leaf_hash
from pollsvc.domain.selection import WITHDRAWN
from pollsvc.domain.tally import Cell, Change, by_poll, differences
from pollsvc.storage.ballot_log import append, next_numbers
from pollsvc.storage.changes import announce
from pollsvc.storage.database import Connection
from pollsvc.storage.past_leaves import Past, keep_past

_encode = Encoder().encode
_KEY = (("poll_id", "text"), ("voter", "text"))
_BALLOT = (
    *_KEY,
    ("number", "bigint"),
    ("selection", "text"),
    ("status", "text"),
    ("reason", "text"),
    ("article", "smallint"),
    ("minute", "integer"),
    ("batch", "bigint"),
    ("network", "text"),
    ("fresh", "boolean"),
)
_CELL = (
    ("poll_id", "text"),
    ("article", "smallint"),
    ("minute", "integer"),
    ("selection", "text"),
    ("status", "text"),
    ("reason", "text"),
    ("count", "bigint"),
)
_VERSION = (("poll_id", "text"), ("version", "bigint"), ("leaves", "bigint"))
BALLOT_COLUMNS = ", ".join(name for name, _ in _BALLOT)
CELL_COLUMNS = ", ".join(name for name, _ in _CELL)
_CELL_KEY = ", ".join(name for name, _ in _CELL[:-1])


Ahead = Callable[[Sequence[Cast]], Awaitable[None]]
"""Told, before a batch is decided, which of its casts may be admitted; it raises nothing, and hurries."""


class Batch(NamedTuple):
    """What a transaction did: an outcome for each cast, in order, the changes of polls, and its leaves.

    `statement` and `commit` are the seconds until its COMMIT, and those of the COMMIT.
    """

    recorded: list[Recorded]
    changes: list[Change]
    leaves: list[Leaves]
    statement: float
    commit: float


async def record(
    connection: Connection, casts: Sequence[Cast], now: float, ahead: Ahead | None = None
) -> Batch:
    """Record a batch of casts, the tally's changes and the log's leaves, durably, before this returns.

    Casts of one voter take effect in their order, and none does in a poll that is closed `now`, a Unix time:
    whoever closes it and then looks finds the last ballot. Processes that record at once take their polls in
    sorted order and one after the other, so they cannot deadlock, and no ballot changes between being read
    and written. `ahead` is told which casts may be their voters' first, while no other process can record
    those. Raises what the driver raises; then nothing of the batch was recorded, unless the connection broke
    during COMMIT.
    """
    if ahead is None:
        return await connection.in_one_turn(_record(connection, casts, now))
    return await _record(connection, casts, now, ahead)


async def _record(
    connection: Connection, casts: Sequence[Cast], now: float, ahead: Ahead | None = None
) -> Batch:
    keys = [cast.ballot[:2] for cast in casts]
    began = monotonic()
    async with connection.transaction():
        numbers = await next_numbers(connection, sorted({poll for poll, _ in keys}))
        closed = await _closed(connection, [*numbers], now)  # once no edit is under way
        before = await _standing(connection, sorted(set(keys)))
        if ahead:
            first = zip(keys, casts, strict=True)
            await ahead(
                [one for key, one in first if key not in before and one.ballot.selection != WITHDRAWN]
            )
        decided = _decide(keys, casts, before, numbers, closed)
        moves = [(before.get(key), ballot) for key, ballot in decided.ballots.items()]
        await insert_ballots(connection, sorted(new for old, new in moves if old is None))
        await _update(connection, [new for old, new in moves if old is not None])
        await keep_past(connection, decided.past)
        await append(connection, decided.leaves)
        changes = await add_to_tally(connection, differences(moves))
        await announce(connection, changes)
        written = monotonic()
    return Batch(decided.recorded, changes, decided.leaves, written - began, monotonic() - written)


async def judge(connection: Connection, poll: str, voters: Sequence[str], status: Status, reason: str) -> int:
    """Give the ballots of these voters another status and reason, each as a leaf of its own; how many got it.

    As durable as `record`, and as safe beside it.
    """
    async with connection.transaction():
        first = (await next_numbers(connection, [poll]))[poll]
        standing = await _standing(connection, [(poll, voter) for voter in sorted(voters)])
        old = [one for one in standing.values() if (one.status, one.reason) != (status, reason)]
        if not old:
            return 0
        new = [
            one._replace(number=first + place, status=status.value, reason=reason)
            for place, one in enumerate(old)
        ]
        leaves = Leaves(poll, first, b"".join(leaf_hash(one.leaf()) for one in new))
        new = [one._replace(batch=leaves.batch) for one in new]
        await _update(connection, new)
        await keep_past(connection, [Past(poll, one.number, one.leaf().decode()) for one in old])
        await append(connection, [leaves])
        changes = await add_to_tally(connection, differences(zip(old, new, strict=True)))
        await announce(connection, changes)
    return len(old)


class _Decided(NamedTuple):
    """What casts come to: their outcomes, the ballots that they leave, and the log's leaves, new and past."""

    recorded: list[Recorded]
    ballots: dict[tuple[str, ...], Ballot]
    leaves: list[Leaves]
    past: list[Past]


def _decide(
    keys: Sequence[tuple[str, ...]],
    casts: Sequence[Cast],
    before: Mapping[tuple[str, ...], Ballot],
    numbers: Mapping[str, int],
    closed: Collection[str],
) -> _Decided:
    """Decide casts one after the other; `numbers` are those of the polls' next leaves, `closed` polls."""
    recorded: list[Recorded] = []
    past: list[Past] = []
    standing: dict[tuple[str, ...], Ballot] = {}
    hashes: dict[str, list[bytes]] = {poll: [] for poll in numbers}
    for key, cast in zip(keys, casts, strict=True):
        old, new = standing.get(key) or before.get(key), hashes[key[0]]
        answer = decide(old, cast, numbers[key[0]] + len(new), closed=key[0] in closed)
        recorded.append(answer)
        if answer.ballot is not None and answer.ballot is not old:
            standing[key] = answer.ballot
            new.append(leaf_hash(answer.ballot.leaf()))
            if old is not None:
                past.append(Past(old.poll, old.number, old.leaf().decode()))
    leaves = [Leaves(poll, numbers[poll], b"".join(new)) for poll, new in hashes.items() if new]
    batches = {one.poll: one.batch for one in leaves}
    for place, answer in enumerate(recorded):
        ballot = answer.ballot
        if ballot is not None and ballot.number >= numbers[ballot.poll]:
            signed = Ballot(*ballot[:8], batches[ballot.poll], *ballot[9:])
            recorded[place] = Recorded(answer.outcome, signed, answer.wait)
            if standing[keys[place]].number == ballot.number:
                standing[keys[place]] = signed
    return _Decided(recorded, standing, leaves, past)


async def find(connection: Connection, poll: str, voter: str) -> Ballot | None:
    """The voter's ballot in a poll, if there is one."""
    rows = await connection.rows(
        f"SELECT {BALLOT_COLUMNS} FROM ballots WHERE poll_id = :poll AND voter = :voter",
        poll=poll,
        voter=voter,
    )
    return Ballot(*rows[0]) if rows else None


async def _closed(connection: Connection, polls: Sequence[str], now: float) -> set[str]:
    """Those of these polls that are closed at a Unix time."""
    rows = await connection.rows(
        f"SELECT polls.id FROM ({connection.json_rows(_KEY[0])}) AS wanted "
        "JOIN polls ON polls.id = wanted.poll_id WHERE polls.closes_at <= :now"
        + connection.routed("polls.id"),
        rows=_json((poll,) for poll in polls),
        polls=polls,
        now=int(now),
    )
    return {row[0] for row in rows}


async def _standing(connection: Connection, keys: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], Ballot]:
    """The ballots that stand under these sorted keys."""
    rows = await connection.rows(
        f"SELECT {', '.join(f'ballots.{name}' for name, _ in _BALLOT)} "
        f"FROM ({connection.json_rows(*_KEY)}) AS keys "
        "JOIN ballots ON ballots.poll_id = keys.poll_id AND ballots.voter = keys.voter"
        + connection.routed("ballots.poll_id"),
        rows=_json(keys),
        polls=_polls(keys),
    )
    return {(ballot.poll, ballot.voter): ballot for ballot in map(Ballot._make, rows)}


async def insert_ballots(connection: Connection, ballots: Sequence[Ballot]) -> None:
    """Insert the ballots of new voters, sorted by key, in the current transaction.

    Raises what the driver raises when a voter is not new.
    """
    await connection.insert("ballots", _BALLOT, ballots)


async def _update(connection: Connection, ballots: Sequence[Ballot]) -> None:
    """Overwrite the ballots of voters who changed their vote."""
    if ballots:
        fields = [name for name, _ in _BALLOT[2:]]
        await connection.rows(
            f"UPDATE ballots SET {', '.join(f'{name} = new.{name}' for name in fields)} "
            f"FROM ({connection.json_rows(*_BALLOT)}) AS new "
            "WHERE ballots.poll_id = new.poll_id AND ballots.voter = new.voter"
            + connection.routed("ballots.poll_id"),
            rows=_json(ballots),
            polls=_polls(ballots),
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
            f"(SELECT {key} FROM ({connection.json_rows(*_CELL[:-1])}) AS less)"
            + connection.routed("tally.poll_id"),
            rows=_json(less),
            polls=_polls(less),
        )
    polls = by_poll(cells)
    versions = await next_versions(connection, sorted(polls))
    return [Change(poll, version, polls[poll]) for poll, version in versions.items()]


async def next_versions(connection: Connection, polls: Sequence[str]) -> dict[str, int]:
    """Move these polls' versions on, within a transaction; `polls` is sorted. Returns the new versions."""
    rows = await connection.rows(
        f"INSERT INTO poll_versions (poll_id, version, leaves) {connection.json_rows(*_VERSION)} "
        "ON CONFLICT (poll_id) DO UPDATE SET version = poll_versions.version + 1 "
        "RETURNING poll_id, version",
        rows=_json((poll, 1, 0) for poll in polls),
    )
    return dict(map(tuple, rows))


def _polls(rows: Iterable[tuple[object, ...]]) -> list[object]:
    """The polls of rows that begin with theirs, each once."""
    return list(dict.fromkeys(row[0] for row in rows))


def _json(rows: Iterable[tuple[object, ...]]) -> str:
    """Rows as the JSON array of arrays that `Connection.json_rows` reads."""
    return _encode(list(rows)).decode()
