"""A database with a million ballots: how long until it serves, how large it is, what checking it takes."""

import json
import os
import random
import re
import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

import aiohttp

from pollsvc.domain.ballot import COUNTS, Admitted, Ballot, Cast
from pollsvc.domain.clock import minute_of
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ballot_log.proofs import Proofs
from pollsvc.services.ballot_log.sealing import seal
from pollsvc.storage.ballots import record
from pollsvc.storage.database import Connection
from tests.bench.harness import Bench, BenchError, Template, make_template, say
from tests.bench.report import Row
from tests.bench.servers import pollsvc
from tests.support.server import SECRET

ROUNDS = 3
_BALLOTS = 1_000_000
_POLLS = 10
_MINUTES = 1_440  # over which the ballots of each poll are spread
_BATCH = 5_000
_NETWORKS = 50_000
_PROOFS = 200


async def million(bench: Bench) -> list[Row]:
    """Seconds from `serve` to /readyz, beside an empty database; and the file's bytes for each ballot."""
    template = await make_template(bench, _POLLS)
    full = template.copy(bench)
    await _fill(full, template)
    content = _content(full)
    size = full.stat().st_size / _BALLOTS
    starts: list[float] = []
    empty: list[float] = []
    first: list[float] = []
    for number in range(1, ROUNDS + 1):
        took, answered = await _start(bench, full, template.polls[0])
        starts.append(took)
        first.append(answered)
        empty.append((await _start(bench, template.copy(bench), template.polls[0]))[0])
        say(
            f"start, round {number} of {ROUNDS}: {starts[-1]:.2f} s, with an empty database {empty[-1]:.2f} s"
        )
    note = f"the first result of a poll with {_BALLOTS // _POLLS:,} ballots then takes {median(first):.0f} ms"
    how = f"from the start of `pollsvc serve` to 200 from /readyz, on {_BALLOTS:,} ballots in {_POLLS} polls"
    layout = f"the SQLite file of {_POLLS} polls, {_MINUTES} minutes, 2 placements, tally and keys included"
    return [
        Row("start_to_ready_s", "s", f"{how}; reference: an empty database", starts, empty, {"note": note}),
        Row(
            "storage_bytes_per_ballot",
            "bytes",
            f"{layout}; reference: the ballots' fields alone, as text",
            [size],
            [content],
        ),
        *_audit(full),
        await _proofs(full, template),
    ]


def _audit(database: Path) -> list[Row]:
    """Seconds and megabytes of `pollsvc audit`, which must find nothing."""
    env = {**os.environ, "POLLSVC_DATABASE_URL": f"sqlite:///{database}", "POLLSVC_SECRET_KEYS": SECRET}
    took, megabytes = [], []
    for _ in range(ROUNDS):
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "pollsvc", "audit", "--json"], env=env, stdout=subprocess.PIPE
        )
        most = 0
        while process.poll() is None:  # its `ru_maxrss` would be at least what this process has
            most = max(most, _peak(process.pid))
            time.sleep(0.02)
        took.append(time.monotonic() - started)
        megabytes.append(most / 1e6)
        assert process.stdout is not None
        said = process.stdout.read()
        if process.returncode or not json.loads(said)["ok"]:
            raise BenchError(f"the audit says {said[:300]!r}")
    how = f"`pollsvc audit` of {_BALLOTS:,} ballots in {_POLLS} polls, with their log"
    return [
        Row("audit_of_a_million_s", "s", how, took),
        Row("audit_of_a_million_mb", "MB", f"{how}: the most memory that it had", megabytes),
    ]


def _peak(pid: int) -> int:
    """The most resident memory that a process has had, in bytes; 0 when it has ended."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


async def _proofs(database: Path, template: Template) -> Row:
    """Milliseconds to make a proof of inclusion from the log of all these ballots."""
    connection = Connection(f"sqlite:///{database}")
    await connection.open()
    try:
        proofs, took = Proofs(connection), []
        for number in range(1, _PROOFS + 1):
            started = time.perf_counter()
            await proofs.inclusion(template.polls[number % _POLLS], number * 97, None)
            took.append((time.perf_counter() - started) * 1000)
    finally:
        await connection.close()
    how = f"a proof that a leaf is in a log of {_BALLOTS:,}, made from SQLite; the median of {_PROOFS}"
    return Row("proof_of_inclusion_ms", "ms", how, [median(took)])


async def _start(bench: Bench, database: Path, poll: str) -> tuple[float, float]:
    """Seconds until it is ready, and ms that the first result then takes."""
    started = time.monotonic()
    async with pollsvc(bench, database) as service, aiohttp.ClientSession() as session:
        ready = time.monotonic()
        async with session.get(f"{service.base_url}/api/v1/polls/{poll}") as answer:
            if answer.status != 200:
                raise BenchError(f"the first result was answered {answer.status}: {await answer.text()}")
        return ready - started, (time.monotonic() - ready) * 1000


async def _fill(database: Path, template: Template) -> None:
    """Record the ballots as the service does, in larger batches."""
    keys = LogKeys([SECRET])
    casts = _casts(template)
    connection = Connection(f"sqlite:///{database}", keys.stamp)
    await connection.open()
    try:
        done = 0
        while batch := list(islice(casts, _BATCH)):
            await record(connection, batch, 0)
            done += len(batch)
            if done % 200_000 == 0:
                say(f"{done:,} of {_BALLOTS:,} ballots recorded")
            while await seal(connection, keys, int(time.time())):
                pass
    finally:
        await connection.close()


def _casts(template: Template) -> Iterator[Cast]:
    """Ballots in the order of their minutes, by voters in no order, spread over polls, options, articles."""
    start = minute_of(time.time()) - _MINUTES
    pick = random.Random(1)
    tags = [secrets.token_urlsafe(8)[:10] for _ in range(_NETWORKS)]
    for number in range(_BALLOTS):
        ballot = Ballot.of(
            template.polls[number % _POLLS],
            secrets.token_urlsafe(16),
            str(pick.randint(1, 3)),
            start + number * _MINUTES // _BALLOTS,
            article=pick.randint(0, 1),
            fresh=True,
        )
        admitted = COUNTS._replace(network=pick.choice(tags))
        yield Cast(ballot, allow_change=False, admit=partial(_same, admitted))


def _same(admitted: Admitted) -> Admitted:
    return admitted


def _content(database: Path) -> float:
    """The bytes of an average ballot's fields. Raises BenchError when ballots are missing."""
    with closing(sqlite3.connect(database)) as connection:
        fields = [row[1] for row in connection.execute("PRAGMA table_info(ballots)")]
        lengths = " + ".join(f"length({field})" for field in fields)
        number, content = connection.execute(f"SELECT count(*), avg({lengths}) FROM ballots").fetchone()
    if number != _BALLOTS:
        raise BenchError(f"{number} ballots were recorded instead of {_BALLOTS}")
    return float(content)
