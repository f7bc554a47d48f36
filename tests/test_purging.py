"""What is kept for a while only: it goes when its time is over, by itself and by command, from all files."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pollsvc.domain.errors import PollError
from pollsvc.services import purging
from pollsvc.services.purging import DAY, purge
from pollsvc.storage import ballot_log
from pollsvc.storage.database import Connection
from tests.support.postgres import drop_database
from tests.support.reader import Http, Reader
from tests.support.server import Service, open_connection, run_service, until
from tests.support.tables import create_with_tables

VOTERS = 25
PROXY = {"POLLSVC_TRUSTED_PROXIES": "127.0.0.0/8"}
MONTH = 30 * DAY


@pytest.fixture
async def service(database_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    async with run_service(tmp_path, database_url, env=PROXY, site=True) as running:
        yield running


async def with_votes(service: Service, http: Http) -> tuple[str, list[Reader]]:
    """A poll with votes from as many networks, and who cast them."""
    poll = await service.add_poll(allow_change=True)
    readers = [Reader(http) for _ in range(VOTERS)]
    for number, reader in enumerate(readers):
        body = {"selection": [1 + number % 2], "idempotency_key": reader.key}
        answer = await http.post_vote(poll, body, X_Forwarded_For=f"10.7.{number}.9")
        assert answer.status == 201
        reader.token = answer.json["reader"]
    return poll, readers


async def key_of(connection: Connection, poll: str) -> bytes:
    [(key,)] = await connection.rows("SELECT key FROM polls WHERE id = :poll", poll=poll)
    return bytes(key)


async def networks_of(connection: Connection, poll: str) -> set[tuple[str, bool]]:
    rows = await connection.rows("SELECT network, fresh FROM ballots WHERE poll_id = :poll", poll=poll)
    return {(network, bool(fresh)) for network, fresh in rows}


async def test_a_poll_is_purged_when_its_appeal_period_is_over(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "PIECE", 10)  # of which there are then several
    async with Http(service.base_url) as http, open_connection(service.database_url) as connection:
        poll, readers = await with_votes(service, http)
        running = await service.add_poll("Who is next?")
        async with service.editor() as editor:
            closed = await editor.close_poll(poll)
        assert closed.closes_at is not None
        early, late = closed.closes_at + MONTH - 1, closed.closes_at + MONTH
        assert (await purge(connection, lambda: early, MONTH)).polls == 0
        assert len(await key_of(connection, poll)) == 32
        assert len(await networks_of(connection, poll)) == VOTERS

        purged = await purge(connection, lambda: late, MONTH)
        assert (purged.polls, purged.ballots) == (1, VOTERS)
        assert await key_of(connection, poll) == b""
        assert await networks_of(connection, poll) == {("", False)}
        assert len(await key_of(connection, running)) == 32
        again = await purge(connection, lambda: late, MONTH)
        assert (again.polls, again.ballots) == (0, 0)

        [(action, subject)] = await connection.rows(
            "SELECT action, subject FROM audit_log ORDER BY number DESC LIMIT 1"
        )
        assert (action, subject) == ("poll.purge", f"poll:{poll}")
        assert (await http.counts(poll))[:2] == [13, 12]

        async def forgotten() -> bool:  # not even the same vote again finds its ballot
            return (await readers[0].vote(poll, 1)).status == 409

        await until(forgotten)
        assert (await readers[2].vote(poll, 1)).code == "poll_not_open"
    await service.assert_clean()
    async with service.editor() as editor:
        with pytest.raises(PollError, match="make a new version") as refused:
            await editor.open_poll(poll)
        assert refused.value.code == "not_possible_now"


async def test_a_poll_that_is_opened_again_meanwhile_keeps_its_key(service: Service) -> None:
    async with Http(service.base_url) as http, open_connection(service.database_url) as connection:
        poll, readers = await with_votes(service, http)
        async with service.editor() as editor:
            await editor.close_poll(poll)
            await editor.open_poll(poll)
        assert (await purge(connection, lambda: time.time() + 2 * MONTH, MONTH)).polls == 0
        assert len(await key_of(connection, poll)) == 32

        async def open_again() -> bool:  # the service hears of it in a moment
            return (await readers[0].vote(poll, 2)).status == 200

        await until(open_again)


async def test_heads_are_thinned_to_one_an_hour_after_a_day(service: Service) -> None:
    hour = 3_600
    async with Http(service.base_url) as http, open_connection(service.database_url) as connection:
        poll = await service.add_poll()
        for number in range(6):
            assert (await Reader(http).vote(poll, 1)).status == 201

            async def sealed(number: int = number) -> bool:
                return len(await ballot_log.heads(connection)) > number

            await until(sealed)
        sizes = [one.size for one in await ballot_log.heads(connection)]
        now = 500_000 * hour
        times = [now - 30 * hour, now - 30 * hour + 2, now - 30 * hour + 9, now - 28 * hour, now - 5, now - 3]
        for size, at in zip(sizes, times, strict=True):
            await connection.rows("UPDATE checkpoints SET at = :at WHERE size = :size", at=at, size=size)
        assert (await purge(connection, lambda: now, MONTH)).heads == 2
        assert [one.size for one in await ballot_log.heads(connection)] == sizes[2:]
        assert (await purge(connection, lambda: now, MONTH)).heads == 0
    await service.assert_clean()


async def test_salts_of_past_days_and_sessions_that_are_over_go(service: Service) -> None:
    async with open_connection(service.database_url) as connection:
        await connection.rows("INSERT INTO salts (day, salt) VALUES (5, :salt)", salt=b"old" * 5)
        assert (await purge(connection, time.time, MONTH)).salts == 1
        today = int(time.time()) // DAY
        days = [day for (day,) in await connection.rows("SELECT day FROM salts ORDER BY day")]
        assert days == [today, today + 1]


async def test_by_command(service: Service) -> None:
    service.env["POLLSVC_APPEAL_DAYS"] = "0"
    async with Http(service.base_url) as http:
        poll, _ = await with_votes(service, http)
        async with service.editor() as editor:
            await editor.close_poll(poll)
    assert json.loads(await service.run("purge", "--dry-run", "--json")) == {"due": [poll]}
    assert await service.run("purge", "--dry-run") == f"{poll}\n1 polls\n"
    told: dict[str, Any] = json.loads(await service.run("purge", "--json"))
    assert (told["polls"], told["ballots"], told["wiped"]) == (1, VOTERS, True)
    assert "Destroyed the keys of 0 polls" in await service.run("purge")


async def test_the_service_purges_by_itself_and_no_file_has_it_any_more(tmp_path: Path) -> None:
    """Neither the key nor a salt of a past day, nor a network's tag, anywhere in what SQLite has written."""
    env = {**PROXY, "POLLSVC_APPEAL_DAYS": "0"}
    async with run_service(tmp_path, env=env, site=True) as service:
        async with Http(service.base_url) as http:
            poll, _ = await with_votes(service, http)
        for _ in range(40):  # polls enough for the page with the key to be split
            await service.add_poll()
        salt = b"a salt of yesterday"
        async with open_connection(service.database_url) as connection:
            key = await key_of(connection, poll)
            tags = [tag.encode() for tag, _ in await networks_of(connection, poll)]
            await connection.rows("INSERT INTO salts (day, salt) VALUES (9, :salt)", salt=salt)
        secrets = [key, salt, *tags]
        assert all(secret in written(tmp_path) for secret in secrets)
        async with service.editor() as editor:
            await editor.close_poll(poll)
        await service.stop()
        await service.start()

        async def gone() -> bool:
            return not any(secret in written(tmp_path) for secret in secrets)

        await until(gone)
        await service.assert_clean()


def written(folder: Path) -> bytes:
    """All that is in the files of the database."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("pollsvc.db*")))


async def test_postgresql_has_a_key_in_the_tables_file_no_more(tmp_path: Path, postgres: str) -> None:
    """A dead row keeps its bytes, also after a vacuum, until the table is rewritten."""
    url = await create_with_tables(postgres)
    async with (
        run_service(tmp_path, url, env=PROXY, site=True) as service,
        Http(service.base_url) as http,
        open_connection(url) as connection,
    ):
        poll, _ = await with_votes(service, http)
        key = await key_of(connection, poll)

        async def in_the_file() -> bool:
            await connection.rows("CHECKPOINT")
            rows = await connection.rows("SELECT pg_read_binary_file(pg_relation_filepath('polls'))")
            return key in bytes(rows[0][0])

        assert await in_the_file()
        async with service.editor() as editor:
            await editor.close_poll(poll)
        service.env["POLLSVC_APPEAL_DAYS"] = "0"
        said = await service.run("purge")
        assert "Destroyed the keys of 1 polls" in said
        assert not await in_the_file()
        await service.assert_clean()
    await drop_database(postgres, url)
