"""How a SQLite file is opened, and whether it is still that one: what goes into one that is gone is lost."""

import os
from contextlib import suppress
from pathlib import Path

from databases import DatabaseURL

BUSY_TIMEOUT_MS = 10_000
"""How long a SQLite connection waits for another process's write before it gives up."""

PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # an acknowledged vote survives a power cut
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # what is deleted is in no free page either
    "PRAGMA wal_autocheckpoint = 4000",  # pages: a page that many votes touch is then copied once
)


def file_of(url: str) -> Path | None:
    """The SQLite file that a URL names; None for PostgreSQL."""
    parsed = DatabaseURL(url)
    return Path(parsed.database).absolute() if parsed.dialect == "sqlite" else None


class ReplacedError(Exception):
    """The SQLite file at this path is not the one that was opened before, or is gone."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"The database file {path} was replaced or moved while pollsvc was running: stop pollsvc, put "
            "the files beside it that end in -wal and -shm aside if they are of another, and start it anew."
        )


class SqliteFile:
    """The file at a path, from its first `check` on."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._known: tuple[int, int] | None = None  # device and inode

    def check(self) -> None:
        """Raises ReplacedError when there is no file or another one; no disk is waited for."""
        with suppress(FileNotFoundError):
            found = os.stat(self._path)  # noqa: PTH116 - a Path costs more than the call
            if self._known in (None, (found.st_dev, found.st_ino)):
                self._known = found.st_dev, found.st_ino
                return
        raise ReplacedError(self._path)
