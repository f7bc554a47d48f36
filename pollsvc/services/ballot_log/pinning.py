"""Pinning the log's signed heads in a file outside the database, so that a rewritten history shows."""

import asyncio
import logging
from pathlib import Path

from pollsvc.domain.errors import bad
from pollsvc.storage.ballot_log import last_head
from pollsvc.storage.pin_file import pin, try_to_open
from pollsvc.storage.pool import Pool

logger = logging.getLogger(__name__)

EVERY = 10.0
"""Seconds between two heads in the file, by whichever process."""
_LOOK_EVERY = 2.0  # seconds
_LAST_TRIES = 20  # when the service ends, a twentieth of a second apart


class Pinning:
    """Pins the newest head in the file at `path`, between `start` and `stop`; without one, nothing.

    That several processes do harms nothing.
    """

    def __init__(self, pool: Pool, path: str, every: float = EVERY) -> None:
        self._pool = pool
        self._path = path
        self._every = every
        self._pinned = 0  # the largest head of which this process knows that it is in the file
        self._fails = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._path:
            self._task = asyncio.create_task(self._run(), name="pins of the log")

    async def stop(self) -> None:
        """Pin the last head, however soon after the one before, then end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            for _ in range(_LAST_TRIES):
                if await self._attempt(0.0):
                    break
                await asyncio.sleep(0.05)
        await self._pool.stop()

    async def _run(self) -> None:
        while True:
            await self._attempt(self._every)
            await asyncio.sleep(_LOOK_EVERY)

    async def _attempt(self, every: float) -> bool:
        """Whether there is nothing left to pin; what fails is told once, and tried again."""
        try:
            done = await self._look(every)
        except Exception as error:
            if not self._fails:
                logger.error("Heads of the log cannot be pinned in %s: %r", self._path, error)
            self._fails = True
            return False
        if self._fails:
            logger.warning("Heads of the log are pinned in %s again.", self._path)
        self._fails = False
        return done

    async def _look(self, every: float) -> bool:
        async with self._pool.connection() as connection:
            head = await last_head(connection)
        if head is None or head.size <= self._pinned:
            return True
        if not await asyncio.to_thread(pin, Path(self._path), head.size, head.note, every):
            return False
        self._pinned = head.size
        return True


def require_pin_file(path: str) -> None:
    """Raises PollError `bad_request` when heads cannot be pinned in this file."""
    try:
        try_to_open(Path(path))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise bad(f"POLLSVC_PIN_FILE cannot be appended to: {path!r}: {reason}.") from None
