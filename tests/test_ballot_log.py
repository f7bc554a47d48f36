"""The log of ballots: every vote is soon a leaf of it, receipts prove it, and what is changed is found."""

import asyncio
import shutil
import sqlite3
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pollsvc.domain.ballot import COUNTS, Ballot, Cast
from pollsvc.domain.checkpoint import ED25519, Checkpoint, key_id, read_note
from pollsvc.domain.merkle import Tree, head, head_by_inclusion, leaf_hash
from pollsvc.domain.tiles import WIDTH, Place, Tiles, grown, last_tiles
from pollsvc.services.audit import Report, audit
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ballot_log.sealing import seal
from pollsvc.services.ballot_log.trust import handover_text
from pollsvc.storage.ballot_log import heads, runs, waiting
from pollsvc.storage.ballots import record
from pollsvc.storage.database import Connection
from pollsvc.storage.log_keys import log_keys
from pollsvc.storage.past_leaves import past_of
from tests.support.reader import Http, Reader
from tests.support.server import SECRET, Service, open_connection, run_service, until

NEWER = "a-newer-secret-for-tests-of-more-than-32-characters"


async def sealed(service: Service) -> int:
    """How many leaves of polls the last signed head covers."""
    async with open_connection(service.database_url) as connection:
        found = await heads(connection)
        own = await past_of(connection, "")
        waits = await connection.rows("SELECT 1 FROM unsealed WHERE poll_id = ''")
        return found[-1].size - len(own) + len(waits) if found else 0


def proven(receipt: dict[str, Any]) -> bool:
    """Whether a receipt is what its key has signed, worked out from the receipt alone."""
    leaf = leaf_hash(receipt["leaf"].encode())
    path = [b64decode(hash_) for hash_ in receipt["path"]]
    root = head_by_inclusion(receipt["number"] - receipt["first"], receipt["count"], leaf, path)
    if root is None:
        return False
    lines = ("pollsvc.receipt", receipt["poll"], receipt["first"], receipt["count"])
    text = "".join(f"{line}\n" for line in (*lines, _base64(root)))
    return _verifies(receipt["key"], receipt["signature"], text.encode())


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _verifies(public: str, signature: str | bytes, data: bytes) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(public))
        key.verify(b64decode(signature) if isinstance(signature, str) else signature, data)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("together", [1, 40])
async def test_each_receipt_proves_what_it_says(shared: Service, http: Http, together: int) -> None:
    poll = await shared.add_poll()
    answers = await asyncio.gather(*(Reader(http).vote(poll, 1 + n % 3) for n in range(together)))
    receipts = [answer.json["receipt"] for answer in answers]
    assert all(proven(receipt) for receipt in receipts)
    assert sorted(receipt["number"] for receipt in receipts) == [*range(1, together + 1)]
    leaves = {receipt["leaf"] for receipt in receipts}
    assert leaves == {ballot.leaf().decode() for ballot in await shared.ballots(poll)}


async def test_a_receipt_that_is_altered_proves_nothing(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    receipt = (await Reader(http).vote(poll, 2)).json["receipt"]
    assert proven(receipt)
    for name, value in (
        ("leaf", receipt["leaf"].replace("\n2\ncounted", "\n1\ncounted")),
        ("poll", "another"),
        ("number", 2),
        ("first", 2),
        ("count", 2),
        ("path", [_base64(bytes(32))]),
        ("signature", _base64(bytes(64))),
    ):
        assert not proven(receipt | {name: value}), name


async def test_a_repeat_gets_the_same_receipt_before_and_after_it_is_sealed(
    shared: Service, http: Http
) -> None:
    poll, reader = await shared.add_poll(allow_change=True), Reader(http)
    first = await reader.vote(poll, 1)
    assert (await reader.vote(poll, 1)).receipt == first.receipt
    changed = await reader.vote(poll, 2)

    async def none_waits() -> bool:
        async with open_connection(shared.database_url) as connection:
            return not await waiting(connection, 1)

    await until(none_waits)
    assert (await reader.vote(poll, 2)).receipt == changed.receipt
    assert proven(changed.json["receipt"])


async def test_every_vote_change_and_withdrawal_is_sealed_soon(service_on: Service) -> None:
    poll = await service_on.add_poll(allow_change=True)
    async with Http(service_on.base_url) as http:
        reader = Reader(http)
        for pick in ([1], [2], []):
            await reader.vote(poll, *pick)
        await Reader(http).vote(poll, 3)

        async def all_are() -> bool:
            return await sealed(service_on) == 4

        await until(all_are)
        await service_on.assert_clean()


async def test_what_waits_is_sealed_by_the_next_start(tmp_path: Path) -> None:
    async with run_service(tmp_path, site=True) as service:
        poll = await service.add_poll()
        async with Http(service.base_url) as http:
            await Reader(http).vote(poll, 1)
            await service.kill()
        await service.start()

        async def all_are() -> bool:
            return await sealed(service) == 1

        await until(all_are)
        await service.assert_clean()


async def test_the_heads_are_signed_notes_of_the_tree(service_on: Service) -> None:
    """They are checked here as a stranger would, from the format's description."""
    poll = await service_on.add_poll()
    async with Http(service_on.base_url) as http:
        receipts = [(await Reader(http).vote(poll, 1)).json["receipt"] for _ in range(5)]

        async def all_are() -> bool:
            return await sealed(service_on) == 5

        await until(all_are)
    async with open_connection(service_on.database_url) as connection:
        note, [key] = (await heads(connection))[-1].note, await log_keys(connection)
        leaves = {("", number): data for number, data in await past_of(connection, "")}
        leaves |= {(poll, number): receipt["leaf"] for number, receipt in enumerate(receipts, 1)}
        places = [(run.position, run.poll, run.first) for run in await runs(connection)]
    ends = [position for position, _, _ in places[1:]] + [len(leaves)]
    listed = [
        leaves[whose, first + place]
        for (position, whose, first), end in zip(places, ends, strict=True)
        for place in range(end - position)
    ]
    body, _, signature = note.partition("\n\n")
    name, size, root = body.split("\n")
    dash, signer, blob = signature.rstrip("\n").split(" ")
    assert (dash, signer, name, size) == ("—", key.name, key.name, str(len(leaves)))
    raw = b64decode(blob)
    assert raw[:4] == key_id(name, b64decode(key.public))
    assert _verifies(key.public, raw[4:], (body + "\n").encode())
    tree = Tree([leaf_hash(data.encode()) for data in listed])
    assert _base64(head(len(listed), tree.node)) == root
    assert read_note(note)[0] == Checkpoint(name, len(listed), b64decode(root))
    assert ED25519 == b"\1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n1\n",
        "a\n01\nAAAA\n\n— a b\n",
        "a\n1\nAAAA\n\n— a AAAA\n",
        "a\n1\n!\n\n— a AAAA\n",
        "a\nb\n\nc",
    ],
)
def test_what_is_no_note_is_told_so(text: str) -> None:
    with pytest.raises(ValueError, match="This is no "):
        read_note(text)


@pytest.mark.parametrize("steps", [[1] * 20, [255, 1, 1], [256, 256], [300, 400, 70_000], [65_536, 1, 255]])
def test_tiles_grow_to_the_same_tree(steps: Sequence[int]) -> None:
    hashes = [number.to_bytes(32) for number in range(sum(steps))]
    tiles: dict[Place, bytes] = {}
    size = 0
    for step in steps:
        edge = {place: tiles[place] for place in last_tiles(size)}
        tiles |= grown(size, edge, hashes[size : size + step])
        size += step
        assert head(size, Tiles(tiles).node) == head(size, Tree(hashes[:size]).node)
    assert all(len(tile) <= WIDTH * 32 for tile in tiles.values())


@pytest.fixture(scope="module")
async def history(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """A database with 600 sealed leaves of two polls, a changed vote, two keys, and two leaves that wait."""
    folder = tmp_path_factory.mktemp("history")
    async with run_service(folder, site=True) as service:
        polls = [await service.add_poll(allow_change=True) for _ in range(2)]
        async with Http(service.base_url) as http:
            changing = Reader(http)
            await changing.vote(polls[0], 1)
            await changing.vote(polls[0], 2)
            for number in range(300):
                await Reader(http).vote(polls[number % 2], 1)
        await service.stop()
        service.env["POLLSVC_SECRET_KEYS"] = f"{SECRET},{NEWER}"
        await service.start()
        async with Http(service.base_url) as http:
            for number in range(298):
                await Reader(http).vote(polls[number % 2], 1)
        await service.stop()
        async with open_connection(service.database_url) as connection:
            for poll in polls:
                ballot = Ballot.of(poll, "v" * 22, "3", 29_000_000)
                cast = Cast(ballot, allow_change=False, admit=lambda: COUNTS)
                await record(connection, [cast], 0)
        yield folder / "pollsvc.db"
        await service.start()


TAMPERING = {
    "a tile": "UPDATE log_tiles SET hashes = zeroblob(8192) WHERE level = 0 AND number = 0",
    "an upper tile": "UPDATE log_tiles SET hashes = zeroblob(64) WHERE level = 1",
    "a tile less": "DELETE FROM log_tiles WHERE level = 0 AND number = 1",
    "a head": "UPDATE checkpoints SET note = replace(note, char(10), char(10) || '1') "
    "WHERE size = (SELECT max(size) FROM checkpoints)",
    "a head of another size": "UPDATE checkpoints SET size = size - 1 "
    "WHERE size = (SELECT max(size) FROM checkpoints)",
    "the last head gone": "DELETE FROM checkpoints WHERE size = (SELECT max(size) FROM checkpoints)",
    "a key": "UPDATE log_keys SET public = (SELECT public FROM log_keys WHERE number = 2) WHERE number = 1",
    "a key's name": "UPDATE log_keys SET name = 'other' WHERE number = 2",
    "a handover": "UPDATE log_keys SET signature = '' WHERE number = 2",
    "a handover earlier": "UPDATE log_keys SET since = 1 WHERE number = 2",
    "a key less": "DELETE FROM log_keys WHERE number = 2",
    "a run of another poll": "UPDATE log_runs SET poll_id = 'another' WHERE position = 0",
    "a run elsewhere": "UPDATE log_runs SET position = position + 1 "
    "WHERE position = (SELECT max(position) FROM log_runs)",
    "a run less": "DELETE FROM log_runs WHERE position = (SELECT max(position) FROM log_runs)",
    "a past leaf": "UPDATE past_leaves SET data = replace(data, 'counted', 'held')",
    "a past leaf less": "DELETE FROM past_leaves",
    "a past leaf more": "INSERT INTO past_leaves SELECT poll_id, 2, data FROM past_leaves "
    "WHERE poll_id <> ''",
    "leaves that wait": "UPDATE unsealed SET hashes = 'AAAA' || substr(hashes, 5)",
    "leaves that wait, of no hashes": "UPDATE unsealed SET hashes = 'A'",
    "leaves that wait, unstamped": "UPDATE unsealed SET stamp = ''",
    "leaves that wait, gone": "DELETE FROM unsealed",
    "the count of leaves": "UPDATE poll_versions SET leaves = leaves + 1",
    "an old vote restored": (
        "UPDATE ballots SET selection = '1', number = 1, batch = 1025, minute = (SELECT CAST(substr(data, "
        "length(data) - 8, 8) AS integer) FROM past_leaves WHERE poll_id <> '') "
        "WHERE voter = (SELECT substr(data, length('ballot') + length(poll_id) + 5, 22) FROM past_leaves "
        "WHERE poll_id <> '')"
    ),
}


async def _recount(path: Path) -> Report:
    connection = Connection(f"sqlite:///{path}")
    await connection.open()
    try:
        return await audit(connection, LogKeys([SECRET, NEWER]))
    finally:
        await connection.close()


@pytest.mark.parametrize("what", ["nothing", *TAMPERING])
async def test_what_is_changed_in_the_log_is_found(history: Path, tmp_path: Path, what: str) -> None:
    path = Path(shutil.copy(history, tmp_path / "copy.db"))
    if what != "nothing":
        with sqlite3.connect(path) as database:
            assert database.execute(TAMPERING[what]).rowcount, "it changes something"
        database.close()
    report = await _recount(path)
    assert bool(report.found) == (what != "nothing"), report.differences
    assert {difference["kind"] for difference in report.differences} <= {"leaf", "tree", "tally"}


async def test_leaves_that_somebody_else_wrote_are_not_sealed(
    history: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = Path(shutil.copy(history, tmp_path / "copy.db"))
    keys = LogKeys([SECRET, NEWER])
    connection = Connection(f"sqlite:///{path}")
    await connection.open()
    try:
        size = (await heads(connection))[-1].size
        await connection.rows(
            "INSERT INTO unsealed VALUES ('forged', 1, :hashes, '')", hashes=_base64(bytes(32))
        )
        assert not await seal(connection, keys, int(time.time()))
        assert [row.poll for row in await waiting(connection, 9)] == ["forged"]
        assert (await heads(connection))[-1].size == size + 2
        assert "were not written by pollsvc" in caplog.text
    finally:
        await connection.close()


async def test_a_new_key_is_handed_over_to_by_the_old_one(history: Path) -> None:
    connection = Connection(f"sqlite:///{history}")
    await connection.open()
    try:
        first, second = await log_keys(connection)
        notes = {each.size: read_note(each.note)[1] for each in await heads(connection)}
    finally:
        await connection.close()
    assert (first.since, first.signature) == (0, "")
    assert second.since in notes
    text = handover_text(second.name, second.since, second.public)
    assert _verifies(first.public, second.signature, text)
    for size, [signature] in notes.items():
        key = first if size <= second.since else second
        assert signature.key_id == key_id(key.name, b64decode(key.public)), size


async def test_without_the_old_secret_the_break_is_told(tmp_path: Path) -> None:
    async with run_service(tmp_path, site=True) as service:
        poll = await service.add_poll()
        for secret in (SECRET, NEWER):
            await service.stop()
            service.env["POLLSVC_SECRET_KEYS"] = secret
            await service.start()
            async with Http(service.base_url) as http:
                await Reader(http).vote(poll, 1)
        await service.stop()
        report = await service.audit()
        told = [difference["what"] for difference in report.differences]
        assert told == ["key 2 of the log was not handed over to by the one before"]
        await service.start()
