"""The background part of webhooks: finds what there is to tell, and tells it until it was heard.

Several processes may do so on one database. What one has found, the others do not queue again, and each
webhook is delivered to by one process at a time. Its messages go out one after the other, so that a receiver
that hangs holds up nobody else. One may come twice, with the same id: a process died after it was sent, say.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from time import monotonic

from pollsvc.domain.clock import Clock
from pollsvc.domain.leaves import Stamp
from pollsvc.domain.log import SYSTEM
from pollsvc.domain.webhook import Claim, retry_delay
from pollsvc.services.webhooks.delivery import Sender, Tried, Verdict
from pollsvc.services.webhooks.occasions import Finder
from pollsvc.services.webhooks.webhooks import Webhooks
from pollsvc.storage import outbox as store
from pollsvc.storage.database import TIMEOUT, Connection

logger = logging.getLogger(__name__)

AT_ONCE = 8
"""How many messages a process sends at the same time."""
LEASE = 60
"""Seconds for which a process takes a webhook; more than a try can last."""
REST = 60
"""Seconds for which a webhook rests at most after a failure, before its next message is tried."""
LOOK_EVERY = 2.0
"""Seconds between two looks for occasions."""
SEND_EVERY = 1.0
"""Seconds between two looks for messages that are due."""
SHARE = 0.2
"""The share of the time that looks may take; when they are slow, they become rare, up to RARELY."""
RARELY = 30.0
"""The longest time between two looks, in seconds."""
AFTER_ERROR = 5.0
"""Seconds after which what could not be done, since the database is away, is tried again."""
KEPT = 30 * 86_400
"""Seconds for which delivered messages are kept."""
PURGE_EVERY = 3_600.0
"""Seconds between two purges."""
FINISH = 2.0
"""Seconds that requests under way get to finish when the service ends."""


class Outbox:
    """Finds and delivers, between `start` and `stop`. `chance` returns numbers from 0 to 1."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        base_url: str,
        allowed_origins: Collection[str],
        stamp: Stamp,
        *,
        sender: Sender | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._url = url
        self._clock = clock
        self._allowed_origins = allowed_origins
        self._stamp = stamp
        self._chance = chance
        self._connection = Connection(url, reconnects=True, timeout=TIMEOUT)
        self._finder = Finder(self._connection, clock, base_url)
        self._sender = sender or Sender(clock, allowed_origins)
        self._sending: dict[asyncio.Task[None], Claim] = {}
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._purged_at = float("-inf")

    async def start(self) -> None:
        await self.open()
        self._tasks = [
            asyncio.create_task(self._keep_looking(), name="webhooks: occasions"),
            asyncio.create_task(self._keep_sending(), name="webhooks: deliveries"),
        ]

    async def open(self) -> None:
        """What `start` does before anything runs by itself."""
        await self._connection.open()
        await self._sender.start()

    async def stop(self) -> None:
        """Let what is under way finish for FINISH seconds; what is not done by then is left to others."""
        self._stop.set()
        self._wake.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=FINISH)
        if self._sending:
            await asyncio.wait(self._sending, timeout=FINISH)
        unfinished = dict(self._sending)
        await _end((*self._tasks, *unfinished))
        for claim in unfinished.values():
            with suppress(Exception):  # then its lease runs out
                await store.release(self._connection, claim.webhook.id, claim.until, int(self._clock()))
        await self._sender.stop()
        await self._connection.close()

    async def look(self) -> None:
        """Queue a message of each occasion that has none, and now and then delete old ones."""
        if await self._finder.look():
            self._wake.set()
        if monotonic() - self._purged_at >= PURGE_EVERY:
            before = int(self._clock()) - KEPT
            while await store.purge(self._connection, before) == store.PURGED and not self._stop.is_set():
                pass  # each a transaction of its own, so that votes get their turn
            self._purged_at = monotonic()

    async def send_due(self) -> int:
        """Begin to send messages that are due, as many as may be sent at once; returns how many."""
        free = AT_ONCE - len(self._sending)
        if free <= 0:
            return 0
        now = int(self._clock())
        claims = await store.claim(self._connection, now, now + LEASE, free)
        for claim in claims:
            task = asyncio.create_task(self._deliver(claim), name=f"webhook {claim.webhook.id}")
            self._sending[task] = claim
            task.add_done_callback(self._sent)
        return len(claims)

    async def settle(self) -> None:
        """Wait until everything that is being sent has been answered."""
        while self._sending:
            await asyncio.wait(list(self._sending))

    def _sent(self, task: asyncio.Task[None]) -> None:
        del self._sending[task]
        self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            logger.warning("What came of a message was not noted: %r; it will be sent again.", error)

    async def _deliver(self, claim: Claim) -> None:
        tried = await self._sender.send(claim)
        now = int(self._clock())
        if tried.verdict is Verdict.FAILED:
            held_until = await self._failed(claim, tried, now)
        else:
            held_until = now
            delivered_at = now if tried.verdict is Verdict.DELIVERED else None
            await store.note_try(
                self._connection, claim.id, due_at=None, delivered_at=delivered_at, answer=tried.answer
            )
        if tried.verdict is Verdict.GONE:
            await self._disable(claim, tried)
        await store.release(self._connection, claim.webhook.id, claim.until, held_until)

    async def _failed(self, claim: Claim, tried: Tried, now: int) -> int:
        """Note a try that failed; returns until when the webhook rests."""
        delay = retry_delay(claim.tries + 1, self._chance())
        wait = None if delay is None else max(delay, tried.wait)
        due_at = None if wait is None else now + wait
        await store.note_try(
            self._connection, claim.id, due_at=due_at, delivered_at=None, answer=tried.answer
        )
        if wait is None:
            logger.warning("Webhook %s: message %s is given up: %s", claim.webhook.id, claim.id, tried.answer)
        return now + min(max(wait or 0, tried.wait), REST)

    async def _disable(self, claim: Claim, tried: Tried) -> None:
        """Do as a receiver asks that answered 410."""
        logger.warning("Webhook %s is disabled: it answered %s", claim.webhook.id, tried.answer)
        connection = Connection(self._url, self._stamp, timeout=TIMEOUT)  # a transaction takes one of its own
        await connection.open()
        try:
            webhooks = Webhooks(connection, self._clock, self._allowed_origins, SYSTEM)
            await webhooks.remove(claim.webhook.id, f"its receiver answered {tried.answer}")
        finally:
            await connection.close()

    async def _keep_looking(self) -> None:
        while not self._stop.is_set():
            began = monotonic()
            worked = await _attempt(self.look)
            took = monotonic() - began
            pause = max(LOOK_EVERY, min(took / SHARE, RARELY)) if worked else AFTER_ERROR
            await _pause(self._stop, pause * (0.75 + self._chance() / 2))

    async def _keep_sending(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            worked = await _attempt(self.send_due)
            await _pause(self._wake, SEND_EVERY if worked else AFTER_ERROR)


async def _attempt(work: Callable[[], Awaitable[object]]) -> bool:
    """Whether it could be done; if not, it is done later."""
    try:
        await work()
    except Exception as error:
        logger.warning("Webhooks wait: %r", error)
        return False
    return True


async def _end(tasks: Collection[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _pause(until: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but no longer than so many seconds."""
    with suppress(TimeoutError):
        await asyncio.wait_for(until.wait(), seconds)
