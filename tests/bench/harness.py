"""What every row needs: cores of its own, servers on them, fresh databases, and a word about progress."""

import asyncio
import os
import shutil
import signal
import sys
import time
from asyncio.subprocess import STDOUT, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import aiohttp

from pollsvc.services.editing import Editing, NewPoll
from pollsvc.storage.database import Connection
from pollsvc.storage.migrate import ensure_current
from tests.support.server import CliError, Service, free_port

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build"
ORIGIN = "http://news.example"
ARTICLE = f"{ORIGIN}/story"
STREAMS_ENV = {"POLLSVC_STREAMS_LIMIT": "20000", "POLLSVC_STREAMS_PER_NETWORK": "20000"}
_numbers = count(1)


class BenchError(Exception):
    """A row could not be measured: what happened, or what is missing and how to get it."""


@dataclass(frozen=True, slots=True)
class Cores:
    """One core for the server under test, one for what loads it; this process keeps to the others."""

    server: int
    load: int

    @classmethod
    def take(cls) -> "Cores":
        """The last two cores of this process, which leaves them. Raises BenchError."""
        have = sorted(os.sched_getaffinity(0))
        if len(have) < 2:
            raise BenchError("The bench needs two processor cores: one for the server, one for its load.")
        os.sched_setaffinity(0, set(have[:-2]) or {have[-2]})
        return cls(server=have[-1], load=have[-2])


@dataclass(frozen=True, slots=True)
class Bench:
    """What a measurement is given: its cores, and a folder that is thrown away afterwards."""

    cores: Cores
    folder: Path

    def new(self, name: str) -> Path:
        """A path in the folder that nobody has used."""
        return self.folder / f"{next(_numbers)}-{name}"


@dataclass(frozen=True, slots=True)
class Template:
    """A database with a site and polls and no ballots, to be copied for each run."""

    path: Path
    polls: Sequence[str]

    def copy(self, bench: Bench) -> Path:
        return Path(shutil.copy(self.path, bench.new("pollsvc.db")))


async def make_template(bench: Bench, polls: int = 1) -> Template:
    """A database whose polls are open and placed on ARTICLE."""
    path = bench.new("template.db")
    url = f"sqlite:///{path}"
    await ensure_current(url)
    connection = Connection(url)
    await connection.open()
    try:
        editing = Editing(connection, time.time)
        site = await editing.add_site("News", [ORIGIN])
        new = NewPoll("Who won?", ("Iran", "The United States", "Neither"), articles=(ARTICLE,))
        ids = [(await editing.create_poll(site, new)).id for _ in range(polls)]
    finally:
        await connection.close()
    return Template(path, ids)


def say(text: str) -> None:
    """A line about progress, on standard error."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def need(program: str, package: str) -> str:
    """The path of a program. Raises BenchError that says what to install."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if found is None:
        raise BenchError(f"{program} is not installed; on Debian: apt-get install {package}")
    return found


def pinned(core: int, *command: str | Path) -> list[str]:
    """The command, held to one core."""
    return [need("taskset", "util-linux"), "--cpu-list", str(core), *map(str, command)]


async def run(*command: str, env: Mapping[str, str] | None = None, timeout: float = 60) -> str:
    """Run a program to its end; what it prints. Raises BenchError with its output when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=STDOUT, env={**os.environ, **(env or {})}, cwd=ROOT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), timeout)
    except TimeoutError:
        process.kill()
        raise BenchError(f"{command[0]} did not end within {timeout:.0f} s") from None
    if process.returncode:
        raise BenchError(f"{' '.join(command[:6])} … ended with {process.returncode}: {output.decode()}")
    return output.decode()


class Pollsvc(Service):
    """`pollsvc serve` on the server's core; `tracer` is a command that runs it, such as strace."""

    def __init__(self, bench: Bench, database: Path, tracer: Sequence[str | Path] = ()) -> None:
        super().__init__(f"sqlite:///{database}", bench.folder, STREAMS_ENV, workers=1)
        self._command = [
            *(*tracer, sys.executable, "-m", "pollsvc", "serve", "--port", str(self.port)),
        ]
        self._core = bench.cores.server

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *pinned(self._core, *self._command), stdout=log, stderr=STDOUT, env=self.env, cwd=ROOT
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
async def pollsvc(bench: Bench, database: Path, tracer: Sequence[str | Path] = ()) -> AsyncIterator[Pollsvc]:
    """A serving pollsvc on this database."""
    service = Pollsvc(bench, database, tracer)
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


def memory(pid: int) -> int:
    """The resident memory of a process, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise BenchError(f"process {pid} has ended")


def processor_seconds(pid: int) -> float:
    """The processor time that a process has used, of all its threads."""
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
