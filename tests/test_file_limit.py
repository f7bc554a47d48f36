"""When no more files may be opened, who is connected goes on, others are refused, and it ends by itself."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import psutil  # type: ignore[import-untyped,unused-ignore]
import pytest

from tests.support.reader import Http, Wire, new_key, vote_bytes, watch
from tests.support.server import run_service, until

ROOM = 20
"""Files that may still be opened."""
CROWD = 200
HEALTH = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"


async def test_without_a_file_to_open(tmp_path: Path) -> None:
    async with run_service(tmp_path, site=True) as service, AsyncExitStack() as stack:
        poll = await service.add_poll()
        assert service.process is not None
        process = psutil.Process(service.process.pid)
        http = await stack.enter_async_context(Http(service.base_url))
        streams = [await stack.enter_async_context(watch(http, poll)) for _ in range(10)]
        kept = stack.enter_context(Wire(service.base_url))
        await kept.ask(HEALTH)
        most = process.num_fds() + ROOM
        process.rlimit(psutil.RLIMIT_NOFILE, (most, most))

        crowd = [await asyncio.open_connection("127.0.0.1", service.port) for _ in range(CROWD)]
        await until(lambda: _refused(crowd))
        assert process.num_fds() <= most
        began, spent = time.monotonic(), sum(process.cpu_times()[:2])
        for voters in range(1, 6):  # over the connection that is there
            vote = vote_bytes(poll, {"selection": [1], "idempotency_key": new_key()})
            assert (await kept.ask(vote)).status == 201
            for stream in streams:
                frame = await stream.next()
                while frame is not None and frame.data["results"]["voters"] < voters:
                    frame = await stream.next()
                assert frame is not None
            with pytest.raises(aiohttp.ClientError):
                await asyncio.wait_for(http.get("/healthz"), 1)  # over a new one
        busy = (sum(process.cpu_times()[:2]) - spent) / (time.monotonic() - began)
        print(f"{CROWD - ROOM} of {CROWD} connections refused; {busy:.0%} of a processor while it lasts")
        assert busy < 0.5
        for _, writer in crowd:
            writer.close()
        began = time.monotonic()
        await until(lambda: _answers(service.base_url))
        print(f"a new connection is answered {time.monotonic() - began:.2f} s after there is room")
        assert service.log.read_text().count("\n") < 10
        await service.assert_clean()


async def _refused(crowd: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> bool:
    return sum(reader.at_eof() or reader.exception() is not None for reader, _ in crowd) >= CROWD - ROOM


async def _answers(base_url: str) -> bool:
    with Wire(base_url) as wire:
        try:
            return (await wire.ask(HEALTH)).status == 200
        except (OSError, EOFError):
            return False
