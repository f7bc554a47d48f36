"""The file that signed heads of the log are pinned in: outside the database, and only ever appended to.

It is C2SP tlog-checkpoints one after the other, an empty line behind each. Processes of one machine take
turns by a lock on it.
"""

import fcntl
import os
import re
import time
from pathlib import Path

_TAIL = 4_096  # bytes at the end, in which the last head is
_HEAD = re.compile(rb"^[^\n]+\n([0-9]+)\n[A-Za-z0-9+/]{43}=\n\n\xe2\x80\x94 [^\n]+\n", re.MULTILINE)


def pin(path: Path, size: int, note: str, every: float) -> bool:
    """Append a head of so many leaves, durably; whether that was done.

    It is not when a head as large is there already, when the file was written to less than `every` seconds
    ago, or while another process writes to it. What a crash cut off is left as it is, on lines of its own.
    Raises OSError.
    """
    is_new = not path.exists()
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        known = os.fstat(file)
        tail = os.pread(file, _TAIL, max(known.st_size - _TAIL, 0))
        if known.st_size and time.time() - known.st_mtime < every:
            return False
        if max(map(int, _HEAD.findall(tail)), default=0) >= size:
            return False
        begin = "" if not tail or tail.endswith(b"\n\n") else "\n\n"
        text = f"{begin}{note}\n".encode()
        if os.write(file, text) != len(text):
            raise OSError("the disk is full")
        os.fsync(file)
    finally:
        os.close(file)  # which ends the lock
    if is_new:
        _sync_folder(path.parent)
    return True


def try_to_open(path: Path) -> None:
    """See whether it can be appended to; it is made if it is not there. Raises OSError."""
    os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644))


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
