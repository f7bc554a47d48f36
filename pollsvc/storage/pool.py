"""A few connections for whoever needs one for a while: an editor's request, an export, a webhook."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pollsvc.domain.errors import PollError, busy
from pollsvc.domain.leaves import Stamp, no_stamp
from pollsvc.storage.database import TIMEOUT, Connection, busy_if_away


class Pool:
    """Up to `size` connections, opened when they are first wanted, until `stop`; see `Connection`."""

    def __init__(self, url: str, size: int, stamp: Stamp = no_stamp) -> None:
        self._url = url
        self._stamp = stamp
        self._turns = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._taken: set[Connection] = set()

    async def stop(self) -> None:
        """Close all connections, those in use too."""
        for connection in (*self._idle, *self._taken):
            await connection.close()
        self._idle.clear()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection that nobody else uses meanwhile; one on which something failed is not kept.

        Raises PollError `busy` when none came free in time, or the database is away.
        """
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._turns.acquire()
        except TimeoutError:
            raise busy() from None
        connection = self._idle.pop() if self._idle else self._new()
        self._taken.add(connection)
        keep = False
        try:
            if connection.broken:
                with busy_if_away():
                    await connection.reopen()
            try:
                yield connection
            except PollError:
                keep = not connection.broken
                raise
            keep = True
        finally:
            self._taken.discard(connection)
            self._turns.release()
            if keep:
                self._idle.append(connection)
            else:
                await connection.close()

    def _new(self) -> Connection:
        return Connection(self._url, self._stamp, timeout=TIMEOUT)
