"""Programs of the system, run with the files of docs/deploy/ on loopback."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.support.server import until

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"


def program(name: str, package: str = "") -> str:
    """Where a program is. Raises AssertionError that says how to install it."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, f"{name} is missing: install it (on Debian: sudo apt-get install {package or name})"
    return found


def deployed(name: str, changes: Mapping[str, str]) -> str:
    """A file of docs/deploy/ with another place or port for each of these parts, which it must have."""
    text = (DEPLOY / name).read_text()
    for old, new in changes.items():
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, new)
    return text


async def run(*args: str, **env: str) -> str:
    """Run a program to its end; what it says. Raises AssertionError when it fails."""
    process = await asyncio.create_subprocess_exec(
        *args,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **env},
    )
    told, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, told.decode()
    return told.decode()


@asynccontextmanager
async def serving(
    port: int, *args: str, log: Path | None = None, **env: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that listens on a port of 127.0.0.1 while the block lasts; what it says is in `log`."""
    with Path(log or os.devnull).open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *args, env={**os.environ, **env}, stderr=said if log else None
        )

    async def listens() -> bool:
        assert process.returncode is None, f"{args[0]} has ended"
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return True
        return False

    try:
        await until(listens)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), 10)
