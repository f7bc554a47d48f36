"""HTTP/1.1 as uvicorn speaks it, with fewer system calls."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LINGER = 2
"""Seconds that a closed connection gets to take what was written to it."""


class CorkedTransport:
    """A transport that sends at the end of the event loop's turn what was written during it.

    uvicorn writes an answer's head and body apart, and uvloop sends each at once; together they are one
    system call and one packet. All but writing and closing is the transport's own.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._written: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Have the data sent when this turn of the loop ends."""
        if not self._written:
            self._loop.call_soon(self._flush)
        self._written.append(data)

    def close(self) -> None:
        """Send what was written, then close; a client that takes nothing is cut off."""
        self._flush()
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._loop.call_later(LINGER, self._transport.abort)

    def _flush(self) -> None:
        if self._written:
            data = b"".join(self._written)
            self._written.clear()
            self._transport.write(data)


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol on a corked transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(CorkedTransport(transport, self.loop))  # type: ignore[arg-type]
