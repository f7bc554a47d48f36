"""The one task of a process that writes ballots: a bounded queue, and group commit without a timer.

While a batch is being committed the next votes gather, so the batch grows with the load by itself and an
idle service commits each vote at once.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

from pollsvc.domain.ballot import Cast, Recorded
from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import PollError, vote_not_recorded
from pollsvc.domain.tally import Change
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ballot_log.receipts import Signed
from pollsvc.services.ballot_log.sealing import seal
from pollsvc.storage.advice import advice
from pollsvc.storage.ballots import Ahead, record
from pollsvc.storage.database import TIMEOUT, WRITERS_CACHE, Connection

logger = logging.getLogger(__name__)

MAX_BATCH = 500
"""How many votes one transaction takes at most."""

_NEVER = float("-inf")

FAULTY_FOR = 5.0
"""Seconds for which a failed batch means that the service is not ready; then new votes may try."""
SLOW_AFTER = 3.0
"""Seconds after which a batch that is still being written means that the service is not ready."""

TELL_EVERY = 10.0
"""Seconds between two lines in the log that say that votes are not recorded, however many are not."""

SEAL_EVERY = 2.0
"""Seconds between two seals."""

OnCommitted = Callable[[Sequence[Change]], None]


class Written(NamedTuple):
    """What became of a cast; `signed` makes the receipt of a ballot that this batch recorded."""

    recorded: Recorded
    signed: Signed | None


_Waiting = tuple[Cast, "asyncio.Future[Written]"]


class BallotWriter:
    """Writes casts in batches on a connection of its own, between `start` and `stop`."""

    def __init__(
        self,
        url: str,
        keys: LogKeys,
        on_committed: OnCommitted,
        queue_limit: int,
        clock: Clock,
        ahead: Ahead | None = None,
    ) -> None:
        self._connection = Connection(url, timeout=TIMEOUT, cache=WRITERS_CACHE)
        self._keys = keys
        self._ahead = ahead
        self._clock = clock
        self._seal_at = monotonic()
        self._on_committed = on_committed
        self._queue_limit = queue_limit
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self._failed_at = _NEVER
        self._told_at = _NEVER
        self._unrecorded = 0  # votes since the last one that was recorded
        self._busy_since: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def fault(self) -> str:
        """Why votes are not being written; empty when they are."""
        if self._task is None or self._task.done():
            return "the ballot writer has ended"
        if monotonic() - self._failed_at < FAULTY_FOR:
            return "the last batch of votes was not recorded"
        if self._busy_since is not None and monotonic() - self._busy_since > SLOW_AFTER:
            return "a batch of votes is not being recorded in time"
        return ""

    async def start(self) -> None:
        await self._connection.open()
        self._task = asyncio.create_task(self._run(), name="ballot writer")

    async def stop(self) -> None:
        """Write what is queued, then end."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        await self._connection.close()

    def submit(self, cast: Cast) -> asyncio.Future[Written]:
        """Queue a cast; the future ends after the commit that holds it.

        Raises PollError `busy`, here when the queue is full and from the future when the batch failed.
        """
        if len(self._queue) >= self._queue_limit or self._stopping:
            raise vote_not_recorded()
        future: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        self._queue.append((cast, future))
        self._wake.set()
        return future

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if monotonic() >= self._seal_at:
                await self._seal()
            if not self._queue:
                if self._stopping:
                    await self._seal()
                    return
                self._wake.clear()
                due = loop.call_later(self._seal_at - monotonic(), self._wake.set)
                await self._wake.wait()
                due.cancel()
                continue
            batch = [self._queue.popleft() for _ in range(min(MAX_BATCH, len(self._queue)))]
            await self._write(batch)

    async def _seal(self) -> None:
        """Seal leaves that wait, of this process and of others; when that fails they go on waiting."""
        try:
            more = await seal(self._connection, self._keys, int(self._clock()))
        except Exception as error:
            logger.warning("The log was not sealed, and will be later. %s", advice(error))
            more = False
            with suppress(Exception):
                await self._connection.reopen()
        self._seal_at = monotonic() + (0.0 if more else SEAL_EVERY)

    async def _write(self, batch: list[_Waiting]) -> None:
        self._busy_since = monotonic()
        try:
            done = await record(self._connection, [cast for cast, _ in batch], self._keys.stamp, self._ahead)
        except Exception as error:
            self._failed_at = monotonic()
            self._refuse(batch, error)
            await self._recover()
            return
        finally:
            self._busy_since = None
        self._failed_at = _NEVER
        if self._unrecorded:
            logger.warning("Votes are recorded again; %d were refused before.", self._unrecorded)
            self._unrecorded = 0
        try:
            self._on_committed(done.changes)
        except Exception:  # the votes are recorded all the same, and more are to come
            logger.exception("A batch was recorded, but its results were not published")
        signed = {leaves.poll: Signed(leaves, self._keys.current) for leaves in done.leaves}
        _settle(batch, [_written(recorded, signed) for recorded in done.recorded])

    async def _recover(self) -> None:
        """Get a connection that works; the votes that come meanwhile wait in the queue."""
        try:
            await self._connection.reopen()
        except Exception as error:
            self._refuse(self._queue, error)
            self._queue.clear()
            await asyncio.sleep(0.5)

    def _refuse(self, casts: Collection[_Waiting], error: Exception) -> None:
        """Answer that these are not recorded; why, the log says now and then: it may be on the full disk."""
        _settle(casts, [vote_not_recorded() for _ in casts])
        self._unrecorded += len(casts)
        if monotonic() - self._told_at >= TELL_EVERY:
            self._told_at = monotonic()
            logger.error("Votes are not recorded, %d until now. %s", self._unrecorded, advice(error))


def _written(recorded: Recorded, signed: Mapping[str, Signed]) -> Written:
    ballot = recorded.ballot
    together = signed.get(ballot.poll) if ballot is not None else None
    return Written(recorded, together if together is not None and ballot in together else None)


def _settle(batch: Collection[_Waiting], answers: Sequence[Written | PollError]) -> None:
    for (_, future), answer in zip(batch, answers, strict=True):
        if future.done():  # its request was cancelled; the vote stands or falls with its batch all the same
            continue
        if isinstance(answer, PollError):
            future.set_exception(answer)
        else:
            future.set_result(answer)
