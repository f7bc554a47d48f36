"""Results a second."""

import json
from statistics import median

import aiohttp

from tests.bench import load
from tests.bench.harness import Bench, make_template, pollsvc, post, reference, say
from tests.bench.report import Row

ROUNDS = 3
_OWN_HEADERS = {"date", "server"}  # uvicorn adds these by itself


async def results(bench: Bench) -> list[Row]:
    """Result GETs a second beside a bare ASGI app that answers the same headers and bytes."""
    template = await make_template(bench)
    path = f"/api/v1/polls/{template.polls[0]}"
    answer = bench.new("answer.json")
    ours: list[float] = []
    bare: list[float] = []
    some: tuple[list[float], list[float]] = ([], [])
    for number in range(1, ROUNDS + 1):
        async with pollsvc(bench, template.copy(bench)) as service:
            url = service.base_url + path
            await post(f"{url}/votes", '{"selection": [1]}')
            async with aiohttp.ClientSession(auto_decompress=False) as session, session.get(url) as got:
                headers = [pair for pair in got.headers.items() if pair[0].lower() not in _OWN_HEADERS]
                answer.write_text(json.dumps({"headers": headers, "body": await got.text()}))
            ours.append(await load.get(bench, url, connections=load.FULL, seconds=4))
            some[0].append(await load.get(bench, url, connections=load.SOME, seconds=2))
        async with reference(bench, "constant", {"BENCH_ANSWER": str(answer)}) as server:
            url = server.base_url + path
            bare.append(await load.get(bench, url, connections=load.FULL, seconds=4))
            some[1].append(await load.get(bench, url, connections=load.SOME, seconds=2))
        say(
            f"GET/s, round {number} of {ROUNDS}: {ours[-1]:,.0f}, bare {bare[-1]:,.0f}; "
            f"with {load.SOME} connections {some[0][-1]:,.0f}, bare {some[1][-1]:,.0f}"
        )
    at_some = [median(runs) for runs in some]
    note = (
        f"with {load.SOME} connections {at_some[0]:,.0f} ÷ {at_some[1]:,.0f} = {at_some[0] / at_some[1]:.3g}"
    )
    how = f"wrk, {load.FULL} connections, 4 s a run; reference: the same headers and bytes by a bare ASGI app"
    return [Row("get_per_s_vs_bare", "GET/s", how, ours, bare, {"note": note})]
