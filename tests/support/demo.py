"""A running demo, with its publisher's pages and its service."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.async_api import Browser, ConsoleMessage, Page

from tests.support.server import free_port


class Demo(NamedTuple):
    """Where a demo is: the addresses of its publisher and of its service, and its process."""

    origin: str
    service: str
    process: Process


@asynccontextmanager
async def run_demo(data: Path, port: int | None = None, site_port: int | None = None) -> AsyncIterator[Demo]:
    """A demo that keeps its votes in `data`; killed at the end of the block if it still runs."""
    port, site_port = port or free_port(), site_port or free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pollsvc", "demo", "--data", str(data)),
        *("--port", str(port), "--site-port", str(site_port)),
        stdout=PIPE,
        stderr=DEVNULL,
        cwd=data.parent,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            await process.stdout.readuntil(b"Ctrl-C")
        yield Demo(f"http://127.0.0.1:{site_port}", f"http://127.0.0.1:{port}", process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def reading(browser: Browser, **options: object) -> AsyncIterator[Page]:
    """A page of a new reader; `options` as of Playwright's new_context.

    Nothing may be written to its console as an error, broken policies included, and no script may fail.
    """
    context = await browser.new_context(**{"viewport": {"width": 900, "height": 900}, **options})  # type: ignore[arg-type]
    context.set_default_timeout(15_000)
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(f"{message.page and message.page.url}: {message.text}")

    context.on("console", note)
    context.on("weberror", lambda error: problems.append(str(error.error)))
    try:
        yield await context.new_page()
        assert not problems, problems
    finally:
        await context.close()
