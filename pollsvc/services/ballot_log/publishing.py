"""Publishing a closed poll's ballots, for anybody to recount.

First a leaf of the log says after which ballot, and of which question and answers. So the bundle has an end
that was fixed before anybody saw it, and texts that cannot be exchanged in it.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from hashlib import sha256

from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import Code, PollError, no_such_poll
from pollsvc.domain.leaves import published_leaf
from pollsvc.domain.log import COMMAND_LINE, Act, Actor
from pollsvc.domain.poll import State
from pollsvc.services.ballot_log.bundle import UnendedError, bundle, definition_of, digest
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ballot_log.sealing import seal
from pollsvc.storage import log
from pollsvc.storage import published as store
from pollsvc.storage.ballot_log import count_leaves, waiting_of
from pollsvc.storage.database import Connection
from pollsvc.storage.past_leaves import add_own, last_own
from pollsvc.storage.polls import load_poll
from pollsvc.storage.published import Published

PART = 256 * 1024
"""Bytes of a part of what is published."""
_LINES = 1_000  # that are packed at once
_TRIES, _PAUSE = 200, 0.05  # of waiting for another process that seals
_ENDS = 20  # tries to find the end, while others review ballots

Progress = Callable[[int, int], None]


class Publishing:
    """An editor's publishing, on a connection that nobody else uses. Bad input raises PollError."""

    def __init__(
        self, connection: Connection, clock: Clock, keys: LogKeys, actor: Actor = COMMAND_LINE
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._keys = keys
        self._actor = actor

    async def published(self, poll: str) -> Published | None:
        """What is published of a poll's ballots."""
        return await store.published(self._connection, poll)

    async def lines(self, poll: str, progress: Progress | None = None) -> AsyncIterator[bytes]:
        """The lines of a closed poll's bundle, which is not published by that.

        Raises `no_such_poll`, `not_possible_now`.
        """
        for _ in range(_ENDS):
            await self._end(poll)
            with suppress(UnendedError):  # a review was quicker
                async for line in bundle(self._connection, poll, progress):
                    yield line
                return
        raise _not_yet()

    async def publish(self, poll: str) -> Published:
        """Publish the ballots of a closed poll, packed by gzip. Raises `no_such_poll`, `not_possible_now`."""
        packed = _Packed()
        async for line in self.lines(poll):
            packed.add(line)
            if packed.has_enough:
                await packed.pack()
        await packed.pack(finish=True)
        now = int(self._clock())
        found = Published(poll, now, packed.leaves, packed.size, packed.sha256.hexdigest())
        for number, content in enumerate(packed.parts):
            await store.add_part(self._connection, poll, found.sha256, number, content)
        after = {"leaves": found.leaves, "sha256": found.sha256}
        act = Act(self._actor, "ballots.publish", f"poll:{poll}", {}, after)
        async with log.editing(self._connection):
            await store.publish(self._connection, found)
            await log.append(self._connection, act, now)
        return found

    async def withdraw(self, poll: str) -> None:
        """Publish a poll's ballots no more; harmless when they are not."""
        async with log.editing(self._connection):
            found = await store.published(self._connection, poll)
            if found is None:
                return
            await store.withdraw(self._connection, poll)
            before = {"leaves": found.leaves, "sha256": found.sha256}
            act = Act(self._actor, "ballots.withdraw", f"poll:{poll}", before, {})
            await log.append(self._connection, act, int(self._clock()))

    async def _end(self, poll_id: str) -> None:
        """See to it that the poll's last leaf says what is published, and that all of them are sealed."""
        async with log.editing(self._connection):
            poll = await load_poll(self._connection, poll_id)
            if poll is None:
                raise no_such_poll()
            if poll.draft or poll.state(self._clock()) is not State.CLOSED:
                raise PollError(
                    Code.NOT_POSSIBLE_NOW, "Ballots are published when a poll is closed; close it first."
                )
            definition = digest(definition_of(poll))
            last = await last_own(self._connection, poll_id, "published")
            count = await count_leaves(self._connection, poll_id)
            if last is None or last.data != published_leaf(poll_id, count, definition):
                await add_own(
                    self._connection,
                    poll_id,
                    lambda number: published_leaf(poll_id, number, definition),
                )
        for _ in range(_TRIES):
            if not await waiting_of(self._connection, poll_id):
                return
            if not await seal(self._connection, self._keys, int(self._clock())):
                await asyncio.sleep(_PAUSE)  # it is another process's turn
        raise _not_yet()


def _not_yet() -> PollError:
    return PollError(
        Code.NOT_POSSIBLE_NOW, "Not all ballots are sealed yet; try again, or see what `pollsvc audit` says."
    )


class _Packed:
    """Lines, packed by gzip in another thread, in parts."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._packer = zlib.compressobj(wbits=31)  # with gzip's header
        self.parts = [b""]
        self.sha256 = sha256()
        self.leaves = self.size = 0

    @property
    def has_enough(self) -> bool:
        return len(self._waiting) >= _LINES

    def add(self, line: bytes) -> None:
        self._waiting.append(line)
        self.leaves += line.startswith(b'{"type":"leaf"')

    async def pack(self, *, finish: bool = False) -> None:
        data = b"".join(self._waiting)
        self._waiting.clear()
        packed = await asyncio.to_thread(self._packer.compress, data)
        packed += self._packer.flush() if finish else b""
        self.sha256.update(packed)
        self.size += len(packed)
        whole = self.parts.pop() + packed
        self.parts += [whole[start : start + PART] for start in range(0, len(whole) or 1, PART)]
