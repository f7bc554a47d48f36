"""A SQLite file that is damaged, read-only or replaced is refused in a line that says what to do."""

import os
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.load import Load
from tests.support.reader import Http, Reader
from tests.support.server import CliError, run_service, until

PAGE = 2_048
VOTES = 30


def spoil_beginning(file: Path) -> None:
    _overwrite(file, 0, secrets.token_bytes(100))


def cut_off(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 3 // PAGE * PAGE)


def spoil_ballots(file: Path) -> None:
    """A page that is not looked at before somebody votes."""
    with closing(sqlite3.connect(file)) as connection:
        [(page,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ballots'")
    _overwrite(file, (page - 1) * PAGE, secrets.token_bytes(PAGE))


def _overwrite(file: Path, at: int, content: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(content)


def copy(source: Path, target: Path) -> None:
    """A copy by SQLite's own means, as `pollsvc backup` makes one."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


@pytest.mark.parametrize("damage", [spoil_beginning, cut_off, spoil_ballots])
async def test_a_damaged_file_is_refused_and_a_copy_restores_it(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    file, kept = tmp_path / "pollsvc.db", tmp_path / "backup.db"
    async with run_service(tmp_path, site=True) as service, Http(service.base_url) as http:
        poll = await service.add_poll()
        for _ in range(VOTES):
            assert (await Reader(http).vote(poll, 1)).status == 201
        copy(file, kept)
        await service.stop()
        damage(file)

        with pytest.raises(CliError) as audit:
            await service.run("audit")
        assert audit.value.status == 2
        assert_says_what_to_do(audit.value.output)
        service.log.write_bytes(b"")
        if damage is spoil_ballots:
            await service.start()
            assert (await http.results(poll))["voters"] == VOTES
            assert (await Reader(http).vote(poll, 1)).code == "busy"
            assert (await http.get("/readyz")).status == 503
            assert_says_what_to_do(
                "".join(line for line in service.log.read_text().splitlines() if " ERROR " in line)
            )
            await service.stop()
        else:
            with pytest.raises(AssertionError) as start:
                await service.start()
            assert_says_what_to_do(str(start.value))

        for end in ("", "-wal", "-shm"):
            (tmp_path / f"pollsvc.db{end}").unlink(missing_ok=True)
        kept.rename(file)
        await service.start()
        assert (await http.counts(poll)) == [VOTES, 0, 0]
        assert (await Reader(http).vote(poll, 1)).status == 201
        await service.assert_clean()


def assert_says_what_to_do(said: str) -> None:
    [line] = said.strip().splitlines()
    assert "damaged" in line
    assert "backup" in line


async def test_nothing_is_written_into_a_file_that_was_replaced(tmp_path: Path) -> None:
    """Votes are refused until a new start, so that none is acknowledged into a file that is gone."""
    file, kept = tmp_path / "pollsvc.db", tmp_path / "backup.db"
    async with run_service(tmp_path, site=True) as service, Http(service.base_url) as http:
        poll = await service.add_poll()
        for _ in range(VOTES):
            await Reader(http).vote(poll, 1)
        copy(file, kept)
        before, after = Load(service, poll), Load(service, poll)
        async with before.running():
            await before.more(100)
            kept.rename(file)
            await until(lambda: _refused(before))
        known = len(before.acknowledged)
        assert (await http.get("/readyz")).status == 503
        assert (await http.results(poll))["voters"] >= VOTES + known
        assert "replaced" in service.log.read_text()
        await service.stop()
        for end in ("-wal", "-shm"):  # of the file that was there
            (tmp_path / f"pollsvc.db{end}").unlink(missing_ok=True)
        await service.start()
        assert (await http.results(poll))["voters"] == VOTES  # the copy's
        async with after.running():
            await after.more(100)
        assert len(await service.ballots(poll)) >= VOTES + 100
        await service.assert_clean()


async def test_a_file_that_comes_back_is_written_again(tmp_path: Path) -> None:
    file, away = tmp_path / "pollsvc.db", tmp_path / "away.db"
    async with run_service(tmp_path, site=True) as service, Http(service.base_url) as http:
        poll = await service.add_poll()
        load = Load(service, poll)
        async with load.running():
            await load.more(50)
            file.rename(away)
            await until(lambda: _refused(load))
            away.rename(file)
            await load.more(50)
        await load.assert_kept(http)
        await service.assert_clean()


async def _refused(load: Load) -> bool:
    return len(load.refused) >= 50
