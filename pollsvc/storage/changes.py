"""«This poll changed», from one process to the others on the same database.

PostgreSQL carries it by NOTIFY, at most once a transaction. On SQLite a held connection reads
`PRAGMA data_version`, which moves when another connection has committed; it does not tell which polls.
A notice may be lost (a broken connection), so the listener also says "look for yourself" now and then.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from pollsvc.domain.tally import Change
from pollsvc.storage.database import TIMEOUT, Connection

logger = logging.getLogger(__name__)

CHANNEL = "pollsvc_changes"
_MAX_PAYLOAD = 7_999  # bytes; PostgreSQL's limit on a notification is below 8000

POLL_INTERVAL = 0.1
"""Seconds between two looks at SQLite's data_version."""
AGAIN_AFTER = 1.0
"""Seconds between two attempts to connect anew."""
CHECK_INTERVAL = 5.0
"""Seconds after which a check is due even though no notice came."""

OnChange = Callable[[Mapping[str, int] | None], None]
"""Told the new versions of changed polls by id, or None: any poll may have changed."""


async def announce(connection: Connection, changes: Sequence[Change]) -> None:
    """Tell the other processes of these changes when the current transaction commits."""
    if connection.sqlite or not changes:
        return  # SQLite's data_version moves by itself
    payload = json.dumps({change.poll: change.version for change in changes}, separators=(",", ":"))
    await connection.rows(
        "SELECT pg_notify(:channel, :payload)",
        channel=CHANNEL,
        payload=payload if len(payload) <= _MAX_PAYLOAD else "",
    )


class ChangeListener:
    """Calls `on_change` soon after any process has committed a change; between `start` and `stop`."""

    def __init__(self, url: str, on_change: OnChange) -> None:
        self._connection = Connection(url, timeout=TIMEOUT)
        self._on_change = on_change
        self._lost = asyncio.Event()  # the connection to PostgreSQL has ended
        self._version = 0  # SQLite's data_version when changes were last told
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._connection.open()
        await self._subscribe()
        self._task = asyncio.create_task(self._run(), name="change listener")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._connection.close()

    async def _run(self) -> None:
        watch = self._watch_data_version if self._connection.sqlite else self._watch_notices
        while True:
            try:
                await watch()
            except Exception as error:  # any driver's error: the database is away
                logger.warning("Changes by other processes are not heard: %s; connecting again.", error)
                await self._reconnect()
                logger.warning("Changes by other processes are heard again.")
            self._on_change(None)

    async def _reconnect(self) -> None:
        while True:
            await asyncio.sleep(AGAIN_AFTER)
            with suppress(Exception):  # still away
                await self._connection.reopen()
                await self._subscribe()
                return

    async def _subscribe(self) -> None:
        if self._connection.sqlite:
            self._version = await self._data_version()
        else:
            self._lost.clear()
            self._connection.raw.add_termination_listener(lambda _connection: self._lost.set())
            await self._connection.raw.add_listener(CHANNEL, self._notice)

    async def _watch_data_version(self) -> None:
        """Return when another connection has committed since it last did, or after CHECK_INTERVAL."""
        for _ in range(int(CHECK_INTERVAL / POLL_INTERVAL)):
            await asyncio.sleep(POLL_INTERVAL)
            before, self._version = self._version, await self._data_version()
            if self._version != before:
                return

    async def _data_version(self) -> int:
        [(version,)] = await self._connection.rows("PRAGMA data_version")
        return int(version)

    async def _watch_notices(self) -> None:
        """Return after CHECK_INTERVAL, if the connection still lives; notices come by callback."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._lost.wait(), CHECK_INTERVAL)
        await self._connection.rows("SELECT 1")

    def _notice(self, _connection: object, _pid: int, _channel: str, payload: str) -> None:
        self._on_change(json.loads(payload) if payload else None)
