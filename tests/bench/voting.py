"""Votes a second, and what they cost the disk."""

import time
from pathlib import Path
from statistics import median

from tests.bench import load
from tests.bench.harness import Bench, BenchError, Template, make_template, need, say
from tests.bench.report import Row
from tests.bench.servers import pollsvc, post, reference

ROUNDS = 3
NAIVE_CONNECTIONS = 16
"""Where the naive service does best: with more, its writers wait for SQLite's lock and give up."""
_PATH = "/api/v1/polls/poll/votes"  # of the references, which do not look at it


async def throughput(bench: Bench) -> list[Row]:
    """Durable votes a second beside a POST that only reads its body, and beside the naive service."""
    template = await make_template(bench)
    length = await answer_length(bench, template)
    full: list[load.Votes] = []
    some: list[load.Votes] = []
    noop_full: list[float] = []
    noop_some: list[float] = []
    naive: list[float] = []
    for number in range(1, ROUNDS + 1):
        full.append(await _ours(bench, template, load.FULL, 5))
        noop_full.append(await _noop(bench, length, load.FULL, 5))
        naive.append(await _naive(bench, 3))
        some.append(await _ours(bench, template, load.SOME, 3))
        noop_some.append(await _noop(bench, length, load.SOME, 3))
        say(
            f"votes/s, round {number} of {ROUNDS}: {full[-1].per_second:,.0f}, no-op {noop_full[-1]:,.0f}, "
            f"naive {naive[-1]:,.0f}; with {load.SOME} connections {some[-1].per_second:,.0f}, "
            f"no-op {noop_some[-1]:,.0f}"
        )
    ours = [run.per_second for run in full]
    ours_some = [run.per_second for run in some]
    busy = median(run.busy for run in full)
    note = (
        f"the server's core was {busy:.0%} busy; with {load.SOME} connections {median(ours_some):,.0f} ÷ "
        f"{median(noop_some):,.0f} = {median(ours_some) / median(noop_some):.3g}"
    )
    how = f"wrk, {load.FULL} connections, 5 s a run; each vote a new reader; voters == 201s and audit clean"
    at_some = {"runs_with_64_connections": {"ours": ours_some, "reference": noop_some}}
    return [
        Row("votes_per_s_vs_noop_post", "votes/s", how, ours, noop_full, {"note": note, **at_some}),
        Row(
            "votes_per_s_vs_naive",
            "votes/s",
            f"{how}; the naive one with the {NAIVE_CONNECTIONS} connections that suit it best",
            ours,
            naive,
        ),
    ]


async def fsyncs(bench: Bench) -> list[Row]:
    """fsync and fdatasync calls for each vote at full load; the reference is the naive service."""
    template = await make_template(bench)
    ours, naive = [], []
    for number in range(1, 3):
        trace = bench.new("trace")
        async with pollsvc(bench, template.copy(bench), _strace(trace)) as service:
            started = time.time()
            votes = await load.vote(
                bench, service.vote_url(template.polls[0]), service.pid, connections=load.FULL, seconds=3
            )
            ended = time.time()
            await service.verify(template.polls[0], checked(votes).created)
        ours.append(_syncs(trace, started, ended) / votes.created)
        trace = bench.new("trace")
        env = {"BENCH_DATABASE_URL": f"sqlite:///{bench.new('naive.db')}"}
        async with reference(bench, "naive", env, _strace(trace)) as server:
            started = time.time()
            votes = await load.vote(
                bench, server.base_url + _PATH, server.pid, connections=NAIVE_CONNECTIONS, seconds=1
            )
            ended = time.time()
        naive.append(_syncs(trace, started, ended) / votes.created)
        say(f"fsyncs a vote, run {number} of 2: {ours[-1]:.4f}, naive {naive[-1]:.2f}")
    how = (
        f"strace --seccomp-bpf of fsync and fdatasync during a load by wrk, {load.FULL} connections, "
        "÷ votes answered 201; reference: the naive service"
    )
    return [Row("fsyncs_per_vote", "fsyncs/vote", how, ours, naive)]


async def answer_length(bench: Bench, template: Template) -> int:
    """How many bytes our answer to a vote has."""
    async with pollsvc(bench, template.copy(bench)) as service:
        return len(await post(service.vote_url(template.polls[0]), '{"selection": [1]}'))


async def _ours(bench: Bench, template: Template, connections: int, seconds: int) -> load.Votes:
    async with pollsvc(bench, template.copy(bench)) as service:
        url = service.vote_url(template.polls[0])
        votes = await load.vote(bench, url, service.pid, connections=connections, seconds=seconds)
        await service.verify(template.polls[0], checked(votes).created)
    return votes


async def _noop(bench: Bench, length: int, connections: int, seconds: int) -> float:
    async with reference(bench, "noop", {"BENCH_LENGTH": str(length)}) as server:
        url = server.base_url + _PATH
        votes = await load.vote(bench, url, server.pid, connections=connections, seconds=seconds)
    return checked(votes).per_second


async def _naive(bench: Bench, seconds: int) -> float:
    env = {"BENCH_DATABASE_URL": f"sqlite:///{bench.new('naive.db')}"}
    async with reference(bench, "naive", env) as server:
        url = server.base_url + _PATH
        votes = await load.vote(bench, url, server.pid, connections=NAIVE_CONNECTIONS, seconds=seconds)
    return votes.per_second


def checked(votes: load.Votes) -> load.Votes:
    """Votes that were all recorded. Raises BenchError."""
    if votes.broken or votes.others:
        raise BenchError(f"votes failed under load: {votes}")
    return votes


def _strace(trace: Path) -> list[str | Path]:
    # By seccomp only the traced calls stop the server; with `strace -p` all do, and it is no full load.
    options = ("--follow-forks", "--seccomp-bpf", "--quiet=all", "--absolute-timestamps=unix,us")
    return [need("strace", "strace"), *options, "--trace=fsync,fdatasync", "--output", trace]


def _syncs(trace: Path, started: float, ended: float) -> int:
    """The calls within a time; a line is `PID SECONDS fdatasync(12) = 0`, or its resumption."""
    calls = [line.split(maxsplit=2) for line in trace.read_text().splitlines()]
    return sum(
        started <= float(at) <= ended and call.startswith(("fsync(", "fdatasync(")) for _, at, call in calls
    )
