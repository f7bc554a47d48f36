"""How much a live stream takes: memory, and the sending of frames to thousands of them."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.harness import Bench, BenchError, Template, available, make_template, need, say
from tests.bench.report import Row
from tests.bench.servers import Busy, Pollsvc, Reference, memory, pollsvc, post, reference, serving
from tests.bench.streams import Group, live_path, streams
from tests.bench.voter import read_answer, voter
from tests.support.server import free_port

ROUNDS = 3
_RESIDENT = 2_000  # streams whose memory is measured
_STREAMS = 5_000  # streams that frames are sent to
_POLLS = 8  # of each stream, so that the limit of 4 frames a second a poll does not bind
_SETTLING = 1.0  # seconds, before the measured ones
_SECONDS = 3.0
_MAX_LATE = 0.05  # see Rate.late
_NCHAN = [Path(f"/usr/{lib}/nginx/modules/ngx_nchan_module.so") for lib in ("lib", "lib64", "share")]

Publish = Callable[[], Awaitable[object]]


class Rate(NamedTuple):
    """Frames that came a second, and the share of its core that their server used.

    `late` is the share of frames that were read together with an earlier one of their stream: where it is
    large, the reading program was held up, and what it measured is how cheaply a kernel appends to a queue.
    """

    per_second: float
    busy: float
    late: float
    discarded: tuple[float, ...] = ()  # frames a second of late runs that this one stands for


async def resident(bench: Bench) -> list[Row]:
    """Resident memory of the server for each stream, beside sse-starlette's."""
    template = await make_template(bench)
    poll = template.polls[0]
    ours, lib = [], []
    for number in range(1, 3):
        async with pollsvc(bench, template.copy(bench)) as service, voter(service.port) as voting:
            vote = partial(voting.vote, poll)
            ours.append(await _resident(bench, service.pid, service.port, live_path(poll), vote))
            data = (await first_frame(service, poll)).partition(b"data: ")[2].strip().decode()
        async with reference(bench, "sse") as server:
            publish = partial(post, f"{server.base_url}/publish", data)
            lib.append(await _resident(bench, server.pid, server.port, "/live", publish))
        say(f"KB a stream, run {number} of 2: {ours[-1]:.1f}, sse-starlette {lib[-1]:.1f}")
    how = f"growth of the server's resident memory over {_RESIDENT:,} streams that were sent 8 frames each"
    return [Row("rss_per_stream_vs_lib", "KB", f"{how}; reference: sse-starlette", ours, lib)]


async def frames(bench: Bench) -> list[Row]:
    """Frames a second that reach 5,000 streams, beside a loop over sockets, and beside nginx with nchan."""
    template = await make_template(bench, _POLLS)
    frame = bench.new("frame")
    async with pollsvc(bench, template.copy(bench)) as service:
        frame.write_bytes(b"%b\r\n" % (await first_frame(service, template.polls[0])))
    module = next((path for path in _NCHAN if path.exists() and available("nginx")), None)
    ours: list[Rate] = []
    loop: list[Rate] = []
    nchan: list[Rate] = []
    for number in range(1, ROUNDS + 1):
        ours.append(await _undisturbed(partial(_of_ours, bench, template)))
        loop.append(await _undisturbed(partial(_of_loop, bench, frame)))
        if module:
            nchan.append(await _undisturbed(partial(_of_nchan, bench, module, frame)))
        beside = f", nchan {nchan[-1].per_second:,.0f}" if nchan else ""
        say(
            f"frames/s, round {number} of {ROUNDS}: {ours[-1].per_second:,.0f}, "
            f"socket loop {loop[-1].per_second:,.0f}{beside}"
        )
    how = f"frames received a second by {_STREAMS:,} streams of {_POLLS} polls that change all the time"
    return [
        _row("fanout_vs_socket", f"{how}; reference: socket.send in a loop", ours, loop),
        _row("fanout_vs_nchan", f"{how}; reference: one nginx process, always published to", ours, nchan),
    ]


def _row(name: str, how: str, ours: list[Rate], theirs: list[Rate]) -> Row:
    busy = [f"{median(run.busy for run in runs):.0%}" for runs in (ours, theirs) if runs]
    note = (
        f"the servers' core was {' and '.join(busy)} busy"
        if theirs
        else "no reference here; on Debian: apt-get install nginx libnginx-mod-nchan"
    )
    rates = [[run.per_second for run in runs] for runs in (ours, theirs)]
    discarded = [[rate for run in runs for rate in run.discarded] for runs in (ours, theirs)]
    if any(discarded):
        note += f"; {sum(map(len, discarded))} runs that were read late are left out"
    more = {"note": note, "runs_left_out": {"ours": discarded[0], "reference": discarded[1]}}
    return Row(name, "frames/s", how, rates[0], rates[1], more)


async def _undisturbed(measure: Callable[[], Awaitable[Rate]]) -> Rate:
    """A rate that was read by a program with time to read, as far as that can be had."""
    discarded: list[float] = []
    while (rate := await measure()).late >= _MAX_LATE and len(discarded) < 2:
        say(f"{rate.late:.0%} of the frames were read late, since others use that core: once more")
        discarded.append(rate.per_second)
    return rate._replace(discarded=tuple(discarded))


async def _of_ours(bench: Bench, template: Template) -> Rate:
    async with pollsvc(bench, template.copy(bench)) as service, voter(service.port) as voting:
        votes = voting.steady(template.polls, 5 * _POLLS, _SETTLING + _SECONDS + 0.2)
        return await _rate(bench, service.pid, service.port, live_path(*template.polls), votes)


async def _of_loop(bench: Bench, frame: Path) -> Rate:
    port = free_port()
    command = (sys.executable, "-m", "tests.bench.references.socket_loop", str(port), str(_STREAMS))
    async with serving(bench, port, *command, frame) as process:
        return await _rate(bench, process.pid, port, "/live", asyncio.sleep(_SETTLING + _SECONDS))


async def _of_nchan(bench: Bench, module: Path, frame: Path) -> Rate:
    async with _nginx(bench, module) as server:
        data = frame.read_bytes().partition(b"data: ")[2].strip().decode()
        return await _rate(bench, server.pid, server.port, "/live", _publish(server, data))


async def _resident(bench: Bench, pid: int, port: int, path: str, publish: Publish) -> float:
    """KB of memory a stream."""

    async def hold(count: int) -> float:
        async with streams(bench, port, Group(count, path)) as held:
            for _ in range(8):
                await publish()
                await asyncio.sleep(0.3)
            resident = memory(pid)
            await held.close()
        return resident

    before = await hold(20)  # what the first streams load stays
    return (await hold(_RESIDENT) - before) / (_RESIDENT - 20) / 1000


async def first_frame(service: Pollsvc, poll: str) -> bytes:
    """A frame of a live stream as it is sent, chunk header included."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(f"GET {live_path(poll)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    frame = await reader.readuntil(b"\n\n")
    writer.close()
    return frame


async def _rate(bench: Bench, pid: int, port: int, path: str, moving: Awaitable[object]) -> Rate:
    """What streams receive while `moving` makes frames come."""
    async with streams(bench, port, Group(_STREAMS, path)) as held:
        begin = time.monotonic_ns() + int(_SETTLING * 1e9)
        end = begin + int(_SECONDS * 1e9)
        core = Busy(pid)
        await moving
        busy = core.share()
        came = [frame for frame in await held.close() if begin <= frame.at < end]
    if len({frame.stream for frame in came}) < _STREAMS:
        raise BenchError(f"only {len({frame.stream for frame in came})} of {_STREAMS} streams were sent to")
    late = 1 - len({(frame.at, frame.stream) for frame in came}) / len(came)
    return Rate(len(came) / _SECONDS, busy, late)


@asynccontextmanager
async def _nginx(bench: Bench, module: Path) -> AsyncIterator[Reference]:
    """nginx in one process, with a channel that /publish fills and /live streams."""
    port = free_port()
    folder = bench.new("nginx")
    folder.mkdir()
    config = folder / "nginx.conf"
    config.write_text(f"""
        load_module {module};
        daemon off;
        master_process off;
        pid {folder}/nginx.pid;
        error_log {folder}/error.log;
        worker_rlimit_nofile 20000;
        events {{ worker_connections 16000; }}
        http {{
            access_log off;
            client_body_temp_path {folder}/body;
            keepalive_requests 1000000;
            server {{
                listen 127.0.0.1:{port} backlog=2048;
                location = /healthz {{ return 200; }}
                location = /publish {{
                    nchan_publisher;
                    nchan_channel_id poll;
                    nchan_message_buffer_length 4;
                }}
                location = /live {{
                    nchan_subscriber eventsource;
                    nchan_channel_id poll;
                    nchan_eventsource_event results;
                    nchan_subscriber_first_message newest;
                }}
            }}
        }}
    """)
    async with serving(
        bench, port, need("nginx", "nginx"), "-e", folder / "error.log", "-c", config
    ) as process:
        yield Reference(process.pid, port)


async def _publish(server: Reference, data: str) -> None:
    """Publish to nchan one after the other until the measured seconds are over."""
    end = time.monotonic() + _SETTLING + _SECONDS + 0.1
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    request = (
        f"POST /publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(data)}\r\n\r\n{data}".encode()
    )
    while time.monotonic() < end:
        writer.write(request)
        await read_answer(reader)
    writer.close()
