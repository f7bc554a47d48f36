"""The public histories of polls in memory, so that readers cause at most one query a second for each."""

import asyncio
from collections.abc import Sequence
from time import monotonic

from pollsvc.domain.clock import rfc3339
from pollsvc.domain.history import Noted
from pollsvc.services.snapshots import Body
from pollsvc.storage.database import Connection, busy_if_away
from pollsvc.storage.history import history_of

KEPT_FOR = 1.0
"""Seconds for which a history is taken as it was read."""
_KEPT = 1_000  # histories that are kept at most


class PublicHistory:
    """Reads the history of polls, until `stop`. Whether readers may know of a poll, the caller sees to."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._read: dict[str, tuple[float, asyncio.Task[Sequence[Noted]]]] = {}

    async def stop(self) -> None:
        await asyncio.gather(*(task for _, task in self._read.values()), return_exceptions=True)

    async def of(self, poll: str) -> Sequence[Noted]:
        """What has changed in a poll, oldest first. Raises PollError `busy`."""
        until, task = self._read.get(poll, (0.0, None))
        if task is None or until <= monotonic() or (task.done() and task.exception()):
            task = asyncio.create_task(self._load(poll), name=f"history of {poll}")
            if len(self._read) >= _KEPT:
                self._read.clear()
            self._read[poll] = (monotonic() + KEPT_FOR, task)
        with busy_if_away():
            return await asyncio.shield(task)

    async def _load(self, poll: str) -> Sequence[Noted]:
        return await history_of(self._connection, poll)


def history_body(poll: str, changes: Sequence[Noted]) -> Body:
    """A poll's history as it is sent to readers."""
    return Body.of(
        {
            "id": poll,
            "changes": [
                {
                    "number": number,
                    "at": rfc3339(at),
                    "what": notice.what,
                    "option": notice.option,
                    "lang": notice.lang,
                    "old": notice.old,
                    "new": notice.new,
                }
                for number, at, notice in changes
            ],
        }
    )
