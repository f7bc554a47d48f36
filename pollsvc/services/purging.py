"""What is kept for a while only, and goes when its time is over.

When a poll has been closed for the appeal period, its key and the networks of its ballots are deleted: from
then on nobody can tell which ballot is a reader's, not even with the reader's token and the whole database.
Ballots themselves stay, so that everybody can go on recounting them.
"""

import asyncio
import logging
from typing import NamedTuple

from pollsvc.domain.clock import Clock
from pollsvc.domain.log import SYSTEM, Act, Actor
from pollsvc.services.accounts.sessions import ABSOLUTE, IDLE
from pollsvc.storage import log
from pollsvc.storage import purge as store
from pollsvc.storage.accounts import delete_expired
from pollsvc.storage.alerts import forget_networks
from pollsvc.storage.database import Connection
from pollsvc.storage.pool import Pool

logger = logging.getLogger(__name__)

DAY = 86_400
"""Seconds; heads of the log are thinned to one an hour when they are as old as that."""
EVERY = 600.0
"""Seconds between two looks at what has had its time."""
PIECE = 2_000
"""Of how many ballots the networks are cleared in one transaction; votes wait meanwhile."""
HEADS = 5_000
"""How many heads are deleted in one transaction."""


class Purged(NamedTuple):
    """How much of each was deleted: polls' keys, ballots' networks, salts of days, sessions, heads."""

    polls: int
    ballots: int
    salts: int
    sessions: int
    heads: int


async def due(connection: Connection, clock: Clock, appeal: int) -> list[str]:
    """The polls that closed more than `appeal` seconds ago and have their keys still."""
    return await store.due_polls(connection, int(clock()) - appeal)


async def purge(connection: Connection, clock: Clock, appeal: int, actor: Actor = SYSTEM) -> Purged:
    """Delete what has had its time, on a connection that nobody else uses; `appeal` is in seconds.

    Each poll whose key is destroyed is in the log of edits.
    """
    now = int(clock())
    polls = ballots = heads = 0
    for poll in await due(connection, clock, appeal):
        ballots += await _clear_networks(connection, poll)
        async with log.editing(connection):
            if await store.destroy_key(connection, poll, now - appeal):
                await forget_networks(connection, poll)
                await log.append(connection, Act(actor, "poll.purge", f"poll:{poll}", {}, {}), now)
                polls += 1
    salts = await store.delete_salts(connection, now // DAY)
    sessions = await delete_expired(connection, now - IDLE, now - ABSOLUTE)
    while deleted := await store.thin_heads(connection, now - DAY, HEADS):
        heads += deleted
    return Purged(polls, ballots, salts, sessions, heads)


async def _clear_networks(connection: Connection, poll: str) -> int:
    cleared, last = await store.clear_networks(connection, poll, "", PIECE)
    while last:
        more, last = await store.clear_networks(connection, poll, last, PIECE)
        cleared += more
    return cleared


class Purging:
    """Purges by itself, between `start` and `stop`; that several processes do harms nothing."""

    def __init__(self, pool: Pool, clock: Clock, appeal: int) -> None:
        self._pool = pool
        self._clock = clock
        self._appeal = appeal
        self._to_wipe = True  # what was deleted before this start, too
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="purging")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._pool.stop()

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except Exception as error:
                logger.warning("What has had its time was not deleted, and will be later: %r", error)
            await asyncio.sleep(EVERY)

    async def _look(self) -> None:
        async with self._pool.connection() as connection:
            purged = await purge(connection, self._clock, self._appeal)
            self._to_wipe = self._to_wipe or any(purged)
            if self._to_wipe:
                self._to_wipe = not await store.wipe(connection)
