"""SIGTERM under votes and with a thousand live streams: all are ended properly, and nothing is lost."""

import asyncio
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.load import Load
from tests.support.reader import Http, Wire, fire
from tests.support.server import run_service, until

STREAMS = 1_000
SILENT = 50
"""Of them, those that do not read what they are sent any more."""


async def _open(wire: Wire, request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    await wire.send(request)
    assert wire._streams is not None
    streams, wire._streams = wire._streams, None
    head = await streams[0].readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    return streams


async def _end(reader: asyncio.StreamReader) -> str:
    """How a stream ended: with the last, empty chunk (RFC 9112, section 7.1), or by being cut off."""
    try:
        last = b""
        while data := await reader.read(65_536):
            last = (last + data)[-5:]
    except ConnectionError:
        return "reset"
    return "whole" if last == b"0\r\n\r\n" else "cut off"


@pytest.mark.parametrize("signals", [1, 2])
async def test_sigterm_with_a_thousand_streams(tmp_path: Path, signals: int) -> None:
    """Once, and a second time by somebody who cannot wait."""
    async with run_service(tmp_path, site=True) as service:
        poll = await service.add_poll()
        head = f"GET /api/v1/live?poll={poll} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()
        opened = await fire(service.base_url, _open, [head] * STREAMS, connections=100)
        ends = [asyncio.create_task(_end(reader)) for reader, _ in opened[SILENT:]]
        for _, writer in opened[:SILENT]:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
        load = Load(service, poll)
        process = service.process
        assert process is not None
        async with load.running():
            await load.more(200)
            began = time.monotonic()
            for _ in range(signals):
                process.send_signal(signal.SIGTERM)
                await until(lambda: _none_answers(service.base_url))
            assert await asyncio.wait_for(process.wait(), 15) == 0
            took = time.monotonic() - began
        how = Counter(await asyncio.gather(*ends))
        print(f"{signals} signals: ended after {took:.1f} s with {STREAMS} streams, {dict(how)}")
        assert took < 10
        if signals == 1:
            assert how == {"whole": STREAMS - SILENT}
        for _, writer in opened:
            writer.close()
        assert set(load.refused) <= {503}
        await service.start()
        async with Http(service.base_url) as http:
            await load.assert_kept(http)
        await service.assert_clean()


async def _none_answers(base_url: str) -> bool:
    with Wire(base_url) as wire:
        try:
            await wire.send(b"")
        except OSError:
            return True
        return False
