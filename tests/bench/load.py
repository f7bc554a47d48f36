"""HTTP load by wrk, from a core of its own."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from tests.bench.harness import ARTICLE, ORIGIN, Bench, BenchError, need, pinned, run
from tests.bench.servers import Busy

FULL = 256
"""Connections of the rows that are measured at full load."""
SOME = 64
"""Connections that are reported beside it."""

_WARMUP = 0.5  # seconds, before the measured ones
_SCRIPT = Path(__file__).with_name("votes.lua")


@dataclass(frozen=True, slots=True)
class Votes:
    """What became of a load of votes: those answered 201 in all, and a second while measured."""

    created: int
    per_second: float
    others: str  # the statuses of other answers
    broken: int  # connections or answers that failed
    busy: float  # the share of its core that the server used


async def vote(bench: Bench, url: str, pid: int, *, connections: int, seconds: int) -> Votes:
    """Votes as fast as they are answered, for so many seconds after a warm-up."""
    env = {
        "BENCH_WARMUP": str(_WARMUP),
        "BENCH_SECONDS": str(seconds),
        "BENCH_ARTICLE": ARTICLE,
        "BENCH_ORIGIN": ORIGIN,
    }
    command = _wrk(bench, connections, seconds + 1, "--script", str(_SCRIPT), "--timeout", "10s", url)
    core = Busy(pid)
    output = await run(*command, env=env, timeout=seconds + 30)
    busy = core.share()
    found = json.loads(output.splitlines()[-1])
    return Votes(found["created"], found["measured"] / seconds, found["others"], found["broken"], busy)


async def get(bench: Bench, url: str, pid: int, *, connections: int, seconds: int) -> tuple[float, float]:
    """GETs answered a second, and the share of its core that the server used.

    Raises BenchError when one was not answered 200.
    """
    await run(*_wrk(bench, connections, 1, url))
    core = Busy(pid)
    output = await run(*_wrk(bench, connections, seconds, url), timeout=seconds + 30)
    busy = core.share()
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if rate is None or "Non-2xx" in output or "Socket errors" in output:
        raise BenchError(f"GET {url} failed under load: {output}")
    return float(rate[1]), busy


def _wrk(bench: Bench, connections: int, seconds: int, *more: str) -> list[str]:
    counts = ("--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s")
    return pinned(bench.cores.load, need("wrk", "wrk"), *counts, *more)
