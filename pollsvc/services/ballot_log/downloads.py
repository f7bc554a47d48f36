"""What is published of ballots, for readers: read part by part, so that no download holds much."""

from collections.abc import AsyncIterator

from pollsvc.storage import published as store
from pollsvc.storage.pool import Pool
from pollsvc.storage.published import Published


class Downloads:
    """Reads published bundles on connections of its own, until `stop`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def stop(self) -> None:
        await self._pool.stop()

    async def of(self, poll: str) -> Published | None:
        """What is published of a poll's ballots. Raises PollError `busy`."""
        async with self._pool.connection() as connection:
            return await store.published(connection, poll)

    async def parts(self, bundle: Published) -> AsyncIterator[bytes]:
        """The bundle in order; it ends early when it is withdrawn meanwhile."""
        part, left = 0, bundle.size
        while left > 0:
            async with self._pool.connection() as connection:
                content = await store.part_of(connection, bundle, part)
            if not content:
                return
            yield content
            part, left = part + 1, left - len(content)
