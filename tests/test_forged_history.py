"""Whoever can write to the database, and knows this code but no secret, puts a history of their own there.

The audit finds it, and the service signs none of it.
"""

import shutil
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pollsvc.domain.errors import PollError
from pollsvc.domain.leaves import Leaves
from pollsvc.domain.log import COMMAND_LINE, Act, entry_of
from pollsvc.domain.merkle import leaf_hash
from pollsvc.domain.poll import OptionState
from pollsvc.services.audit import audit
from pollsvc.services.ballot_log.checking import told_edits
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ballot_log.sealing import seal
from pollsvc.services.ballot_log.trust import handover_text
from pollsvc.storage.audit import all_ballots, count_ballots
from pollsvc.storage.ballot_log import heads, waiting
from pollsvc.storage.database import Connection
from pollsvc.storage.log import last_entry
from pollsvc.storage.log_keys import LogKey, add_log_key, log_keys
from pollsvc.storage.past_leaves import past_of
from tests.support.reader import Http, Reader
from tests.support.server import SECRET, open_connection, run_service
from tests.support.write_ins import decide, write

OURS = LogKeys([SECRET])
THEIRS = LogKeys(["a-secret-of-somebody-else-who-can-write-here"])
FORGED = "UPDATE ballots SET selection = '2' WHERE selection = '1'"
COUNTED = "UPDATE tally SET selection = '2' WHERE selection = '1'"


@pytest.fixture(scope="module")
async def history(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """A database with sealed votes for one answer of two polls, in which some wrote one of their own."""
    folder = tmp_path_factory.mktemp("history")
    async with run_service(folder, site=True) as service:
        async with Http(service.base_url) as http:
            for poll in [await service.add_poll() for _ in range(2)]:
                for _ in range(6):
                    await Reader(http).vote(poll, 1)
            own = await service.add_poll(write_in=True, articles=["https://news.example/story"])
            for text in ("Persia", "Greece"):
                await write(http, own, text)
            await decide(service, own, 4, state=OptionState.ACTIVE)
        await service.stop()
        yield folder / "pollsvc.db"
        await service.start()


@pytest.fixture
async def database(history: Path, tmp_path: Path) -> AsyncIterator[Connection]:
    """A copy of it, in which all agrees."""
    async with open_connection(f"sqlite:///{shutil.copy(history, tmp_path / 'copy.db')}") as connection:
        assert (await audit(connection, OURS)).differences == []
        yield connection


async def told(connection: Connection) -> list[str]:
    """What the audit says."""
    return [difference["what"] for difference in (await audit(connection, OURS)).differences]


async def empty_the_log(connection: Connection, stamps: LogKeys | None) -> None:
    """Have all leaves wait again, as the ballots are now; stamped by somebody's secret, or not at all."""
    for table in ("log_runs", "log_tiles", "checkpoints", "log_keys", "unsealed"):
        await connection.rows(f"DELETE FROM {table}")
    for poll in {"", *await count_ballots(connection)}:
        data = {number: text.encode() for number, text in await past_of(connection, poll)}
        async for page in all_ballots(connection, poll):
            data |= {ballot.number: ballot.leaf() for ballot in page}
        leaves = Leaves(poll, 1, b"".join(leaf_hash(data[number]) for number in sorted(data)))
        await connection.rows(
            "INSERT INTO unsealed VALUES (:poll, 1, :hashes, :stamp)",
            poll=poll,
            hashes=leaves.text(),
            stamp=stamps.stamp(leaves.stamped()) if stamps else "",
        )


async def test_a_log_that_was_emptied_is_not_begun_anew(database: Connection) -> None:
    await database.rows(FORGED)
    await database.rows(COUNTED)
    await empty_the_log(database, None)
    assert any("were not written by pollsvc" in what for what in await told(database))
    for _ in range(2):
        await seal(database, OURS, int(time.time()))
        assert any("were not written by pollsvc" in what for what in await told(database))
    assert len([row for row in await waiting(database, 9) if row.poll]) == 3
    assert {run[0] for run in await database.rows("SELECT poll_id FROM log_runs")} <= {""}


async def test_a_log_of_somebody_else_is_not_gone_on_with(database: Connection) -> None:
    """They sign it all by a key of their own, and hand over to the service's."""
    name = (await log_keys(database))[0].name
    await database.rows(FORGED)
    await database.rows(COUNTED)
    await empty_the_log(database, THEIRS)
    await seal(database, THEIRS, int(time.time()))
    [first], [last] = await log_keys(database), await heads(database)
    mine, root = OURS.current.name, last.note.split("\n")[2]
    handed = THEIRS.current.sign(handover_text(first.name, last.size, mine))
    accepted = b64encode(bytes(64)).decode()
    await add_log_key(
        database, LogKey(2, first.name, mine, last.size, b64encode(handed).decode(), root, accepted)
    )
    assert first.name != name
    assert await told(database) == ["the log's last key has not accepted the ones before it"]
    poll = min(await count_ballots(database))
    leaves = Leaves(poll, 99, bytes(32))
    await database.rows(
        "INSERT INTO unsealed VALUES (:poll, 99, :hashes, :stamp)",
        poll=poll,
        hashes=leaves.text(),
        stamp=OURS.stamp(leaves.stamped()),
    )
    with pytest.raises(PollError, match="not as pollsvc left it"):
        await seal(database, OURS, int(time.time()))
    assert [each.size for each in await heads(database)] == [last.size]


async def test_a_newer_key_takes_over_no_log_but_the_one_it_finds(database: Connection) -> None:
    """They altered it before the rotation: neither key goes on with it."""
    newer = LogKeys([SECRET, "a-newer-secret-for-tests-of-more-than-32-characters"])
    await database.rows(
        "UPDATE log_tiles SET hashes = zeroblob(length(hashes)) WHERE level = 0 AND number = 0"
    )
    await database.rows("INSERT INTO unsealed VALUES ('', 99, :hashes, '')", hashes="A" * 43 + "=")
    for keys in (OURS, newer):
        with pytest.raises(PollError, match="not as pollsvc left it"):
            await seal(database, keys, int(time.time()))
    assert len(await log_keys(database)) == 1


async def test_what_the_log_was_when_a_key_took_over_stays_known(database: Connection) -> None:
    newer = LogKeys([SECRET, "a-newer-secret-for-tests-of-more-than-32-characters"])
    before = (await heads(database))[-1]
    await database.rows("INSERT INTO unsealed VALUES ('x', 1, :hashes, '')", hashes="A" * 43 + "=")
    await seal(database, newer, int(time.time()))  # it takes over, and leaves alone what has no stamp
    await database.rows("DELETE FROM unsealed")
    _, key = await log_keys(database)
    assert (key.since, key.root) == (before.size, before.note.split("\n")[2])
    assert (await audit(database, newer)).differences == []
    for column, value in (("root", b64encode(bytes(32)).decode()), ("root", ""), ("acceptance", "")):
        await database.rows(f"UPDATE log_keys SET {column} = :value WHERE number = 2", value=value)
        assert (await audit(database, newer)).found, (column, value)
        await database.rows(
            "UPDATE log_keys SET root = :root, acceptance = :acceptance WHERE number = 2",
            root=key.root,
            acceptance=key.acceptance,
        )


async def test_an_entry_that_somebody_adds_to_the_log_of_edits_is_found(database: Connection) -> None:
    """Its hash is right, and the service goes on after it."""
    number, hash_ = await last_entry(database)
    act = Act(COMMAND_LINE, "editor.role", "editor:1", {"role": "viewer"}, {"role": "admin"})
    entry = entry_of(act, number + 1, int(time.time()), hash_)
    columns = ", ".join(entry._fields)
    values = ", ".join(f":{name}" for name in entry._fields)
    for stamp in ("", THEIRS.stamp(entry.stamped())):
        forged = entry._replace(stamp=stamp)
        await database.rows(f"INSERT INTO audit_log ({columns}) VALUES ({values})", **forged._asdict())
        said = [f"entry {number + 1} of the log was not written by pollsvc"]
        assert await told(database) == said
        assert not await seal(database, OURS, int(time.time()))
        assert max(await told_edits(database)) == number
        assert await told(database) == said
        await database.rows("DELETE FROM audit_log WHERE number = :number", number=number + 1)


ALTERED = {
    "a write-in, decided": "UPDATE options SET state = 'merged', merged_into = 2 WHERE write_in IS NOT NULL",
    "a write-in's text": """UPDATE options SET label = '{"en":"Rome"}' WHERE id = 4""",
    "a poll's key": "UPDATE polls SET key = zeroblob(32)",
    "a poll's key, as if it were purged": "UPDATE polls SET key = zeroblob(0)",
    "a site's key": "UPDATE sites SET key = zeroblob(32)",
    "a site's origins": """UPDATE sites SET origins = '["https://evil.example"]'""",
    "a site's policy": "UPDATE sites SET policy = 'open'",
    "a site's texts": "UPDATE sites SET origins = '['",
    "an article": "UPDATE placements SET url = url || 'x'",
    "a poll taken from its article": "UPDATE placements SET detached = true",
    "a ballot of nobody": "INSERT INTO ballots SELECT poll_id, '', number, selection, status, reason, "
    "article, minute, batch, network, fresh FROM ballots LIMIT 1",
}


@pytest.mark.parametrize("what", ALTERED)
async def test_what_else_is_altered_is_found(database: Connection, what: str) -> None:
    await database.rows(ALTERED[what])
    assert await told(database)
