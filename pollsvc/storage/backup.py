"""Copies of a SQLite database: made while it is used, checked, and put back."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from pollsvc.domain.errors import bad

_PAGES = 2_000  # that are copied between two signs of progress
_BESIDE = ("", "-wal", "-shm")  # how the files of one database end


def copy(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """A copy as of the moment when this begins, in one file that only this user may read.

    Nobody who writes waits for it: it reads in one transaction (https://www.sqlite.org/backup.html), and what
    is written meanwhile stays in the write-ahead log. Raises PollError when that cannot be done, or what is
    read is damaged.
    """
    try:
        target.touch(mode=0o600, exist_ok=False)
        with _opened(source) as one, closing(sqlite3.connect(target)) as other:
            one.execute("BEGIN")
            one.execute("SELECT COUNT(*) FROM sqlite_master").fetchall()  # the moment
            one.backup(other, pages=_PAGES, progress=lambda _, left, pages: progress(pages - left, pages))
        settle(target)
    except (sqlite3.Error, OSError) as error:
        raise bad(f"{source} cannot be copied: {error}.") from error


def settle(file: Path) -> None:
    """Check a database that nobody uses, and have it in one file, durably.

    Raises PollError when it is damaged, and what SQLite raises.
    """
    with _opened(file) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        [(verdict,), *_] = connection.execute("PRAGMA integrity_check(1)").fetchall()
        if verdict != "ok":
            raise bad(f"{file} is damaged: {verdict}.")
    _sync(file)


@contextmanager
def unused(file: Path) -> Iterator[None]:
    """Keep all others from a database while the block lasts. Raises PollError when somebody uses it.

    One that is not there, or so damaged that it cannot be opened, nobody uses.
    """
    if not file.exists():
        yield
        return
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = DELETE")  # nobody else may have it open
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if (error.sqlite_errorcode & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise bad(f"{file} is in use: stop pollsvc first.") from None
        yield


def replace(file: Path, new: Path) -> Path | None:
    """Put a settled database in the place of another; where that one's files are now, if there was one."""
    like = file.stat() if file.exists() else file.parent.stat()
    if os.geteuid() == 0:  # the service's user is to go on with it
        os.chown(new, like.st_uid, like.st_gid)
    new.chmod((like.st_mode & 0o777) if file.exists() else 0o600)
    aside = file.with_name(f"{file.name}.replaced-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    there = False
    for end in reversed(_BESIDE):  # the log of the old one must never meet the new one
        with suppress(FileNotFoundError):
            file.with_name(file.name + end).rename(aside.with_name(aside.name + end))
            there = True
    new.rename(file)
    _sync(file.parent)
    return aside if there else None


def discard(file: Path) -> None:
    """Delete a copy, and what SQLite has put beside it."""
    for end in _BESIDE:
        file.with_name(file.name + end).unlink(missing_ok=True)


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    try:
        connection = sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise bad(f"{file} cannot be opened: {error}.") from error
    with closing(connection):
        yield connection


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
