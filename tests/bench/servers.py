"""The servers under test, pollsvc and the references, each in turn on the server's core."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import STDOUT, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.bench.harness import ORIGIN, ROOT, Bench, BenchError, pinned
from tests.support.server import CliError, Service, free_port

_STREAMS = {"POLLSVC_STREAMS_LIMIT": "20000", "POLLSVC_STREAMS_PER_NETWORK": "20000"}


class Pollsvc(Service):
    """`pollsvc serve` on the server's core; `tracer` is a command that runs it, such as strace.

    `database` is SQLite's file, or the URL of another one. Its code is that in `root`.
    """

    def __init__(
        self,
        bench: Bench,
        database: Path | str,
        tracer: Sequence[str | Path] = (),
        root: Path = ROOT,
        env: Mapping[str, str] = _STREAMS,
    ) -> None:
        url = f"sqlite:///{database}" if isinstance(database, Path) else database
        super().__init__(url, bench.folder, env, workers=1)
        self._folder = root  # where a command finds it first
        self._command = [*tracer, sys.executable, "-m", "pollsvc", "serve", "--port", str(self.port)]
        self._core = bench.cores.server

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *pinned(self._core, *self._command), stdout=log, stderr=STDOUT, env=self.env, cwd=self._folder
            )
        await self.until_ready()

    @property
    def pid(self) -> int:
        """The server's process: the last of a chain when a tracer runs it."""
        assert self.process is not None
        return _innermost(self.process.pid)

    def vote_url(self, poll: str) -> str:
        return f"{self.base_url}/api/v1/polls/{poll}/votes"

    async def verify(self, poll: str, voters: int) -> None:
        """Whether the poll has just so many voters, and a recount finds no fault. Raises BenchError."""
        results, report = await asyncio.gather(self.cli("results", poll), self._audit())
        if results["voters"] != voters:
            raise BenchError(f"{voters} votes were answered 201, but there are {results['voters']}: {report}")

    async def _audit(self) -> str:
        try:
            return await self.run("audit", "--json")
        except CliError as error:
            raise BenchError(f"the recount found differences: {error.output}") from error


@asynccontextmanager
async def pollsvc(
    bench: Bench,
    database: Path | str,
    tracer: Sequence[str | Path] = (),
    root: Path = ROOT,
    env: Mapping[str, str] = _STREAMS,
) -> AsyncIterator[Pollsvc]:
    """A serving pollsvc on this database."""
    service = Pollsvc(bench, database, tracer, root, env)
    try:
        await service.start()
        yield service
    finally:
        if service.process is not None:
            await _end(service.process)


@dataclass(frozen=True, slots=True)
class Reference:
    """A running reference server."""

    pid: int
    port: int

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def reference(
    bench: Bench, name: str, env: Mapping[str, str] | None = None, tracer: Sequence[str | Path] = ()
) -> AsyncIterator[Reference]:
    """A module of `references` under uvicorn as it comes, but for the access log, on the server's core."""
    port = free_port()
    command = (
        *(*tracer, sys.executable, "-m", "uvicorn", f"tests.bench.references.{name}:app"),
        *("--port", str(port), "--no-access-log", "--log-level", "warning"),
    )
    async with serving(bench, port, *command, env=env) as process:
        yield Reference(_innermost(process.pid), port)


@asynccontextmanager
async def serving(
    bench: Bench, port: int, *command: str | Path, env: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """A program that answers on a port, held to the server's core, until the block ends."""
    log = bench.new("reference.log")
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *pinned(bench.cores.server, *command),
            stdout=output,
            stderr=STDOUT,
            env={**os.environ, **(env or {})},
            cwd=ROOT,
        )
    try:
        await _until_answering(port, process, log)
        yield process
    finally:
        await _end(process)


async def _until_answering(port: int, process: Process, log: Path) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(400):  # 10 s
            if process.returncode is not None:
                break
            try:
                async with session.get(f"http://127.0.0.1:{port}/healthz"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.025)
    raise BenchError(f"a reference server does not answer: {log.read_text()}")


async def _end(process: Process) -> None:
    """End a server by SIGTERM, and by SIGKILL when it does not end by itself; harmless when it has ended."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, FileNotFoundError):
            os.kill(_innermost(process.pid), number)
        try:
            await asyncio.wait_for(process.wait(), 15)
            return
        except TimeoutError:
            continue


def _innermost(pid: int) -> int:
    """The process at the end of a chain of only children."""
    while children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        pid = int(children[0])
    return pid


def memory(pid: int, *, peak: bool = False) -> int:
    """The resident memory of a process, now or at its highest, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:" if peak else "VmRSS:"):
            return int(line.split()[1]) * 1024
    raise BenchError(f"process {pid} has ended")


class Busy:
    """The share of its core that a server uses, from the making of this on."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._since = time.monotonic()
        self._used = self._processor_seconds()

    def share(self) -> float:
        return (self._processor_seconds() - self._used) / (time.monotonic() - self._since)

    def _processor_seconds(self) -> float:
        return processor_seconds(self._pid)


def processor_seconds(pid: int) -> float:
    """What a process has used until now, without those that it started."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def post(url: str, body: str) -> bytes:
    """POST a text; the body of the answer. Raises BenchError when it is not a success."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers={"origin": ORIGIN}) as answer,
    ):
        if answer.status >= 300:
            raise BenchError(f"POST {url} was answered {answer.status}: {await answer.text()}")
        return await answer.read()
