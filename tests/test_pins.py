"""Heads of the log that are pinned outside the database show what signatures cannot: another history."""

import asyncio
import os
import shutil
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from pollsvc.domain.ballot import Ballot
from pollsvc.domain.checkpoint import Checkpoint, Signature, key_id, note, read_note
from pollsvc.domain.leaves import Leaves
from pollsvc.domain.merkle import Tree, head, leaf_hash
from pollsvc.domain.tiles import grown, hashes_of
from pollsvc.domain.webhook import Event
from pollsvc.services.audit import Report, audit
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ballot_log.pinned import Pin, read_pins
from pollsvc.services.ballot_log.sealing import seal
from pollsvc.services.webhooks.occasions import HEADS_EVERY
from pollsvc.services.webhooks.outbox import KEPT
from pollsvc.storage.ballot_log import hashes_between, heads, run_of
from pollsvc.storage.ballots import BALLOT_COLUMNS
from pollsvc.storage.database import Connection
from pollsvc.storage.past_leaves import add_own
from pollsvc.storage.pin_file import pin
from tests.support.reader import ask, fire, new_key, vote_bytes
from tests.support.receiver import receiving, verify
from tests.support.server import SECRET, CliError, Service, open_connection, run_service
from tests.support.webhooks import ORIGIN, publisher

KEYS = LogKeys([SECRET])
OTHER = "another-secret-for-tests-of-more-than-32-characters"


class History(NamedTuple):
    """A service that is at rest: its database, an older copy of that, and the file that its heads are in."""

    service: Service
    database: Path
    older: Path
    pins: Path

    @property
    def pinned(self) -> list[Pin]:
        found, broken = read_pins(self.pins.read_text())
        assert broken == 0
        return found


async def votes_in(service: Service, poll: str, count: int) -> None:
    requests = [
        vote_bytes(poll, {"selection": [number % 3 + 1], "idempotency_key": new_key()})
        for number in range(count)
    ]
    assert {one.status for one in await fire(service.base_url, ask, requests, connections=16)} == {201}


@pytest.fixture(scope="module")
async def history(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[History]:
    """600 votes by two processes, which were started anew twice, so that heads are pinned in between."""
    folder = tmp_path_factory.mktemp("pins")
    pins, database, older = folder / "pins", folder / "pollsvc.db", folder / "older.db"
    async with run_service(folder, env={"POLLSVC_PIN_FILE": str(pins)}, workers=2, site=True) as service:
        poll = await service.add_poll()
        for place in range(3):
            if place:
                await service.start()
            await votes_in(service, poll, 200)
            await service.stop()
            if place == 1:
                shutil.copy(database, older)
        yield History(service, database, older, pins)


async def audited(database: Path, pins: list[Pin], keys: LogKeys = KEYS) -> Report:
    async with open_connection(f"sqlite:///{database}") as connection:
        return await audit(connection, keys, pins=pins)


def told(report: Report) -> list[str]:
    assert {one["kind"] for one in report.differences} <= {"pin"}
    return [one["what"] for one in report.differences]


async def test_heads_are_pinned_once_and_in_order(history: History) -> None:
    """Also the last one of a process that ends, and none twice though two processes pin."""
    sizes = [one.checkpoint.size for one in history.pinned]
    assert sizes == sorted(set(sizes))
    assert len(sizes) >= 3
    async with open_connection(f"sqlite:///{history.database}") as connection:
        signed = {each.size: each.note for each in await heads(connection)}
    assert sizes[-1] == max(signed)
    assert all(signed[size] in history.pins.read_text() for size in sizes)
    report = await audited(history.database, history.pinned)
    assert (report.differences, report.pinned) == ([], len(sizes))


async def rewrite(connection: Connection) -> int:
    """Let two voters have voted the other way round, and sign all heads anew; returns the first's leaf."""
    rows = await connection.rows(f"SELECT {BALLOT_COLUMNS} FROM ballots ORDER BY number")
    ballots = [Ballot(*row) for row in rows]
    first = next(one for one in ballots if one.number > 250)
    second = next(
        one
        for one in ballots
        if (one.number > 250 and one.minute == first.minute and one.selection != first.selection)
    )
    size = (known := await heads(connection))[-1].size
    hashes = hashes_of(await hashes_between(connection, 0, size))
    positions = []
    for one, selection in ((first, second.selection), (second, first.selection)):
        run = await run_of(connection, one.poll, one.number)
        assert run is not None
        positions.append(run.position + one.number - run.first)
        hashes[positions[-1]] = leaf_hash(one._replace(selection=selection).leaf())
        await connection.rows(
            "UPDATE ballots SET selection = :selection WHERE voter = :voter",
            selection=selection,
            voter=one.voter,
        )
    for (level, number), tile in grown(0, {}, hashes).items():
        await connection.rows(
            "UPDATE log_tiles SET hashes = :tile WHERE level = :level AND number = :number",
            tile=tile,
            level=level,
            number=number,
        )
    for each in known:
        origin = each.note.partition("\n")[0]
        checkpoint = Checkpoint(origin, each.size, head(each.size, Tree(hashes[: each.size]).node))
        signed = KEYS.current.sign(checkpoint.text().encode())
        signature = Signature(origin, key_id(origin, KEYS.current.public), signed)
        await connection.rows(
            "UPDATE checkpoints SET note = :note WHERE size = :size",
            note=note(checkpoint, [signature]),
            size=each.size,
        )
    return min(positions) + 1


async def test_a_history_that_is_rewritten_and_signed_anew_shows(history: History, tmp_path: Path) -> None:
    """By whoever has the service's own keys: the audit alone is content, a pinned head is not."""
    copy = Path(shutil.copy(history.database, tmp_path / "copy.db"))
    async with open_connection(f"sqlite:///{copy}") as connection, connection.transaction():
        leaf = await rewrite(connection)
    assert (await audited(copy, [])).differences == []
    report = await audited(copy, history.pinned)
    sizes = [one.checkpoint.size for one in history.pinned]
    same, other = max(size for size in sizes if size < leaf), min(size for size in sizes if size >= leaf)
    [what] = told(report)
    print(what)
    assert f"between leaf {same + 1} and {other} " in what
    assert report.pinned == sum(size < leaf for size in sizes)


async def test_a_history_that_is_cut_off_shows(history: History) -> None:
    [what] = told(await audited(history.older, history.pinned))
    assert f"had {history.pinned[-1].checkpoint.size}" in what


async def test_the_command_tells_it_too(history: History, tmp_path: Path) -> None:
    said = await history.service.run("audit", "--pinned", str(history.pins))
    assert f"{len(history.pinned)} of {len(history.pinned)} pinned heads: all agree" in said
    empty = tmp_path / "empty"
    empty.write_text("not a head\n")
    with pytest.raises(CliError, match="holds no signed head"):
        await history.service.run("audit", "--pinned", str(empty))
    older = Service(f"sqlite:///{history.older}", tmp_path, {}, 1)
    with pytest.raises(CliError, match="pin: the log has") as failed:
        await older.run("audit", "--pinned", str(history.pins))
    assert failed.value.status == 1


async def test_a_head_that_nobody_signed_shows(history: History) -> None:
    """One whose root was altered, one of another key, one of another log."""
    last = history.pinned[-1]
    checkpoint, [signature] = last
    altered = last._replace(checkpoint=checkpoint._replace(root=bytes(32)))
    foreign = LogKeys([OTHER]).current
    signed = signature._replace(
        key_id=key_id(checkpoint.origin, foreign.public), signature=foreign.sign(checkpoint.text().encode())
    )
    elsewhere = last._replace(checkpoint=checkpoint._replace(origin="pollsvc/other"))
    for one, what in (
        (altered, "is not signed by the log's key of its time"),
        (last._replace(signatures=[signed]), "is not signed by the log's key of its time"),
        (last._replace(signatures=[]), "is not signed by the log's key of its time"),
        (elsewhere, "is of the log 'pollsvc/other'"),
    ):
        [sentence] = told(await audited(history.database, [*history.pinned, one]))
        assert what in sentence


def a_note(size: int) -> str:
    text = f"pollsvc/test\n{size}\n{b64encode(bytes(32)).decode()}\n"
    return f"{text}\n— pollsvc/test {b64encode(bytes(68)).decode()}\n"


def sizes_in(file: Path) -> list[int]:
    found, broken = read_pins(file.read_text())
    assert broken == 0
    return [one.checkpoint.size for one in found]


def test_many_who_pin_at_once_leave_whole_heads_in_order(tmp_path: Path) -> None:
    file = tmp_path / "pins"

    def pin_all(_: int) -> int:
        """Pin each head, unless somebody else does; how many this one did."""
        done = 0
        for size in range(1, 40):
            while not (did := pin(file, size, a_note(size), 0)) and f"\n{size}\n" not in file.read_text():
                pass
            done += did
        return done

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(pin_all, range(8)))
    assert sum(done) == 39
    assert sizes_in(file) == list(range(1, 40))


def test_a_file_is_written_to_no_more_often_than_it_should_be(tmp_path: Path) -> None:
    file = tmp_path / "pins"
    assert pin(file, 1, a_note(1), 60)
    assert not pin(file, 2, a_note(2), 60)
    os.utime(file, (time.time() - 61,) * 2)
    assert pin(file, 2, a_note(2), 60)
    assert not pin(file, 2, a_note(2), 0)
    assert not pin(file, 1, a_note(1), 0)


def test_what_a_crash_cut_off_costs_one_head(tmp_path: Path) -> None:
    """Wherever it was cut off, within a letter too."""
    file, torn = tmp_path / "pins", f"{a_note(2)}\n".encode()
    pin(file, 1, a_note(1), 0)
    before = file.read_bytes()
    for length in range(len(torn) + 1):
        file.write_bytes(before + torn[:length])
        assert pin(file, 3, a_note(3), 0)
        assert file.read_bytes().startswith(before + torn[:length]), "nothing that was there is touched"
        found, broken = read_pins(file.read_text(errors="replace"))
        whole = length >= len(torn) - 2
        assert [one.checkpoint.size for one in found] == ([1, 2, 3] if whole else [1, 3]), length
        assert broken == (not whole and torn[:length].strip() != b""), length


def test_what_an_editor_or_a_stranger_adds_to_the_file_spoils_no_head() -> None:
    heads = f"{a_note(1)}\n{a_note(2)}\n"
    for text, broken in ((f"\ufeff{heads}", 0), (heads + '{"a":' * 9_999, 1), (f"{heads}[]\n", 1)):
        found, torn = read_pins(text)
        assert ([one.checkpoint.size for one in found], torn) == ([1, 2], broken)


async def test_a_pin_that_a_retired_key_signed_says_nothing_of_the_log(
    history: History, tmp_path: Path
) -> None:
    """Whoever got hold of an old secret pins a head that never was: that is no sign of rewriting."""
    database = Path(shutil.copy(history.database, tmp_path / "copy.db"))
    newer = LogKeys([SECRET, OTHER])
    async with open_connection(f"sqlite:///{database}") as connection:
        leaves = Leaves("x", 1, bytes(32))
        await connection.rows(
            "INSERT INTO unsealed VALUES ('x', 1, :hashes, :stamp)", hashes=leaves.text(), stamp=""
        )
        await seal(connection, newer, int(time.time()))  # it takes over
        await connection.rows("DELETE FROM unsealed")
        await add_own(connection, "", lambda number: f"removed\n\n{number}\nx\n0\n")
        await seal(connection, newer, int(time.time()))
        last = read_note((await heads(connection))[-1].note)[0]
    forged = last._replace(root=bytes(32))
    signed = KEYS.current.sign(forged.text().encode())
    signature = Signature(last.origin, key_id(last.origin, KEYS.current.public), signed)
    said = told(await audited(database, [*history.pinned, Pin(forged, [signature])], newer))
    assert said == [f"the pinned head of {last.size} leaves is not signed by the log's key of its time"]


@pytest.mark.parametrize("path", ["", "missing/pins"])
async def test_a_file_that_cannot_be_written_to_stops_the_start(tmp_path: Path, path: str) -> None:
    service = Service(
        f"sqlite:///{tmp_path}/pollsvc.db", tmp_path, {"POLLSVC_PIN_FILE": f"{tmp_path}/{path}"}, 1
    )
    with pytest.raises(CliError, match="POLLSVC_PIN_FILE cannot be appended to"):
        await service.run("serve", "--port", str(service.port))


async def test_webhooks_are_told_heads_that_can_be_kept_as_pins(tmp_path: Path) -> None:
    """What a receiver saves, a line each, is as good as the file."""
    async with receiving() as receiver:
        env = {"POLLSVC_WEBHOOK_ORIGINS": receiver.origin}
        async with run_service(tmp_path, env=env, site=True) as service:
            added = await service.cli(
                "webhook", "add", receiver.url, "--site", "News", "--event", "log.checkpoint"
            )
            await votes_in(service, await service.add_poll(), 5)
            await receiver.until(1)
            [first] = receiver.received
            body = verify(added["secret"], first)
            assert body["type"] == "log.checkpoint"
            assert body["data"]["checkpoint"].startswith(f"{body['data']['log']}\n{body['data']['size']}\n")
            saved = tmp_path / "saved.ndjson"
            other = b'{"type": "poll.opened", "data": {"poll": "x"}}'
            saved.write_bytes(other + b"\n" + first.body + b"\n")
            assert "1 of 1 pinned heads: all agree" in await service.run("audit", "--pinned", str(saved))


async def test_a_webhook_is_told_the_newest_head_once_and_no_more_than_one_a_minute(
    database_url: str,
) -> None:
    """By whichever process, also after old messages were deleted; who did not ask is told of polls only."""
    async with publisher(database_url) as news:
        asks, _ = await news.hook(events=[Event.CHECKPOINT])
        other, _ = await news.webhooks(ORIGIN).add(await news.sites.get("News"), f"{ORIGIN}/other")
        outboxes = [await news.outbox(ORIGIN) for _ in range(2)]
        poll = await news.poll()

        async def look() -> list[int]:
            await asyncio.gather(*(one.look() for one in outboxes))
            return [number for event, _, number in await news.queued(asks) if event == Event.CHECKPOINT]

        async def vote() -> int:
            await news.vote(poll, 1)
            await seal(news.connection, KEYS, int(news.now))
            return (await heads(news.connection))[-1].size

        assert await look() == []
        first = await vote()
        assert await look() == await look() == [first]
        skipped = await vote()
        news.now += HEADS_EVERY - 1
        assert await look() == [first]
        last = await vote()
        news.now += 1
        assert await look() == [first, last]
        assert skipped not in await look()
        news.now += KEPT + HEADS_EVERY
        await news.connection.rows("UPDATE outbox SET due_at = NULL, delivered_at = created_at")
        outboxes.append(await news.outbox(ORIGIN))
        assert await look() == [last]
        assert {event for event, *_ in await news.queued(other)} <= {"poll.opened"}
