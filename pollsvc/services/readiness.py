"""Whether this process can take votes now."""

import asyncio
from contextlib import suppress

from pollsvc.services.ballot_writer import BallotWriter
from pollsvc.storage import health
from pollsvc.storage.database import Connection

LIMIT = 2.0
"""Seconds in which the database, and the writer's own connection to it, are to answer."""
LEAST_FREE = 1024 * 1024
"""Bytes that are to be free on the disk of a SQLite file."""


class Readiness:
    """Looks, when asked, at all that a vote needs. `draining` says that the process is about to end."""

    def __init__(self, url: str, connection: Connection, writer: BallotWriter) -> None:
        self.draining = False
        self._folder = health.folder_of(url)
        self._expected = health.expected_revision()
        self._connection = connection
        self._writer = writer
        self._look: asyncio.Task[str] | None = None

    async def fault(self) -> str:
        """Why votes cannot be taken, in one line; empty when they can."""
        look = self._look  # one at a time, for all who ask
        if look is None or look.done():
            look = self._look = asyncio.create_task(self._find(), name="readiness")
        fault = await asyncio.shield(look)
        return "the service is ending" if self.draining else fault

    async def _find(self) -> str:
        return await self._look_at_the_database() or self._look_at_the_disk()

    async def _look_at_the_database(self) -> str:
        try:
            async with asyncio.timeout(LIMIT):
                revision = await health.revision_of(self._connection)
        except Exception as error:
            return f"the database does not answer: {type(error).__name__}"
        if revision != self._expected:
            return f"the database is at revision {revision}, and this release needs {self._expected}"
        with suppress(TimeoutError):
            async with asyncio.timeout(LIMIT):
                await self._writer.prove()
                return self._writer.fault
        return self._writer.fault or "the ballot writer is not answered in time"

    def _look_at_the_disk(self) -> str:
        if self._folder and health.free_bytes(self._folder) < LEAST_FREE:
            return "the disk is full"
        return ""
