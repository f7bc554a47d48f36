"""One open event stream: taking frames from the hub, and ending.

A connection of our own server takes a frame by a call; of another server the stream's `send` is stepped up to
its first wait. A stream that cannot take more keeps only the latest frame of each of its polls.
"""

import asyncio
import types
from collections.abc import Awaitable, Callable, Generator, Iterable, MutableMapping
from typing import Any

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Write = Callable[[bytes], bool]
"""Sends bytes as they are; False when they were not taken, so that `send` is to be asked."""


class Frame:
    """An event, the same bytes for all streams; `chunk` is as HTTP/1.1 sends it (RFC 9112, section 7.1)."""

    __slots__ = ("chunk", "event")

    def __init__(self, event: bytes) -> None:
        self.event = event
        self.chunk = b"%x\r\n%b\r\n" % (len(event), event)


class Stream:
    """One open event stream, run by the task that serves its request."""

    __slots__ = (
        "_blocked",
        "_reader",
        "_send",
        "_waiting",
        "_write",
        "blocked_since",
        "closed",
        "ends",
        "polls",
    )

    def __init__(self, send: Send, polls: Iterable[str], write: Write | None = None) -> None:
        self._send = send
        self._write = write
        self.polls = frozenset(polls)
        self.closed = False
        self.ends = float("inf")  # when it has lasted long enough, by the event loop's clock
        self.blocked_since = float("inf")  # since when a send is under way, by the same
        self._reader: asyncio.Task[Any] | None = None  # waits for the client to go away
        self._waiting: dict[str, bytes] = {}  # latest frame by poll, while a send is under way
        self._blocked: asyncio.Task[None] | None = None

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
            self.close()  # whoever still has it in hand sends nothing more

    def push(self, poll: str, frame: Frame) -> None:
        """Send a frame now, or keep it (and forget an earlier one of that poll) until the last is sent."""
        if self._blocked is not None:
            self._waiting[poll] = frame.event
        elif not self.closed and (self._write is None or not self._write(frame.chunk)):
            self._step(frame.event)

    def close(self) -> None:
        """End the stream; harmless when it has ended."""
        if self.closed:
            return
        self.closed = True
        if self._blocked is not None:
            self._blocked.cancel()
        if self._reader is not None:
            self._reader.cancel()

    def _step(self, event: bytes) -> None:
        """Run `send` up to its first wait: mostly it has none, and nothing more is needed."""
        sending = self._send({"type": "http.response.body", "body": event, "more_body": True}).__await__()
        try:
            waits_for = next(sending)
        except StopIteration:
            return
        except Exception:
            self.close()
            return
        self.blocked_since = asyncio.get_running_loop().time()
        self._blocked = asyncio.ensure_future(self._finish(sending, waits_for))

    async def _finish(self, sending: Generator[Any, Any, Any], waits_for: Any) -> None:
        try:
            await _resume(sending, waits_for)
            while self._waiting:
                events = b"".join(self._waiting.values())
                self._waiting.clear()
                await self._send({"type": "http.response.body", "body": events, "more_body": True})
        except Exception:
            self.close()
        finally:
            self._blocked = None
            self.blocked_since = float("inf")


@types.coroutine
def _resume(sending: Generator[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, None]:
    """Go on with a half-stepped awaitable within a task: first wait for what it was waiting for."""
    yield waits_for
    yield from sending
