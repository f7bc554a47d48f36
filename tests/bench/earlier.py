"""Votes a second beside those of the same service before it had a log of ballots, networks and admission."""

import json
import sys
import tarfile
from pathlib import Path

from tests.bench import load
from tests.bench.harness import ORIGIN, ROOT, Bench, Template, make_template, need, run, say
from tests.bench.report import Row
from tests.bench.servers import pollsvc
from tests.bench.voting import checked

BEFORE = "2ba472398209"
"""The last commit without them."""
ROUNDS = 5


async def votes(bench: Bench) -> list[Row]:
    """Both services in turns, on databases that their own commands have made."""
    root = bench.new("before")
    archive = bench.new("before.tar")
    await run(need("git", "git"), "archive", "--output", str(archive), BEFORE, "pollsvc", "static")
    with tarfile.open(archive) as files:
        files.extractall(root, filter="data")
    here, there = await make_template(bench), await _template(bench, root)
    ours: list[float] = []
    before: list[float] = []
    for number in range(1, ROUNDS + 1):
        ours.append(await _votes(bench, here))
        before.append(await _votes(bench, there, root))
        say(f"votes/s, round {number} of {ROUNDS}: {ours[-1]:,.0f}, before {before[-1]:,.0f}")
    how = f"wrk, {load.FULL} connections, 5 s a run, in turns; policy open; reference: commit {BEFORE}"
    return [Row("votes_per_s_vs_before", "votes/s", how, ours, before)]


async def _votes(bench: Bench, template: Template, root: Path = ROOT) -> float:
    async with pollsvc(bench, template.copy(bench), root=root) as service:
        url = service.vote_url(template.polls[0])
        votes = await load.vote(bench, url, service.pid, connections=load.FULL, seconds=5)
        await service.verify(template.polls[0], checked(votes).created)
    return votes.per_second


async def _template(bench: Bench, root: Path) -> Template:
    path = bench.new("before.db")
    env = {"POLLSVC_DATABASE_URL": f"sqlite:///{path}"}

    async def command(*args: str) -> str:
        return await run(sys.executable, "-m", "pollsvc", *args, env=env, cwd=root)

    await command("site", "add", "News", "--origin", ORIGIN)
    options = [part for label in ("Iran", "The United States", "Neither") for part in ("--option", label)]
    told = await command("poll", "create", "--site", "News", "--question", "Who won?", *options, "--json")
    return Template(path, [json.loads(told.splitlines()[-1])["id"]])
