"""A backup is made while votes come in, says whether it is whole, and is put back whole or not at all."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from tests.support.deployed import commands
from tests.support.postgres import create_database, drop_database
from tests.support.programs import run
from tests.support.reader import Http, Reader, Wire, new_key, vote_bytes
from tests.support.server import CliError, Service, run_service

VOTES = 400


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with run_service(tmp_path, site=True) as running:
        yield running


class Voters:
    """Readers who vote all the time; each remembers their receipt, in the order of the answers."""

    def __init__(self, service: Service, poll: str) -> None:
        self._service = service
        self._poll = poll
        self._ended = False
        self.receipts: dict[str, bytes] = {}
        self.refused: list[int] = []

    async def vote(self, until: Callable[[], bool]) -> None:
        """Vote over several connections until that is so."""
        await asyncio.gather(*(self._one(until) for _ in range(8)))

    async def _one(self, until: Callable[[], bool]) -> None:
        with Wire(self._service.base_url) as wire:
            while not until():
                key = new_key()
                answer = await wire.ask(vote_bytes(self._poll, {"selection": [1], "idempotency_key": key}))
                if answer.status == 201:
                    self.receipts[key] = answer.receipt
                else:
                    self.refused.append(answer.status)


async def test_a_backup_under_load_holds_all_that_was_answered_before_it_began(
    service: Service, tmp_path: Path
) -> None:
    poll = await service.add_poll()
    voters, file = Voters(service, poll), tmp_path / "backup.db"
    await voters.vote(lambda: len(voters.receipts) >= VOTES)
    before = dict(voters.receipts)
    copying = asyncio.create_task(service.cli("backup", str(file)))
    await voters.vote(copying.done)
    told = await copying
    assert voters.refused == []
    during = len(voters.receipts) - len(before)
    assert during > 50  # nobody waited for it
    assert VOTES <= told["ballots"] <= VOTES + during
    assert told["found"] == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.glob("*backup*")) == ["backup.db"]
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as copy:
        [(ballots,)] = copy.execute("SELECT COUNT(*) FROM ballots")
        assert ballots == told["ballots"]

    other = tmp_path / "other"
    other.mkdir()
    restored = Service(f"sqlite:///{other}/restored.db", other, {}, 1)
    assert await restored.cli("restore", str(file)) == {
        "restored": True,
        "aside": None,
        "polls": 1,
        "ballots": ballots,
        "found": 0,
    }
    try:
        await restored.start()
        async with Http(restored.base_url) as http:
            assert await http.counts(poll) == [ballots, 0, 0]
            for key, receipt in list(before.items())[:20]:
                again = await http.post_vote(poll, {"selection": [1], "idempotency_key": key})
                assert (again.status, again.receipt) == (200, receipt)
            assert (await Reader(http).vote(poll, 2)).status == 201
        await restored.assert_clean()
    finally:
        await restored.end()


async def refusal(service: Service, *args: str) -> str:
    with pytest.raises(CliError) as failed:
        await service.run(*args)
    return failed.value.output


async def test_a_restore_puts_the_old_database_aside_and_asks_for_the_service_to_be_stopped(
    service: Service, tmp_path: Path
) -> None:
    poll = await service.add_poll()
    file, database = tmp_path / "backup.db", tmp_path / "pollsvc.db"
    async with Http(service.base_url) as http:
        assert (await Reader(http).vote(poll, 1)).status == 201
        said = await service.run("backup", str(file))
        assert "1 ballots in 1 polls, all agree" in said
        assert "is there already" in await refusal(service, "backup", str(file))
        assert (await Reader(http).vote(poll, 2)).status == 201
        assert "is in use: stop pollsvc first" in await refusal(service, "restore", str(file))
        assert (await Reader(http).vote(poll, 3)).status == 201
    await service.stop()
    database.chmod(0o640)
    told = await service.cli("restore", str(file))
    assert (told["ballots"], database.stat().st_mode & 0o777) == (1, 0o640)
    with closing(sqlite3.connect(told["aside"])) as aside:
        assert aside.execute("SELECT COUNT(*) FROM ballots").fetchall() == [(3,)]
    await service.start()
    async with Http(service.base_url) as http:
        assert await http.counts(poll) == [1, 0, 0]
    assert not list(tmp_path.glob(".*"))


def cut_off(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def overwrite(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        [(page,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ballots'")
        [(size,)] = connection.execute("PRAGMA page_size")
    with file.open("r+b") as opened:
        opened.seek((page - 1) * size)
        opened.write(os.urandom(size))


def stuff(file: Path) -> None:
    """A ballot says something else than its leaf in the log."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("UPDATE ballots SET selection = '2'")


def make_text(file: Path) -> None:
    file.write_text("CREATE TABLE ballots\n" * 500)


@pytest.mark.parametrize("harm", [cut_off, overwrite, stuff, make_text], ids=lambda harm: str(harm.__name__))
async def test_a_backup_that_is_not_whole_is_not_restored(
    service: Service, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    poll = await service.add_poll()
    file = tmp_path / "backup.db"
    async with Http(service.base_url) as http:
        assert (await Reader(http).vote(poll, 1)).status == 201
        await service.run("backup", str(file))
        assert (await Reader(http).vote(poll, 1)).status == 201
    await service.stop()
    harm(file)
    output = await refusal(service, "restore", str(file))
    assert "Traceback" not in output
    assert len(await service.ballots(poll)) == 2
    assert not list(tmp_path.glob(".*"))
    if harm is stuff:
        assert "was not restored" in output
        assert (await service.cli("restore", str(file), "--anyway"))["found"] > 0
        assert len(await service.ballots(poll)) == 1


async def test_what_was_deleted_meanwhile_does_not_come_back(tmp_path: Path) -> None:
    """A key that was destroyed after the appeal period is in an older backup still."""
    async with run_service(tmp_path, env={"POLLSVC_APPEAL_DAYS": "0"}, site=True) as service:
        poll = await service.add_poll()
        async with Http(service.base_url) as http:
            assert (await Reader(http).vote(poll, 1)).status == 201
        async with service.editor() as editor:
            await editor.close_poll(poll)
        file = tmp_path / "backup.db"
        await service.run("backup", str(file))
        await service.stop()
        with closing(sqlite3.connect(file)) as copy:
            [(key,)] = copy.execute("SELECT LENGTH(key) FROM polls").fetchall()
            assert key > 0
        await service.run("restore", str(file))
        with closing(sqlite3.connect(tmp_path / "pollsvc.db")) as database:
            assert database.execute("SELECT LENGTH(key) FROM polls").fetchall() == [(0,)]
        await service.assert_clean()


async def test_postgresql_is_copied_by_its_own_means(tmp_path: Path, postgres: str) -> None:
    """With the commands of docs/deploy.md, under load; the copy recounts."""
    tools = await _tools(postgres)
    url = await create_database(postgres)
    other = await create_database(postgres)
    try:
        async with run_service(tmp_path, url, site=True) as service:
            assert "pg_dump" in await refusal(service, "backup", str(tmp_path / "x"))
            poll = await service.add_poll()
            voters = Voters(service, poll)
            await voters.vote(lambda: len(voters.receipts) >= VOTES)
            dump, put_back = commands("pg_dump", "pg_restore")
            file = {"polls.dump": str(tmp_path / "polls.dump"), "$POLLSVC_DATABASE_URL": url}
            copying = asyncio.create_task(run(*_with(tools, dump, file)))
            await voters.vote(copying.done)
            await copying
            assert voters.refused == []
            await run(*_with(tools, put_back, {**file, "$POLLSVC_DATABASE_URL": other}))
            copy = Service(other, tmp_path, {}, 1)
            told = await copy.cli("audit")
            assert (told["ok"], VOTES <= told["ballots"] <= len(voters.receipts)) == (True, True)
    finally:
        await drop_database(postgres, url)
        await drop_database(postgres, other)


def _with(tools: Path, command: list[str], places: dict[str, str]) -> list[str]:
    program, *args = command
    return [str(tools / program), *(places.get(arg, arg) for arg in args)]


async def _tools(server: str) -> Path:
    """Where the programs of a server's own release are; another release's may refuse it."""
    connection = await asyncpg.connect(server)
    try:
        return Path(await connection.fetchval("SELECT setting FROM pg_config WHERE name = 'BINDIR'"))
    finally:
        await connection.close()
