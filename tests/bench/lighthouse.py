"""What the widget costs a page by Lighthouse's points: the demo's article with it, and without it."""

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median

import aiohttp
from aiohttp import web

from tests.bench.harness import BUILD, ROOT, Bench, BenchError, need, run, say
from tests.bench.report import Row
from tests.support.server import free_port, until

VERSION = "12.8.2"
ROUNDS = 5
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
_CHROME = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
)
_WIDGET = re.compile(r"<script async src=[^>]*></script>|<pollsvc-poll\b.*?</pollsvc-poll>", re.DOTALL)


async def points(bench: Bench) -> list[Row]:
    """The most points that any category loses by the widget, in medians of several runs taken in turns."""
    program = await _install()
    found: dict[str, dict[str, list[float]]] = {which: {} for which in ("with", "without")}
    async with _demo(bench) as article, _stripped(article) as bare:
        for number in range(1, ROUNDS + 1):
            for which, url in (("with", article), ("without", bare)):
                scores = await _scores(bench, program, url)
                for category, score in scores.items():
                    found[which].setdefault(category, []).append(score)
            last = f"{_last(found['with'])}, without {_last(found['without'])}"
            say(f"Lighthouse, round {number} of {ROUNDS}: {last}")
    medians = {which: {name: median(runs) for name, runs in all_.items()} for which, all_ in found.items()}
    lost = max(medians["without"][name] - medians["with"][name] for name in CATEGORIES)
    note = f"with the widget {medians['with']}, without {medians['without']}"
    how = f"Lighthouse {VERSION}, median of {ROUNDS} runs each, the category that loses most"
    return [Row("lighthouse_points_lost", "points", how, [lost], (), {"note": note, "runs_of": found})]


def _last(scores: dict[str, list[float]]) -> str:
    return "/".join(f"{runs[-1]:.0f}" for runs in scores.values())


async def _install() -> str:
    """Lighthouse's path; installed at the first run."""
    folder = BUILD / "lighthouse"
    program = folder / "node_modules" / ".bin" / "lighthouse"
    if not program.exists():
        flags = ("--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
        folder.mkdir(parents=True, exist_ok=True)
        await run(
            need("npm", "npm"),
            "install",
            "--prefix",
            str(folder),
            *flags,
            f"lighthouse@{VERSION}",
            timeout=300,
        )
    return str(program)


async def _scores(bench: Bench, program: str, url: str) -> dict[str, float]:
    """The points of each category, 0 to 100."""
    report = bench.new("lighthouse.json")
    await run(
        *(program, url, "--output=json", f"--output-path={report}", "--quiet", f"--chrome-flags={_CHROME}"),
        f"--only-categories={','.join(CATEGORIES)}",
        env={"CHROME_PATH": need("chromium", "chromium")},
        timeout=120,
    )
    categories = json.loads(report.read_text())["categories"]
    return {name: 100 * categories[name]["score"] for name in CATEGORIES}


@asynccontextmanager
async def _demo(bench: Bench) -> AsyncIterator[str]:
    """The address of the demo's English article."""
    port, site_port = free_port(), free_port()
    log = bench.new("demo.log")
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pollsvc", "demo", "--data", str(bench.new("demo"))),
            *("--port", str(port), "--site-port", str(site_port)),
            stdout=output,
            stderr=STDOUT,
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("POLLSVC_")},
        )
    try:
        url = f"http://127.0.0.1:{site_port}/en.html"

        async def answers() -> bool:
            if process.returncode is not None:
                raise BenchError(f"the demo ended: {log.read_text()}")
            async with aiohttp.ClientSession() as session:
                try:
                    async with session.get(url) as answer:
                        return answer.status == 200
                except aiohttp.ClientError:
                    return False

        await until(answers, seconds=60, pause=0.2)
        yield url
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def _stripped(article: str) -> AsyncIterator[str]:
    """The same site with the widget taken out of its pages."""
    origin = article.rpartition("/")[0]

    async def answer(request: web.Request) -> web.Response:
        async with aiohttp.ClientSession() as session, session.get(origin + request.path) as got:
            body = await got.read()
            kept = {
                name: got.headers[name]
                for name in ("content-security-policy", "content-type")
                if name in got.headers
            }
            if got.content_type == "text/html":
                body = _WIDGET.sub("", body.decode()).encode()
            return web.Response(body=body, status=got.status, headers=kept)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner, port = web.AppRunner(app), free_port()
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/{article.rpartition('/')[2]}"
    finally:
        await runner.cleanup()
