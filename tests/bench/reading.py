"""Results a second."""

import json
from statistics import median

import aiohttp

from tests.bench import load
from tests.bench.harness import Bench, make_template, say
from tests.bench.report import Row
from tests.bench.servers import pollsvc, post, reference

ROUNDS = 3
_OWN_HEADERS = {"date", "server"}  # uvicorn adds these by itself


async def results(bench: Bench) -> list[Row]:
    """Result GETs a second beside a bare ASGI app that answers the same headers and bytes."""
    template = await make_template(bench)
    path = f"/api/v1/polls/{template.polls[0]}"
    answer = bench.new("answer.json")
    full: tuple[list[float], list[float]] = ([], [])
    some: tuple[list[float], list[float]] = ([], [])
    busy: tuple[list[float], list[float]] = ([], [])

    async def measure(which: int, url: str, pid: int) -> None:
        rate, share = await load.get(bench, url, pid, connections=load.FULL, seconds=4)
        full[which].append(rate)
        busy[which].append(share)
        some[which].append((await load.get(bench, url, pid, connections=load.SOME, seconds=2))[0])

    for number in range(1, ROUNDS + 1):
        async with pollsvc(bench, template.copy(bench)) as service:
            url = service.base_url + path
            await post(f"{url}/votes", '{"selection": [1]}')
            async with aiohttp.ClientSession(auto_decompress=False) as session, session.get(url) as got:
                headers = [pair for pair in got.headers.items() if pair[0].lower() not in _OWN_HEADERS]
                answer.write_text(json.dumps({"headers": headers, "body": await got.text()}))
            await measure(0, url, service.pid)
        async with reference(bench, "constant", {"BENCH_ANSWER": str(answer)}) as server:
            await measure(1, server.base_url + path, server.pid)
        say(
            f"GET/s, round {number} of {ROUNDS}: {full[0][-1]:,.0f}, bare {full[1][-1]:,.0f}; "
            f"with {load.SOME} connections {some[0][-1]:,.0f}, bare {some[1][-1]:,.0f}"
        )
    at_some = [median(runs) for runs in some]
    note = (
        f"the servers' core was {median(busy[0]):.0%} and {median(busy[1]):.0%} busy; "
        f"with {load.SOME} connections {at_some[0]:,.0f} ÷ {at_some[1]:,.0f} = {at_some[0] / at_some[1]:.3g}"
    )
    how = f"wrk, {load.FULL} connections, 4 s a run; reference: the same headers and bytes by a bare ASGI app"
    return [Row("get_per_s_vs_bare", "GET/s", how, full[0], full[1], {"note": note})]
