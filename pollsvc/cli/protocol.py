"""HTTP/1.1 as uvicorn speaks it, with fewer system calls, and with deadlines."""

import asyncio
import os
from collections.abc import Callable, Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pollsvc.web.live import WRITE

LINGER = 2
"""Seconds that a closed connection gets to take what was written to it."""


REQUEST_DEADLINE = 10.0
"""Seconds from a request's first byte, or the connection's start, to the request's end."""
UPLOAD_DEADLINE = 120.0
"""The same for the body of a request to the editors' pages or interface, from its head's end."""
MAX_HEAD = 64 * 1024
"""The longest request line and headers, in bytes."""


class CorkedTransport:
    """A transport that sends at the end of the event loop's turn what was written during it.

    uvicorn writes an answer's head and body apart, and uvloop sends each at once; together they are one
    system call and one packet. All but writing and closing is the transport's own.
    """

    __slots__ = ("_behind", "_fd", "_loop", "_transport", "_written")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._written: list[bytes] = []
        self._fd = transport.get_extra_info("socket").fileno()
        self._behind = False  # maybe: the transport was given what it may not have sent yet

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Have the data sent when this turn of the loop ends."""
        if not self._written:
            self._behind = True
            self._loop.call_soon(self._flush)
        self._written.append(data)

    def write_now(self, data: bytes) -> bool:
        """Send the data by a system call of its own; False when something else is to be sent first.

        The transport sends what the socket does not take. uvloop's own `write` takes twice as long.
        """
        if self._behind and not self._caught_up():
            return False
        try:
            sent = os.write(self._fd, data)
        except OSError:  # it takes nothing now, or is broken, of which the transport tells
            sent = 0
        if sent < len(data):
            self._behind = True
            self._transport.write(data[sent:])
        return True

    def close(self) -> None:
        """Send what was written, then close; a client that takes nothing is cut off."""
        self._flush()
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._loop.call_later(LINGER, self._transport.abort)

    def lost(self) -> None:
        """To be called before the transport lets go of its socket, whose number may soon be another's."""
        self._fd, self._behind = -1, True

    def _caught_up(self) -> bool:
        self._behind = (
            self._fd < 0
            or bool(self._written)
            or self._transport.is_closing()
            or self._transport.get_write_buffer_size() > 0
        )
        return not self._behind

    def _flush(self) -> None:
        if self._written:
            data = b"".join(self._written)
            self._written.clear()
            self._transport.write(data)


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol on a corked transport, with an end to requests that never end.

    uvicorn waits for ever for the rest of a request, and takes a head of any length.
    """

    _incomplete_since: asyncio.TimerHandle | None = None
    _in_head = True
    _in_request = True
    _head_size = 0  # of what has come of a head, at most
    _chunk = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._corked = CorkedTransport(transport, self.loop)
        # One for all requests: one for each would refer to its request, and be left to the garbage collector.
        self._extensions: dict[str, dict[object, object]] = {WRITE: {"by": self._by}}
        super().connection_made(self._corked)  # type: ignore[arg-type]
        self._wait_for_the_rest()

    def data_received(self, data: bytes) -> None:
        self._chunk = len(data)
        if self._in_head:
            self._head_size += self._chunk
        super().data_received(data)
        if not self._in_request:
            if self._incomplete_since is not None:
                self._incomplete_since.cancel()
                self._incomplete_since = None
            return
        if self._incomplete_since is None:
            self._wait_for_the_rest()
        if self._in_head and self._head_size > MAX_HEAD:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._incomplete_since is not None:
            self._incomplete_since.cancel()
        self._corked.lost()
        self._extensions.clear()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._in_head = self._in_request = True
        self._head_size = self._chunk
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._head_size > MAX_HEAD and _size(self.url, self.headers) > MAX_HEAD:
            raise ValueError("the head is too long")  # which ends the connection before anybody is asked
        self._in_head = False
        if self._incomplete_since is not None and _for_editors(self.url):
            self._wait_for_the_rest(UPLOAD_DEADLINE)
        super().on_headers_complete()
        self.scope["extensions"] = self._extensions

    def on_message_complete(self) -> None:
        self._in_request = False
        super().on_message_complete()

    def _by(self) -> Callable[[bytes], bool] | None:
        """What sends chunks of the answer under way, if that has chunks."""
        return self._corked.write_now if self.cycle.chunked_encoding else None

    def _wait_for_the_rest(self, seconds: float | None = None) -> None:
        if self._incomplete_since is not None:
            self._incomplete_since.cancel()
        self._incomplete_since = self.loop.call_later(seconds or REQUEST_DEADLINE, self.transport.abort)


def _size(target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> int:
    """The bytes of a head but for the method and the version: a line is `name: value` and its end."""
    return len(target) + sum(len(name) + len(value) + 4 for name, value in headers)


def _for_editors(target: bytes) -> bool:
    """Whether a request's target is of the editors' pages or interface, maybe behind a proxy's path prefix.

    A vote's is not, whatever its poll is called and its query holds.
    """
    path = target.partition(b"?")[0]
    return b"/admin/" in path and not path.endswith(b"/votes")
