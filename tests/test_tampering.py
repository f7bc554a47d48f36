"""200 rows altered straight in the database, each in a copy of its own: the audit finds every one of them."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pollsvc.services.audit import audit
from pollsvc.services.ballot_log.checking import told_edits
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.storage.log import last_entry
from tests.support.reader import Http, Reader
from tests.support.server import SECRET, open_connection, run_service, until

TIMES = 200
SIGNED = {
    "ballots": ("voter", "number", "selection", "status", "reason", "article", "minute", "batch"),
    "tally": ("article", "minute", "selection", "status", "reason", "count"),
    "past_leaves": ("number", "data"),
    "log_runs": ("position", "poll_id", "first"),
    "log_tiles": ("level", "number", "hashes"),
    "checkpoints": ("size", "note"),
    "log_keys": ("name", "public", "since", "signature"),
    "polls": ("kind", "question", "lang", "max_picks", "visibility"),
    "options": ("label", "state", "id"),
    "audit_log": ("number", "at", "actor", "actor_name", "action", "subject", "before", "after", "hash"),
}
"""The tables that tell what was voted and done, with what counts in them; a network's tag is a hint."""
OTHERS = {
    "status": ("counted", "held", "excluded"),
    "reason": ("", "pace", "test"),
    "selection": ("1", "2", "3", ""),
}


@pytest.fixture(scope="module")
async def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Polls with votes, changes, withdrawals and reviews, all sealed."""
    folder = tmp_path_factory.mktemp("tampering")
    async with run_service(folder, site=True) as service, Http(service.base_url) as http:

        async def sealed() -> bool:
            async with open_connection(service.database_url) as connection:
                entry, _ = await last_entry(connection)
                waits = await connection.rows("SELECT 1 FROM unsealed")
                return not waits and entry in await told_edits(connection)

        for _ in range(4):
            poll = await service.add_poll(allow_change=True)
            readers = [Reader(http) for _ in range(12)]
            for number, reader in enumerate(readers):
                await reader.vote(poll, 1 + number % 3)
            await readers[0].vote(poll, 2)
            await readers[1].vote(poll)
            voter = (await readers[2].vote(poll, 3)).json["receipt"]["leaf"].split("\n")[3]
            await service.run("poll", "review", poll, "--hold", "--voter", voter)
        await until(sealed)
    return folder / "pollsvc.db"


def _altered(value: object, name: str, chance: random.Random) -> object:
    """Another value of the same sort."""
    if name in OTHERS:
        return chance.choice([other for other in OTHERS[name] if other != value])
    if isinstance(value, int):
        return value + chance.choice([-1, 1, 7])
    if isinstance(value, bytes):
        place = chance.randrange(len(value))
        return value[:place] + bytes([value[place] ^ 1 << chance.randrange(8)]) + value[place + 1 :]
    text = str(value)
    if not text:
        return "x"
    place = chance.randrange(len(text))
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


def _change(connection: sqlite3.Connection, chance: random.Random) -> str:
    table = chance.choice(list(SIGNED))
    rows = connection.execute(f"SELECT {', '.join(SIGNED[table])} FROM {table}").fetchall()
    row, place = chance.choice(rows), chance.randrange(len(SIGNED[table]))
    name = SIGNED[table][place]
    same = " AND ".join(f"{column} = ?" for column in SIGNED[table])
    to = _altered(row[place], name, chance)
    connection.execute(f"UPDATE {table} SET {name} = ? WHERE {same}", [to, *row])
    return f"{table}.{name}: {row[place]!r} became {to!r}"


def _delete(connection: sqlite3.Connection, chance: random.Random) -> str:
    table = chance.choice([table for table in SIGNED if table != "checkpoints"])  # of heads, fewer will do
    rows = connection.execute(f"SELECT {', '.join(SIGNED[table])} FROM {table} ORDER BY 1").fetchall()
    row = chance.choice(rows)
    same = " AND ".join(f"{column} = ?" for column in SIGNED[table])
    connection.execute(f"DELETE FROM {table} WHERE {same}", row)
    return f"{table}: {row!r} deleted"


def _exchange(connection: sqlite3.Connection, chance: random.Random) -> str:
    """Two voters' answers, which no total shows."""
    rows = connection.execute("SELECT poll_id, voter, selection, minute FROM ballots").fetchall()
    one = chance.choice(rows)
    other = chance.choice([row for row in rows if row[0] == one[0] and row[2] != one[2]])
    for to, row in ((other, one), (one, other)):
        connection.execute(
            "UPDATE ballots SET selection = ? WHERE poll_id = ? AND voter = ?", [to[2], *row[:2]]
        )
    return f"ballots: {one!r} and {other!r} exchanged"


def _insert(connection: sqlite3.Connection, chance: random.Random) -> str:
    columns = [row[1] for row in connection.execute("PRAGMA table_info(ballots)")]
    ballot = chance.choice(connection.execute("SELECT * FROM ballots").fetchall())
    row = dict(zip(columns, ballot, strict=True))
    row["voter"] = "".join(chance.choices("abcdefghijklmnop", k=22))
    connection.execute(f"INSERT INTO ballots VALUES ({', '.join('?' * len(columns))})", list(row.values()))
    cell = [row[name] for name in ("poll_id", "article", "minute", "selection", "status", "reason")]
    connection.execute(
        "UPDATE tally SET count = count + 1 WHERE poll_id = ? AND article = ? AND minute = ? "
        "AND selection = ? AND status = ? AND reason = ?",
        cell,
    )
    return f"ballots: one of {row['voter']} added, and counted"


HOW: tuple[Callable[[sqlite3.Connection, random.Random], str], ...] = (
    *(_change, _change, _change, _change),
    *(_delete, _delete, _exchange, _insert),
)


async def _is_found(file: Path) -> bool:
    async with open_connection(f"sqlite:///{file}") as connection:
        return bool((await audit(connection, LogKeys([SECRET]))).found)


async def test_the_audit_finds_200_of_200(database: Path, tmp_path: Path) -> None:
    assert not await _is_found(database)
    chance = random.Random(2026)
    file, missed, done = tmp_path / "tampered.db", list[str](), 0
    while done < TIMES:
        shutil.copyfile(database, file)
        with closing(sqlite3.connect(file)) as connection:
            try:
                what = chance.choice(HOW)(connection, chance)
            except sqlite3.IntegrityError:  # there is such a row already
                continue
            connection.commit()
        done += 1
        if not await _is_found(file):
            missed.append(what)
    print(f"tampering: {done - len(missed)} of {done} found")
    assert not missed, "\n".join(missed)
