"""The log of ballots: leaves that wait, the tree's tiles, where each poll's leaves are, and signed heads.

Leaves are numbered within their poll in the transaction that makes them, so that votes in two polls never
wait for each other; the sealer gives them their positions in the log afterwards. A run is a row of leaves of
one poll that follow one another in both.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.json import Encoder

from pollsvc.domain.ballot import Ballot
from pollsvc.domain.leaves import Leaves, leaves_from, numbers_in
from pollsvc.domain.tiles import HASH, WIDTH, Place
from pollsvc.storage.database import Connection

_encode = Encoder().encode
_COUNT = (("poll_id", "text"), ("version", "bigint"), ("leaves", "bigint"))
_LOCK = 0x706F6C6E  # any number that only this uses among PostgreSQL's advisory locks


class Waiting(NamedTuple):
    """Leaves that are not sealed yet, as they are kept: `hashes` in base64, `stamp` over them."""

    poll: str
    first: int
    hashes: str
    stamp: str


class Run(NamedTuple):
    """Leaves of a poll from the number `first` on that are in the log from `position` on."""

    position: int
    poll: str
    first: int


class Head(NamedTuple):
    """A head that was signed: the tree's size, the Unix second, and the note."""

    size: int
    at: int
    note: str


async def next_numbers(connection: Connection, polls: Sequence[str]) -> dict[str, int]:
    """The number of each poll's next leaf, kept from changing until the transaction ends; `polls` is sorted.

    Whoever adds leaves to a poll asks for this first, so that they come one after the other.
    """
    found = await _next_numbers(connection, polls)
    if missing := [poll for poll in polls if poll not in found]:
        await connection.rows(
            f"INSERT INTO poll_versions (poll_id, version, leaves) {connection.json_rows(*_COUNT)} "
            "ON CONFLICT (poll_id) DO NOTHING",
            rows=_json((poll, 0, 0) for poll in missing),
        )
        found |= await _next_numbers(connection, missing)
    return found


async def _next_numbers(connection: Connection, polls: Sequence[str]) -> dict[str, int]:
    rows = await connection.rows(
        "SELECT poll_versions.poll_id, poll_versions.leaves + 1 "
        f"FROM ({connection.json_rows(_COUNT[0])}) AS wanted "
        "JOIN poll_versions ON poll_versions.poll_id = wanted.poll_id"
        + connection.routed("poll_versions.poll_id")
        + " ORDER BY poll_versions.poll_id"
        + ("" if connection.sqlite else " FOR UPDATE OF poll_versions"),
        rows=_json((poll,) for poll in polls),
        polls=polls,
    )
    return dict(map(tuple, rows))


async def append(connection: Connection, leaves: Sequence[Leaves]) -> None:
    """Add leaves to those that wait, in the transaction that has asked for their numbers."""
    if not leaves:
        return
    added: dict[str, int] = {}
    for one in leaves:
        added[one.poll] = added.get(one.poll, 0) + one.size
    await connection.rows(
        "INSERT INTO unsealed (poll_id, first, hashes, stamp) "
        + connection.json_rows(
            ("poll_id", "text"), ("first", "bigint"), ("hashes", "text"), ("stamp", "text")
        ),
        rows=_json((one.poll, one.first, one.text(), connection.stamp(one.stamped())) for one in leaves),
    )
    await connection.rows(
        "UPDATE poll_versions SET leaves = poll_versions.leaves + added.leaves "
        f"FROM ({connection.json_rows(('poll_id', 'text'), ('leaves', 'bigint'))}) AS added "
        "WHERE poll_versions.poll_id = added.poll_id" + connection.routed("poll_versions.poll_id"),
        rows=_json(added.items()),
        polls=list(added),
    )


async def take_turn(connection: Connection) -> bool:
    """Whether the current transaction may seal: one at a time does, whichever process it is in."""
    if connection.sqlite:  # whose write lock the transaction holds
        return True
    rows = await connection.rows("SELECT pg_try_advisory_xact_lock(CAST(:lock AS bigint))", lock=_LOCK)
    return bool(rows[0][0])


async def waiting(connection: Connection, limit: int) -> list[Waiting]:
    """The leaves that wait, each poll's in their order; at most so many rows."""
    rows = await connection.rows(
        f"SELECT poll_id, first, hashes, stamp FROM unsealed ORDER BY poll_id, first LIMIT {int(limit)}"
    )
    return [Waiting(*row) for row in rows]


async def waiting_from(connection: Connection, poll: str, first: int) -> Waiting | None:
    """The leaves of a poll that came together, from that number on, if they wait."""
    rows = await connection.rows(
        "SELECT poll_id, first, hashes, stamp FROM unsealed WHERE poll_id = :poll AND first = :first",
        poll=poll,
        first=first,
    )
    return Waiting(*rows[0]) if rows else None


async def leaves_with(connection: Connection, ballot: Ballot) -> Leaves:
    """The leaves that a ballot was recorded with, sealed or not."""
    numbers = numbers_in(ballot.batch)
    found = await waiting_from(connection, ballot.poll, numbers.start)
    if found is not None:
        return leaves_from(found.poll, found.first, found.hashes)
    run = await run_of(connection, ballot.poll, numbers.start)
    if run is None:
        raise LookupError(f"the leaves {numbers} of poll {ballot.poll} are in no run")
    start = run.position + numbers.start - run.first
    return Leaves(ballot.poll, numbers.start, await hashes_between(connection, start, len(numbers)))


async def hashes_between(connection: Connection, position: int, count: int) -> bytes:
    """The hashes of leaves in the log, one after the other."""
    first, last = position // WIDTH, (position + count - 1) // WIDTH
    tiles = await load_tiles(connection, [Place(0, number) for number in range(first, last + 1)])
    hashes = b"".join(tiles[place] for place in sorted(tiles))
    skipped = position - first * WIDTH
    return hashes[skipped * HASH : (skipped + count) * HASH]


async def last_head(connection: Connection) -> Head | None:
    """The newest head."""
    rows = await connection.rows("SELECT size, at, note FROM checkpoints ORDER BY size DESC LIMIT 1")
    return Head(*rows[0]) if rows else None


async def heads(connection: Connection) -> list[Head]:
    """All heads, the smallest tree first."""
    rows = await connection.rows("SELECT size, at, note FROM checkpoints ORDER BY size")
    return [Head(*row) for row in rows]


async def load_tiles(connection: Connection, places: Iterable[Place]) -> dict[Place, bytes]:
    """Those of these tiles that there are."""
    rows = await connection.rows(
        "SELECT log_tiles.level, log_tiles.number, hashes "
        f"FROM ({connection.json_rows(('level', 'smallint'), ('number', 'bigint'))}) AS wanted "
        "JOIN log_tiles ON log_tiles.level = wanted.level AND log_tiles.number = wanted.number",
        rows=_json(sorted(places)),
    )
    return {Place(level, number): bytes(hashes) for level, number, hashes in rows}


async def seal(
    connection: Connection,
    sealed: Sequence[Waiting],
    runs: Sequence[Run],
    tiles: Mapping[Place, bytes],
    head: Head,
) -> None:
    """Move leaves that waited into the log, in the transaction that holds the turn."""
    for place, hashes in tiles.items():
        await connection.rows(
            "INSERT INTO log_tiles (level, number, hashes) VALUES (:level, :number, :hashes) "
            "ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes",
            level=place.level,
            number=place.number,
            hashes=hashes,
        )
    await connection.rows(
        "INSERT INTO log_runs (position, poll_id, first) "
        + connection.json_rows(("position", "bigint"), ("poll_id", "text"), ("first", "bigint")),
        rows=_json(runs),
    )
    await connection.rows(
        "DELETE FROM unsealed WHERE (poll_id, first) IN "
        f"(SELECT CAST(poll_id AS text), CAST(first AS bigint) FROM "
        f"({connection.json_rows(('poll_id', 'text'), ('first', 'bigint'))}) AS sealed)",
        rows=_json((one.poll, one.first) for one in sealed),
    )
    await connection.rows(
        "INSERT INTO checkpoints (size, at, note) VALUES (:size, :at, :note)", **head._asdict()
    )


async def last_run(connection: Connection) -> Run | None:
    """The run at the end of the log."""
    rows = await connection.rows(
        "SELECT position, poll_id, first FROM log_runs ORDER BY position DESC LIMIT 1"
    )
    return Run(*rows[0]) if rows else None


async def run_of(connection: Connection, poll: str, number: int) -> Run | None:
    """The run that the leaf with this number would be in, if it is sealed."""
    rows = await connection.rows(
        "SELECT position, poll_id, first FROM log_runs WHERE poll_id = :poll AND first <= :number "
        "ORDER BY first DESC LIMIT 1",
        poll=poll,
        number=number,
    )
    return Run(*rows[0]) if rows else None


async def runs_of(connection: Connection, poll: str) -> list[Run]:
    """All runs of a poll, in order."""
    rows = await connection.rows(
        "SELECT position, poll_id, first FROM log_runs WHERE poll_id = :poll ORDER BY first", poll=poll
    )
    return [Run(*row) for row in rows]


async def runs(connection: Connection) -> list[Run]:
    """All runs, in their order in the log."""
    rows = await connection.rows("SELECT position, poll_id, first FROM log_runs ORDER BY position")
    return [Run(*row) for row in rows]


async def waiting_of(connection: Connection, poll: str) -> list[Waiting]:
    """The leaves of a poll that wait, in order."""
    rows = await connection.rows(
        "SELECT poll_id, first, hashes, stamp FROM unsealed WHERE poll_id = :poll ORDER BY first", poll=poll
    )
    return [Waiting(*row) for row in rows]


async def count_leaves(connection: Connection, poll: str) -> int:
    """How many leaves the log has of a poll, sealed or not."""
    rows = await connection.rows("SELECT leaves FROM poll_versions WHERE poll_id = :poll", poll=poll)
    return int(rows[0][0]) if rows else 0


async def next_position(connection: Connection, position: int) -> int | None:
    """Where the run after this one begins; None at the end of the log."""
    rows = await connection.rows(
        "SELECT position FROM log_runs WHERE position > :position ORDER BY position LIMIT 1",
        position=position,
    )
    return int(rows[0][0]) if rows else None


def _json(rows: Iterable[tuple[object, ...]]) -> str:
    return _encode(list(rows)).decode()
