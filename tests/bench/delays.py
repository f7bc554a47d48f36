"""What readers wait while thousands watch: for their vote's answer, and for others' votes to show."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tests.bench.harness import Bench, BenchError, Template, make_template, percentile, say
from tests.bench.report import Row
from tests.bench.servers import pollsvc
from tests.bench.streams import Group, live_path, streams
from tests.bench.voter import Answered, Voter, voter

ROUNDS = 3
_STREAMS = 5_000
_VOTES_PER_SECOND = 300

_HEALTHY, _STALLED = 1_800, 200
_NOISE = 50  # polls that only the streams watch that are to stall, so that their buffers fill
_NOISE_SECONDS = 3.0
_NOISE_FRAMES = 4  # a second a poll
_SHOWN = 12  # votes whose frames are timed
_PAUSE = 0.3  # seconds between them: more than a poll's interval between two frames


async def votes_while_watched(bench: Bench) -> list[Row]:
    """The p99 of a vote's time at a steady pace, with 5,000 live streams of its poll and without."""
    template = await make_template(bench)
    poll = template.polls[0]
    watched, alone = [], []
    async with pollsvc(bench, template.copy(bench)) as service, voter(service.port) as voting:
        await voting.steady([poll], _VOTES_PER_SECOND, 1)
        for number in range(1, ROUNDS + 1):
            alone.append(_p99(_waits(await voting.steady([poll], _VOTES_PER_SECOND, 4))))
            async with streams(bench, service.port, Group(_STREAMS, live_path(poll))) as held:
                await asyncio.sleep(0.5)
                watched.append(_p99(_waits(await voting.steady([poll], _VOTES_PER_SECOND, 4))))
                await held.close()
            await asyncio.sleep(0.5)
            say(f"vote p99, round {number} of {ROUNDS}: {watched[-1]:.1f} ms, alone {alone[-1]:.1f} ms")
    how = f"{_VOTES_PER_SECOND} votes/s, each sent when due, in a poll with {_STREAMS:,} live streams"
    return [Row("vote_p99_with_streams", "ms", f"{how}; reference: without them", watched, alone)]


async def frames_beside_stalled(bench: Bench) -> list[Row]:
    """The p99 of the time from a vote to its frame, with a tenth of the streams stalled and with none."""
    template = await make_template(bench, 1 + _NOISE)
    with_stalled: list[float] = []
    without: list[float] = []
    async with pollsvc(bench, template.copy(bench)) as service, voter(service.port) as voting:
        await voting.vote(template.polls[0])
        for number in range(1, ROUNDS + 1):
            for runs, stall in ((without, False), (with_stalled, True)):
                runs.append(_p99(await _delays(bench, service.port, voting, template, stall=stall)))
            say(
                f"live delay p99, round {number} of {ROUNDS}: {with_stalled[-1]:.1f} ms, "
                f"none stalled {without[-1]:.1f} ms"
            )
    how = (
        f"from sending a vote to its frame at {_HEALTHY:,} streams, while {_STALLED} others take nothing; "
        "reference: those read too"
    )
    return [Row("healthy_p99_with_stalled", "ms", how, with_stalled, without)]


async def _delays(bench: Bench, port: int, voting: Voter, template: Template, *, stall: bool) -> list[float]:
    """The delays in ms of each frame at each healthy stream."""
    shown, *noise = template.polls
    healthy = Group(_HEALTHY, live_path(shown))
    others = Group(_STALLED, live_path(*template.polls), stall)
    async with streams(bench, port, healthy, others) as held:
        await voting.steady(noise, _NOISE_FRAMES * _NOISE, _NOISE_SECONDS)
        await asyncio.sleep(0.7)
        if stall and (number := _unsent(port)) < _STALLED:
            raise BenchError(f"{_STALLED} streams should be stalled, but {number} have bytes unsent")
        sent = {}
        for _ in range(_SHOWN):
            vote = await voting.vote(shown)
            sent[vote.version] = vote.sent
            await asyncio.sleep(_PAUSE)
        came = [frame for frame in await held.close() if frame.stream < _HEALTHY and frame.id in sent]
    if len(came) < _SHOWN * _HEALTHY:
        raise BenchError(f"{len(came)} frames came of {_SHOWN * _HEALTHY}")
    return [(frame.at - sent[frame.id]) / 1e6 for frame in came]


def _waits(votes: Sequence[Answered]) -> list[float]:
    return [(vote.at - vote.sent) / 1e6 for vote in votes]


def _p99(values: Sequence[float]) -> float:
    return percentile(values, 0.99)


def _unsent(port: int) -> int:
    """How many connections of a listening port have bytes that the other side does not take."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(
        local.endswith(f":{port:04X}") and int(queues.split(":")[0], 16) > 0
        for _, local, _, state, queues, *_ in lines
        if state == "01"  # established
    )
