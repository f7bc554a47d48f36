"""Votes at a steady pace, whatever the answers take."""

import asyncio
import json
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from tests.bench.calm import vote_request
from tests.bench.harness import BenchError


async def read_answer(reader: StreamReader) -> tuple[bytes, bytes]:
    """An HTTP answer of known length: its head and its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    return head, await reader.readexactly(length)


class Answered(NamedTuple):
    """A vote: when it was sent and answered (CLOCK_MONOTONIC, ns), and the version that held it."""

    sent: int
    at: int
    version: int


_KEPT = 3.0  # seconds that an idle connection is used again: the server hangs up after 5


class Voter:
    """Votes on connections that are kept, one more whenever all of them wait for an answer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[float, StreamReader, StreamWriter]] = []  # the last used at the end

    def close(self) -> None:
        for _, _, writer in self._idle:
            writer.close()

    async def vote(self, poll: str) -> Answered:
        """A vote by a new reader. Raises BenchError when it is not answered 201."""
        reader, writer = await self._connection()
        request = vote_request(poll)
        sent = time.monotonic_ns()
        writer.write(request)
        head, body = await read_answer(reader)
        at = time.monotonic_ns()
        if not head.startswith(b"HTTP/1.1 201 "):
            raise BenchError(f"a vote was answered {head!r} {body!r}")
        self._idle.append((time.monotonic(), reader, writer))
        return Answered(sent, at, json.loads(body)["results"]["version"])

    async def _connection(self) -> tuple[StreamReader, StreamWriter]:
        if self._idle:
            since, reader, writer = self._idle.pop()
            if time.monotonic() - since < _KEPT:
                return reader, writer
            self.close()  # the others are older still
            self._idle.clear()
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def steady(self, polls: Sequence[str], per_second: float, seconds: float) -> list[Answered]:
        """Votes in these polls in turn, each sent when it is due, also while others wait."""
        start = time.monotonic()
        votes = []
        for number in range(int(per_second * seconds)):
            await asyncio.sleep(max(0.0, start + number / per_second - time.monotonic()))
            votes.append(asyncio.create_task(self.vote(polls[number % len(polls)])))
        return await asyncio.gather(*votes)


@asynccontextmanager
async def voter(port: int) -> AsyncIterator[Voter]:
    """A Voter for the service on a port."""
    voting = Voter(port)
    try:
        yield voting
    finally:
        voting.close()
