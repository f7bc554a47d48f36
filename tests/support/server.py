"""A real pollsvc: the command line run as a program, and `serve` as a process on a free port."""

import asyncio
import io
import json
import os
import signal
import socket
import sys
import tempfile
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

import aiohttp
import psutil  # type: ignore[import-untyped,unused-ignore]

from pollsvc.domain.ballot import Ballot
from pollsvc.domain.poll import Kind, Texts, Visibility
from pollsvc.services.audit import Report, audit
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.editing.editing import Editing
from pollsvc.services.editing.new_poll import NewOption, NewPoll
from pollsvc.services.editing.sites import Sites
from pollsvc.services.exports.export import Wanted, export_to
from pollsvc.storage.audit import all_ballots
from pollsvc.storage.database import Connection
from tests.support.forks import Forks
from tests.support.tables import make_tables

SECRET = "a-secret-for-tests-of-more-than-32-characters"
ORIGIN = "http://news.example"
SITE = "News"
OPTIONS = ("Iran", "The United States", "Neither")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 10, pause: float = 0.02) -> None:
    """Wait for a condition to become true. Raises AssertionError when it has not in so many seconds."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        await asyncio.sleep(pause)


def connected_ports(pid: int) -> set[int]:
    """The ports at the other end of a process's established connections."""
    connections = psutil.Process(pid).net_connections("tcp")
    return {one.raddr.port for one in connections if one.status == psutil.CONN_ESTABLISHED}


class CliError(Exception):
    """A command that failed: its exit status and all that it printed."""

    def __init__(self, status: int, output: str) -> None:
        super().__init__(f"exit status {status}: {output}")
        self.status = status
        self.output = output


class Service:
    """`pollsvc` with its settings; `base_url` answers between `start` and `stop` or `kill`.

    `flags` are further arguments of `serve`.
    """

    forks: Forks | None = None
    """What commands are forked from; None: each starts with an interpreter of its own."""

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
        self.flags: Sequence[str] = ()
        self.patience = 30.0  # seconds that a start may take
        self.process: Process | None = None
        self.log = folder / f"serve-{self.port}.log"

    async def run(self, *args: str) -> str:
        """Run a command; what it prints on standard output. Raises CliError."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = await self._begin(args, out, err)
            try:
                await asyncio.wait_for(process.wait(), 60)
            except TimeoutError:
                process.kill()
                await process.wait()
                raise
            out.seek(0)
            err.seek(0)
            told, said = out.read().decode(), err.read().decode()
        if process.returncode:
            raise CliError(process.returncode, told + said)
        return told

    async def _begin(self, args: Sequence[str], out: IO[bytes], err: IO[bytes]) -> Process:
        if self.forks:
            return await self.forks.start(args, self.env, self._folder, out, err)
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pollsvc", *args),
            stdout=out,
            stderr=err,
            env=self.env,
            cwd=self._folder,
            start_new_session=True,  # so that a kill reaches the workers too
        )

    async def cli(self, *args: str) -> Any:
        """Run a command with `--json`; the value that it prints."""
        return json.loads(await self.run(*args, "--json"))

    async def start(self) -> None:
        """Serve, and wait until it is ready to take votes."""
        args = ["serve", "--port", str(self.port), "--workers", str(self._workers), *self.flags]
        with self.log.open("ab") as log:
            self.process = await self._begin(args, log, log)
        await self.until_ready()

    async def until_ready(self) -> None:
        """Wait until /readyz says yes. Raises AssertionError with the log when the process ends before."""
        async with aiohttp.ClientSession() as session:
            for _ in range(int(self.patience / 0.025)):
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

    async def end(self) -> None:
        """Stop it, and kill it when it does not end by itself; harmless when it has ended."""
        if self.process is None or self.process.returncode is not None:
            return
        try:
            await self.stop()
        except TimeoutError:
            await self.kill()
            raise

    def workers(self) -> list[int]:
        """The ids of the worker processes of `--workers N`."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children()
        return [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]

    async def create_site(self, name: str = SITE, origins: Sequence[str] = (ORIGIN,), *more: str) -> str:
        """Add a site; returns its id."""
        flags = [part for origin in origins for part in ("--origin", origin)]
        return str((await self.cli("site", "add", name, *flags, *more))["id"])

    async def create_poll(
        self,
        *,
        site: str = SITE,
        question: str = "Who won?",
        options: Sequence[str] = OPTIONS,
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
    async def editor(self) -> AsyncIterator[Editing]:
        """What the commands use, in this process: a hundredth of the time of starting one."""
        async with open_connection(self.database_url) as connection:
            yield Editing(connection, time.time)

    async def add_poll(
        self,
        question: str | Texts = "Who won?",
        options: Sequence[str | NewOption] = OPTIONS,
        *,
        site: str = SITE,
        **more: Any,
    ) -> str:
        """Create a poll without starting a command; `more` are fields of NewPoll. Returns its id."""
        for name, enum in (("kind", Kind), ("visibility", Visibility)):
            if name in more:
                more[name] = enum(more[name])
        async with open_connection(self.database_url) as connection:
            publisher = await Sites(connection, time.time).get(site)
            editor = Editing(connection, time.time)
            return (await editor.create_poll(publisher, NewPoll(question, options, **more))).id

    async def audit(self, poll: str | None = None) -> Report:
        """What `pollsvc audit` finds, without starting it."""
        async with open_connection(self.database_url) as connection:
            return await audit(connection, LogKeys(self.env["POLLSVC_SECRET_KEYS"].split(",")), poll)

    async def assert_clean(self, poll: str | None = None) -> None:
        """Recount everything, or a poll; each difference is shown."""
        found = (await self.audit(poll)).differences
        assert found == [], found

    async def ballots(self, poll: str) -> list[Ballot]:
        """The ballots of a poll as they stand in the database."""
        async with open_connection(self.database_url) as connection:
            return [ballot async for page in all_ballots(connection, poll) for ballot in page]

    async def export(self, poll: str) -> Any:
        """What `pollsvc poll export` writes, as a value."""
        async with open_connection(self.database_url) as connection:
            content = io.BytesIO()
            await export_to(content, connection, poll, Wanted(), time.time())
        return json.loads(content.getvalue())


@asynccontextmanager
async def open_connection(url: str) -> AsyncIterator[Connection]:
    """A connection of the test's own to a database."""
    connection = Connection(url, LogKeys([SECRET]).stamp)
    await connection.open()
    try:
        yield connection
    finally:
        await connection.close()


async def add_site(url: str, name: str = SITE, origins: Sequence[str] = (ORIGIN,)) -> None:
    """Add a site without starting a command; the tables are made in an empty database."""
    await make_tables(url)
    async with open_connection(url) as connection:
        await Sites(connection, time.time).add(name, origins)


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
        await add_site(service.database_url)
    elif not database_url:
        await make_tables(service.database_url)
    try:
        await service.start()
        yield service
    finally:
        await service.end()
