"""`serve` on a database that the first release left with a million ballots: how long until it is ready."""

import re
import time
from pathlib import Path

import aiohttp

from tests.bench.harness import Bench, BenchError
from tests.bench.report import Row
from tests.bench.servers import Pollsvc
from tests.support.first_release import POLLS, make_first_release, poll_id
from tests.support.reader import Http, Reader

_BALLOTS = 1_000_000
_PATIENCE = 300.0  # seconds


async def upgrade(bench: Bench) -> list[Row]:
    """Seconds until /readyz says yes, and the most memory until the upgraded ballots are sealed."""
    database = bench.new("old.db")
    await make_first_release(f"sqlite:///{database}", _BALLOTS)
    service = Pollsvc(bench, database)
    service.patience = _PATIENCE
    try:
        began = time.monotonic()
        await service.start()
        took = time.monotonic() - began
        async with Http(service.base_url) as http:
            began = time.monotonic()
            vote = await Reader(http).vote(poll_id(0), 1)
            first = time.monotonic() - began
            if vote.status != 201:
                raise BenchError(f"the first vote was answered {vote.status}: {vote.body!r}")
            await _sealed(http, _BALLOTS)
        status = Path(f"/proc/{service.pid}/status").read_text()
        most = int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024
        await service.stop()
        await service.run("audit", "--json")
    finally:
        await service.end()
    how = f"`pollsvc serve` on a SQLite file of the first release with {_BALLOTS:,} ballots in {POLLS} polls"
    note = f"the first vote then takes {first:.1f} s, while all these ballots get into the log"
    return [
        Row("upgrade_of_a_million_s", "s", f"{how}, to 200 from /readyz", [took], (), {"note": note}),
        Row("upgrade_of_a_million_mb", "MB", f"{how}: the most memory until the log has them", [most]),
    ]


async def _sealed(http: Http, ballots: int) -> None:
    """Wait until the log's signed head holds them. Raises BenchError."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            head = await http.get("/api/v1/log/checkpoint")
        except aiohttp.ClientError as error:
            raise BenchError(f"it ended before the log was sealed: {error!r}") from error
        if head.status == 200 and int(head.body.split(b"\n")[1]) >= ballots:
            return
    raise BenchError("the log was not sealed in time")
