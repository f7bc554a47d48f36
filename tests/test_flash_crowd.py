"""Hundreds watch, thousands come at once: all are served, each vote counts once, all see the result."""

import asyncio
import os
import socket
import struct
from contextlib import ExitStack
from pathlib import Path

import pytest
import uvloop
from starlette.types import Receive, Scope, Send

from pollsvc.cli.server import BACKLOG, Server, listen, repeated
from tests.bench.crowd import Crowd, Outcome, crowd_template, face
from tests.bench.harness import Bench, Cores, Template

READERS = 2_000


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Cores as `make bench` uses them, but this process stays where it is."""
    cores = sorted(os.sched_getaffinity(0))
    return Bench(Cores(server=cores[-1], load=cores[0]), tmp_path_factory.mktemp("crowd"))


@pytest.fixture(scope="module")
async def template(bench: Bench) -> Template:
    return await crowd_template(bench)


def _tell(outcome: Outcome) -> None:
    print(f"{outcome.statuses}, {outcome.per_second:,.0f} votes/s, {outcome.seconds:.1f} s")


async def test_all_are_served(bench: Bench, template: Template) -> None:
    """What `face` checks is the test: success for each reader, the tally, the audit, the last frame."""
    outcome = await face(bench, template, Crowd(READERS, 2, 200, connections=500))
    _tell(outcome)
    assert READERS * 0.6 < len(outcome.votes) < READERS * 0.8
    assert outcome.statuses["200"] > READERS  # each looked, and some sent their vote twice
    assert len(outcome.live) >= 100  # at least one version at each stream of the sample
    assert min(outcome.live) > 0


async def test_who_is_refused_comes_again(bench: Bench, template: Template) -> None:
    """With a queue for a few votes only, many are answered 503 first, and all are recorded in the end."""
    crowd = Crowd(READERS // 8, 0, 20, connections=200, percent=100)
    outcome = await face(bench, template, crowd, {"POLLSVC_QUEUE_LIMIT": "3"})
    _tell(outcome)
    assert outcome.statuses["503"] > 10
    assert sum(visit.refused for visit in outcome.votes) <= outcome.refusals
    assert len(outcome.votes) == crowd.readers


def test_connections_wait_for_a_server_and_not_for_a_turn_each() -> None:
    """While frames go out to thousands, turns of the event loop are long, and hundreds come meanwhile."""
    turns, room = uvloop.run(_turns_until_taken(connections=200))
    print(f"200 connections taken in {turns} turns; room for {room} to wait")
    assert turns < 100
    assert room == min(BACKLOG, int(Path("/proc/sys/net/core/somaxconn").read_text()))


async def _turns_until_taken(connections: int) -> tuple[int, int]:
    """How many turns a server takes for so many connections that wait at once, and how many might."""
    bound = listen("127.0.0.1", 0)
    server = Server(_nothing, takes_signals=False)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    while not server.started:
        await asyncio.sleep(0.001)
    with ExitStack() as stack:
        for _ in range(connections):
            stack.enter_context(socket.create_connection(bound.getsockname()))
        turns = 0
        while len(server.server_state.connections) < connections and turns < 10 * connections:
            turns += 1
            await asyncio.sleep(0)
        room = struct.unpack_from("I", bound.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 64), 28)[0]
    server.should_exit = True
    await serving
    return turns, room  # in tcpi_sacked of a listening socket: linux, net/ipv4/tcp.c, tcp_get_info


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that only starts and stops."""
    while scope["type"] == "lifespan":
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


def test_a_worker_that_starts_has_no_other_block() -> None:
    """Whose loop would wait in `accept` for the next connection; a spawned one has its socket by number."""
    with ExitStack() as stack:
        others = stack.enter_context(listen("127.0.0.1", 0))
        others.setblocking(False)
        own = stack.enter_context(socket.socket(fileno=os.dup(others.fileno())))
        again = [stack.enter_context(one) for one in repeated(own, 3)]
        assert not os.get_blocking(others.fileno())
        assert [one.gettimeout() for one in again] == [0, 0, 0]
