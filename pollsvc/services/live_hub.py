"""Live results: who watches which polls, and the sending of each frame to all of them.

A frame is rendered once. It is handed to each stream by stepping that stream's own `send` from here, so
that a stream needs no task that wakes for each frame. A stream that cannot take more keeps only the latest
frame of each of its polls, and one that takes nothing for STALLED_AFTER seconds is dropped.
"""

import asyncio
import logging
import types
from collections.abc import Awaitable, Callable, Generator, Iterable, MutableMapping
from contextlib import suppress
from typing import Any

from pollsvc.services.snapshots import Snapshot, at

logger = logging.getLogger(__name__)

INTERVAL = 0.25
"""Seconds between two frames of a poll at least."""
HEARTBEAT = 15.0
"""Seconds between two comments that keep a quiet stream open."""
STALLED_AFTER = 20.0
"""Seconds after which a stream that takes nothing is dropped."""
_SLICE = 100  # streams that are sent to before others get a turn

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Stream:
    """One open event stream, run by the task that serves its request."""

    def __init__(self, send: Send, polls: Iterable[str]) -> None:
        self._send = send
        self.polls = frozenset(polls)
        self.closed = False
        self._reader: asyncio.Task[Any] | None = None  # waits for the client to go away
        self._waiting: dict[str, bytes] = {}  # latest frame by poll, while a send is under way
        self._blocked: asyncio.Task[None] | None = None
        self._blocked_since = 0.0

    async def until_ended(self, receive: Receive) -> None:
        """Return when the client has gone or the stream was closed; to be called once."""
        self._reader = asyncio.current_task()
        try:
            while not self.closed and (await receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            if not self.closed or self._reader is None or self._reader.uncancel() > 0:
                raise
        finally:
            self._reader = None

    def push(self, poll: str, frame: bytes) -> None:
        """Send a frame now, or keep it (and forget an earlier one of that poll) until the last is sent."""
        if self._blocked is not None:
            self._waiting[poll] = frame
        elif not self.closed:
            self._step(frame)

    def stalled(self, now: float) -> bool:
        """Whether a send has been under way for too long."""
        return self._blocked is not None and now - self._blocked_since > STALLED_AFTER

    def close(self) -> None:
        """End the stream; harmless when it has ended."""
        if self.closed:
            return
        self.closed = True
        if self._blocked is not None:
            self._blocked.cancel()
        if self._reader is not None:
            self._reader.cancel()

    def _step(self, frame: bytes) -> None:
        """Run `send` up to its first wait: mostly it has none, and nothing more is needed."""
        sending = self._send({"type": "http.response.body", "body": frame, "more_body": True}).__await__()
        try:
            waits_for = next(sending)
        except StopIteration:
            return
        except Exception:
            self.close()
            return
        self._blocked_since = asyncio.get_running_loop().time()
        self._blocked = asyncio.ensure_future(self._finish(sending, waits_for))

    async def _finish(self, sending: Generator[Any, Any, Any], waits_for: Any) -> None:
        try:
            await _resume(sending, waits_for)
            while self._waiting:
                frames = b"".join(self._waiting.values())
                self._waiting.clear()
                await self._send({"type": "http.response.body", "body": frames, "more_body": True})
        except Exception:
            self.close()
        finally:
            self._blocked = None


@types.coroutine
def _resume(sending: Generator[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, None]:
    """Go on with a half-stepped awaitable within a task: first wait for what it was waiting for."""
    yield waits_for
    yield from sending


class LiveHub:
    """All streams of a process, between `start` and `close`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._streams: dict[str, set[Stream]] = {}
        self._all: set[Stream] = set()
        self._latest: dict[str, Snapshot] = {}  # by poll: to be sent at its next turn
        self._next_turn: dict[str, float] = {}
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.closed = False
        self.frames = self.dropped = 0  # handed to streams; streams that were ended as stalled

    def __len__(self) -> int:
        return len(self._all)

    async def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._deliver(), name="live delivery"),
            asyncio.create_task(self._beat(), name="live heartbeat"),
        ]

    def close(self) -> None:
        """End every stream, and refuse new ones: a server that shuts down waits for its streams."""
        self.closed = True
        for stream in list(self._all):
            stream.close()

    async def stop(self) -> None:
        """Close, and end the hub's own tasks."""
        self.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def subscribe(self, stream: Stream) -> None:
        """Send this stream the frames of its polls until `unsubscribe`."""
        self._all.add(stream)
        for poll in stream.polls:
            self._streams.setdefault(poll, set()).add(stream)
        if self.closed:
            stream.close()

    def unsubscribe(self, stream: Stream) -> None:
        """Forget a stream; harmless when it is not known."""
        self._all.discard(stream)
        for poll in stream.polls:
            streams = self._streams.get(poll)
            if streams is not None:
                streams.discard(stream)
                if not streams:
                    del self._streams[poll]
                    self._next_turn.pop(poll, None)

    def watched(self, poll: str) -> bool:
        """Whether any stream is to be sent this poll."""
        return poll in self._streams

    def publish(self, snapshot: Snapshot) -> None:
        """Have a new snapshot sent to all who watch its poll: at once, or when its next turn comes."""
        if snapshot.poll.id in self._streams:
            self._latest[snapshot.poll.id] = snapshot
            self._wake.set()

    async def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._latest:
                self._wake.clear()
                await self._wake.wait()
            now = loop.time()
            due = [poll for poll in self._latest if self._next_turn.get(poll, 0.0) <= now]
            if not due:
                self._wake.clear()  # a poll that has rested meanwhile need not wait for the others' turn
                with suppress(TimeoutError):
                    soonest = min(self._next_turn[poll] for poll in self._latest)
                    await asyncio.wait_for(self._wake.wait(), soonest - now)
                continue
            for poll in due:
                self._next_turn[poll] = now + INTERVAL
                snapshot = self._latest.pop(poll)
                try:
                    await self._send_all(poll, frame_of(snapshot, self._clock()))
                except Exception:  # of one poll; the others' readers watch on
                    logger.exception("A frame of poll %s was not sent", poll)

    async def _send_all(self, poll: str, frame: bytes) -> None:
        streams = list(self._streams.get(poll, ()))
        self.frames += len(streams)
        for number, stream in enumerate(streams, 1):
            stream.push(poll, frame)
            if number % _SLICE == 0:
                await asyncio.sleep(0)

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(HEARTBEAT)
            for number, stream in enumerate(list(self._all), 1):
                if stream.stalled(loop.time()):
                    self.dropped += 1
                    stream.close()
                else:
                    stream.push("", b":\n\n")
                if number % _SLICE == 0:
                    await asyncio.sleep(0)


def frame_of(snapshot: Snapshot, now: float) -> bytes:
    """A snapshot as a server-sent event (WHATWG HTML, section 9.2)."""
    data = at(snapshot.frame, now)
    return b"event: results\nid: %d\ndata: %b\n\n" % (snapshot.frame_id, data)
