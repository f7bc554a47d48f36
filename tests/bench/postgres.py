"""Votes a second on PostgreSQL, and what they cost its processor."""

import os
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import asyncpg

from tests.bench import load
from tests.bench.harness import Bench, fill, make_template, say
from tests.bench.report import Row
from tests.bench.servers import pollsvc, processor_seconds
from tests.bench.voting import checked
from tests.support.postgres import create_database, drop_database, postgres_server

ROUNDS = 3
_SECONDS = 5


async def votes(bench: Bench) -> list[Row]:
    """Durable votes a second on PostgreSQL, beside SQLite's; PostgreSQL has the core of the load."""
    template = await make_template(bench)
    ours, sqlite, cost = [], [], []
    with ExitStack() as stack:
        server = stack.enter_context(postgres_server(durable=True))
        postmaster = await _postmaster(server)
        os.sched_setaffinity(postmaster, {bench.cores.load})  # and so of all that it starts from now on
        for number in range(1, ROUNDS + 1):
            rate, _ = await _load(bench, template.copy(bench), template.polls[0], postmaster)
            sqlite.append(rate)
            url = await create_database(server)
            [poll] = await fill(url)
            rate, microseconds = await _load(bench, url, poll, postmaster)
            ours.append(rate)
            cost.append(microseconds)
            await drop_database(server, url)
            say(
                f"votes/s, round {number} of {ROUNDS}: {ours[-1]:,.0f} on PostgreSQL, {sqlite[-1]:,.0f} on "
                f"SQLite; PostgreSQL used {cost[-1]:.1f} µs a vote"
            )
    how = f"wrk, {load.FULL} connections, {_SECONDS} s a run; each vote a new reader; one process, one poll"
    note = f"PostgreSQL used {median(cost):.1f} µs of its core a vote"
    return [
        Row("postgres_votes_per_s", "votes/s", f"{how}; reference: SQLite", ours, sqlite, {"note": note}),
        Row("postgres_us_per_vote", "µs", f"{how}; of PostgreSQL's processes", cost),
    ]


async def _load(bench: Bench, database: Path | str, poll: str, postmaster: int) -> tuple[float, float]:
    """Votes a second, and the microseconds that PostgreSQL used for each."""
    async with pollsvc(bench, database) as service:
        url = service.vote_url(poll)
        before = _used(postmaster)
        votes = await load.vote(bench, url, service.pid, connections=load.FULL, seconds=_SECONDS)
        used = _used(postmaster) - before
        await service.verify(poll, checked(votes).created)
    say(f"the service's core was {votes.busy:.0%} busy")
    return votes.per_second, used / votes.created * 1e6


async def _postmaster(server: str) -> int:
    """The process that all others of this PostgreSQL are children of."""
    connection = await asyncpg.connect(server)
    try:
        folder = await connection.fetchval("SHOW data_directory")
    finally:
        await connection.close()
    return int(Path(folder, "postmaster.pid").read_text().split()[0])


def _used(postmaster: int) -> float:
    """Seconds that PostgreSQL's processes have used, those that have ended included."""
    fields = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
    ended = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    living = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return ended + sum(processor_seconds(pid) for pid in (postmaster, *map(int, living)))
