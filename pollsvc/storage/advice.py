"""What a driver's error means to whoever runs the service: one sentence that says what to do."""

import sqlite3
from collections.abc import Iterator

from pollsvc.storage.sqlite_file import ReplacedError

_ADVICE = {
    sqlite3.SQLITE_NOTADB: (
        "The file that POLLSVC_DATABASE_URL names is damaged ({}): stop pollsvc, put it and those beside it "
        "that end in -wal and -shm aside, and put a backup in its place."
    ),
    sqlite3.SQLITE_FULL: "The disk is full ({}): free some space, and votes are taken again by themselves.",
    sqlite3.SQLITE_READONLY: (
        "The database cannot be written ({}): let the user that runs pollsvc write the file and its folder, "
        "on a file system that is not read-only."
    ),
    sqlite3.SQLITE_IOERR: (
        "The disk failed ({}): see that it is healthy, not full, within its quota and not read-only."
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "The database cannot be opened ({}): check POLLSVC_DATABASE_URL, and that the user that runs pollsvc "
        "may write there."
    ),
}
_ADVICE[sqlite3.SQLITE_CORRUPT] = _ADVICE[sqlite3.SQLITE_NOTADB]


SqliteError = sqlite3.Error
"""What SQLite raises; `advice` has a sentence for it."""


def advice(error: BaseException) -> str:
    """One sentence for the log or the command line; what the driver says stands in it.

    SQLite's codes are in https://www.sqlite.org/rescode.html.
    """
    for one in _chain(error):
        if isinstance(one, ReplacedError):
            return str(one)
        if sentence := _ADVICE.get((getattr(one, "sqlite_errorcode", None) or 0) & 0xFF):
            return sentence.format(one)
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    return f"The database is not there ({said}): see that it runs, and check POLLSVC_DATABASE_URL."


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = getattr(error, "orig", None) or error.__cause__
