"""Thousands of live streams, held open by the C program beside this file."""

import asyncio
import struct
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.bench.harness import Bench, BenchError, compiled, pinned

_SOURCE = Path(__file__).with_suffix(".c")
_RECORD = struct.Struct("=QII")
_OPENING_TIMEOUT = 60


def live_path(*polls: str) -> str:
    """Where the live stream of these polls is."""
    return "/api/v1/live?" + "&".join(f"poll={poll}" for poll in polls)


class Frame(NamedTuple):
    """A frame that came: when (CLOCK_MONOTONIC, ns), its id, and the number of its stream."""

    at: int
    id: int
    stream: int


@dataclass(frozen=True, slots=True)
class Group:
    """So many streams of one path; those that stall read nothing once they are open."""

    count: int
    path: str
    stall: bool = False


class Streams:
    """Open streams; `close` ends them."""

    def __init__(self, process: Process, records: Path) -> None:
        self._process = process
        self._records = records

    async def reached(self, version: int) -> int:
        """How many streams have been sent this version or a later one."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"%d\n" % version)
        return int(await self._process.stdout.readline())

    async def close(self) -> Iterator[Frame]:
        """Hang up; every frame that came. Raises BenchError when the server had closed a stream."""
        output, _ = await asyncio.wait_for(self._process.communicate(b""), 20)  # the end of its input
        if self._process.returncode or output != b"0\n":
            raise BenchError(f"streams were lost: {output.decode()}")
        return map(Frame._make, _RECORD.iter_unpack(self._records.read_bytes()))


@asynccontextmanager
async def streams(bench: Bench, port: int, *groups: Group) -> AsyncIterator[Streams]:
    """Streams that are all open when the block begins, numbered in the order of the groups."""
    records = bench.new("frames")
    arguments = [
        part
        for group in groups
        for part in (str(group.count), group.path, "stall" if group.stall else "read")
    ]
    process = await asyncio.create_subprocess_exec(
        *pinned(bench.cores.load, await compiled(_SOURCE), str(port), records, *arguments),
        stdin=PIPE,
        stdout=PIPE,
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), _OPENING_TIMEOUT)
        if line != b"ready\n":
            raise BenchError("the streams could not be opened; the program says why above")
        yield Streams(process, records)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
