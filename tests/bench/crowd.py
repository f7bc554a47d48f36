"""A flash crowd: thousands watch a poll, and a hundred thousand come to it within a minute."""

import asyncio
import json
import struct
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.bench.calm import vote_request
from tests.bench.fanout import first_frame
from tests.bench.harness import (
    ARTICLE,
    ORIGIN,
    Bench,
    BenchError,
    Template,
    allow_files,
    compiled,
    make_template,
    percentile,
    pinned,
    run,
    say,
)
from tests.bench.report import Row
from tests.bench.servers import Busy, Pollsvc, memory, pollsvc
from tests.bench.streams import Frame, Group, Streams, live_path, streams
from tests.bench.voter import read_answer
from tests.support.server import SITE

_SOURCE = Path(__file__).with_suffix(".c")
_RECORD = struct.Struct("=QQQQQII")
_SAMPLE = 100  # streams whose frames are timed
_LAST_FRAME = 30.0  # seconds that it may take at most
_ALLOWED = {"200", "201", "429", "503"}
_PACES = ("--calm", "5000/0.1", "--calm-wide", "5000/0.1")
"""For readers of large carriers: thousands vote from one address within the minute."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """`streams` watch; `readers` come within so many seconds, on at most so many connections at once."""

    readers: int
    seconds: float
    streams: int
    connections: int = 4_000
    percent: int = 70  # of the readers vote


class Visit(NamedTuple):
    """A reader's: CLOCK_MONOTONIC times in ns of when it was due, when its vote was first sent (0: it only
    looked), when the try that succeeded was sent and answered, and when all was done; the version of the
    results in that answer; how often it was refused."""

    due: int
    first_sent: int
    sent: int
    answered: int
    done: int
    version: int
    refused: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a crowd: the answers by status, the visits of those who voted, and the times in ms.

    `live` are the times from the sending of the last vote that a version holds, which is before its commit,
    until a frame with it or a later one was there, for each version and stream of the sample. `busy` is the
    share of its core that the server used, `peak` its memory in bytes at its highest, `sizes` the bytes that
    it sent for a `get`, a `vote` and a `frame`, heads included, and of a `request` to vote.
    """

    statuses: Mapping[str, int]
    votes: Sequence[Visit]
    seconds: float  # from the first reader until the last was done
    live: Sequence[float]
    busy: float
    peak: int
    sizes: Mapping[str, int]

    @property
    def waits(self) -> list[float]:
        """From when each vote was first sent to the answer that it is recorded, refusals included, in ms."""
        return [(visit.answered - visit.first_sent) / 1e6 for visit in self.votes]

    @property
    def per_second(self) -> float:
        """Votes recorded a second, from the first sent to the last answered."""
        first = min(visit.first_sent for visit in self.votes)
        return len(self.votes) / (max(visit.answered for visit in self.votes) - first) * 1e9

    @property
    def refusals(self) -> int:
        return self.statuses.get("429", 0) + self.statuses.get("503", 0)


async def flash_crowd(bench: Bench) -> list[Row]:
    """100,000 readers within a minute, and then as many as fast as they are served."""
    template = await crowd_template(bench)
    minute = await face(bench, template, Crowd(100_000, 60, 10_000))
    say(_told("within 60 s", minute))
    rush = await face(bench, template, Crowd(100_000, 0, 10_000, connections=500))
    say(_told("as fast as they are served", rush))
    who = "100,000 readers, 70 % vote, 10,000 streams of the poll; voters == 201s and audit clean"
    within = f"within 60 s: {who}"
    return [
        Row(
            "flash_crowd_s",
            "s",
            f"until the last was answered; {within}",
            [minute.seconds],
            (),
            _more(minute),
        ),
        Row("flash_crowd_vote_p50_ms", "ms", within, [percentile(minute.waits, 0.5)]),
        Row("flash_crowd_vote_p99_ms", "ms", within, [percentile(minute.waits, 0.99)]),
        Row("flash_crowd_live_p50_ms", "ms", f"vote to frame; {within}", [percentile(minute.live, 0.5)]),
        Row("flash_crowd_live_p99_ms", "ms", f"vote to frame; {within}", [percentile(minute.live, 0.99)]),
        Row("flash_crowd_mb", "MB", f"the server's memory at its highest; {within}", [minute.peak / 1e6]),
        Row(
            "flash_crowd_votes_per_s",
            "votes/s",
            f"as fast as they are served on 500 connections: {who}",
            [rush.per_second],
            (),
            _more(rush),
        ),
    ]


async def crowd_template(bench: Bench) -> Template:
    """A database whose site expects a crowd."""
    template = await make_template(bench)
    await Pollsvc(bench, template.path).run("site", "policy", SITE, *_PACES)
    return template


async def face(
    bench: Bench, template: Template, crowd: Crowd, settings: Mapping[str, str] | None = None
) -> Outcome:
    """A serving pollsvc, under the policy standard and these settings, with a crowd at it, and checks.

    Raises BenchError unless every reader was answered with success, after nothing but 429s and 503s, every
    stream was sent the final result, there is one ballot for each vote answered 201, and the audit is clean.
    """
    allow_files(crowd.streams + crowd.connections + 500)
    poll = template.polls[0]
    env = {"POLLSVC_ADMISSION": "standard", **(settings or {})}
    async with pollsvc(bench, template.copy(bench), env=env) as service:
        async with streams(bench, service.port, Group(crowd.streams, live_path(poll))) as held:
            core = Busy(service.pid)
            statuses, visits = await _come(bench, service.port, poll, crowd)
            busy = core.share()
            votes = [visit for visit in visits if visit.first_sent]
            final = max(visit.version for visit in votes)
            await _until_all_reached(held, final, crowd.streams)
            peak = memory(service.pid, peak=True)
            live = _delays(votes, await held.close(), crowd.streams)
        await service.verify(poll, statuses["201"])
        sizes = await _sizes(service, poll)
    if len(votes) != statuses["201"]:
        raise BenchError(f"{len(votes)} readers voted, and {statuses['201']} votes were answered 201")
    seconds = (max(visit.done for visit in visits) - min(visit.due for visit in visits)) / 1e9
    return Outcome(statuses, votes, seconds, live, busy, peak, sizes)


async def _sizes(service: Pollsvc, poll: str) -> dict[str, int]:
    """The bytes of answers on one connection, as they are without compression."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    get = f"GET /api/v1/polls/{poll} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    vote = vote_request(poll)
    sizes = {"request": len(vote)}
    for name, request in (("get", get), ("vote", vote)):
        writer.write(request)
        sizes[name] = sum(map(len, await read_answer(reader)))
    writer.close()
    return sizes | {"frame": len(await first_frame(service, poll))}


async def _come(bench: Bench, port: int, poll: str, crowd: Crowd) -> tuple[dict[str, int], list[Visit]]:
    """The answers by status, and all visits. Raises BenchError when one did not end well."""
    records = bench.new("visits")
    numbers = (crowd.readers, int(crowd.seconds * 1000), crowd.connections, crowd.percent)
    arguments = (str(port), str(records), *map(str, numbers), poll, ORIGIN, ARTICLE)
    output = await run(*pinned(bench.cores.load, await compiled(_SOURCE), *arguments), timeout=620)
    told = json.loads(output.splitlines()[-1])
    statuses: dict[str, int] = told["statuses"]
    if told["broken"] or not set(statuses) <= _ALLOWED:
        raise BenchError(f"readers were not served: {output[:1000]}")
    visits = [Visit._make(record) for record in _RECORD.iter_unpack(records.read_bytes())]
    if len(visits) != crowd.readers or "201" not in statuses:
        raise BenchError(f"{len(visits)} of {crowd.readers} readers were served: {output}")
    return statuses, visits


async def _until_all_reached(held: Streams, version: int, count: int) -> None:
    """Wait until each stream has been sent this version. Raises BenchError."""
    try:
        async with asyncio.timeout(_LAST_FRAME):
            while await held.reached(version) < count:
                await asyncio.sleep(0.05)
    except TimeoutError:
        reached = await held.reached(version)
        raise BenchError(f"{reached} of {count} streams were sent the final result") from None


def _delays(votes: Iterable[Visit], frames: Iterable[Frame], count: int) -> list[float]:
    """From the last vote of each version to a frame that shows it, in ms, at each stream of the sample."""
    sent: dict[int, int] = {}
    for vote in votes:
        sent[vote.version] = max(sent.get(vote.version, 0), vote.sent)
    every = max(count // _SAMPLE, 1)
    came: dict[int, list[Frame]] = {}
    for frame in frames:
        if frame.stream % every == 0:
            came.setdefault(frame.stream, []).append(frame)
    delays = []
    for shown in came.values():
        ids = [frame.id for frame in shown]
        delays += [(shown[bisect_left(ids, one)].at - at) / 1e6 for one, at in sent.items()]
    return delays


def _told(how: str, outcome: Outcome) -> str:
    waits, live = outcome.waits, outcome.live
    return (
        f"flash crowd {how}: all served after {outcome.seconds:.1f} s, {outcome.per_second:,.0f} votes/s, "
        f"vote p50 {percentile(waits, 0.5):.0f} ms, p99 {percentile(waits, 0.99):.0f} ms; live delay p50 "
        f"{percentile(live, 0.5):.0f} ms, p99 {percentile(live, 0.99):.0f} ms; {outcome.peak / 1e6:.0f} MB, "
        f"the core {outcome.busy:.0%} busy; answers {outcome.statuses}"
    )


def _more(outcome: Outcome) -> dict[str, object]:
    answers = ", ".join(f"{status}: {count:,}" for status, count in outcome.statuses.items())
    note = f"answers {answers}; the server's core was {outcome.busy:.0%} busy"
    return {
        "note": note,
        "answers": dict(outcome.statuses),
        "core": round(outcome.busy, 3),
        "bytes": dict(outcome.sizes),
    }
