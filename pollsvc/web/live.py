"""`GET /api/v1/live?poll=a&poll=b`: server-sent events, one stream for all polls of a page."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

from starlette.types import Receive, Scope, Send

from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import Code, PollError, no_such_poll
from pollsvc.services.live_hub import LiveHub, frame_of
from pollsvc.services.live_stream import Stream
from pollsvc.services.networks import network_of
from pollsvc.services.snapshots import Snapshot
from pollsvc.services.tallies import Tallies
from pollsvc.web.http import Addresses, respond
from pollsvc.web.results import MAX_POLLS, parse_query

WRITE = "pollsvc.write"
"""An extension of the ASGI scope: `by`, a function that tells by what chunks of an answer are sent at once.

It is asked after the answer's start. What it returns takes a chunk with its header until the answer's end, or
returns False: `send` is to take it then. It is None where an answer has no chunks. uvicorn's `send` takes as
long again as the system call.
"""

_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"access-control-allow-origin", b"*"),
    (b"x-accel-buffering", b"no"),  # nginx would hold frames back
]


class Live:
    """Opens event streams, within the limits on their number."""

    def __init__(
        self,
        tallies: Tallies,
        hub: LiveHub,
        addresses: Addresses,
        clock: Clock,
        refused: Counter[str],
        *,
        limit: int,
        limit_per_network: int,
    ) -> None:
        self._tallies = tallies
        self._hub = hub
        self._addresses = addresses
        self._clock = clock
        self._refused = refused
        self.limit = limit
        self.limit_per_network = limit_per_network
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ids = list(dict.fromkeys(parse_query(scope["query_string"]).get("poll", ())))
        if not 1 <= len(ids) <= MAX_POLLS:
            raise PollError(Code.BAD_REQUEST, f'Name 1 to {MAX_POLLS} polls, each as "poll".')
        snapshots = await self._tallies.of_ids(ids)
        if not snapshots:
            raise no_such_poll()
        if scope["method"] == "HEAD":
            await respond(send, 200, _HEADERS)
            return
        network = network_of(self._addresses.of(scope))
        if self._hub.closed or len(self._hub) >= self.limit:
            self._refused["process"] += 1
            raise PollError(Code.BUSY, "Too many live streams are open; ask again later.", retry_after=30)
        if self._open[network] >= self.limit_per_network:
            self._refused["network"] += 1
            raise PollError(
                Code.SLOW_DOWN,
                "Too many live streams are open from your network; close some.",
                retry_after=30,
            )
        self._open[network] += 1
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            by = scope.get("extensions", {}).get(WRITE, {}).get("by")
            stream = Stream(send, (each.poll.id for each in snapshots), by and by())
            await self._show(stream, snapshots, receive)
        finally:
            self._open[network] -= 1
            if not self._open[network]:
                del self._open[network]
        with suppress(TimeoutError):  # who takes nothing more is left to the server
            await asyncio.wait_for(send({"type": "http.response.body", "body": b""}), 1)

    async def _show(self, stream: Stream, snapshots: Iterable[Snapshot], receive: Receive) -> None:
        """Send what is known now, and what comes, until one of the two ends ends it."""
        self._hub.subscribe(stream)
        try:
            for snapshot in snapshots:
                current = self._tallies.peek(snapshot.poll.id) or snapshot
                stream.push(snapshot.poll.id, frame_of(current, self._clock()))
            await stream.until_ended(receive)
        finally:
            self._hub.unsubscribe(stream)
