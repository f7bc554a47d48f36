"""A real pollsvc: the command line run as a program, and `serve` as a process on a free port."""

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

SECRET = "a-secret-for-tests-of-more-than-32-characters"
ORIGIN = "http://news.example"
SITE = "News"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class CliError(Exception):
    """A command that failed: its exit status and all that it printed."""

    def __init__(self, status: int, output: str) -> None:
        super().__init__(f"exit status {status}: {output}")
        self.status = status
        self.output = output


class Service:
    """`pollsvc` with its settings; `base_url` answers between `start` and `stop` or `kill`."""

    def __init__(
        self, database_url: str, folder: Path, env: Mapping[str, str], workers: int, port: int | None = None
    ) -> None:
        self.database_url = database_url
        self.port = port or free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("POLLSVC_")},
            "POLLSVC_DATABASE_URL": database_url,
            "POLLSVC_SECRET_KEYS": SECRET,
            "POLLSVC_BASE_URL": self.base_url,
            "POLLSVC_ADMISSION": "open",
            **env,
        }
        self._folder = folder
        self._workers = workers
        self.process: Process | None = None
        self.log = folder / f"serve-{self.port}.log"

    async def run(self, *args: str) -> str:
        """Run a command; what it prints on standard output. Raises CliError."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pollsvc", *args, stdout=PIPE, stderr=PIPE, env=self.env, cwd=self._folder
        )
        out, err = await asyncio.wait_for(process.communicate(), 120)
        if process.returncode:
            raise CliError(process.returncode, (out + err).decode())
        return out.decode()

    async def cli(self, *args: str) -> Any:
        """Run a command with `--json`; the value that it prints."""
        return json.loads(await self.run(*args, "--json"))

    async def start(self) -> None:
        """Serve, and wait until it is ready to take votes."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "pollsvc", "serve", "--port", str(self.port)),
                *("--workers", str(self._workers)),
                stdout=log,
                stderr=STDOUT,
                env=self.env,
                cwd=self._folder,
                start_new_session=True,  # so that a kill reaches the workers too
            )
        await self.until_ready()

    async def until_ready(self) -> None:
        """Wait until /readyz says yes. Raises AssertionError with the log when the process ends before."""
        async with aiohttp.ClientSession() as session:
            for _ in range(1200):
                assert self.process is not None
                assert self.process.returncode is None, self.log.read_text()
                try:
                    async with session.get(f"{self.base_url}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.025)
        raise AssertionError(f"not ready in time: {self.log.read_text()}")

    async def stop(self) -> int:
        """End it as an operator does, by SIGTERM; returns the exit status."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(self.process.wait(), 20)
        return self.process.returncode or 0

    async def kill(self) -> None:
        """kill -9, its workers included."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    async def create_site(self, name: str = SITE, origins: Sequence[str] = (ORIGIN,), *more: str) -> str:
        """Add a site; returns its id."""
        flags = [part for origin in origins for part in ("--origin", origin)]
        return str((await self.cli("site", "add", name, *flags, *more))["id"])

    async def create_poll(
        self,
        *,
        site: str = SITE,
        question: str = "Who won?",
        options: Sequence[str] = ("Iran", "The United States", "Neither"),
        kind: str = "single",
        article: str | None = None,
        extra: Sequence[str] = (),
    ) -> str:
        """Create a poll; returns its id."""
        flags = [part for option in options for part in ("--option", option)]
        if article:
            flags += ["--article", article]
        answer = await self.cli(
            "poll", "create", "--site", site, "--question", question, "--kind", kind, *flags, *extra
        )
        return str(answer["id"])


@asynccontextmanager
async def run_service(
    folder: Path,
    database_url: str | None = None,
    env: Mapping[str, str] | None = None,
    workers: int = 1,
    site: bool = False,
) -> AsyncIterator[Service]:
    """A serving pollsvc, by default on a SQLite file in `folder`; with `site`, the site News is there."""
    service = Service(database_url or f"sqlite:///{folder}/pollsvc.db", folder, env or {}, workers)
    if site:
        await service.create_site()
    await service.start()
    try:
        yield service
    finally:
        await service.stop()
