"""What every row needs: cores of its own, fresh databases, programs, and a word about progress."""

import asyncio
import os
import resource
import shutil
import sys
import time
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil
from pathlib import Path

from pollsvc.services.editing.editing import Editing
from pollsvc.services.editing.new_poll import NewPoll
from pollsvc.services.editing.sites import Sites
from pollsvc.storage.migrate import ensure_current
from tests.support.server import open_connection

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build"
ORIGIN = "http://news.example"
ARTICLE = f"{ORIGIN}/story"
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
    return Template(path, await fill(f"sqlite:///{path}", polls))


async def fill(url: str, polls: int = 1) -> list[str]:
    """Make the tables, a site and polls that are open and placed on ARTICLE; returns the polls."""
    await ensure_current(url)
    async with open_connection(url) as connection:
        editing = Editing(connection, time.time)
        site = await Sites(connection, time.time).add("News", [ORIGIN])
        new = NewPoll("Who won?", ("Iran", "The United States", "Neither"), articles=(ARTICLE,))
        return [(await editing.create_poll(site, new)).id for _ in range(polls)]


def say(text: str) -> None:
    """A line about progress, on standard error."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def available(program: str) -> str | None:
    """The path of a program, if it is installed."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


def need(program: str, package: str) -> str:
    """The path of a program. Raises BenchError that says what to install."""
    found = available(program)
    if found is None:
        raise BenchError(f"{program} is not installed; on Debian: apt-get install {package}")
    return found


async def compiled(source: Path) -> Path:
    """A program of one C file, compiled when it is older than its source. Raises BenchError."""
    BUILD.mkdir(exist_ok=True)
    program = BUILD / f"bench-{source.stem}"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        fresh = program.with_suffix(f".{os.getpid()}")
        flags = ("-std=c11", "-O2", "-Wall", "-Wextra")
        await run(need("cc", "gcc libc6-dev"), *flags, "-o", str(fresh), str(source))
        fresh.replace(program)  # whole at once: another process may be about to run it
    return program


def allow_files(wanted: int) -> None:
    """Let this process and those that it starts open so many files each. Raises BenchError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (ValueError, OSError) as error:
        raise BenchError(f"{wanted} open files are needed, and {hard} are allowed (ulimit -n)") from error


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share (0 to 1) of all are not above; there has to be one."""
    return sorted(values)[max(ceil(len(values) * share), 1) - 1]


def pinned(core: int, *command: str | Path) -> list[str]:
    """The command, held to one core."""
    return [need("taskset", "util-linux"), "--cpu-list", str(core), *map(str, command)]


async def run(
    *command: str, env: Mapping[str, str] | None = None, timeout: float = 60, cwd: Path = ROOT
) -> str:
    """Run a program to its end; what it prints. Raises BenchError with its output when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=PIPE, stderr=STDOUT, env={**os.environ, **(env or {})}, cwd=cwd
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), timeout)
    except TimeoutError:
        raise BenchError(f"{command[0]} did not end within {timeout:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise BenchError(f"{' '.join(command[:6])} … ended with {process.returncode}: {output.decode()}")
    return output.decode()
