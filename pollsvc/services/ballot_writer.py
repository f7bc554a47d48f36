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
from pollsvc.services.meters import VoteMeters
from pollsvc.storage.advice import advice
from pollsvc.storage.ballots import Ahead, Batch, record
from pollsvc.storage.database import TIMEOUT, WRITERS_CACHE, Connection
from pollsvc.storage.health import prove

logger = logging.getLogger(__name__)

MAX_BATCH = 500
"""How many votes one transaction takes at most."""

_NEVER = float("-inf")

FAULTY_FOR = 5.0
"""Seconds for which a failed batch means that the service is not ready, at least; then a proof may do."""
SLOW_AFTER = 3.0
"""Seconds after which a batch that is still being written means that the service is not ready."""

TELL_EVERY = 10.0
"""Seconds between two lines that say that votes are not recorded, however many, or the log not sealed."""

SEAL_EVERY = 2.0
"""Seconds between two seals."""

OnCommitted = Callable[[Sequence[Change]], None]
_Waiting = tuple[Cast, "asyncio.Future[Written]", float]  # since when, by the monotonic clock


class Written(NamedTuple):
    """What became of a cast; `signed` makes the receipt of a ballot that this batch recorded.

    `at` is when it was committed, by the monotonic clock.
    """

    recorded: Recorded
    signed: Signed | None
    at: float


class BallotWriter:
    """Writes casts in batches on a connection of its own, between `start` and `stop`."""

    def __init__(
        self,
        url: str,
        keys: LogKeys,
        on_committed: OnCommitted,
        queue_limit: int,
        clock: Clock,
        meters: VoteMeters,
        ahead: Ahead | None = None,
    ) -> None:
        self._connection = Connection(url, keys.stamp, timeout=TIMEOUT, cache=WRITERS_CACHE)
        self._keys = keys
        self._ahead = ahead
        self._clock = clock
        self._seal_at = self._sealed_at = monotonic()
        self._on_committed = on_committed
        self._meters = meters
        self.queue_limit = queue_limit
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self._failed_at = _NEVER
        self._tell, self._tell_of_the_log = _Telling(), _Telling()
        self._unrecorded = 0  # votes since the last one that was recorded
        self._disproved = False
        self._proof: asyncio.Future[None] | None = None
        self._busy_since: float | None = None
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many casts are waiting for a batch."""
        return len(self._queue)

    @property
    def is_busy(self) -> bool:
        """Whether casts wait for their commit, or are on their way to it."""
        return bool(self._queue) or self._busy_since is not None

    @property
    def seal_age(self) -> float:
        """Seconds since this process last sealed what waited, or found that it need not."""
        return monotonic() - self._sealed_at

    @property
    def fault(self) -> str:
        """Why votes are not being written; empty when they are."""
        if self._task is None or self._task.done():
            return "the ballot writer has ended"
        if self._disproved or monotonic() - self._failed_at < FAULTY_FOR:
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
        if len(self._queue) >= self.queue_limit or self._stopping:
            self._meters.outcomes["queue_full"] += 1
            raise vote_not_recorded()
        future: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        self._queue.append((cast, future, monotonic()))
        self._wake.set()
        return future

    async def prove(self) -> None:
        """Have the writer's connection show that it can write, so that `fault` is of now.

        While a batch is being written there is nothing to add: that shows it.
        """
        ended = self._task is None or self._task.done()
        if self._busy_since is None and not self._stopping and not ended:
            if self._proof is None:
                self._proof = asyncio.get_running_loop().create_future()
            self._wake.set()
            await asyncio.shield(self._proof)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if monotonic() >= self._seal_at:
                await self._seal()
            if self._proof is not None:  # after the sealing, during which one may have been asked for
                await self._answer(self._proof)
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
            for together in _by_poll(batch) if self._connection.distributed else [batch]:
                await self._write(together)

    async def _seal(self) -> None:
        """Seal leaves that wait, of this process and of others; when that fails they go on waiting."""
        try:
            more = await seal(self._connection, self._keys, int(self._clock()))
            self._sealed_at = monotonic()
        except PollError as error:
            more = False
            self._tell_of_the_log(logging.ERROR, "%s", error.message)
        except Exception as error:
            more = False
            self._tell_of_the_log(
                logging.WARNING, "The log was not sealed, and will be later. %s", advice(error)
            )
            if not self._stopping:
                with suppress(Exception):
                    await self._connection.reopen()
        self._seal_at = monotonic() + (0.0 if more else SEAL_EVERY)

    async def _answer(self, proof: asyncio.Future[None]) -> None:
        """Commit a transaction without votes; after a batch that failed it is to reach the disk, too."""
        durably = self._failed_at != _NEVER
        for once_more in (True, False):
            try:
                if not once_more:
                    await self._connection.reopen()
                await prove(self._connection, durably=durably)
            except Exception as error:
                self._disproved = not once_more
                if self._disproved:
                    self._tell_of_refusals(error)
            else:
                self._disproved = False
                if monotonic() - self._failed_at >= FAULTY_FOR:
                    self._failed_at = _NEVER
                break
        self._proof = None
        proof.set_result(None)

    async def _write(self, batch: list[_Waiting]) -> None:
        began = self._busy_since = monotonic()
        try:
            done = await record(self._connection, [one[0] for one in batch], self._clock(), self._ahead)
        except Exception as error:
            self._failed_at = monotonic()
            self._refuse(batch, error)
            await self._recover()
            return
        finally:
            self._busy_since = None
        self._failed_at, self._disproved = _NEVER, False
        committed = monotonic()
        self._measure(batch, began, done)
        if self._unrecorded:
            logger.warning("Votes are recorded again; %d were refused before.", self._unrecorded)
            self._unrecorded = 0
        try:
            self._on_committed(done.changes)
        except Exception:  # the votes are recorded all the same, and more are to come
            logger.exception("A batch was recorded, but its results were not published")
        signed = {leaves.poll: Signed(leaves, self._keys.current) for leaves in done.leaves}
        _settle(batch, [_written(recorded, signed, committed) for recorded in done.recorded])

    def _measure(self, batch: Sequence[_Waiting], began: float, done: Batch) -> None:
        meters = self._meters
        meters.batches.observe(len(batch))
        meters.statement.observe(done.statement, len(batch))
        meters.commit.observe(done.commit, len(batch))
        meters.queue.observe_falling([began - since for _, _, since in batch])
        meters.outcomes.update(recorded.outcome for recorded in done.recorded)

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
        self._meters.outcomes["failed"] += len(casts)
        _settle(casts, [vote_not_recorded() for _ in casts])
        self._unrecorded += len(casts)
        self._tell_of_refusals(error)

    def _tell_of_refusals(self, error: Exception) -> None:
        text = "Votes are not recorded, %d until now. %s"
        self._tell(logging.ERROR, text, self._unrecorded, advice(error))


class _Telling:
    """Says in the log what may be so for long, or of many votes: at once, then each `TELL_EVERY` seconds."""

    def __init__(self) -> None:
        self._told_at = _NEVER

    def __call__(self, level: int, text: str, *values: object) -> None:
        if monotonic() - self._told_at >= TELL_EVERY:
            self._told_at = monotonic()
            logger.log(level, text, *values)


def _by_poll(batch: Sequence[_Waiting]) -> list[list[_Waiting]]:
    """A batch as batches of one poll each: what is written together is on one node then."""
    polls: dict[str, list[_Waiting]] = {}
    for one in batch:
        polls.setdefault(one[0].ballot.poll, []).append(one)
    return list(polls.values())


def _written(recorded: Recorded, signed: Mapping[str, Signed], at: float) -> Written:
    ballot = recorded.ballot
    together = signed.get(ballot.poll) if ballot is not None else None
    return Written(recorded, together if together is not None and ballot in together else None, at)


def _settle(batch: Collection[_Waiting], answers: Sequence[Written | PollError]) -> None:
    for (_, future, _), answer in zip(batch, answers, strict=True):
        if future.done():  # its request was cancelled; the vote stands or falls with its batch all the same
            continue
        if isinstance(answer, PollError):
            future.set_exception(answer)
        else:
            future.set_result(answer)
