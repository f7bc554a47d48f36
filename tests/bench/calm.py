"""One vote at a time: how long a lone reader waits."""

import asyncio
import json
import os
import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.bench.harness import ARTICLE, ORIGIN, Bench, BenchError, make_template, say
from tests.bench.report import Row
from tests.bench.servers import pollsvc, reference
from tests.bench.voting import answer_length

ROUNDS = 3
_SECONDS = 1.5  # for each figure


async def idle_vote(bench: Bench) -> list[Row]:
    """The median time of a vote on one connection, beside a no-op POST and one write to the disk."""
    template = await make_template(bench)
    noop_env = {"BENCH_LENGTH": str(await answer_length(bench, template))}
    ours, posts, syncs = [], [], []
    for number in range(1, ROUNDS + 1):
        async with pollsvc(bench, template.copy(bench)) as service:
            took, votes = await asyncio.to_thread(_post_in_turn, bench, service.port, template.polls[0])
            await service.verify(template.polls[0], votes)
        ours.append(took)
        async with reference(bench, "noop", noop_env) as server:
            took, _ = await asyncio.to_thread(_post_in_turn, bench, server.port, template.polls[0])
        posts.append(took)
        syncs.append(await asyncio.to_thread(_sync_in_turn, bench.new("appended")))
        say(
            f"idle vote p50, round {number} of {ROUNDS}: {ours[-1]:.2f} ms; "
            f"no-op POST {posts[-1]:.2f} ms, fdatasync {syncs[-1]:.2f} ms"
        )
    floors = [post + sync for post, sync in zip(posts, syncs, strict=True)]
    note = f"the floor is a no-op POST of {median(posts):.2f} ms and an fdatasync of {median(syncs):.2f} ms"
    how = "one connection, one vote after the other; floor: no-op POST p50 + fdatasync p50 of a 4 KiB append"
    return [Row("idle_vote_p50_vs_floor", "ms", how, ours, floors, {"note": note})]


def _post_in_turn(bench: Bench, port: int, poll: str) -> tuple[float, int]:
    """The median time in ms of POSTs sent one after the other, and how many they were."""
    os.sched_setaffinity(0, {bench.cores.load})  # of this thread
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def post() -> None:
            connection.sendall(vote_request(poll))
            answer = connection.recv(65536)
            head, _, body = answer.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            while len(body) < length:
                body += connection.recv(65536)
            if not head.startswith(b"HTTP/1.1 201 "):
                raise BenchError(f"a vote was answered {head!r} {body!r}")

        return _in_turn(post)


def _sync_in_turn(path: Path) -> float:
    """The median time in ms of appending 4 KiB to a file and having it on the disk."""
    with path.open("ab", buffering=0) as file:

        def append() -> None:
            file.write(bytes(4096))
            os.fdatasync(file.fileno())

        return _in_turn(append)[0]


def _in_turn(action: Callable[[], None]) -> tuple[float, int]:
    took = []
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        started = time.perf_counter()
        action()
        took.append((time.perf_counter() - started) * 1000)
    return median(took), len(took)


def vote_request(poll: str) -> bytes:
    """A vote by a new reader, as the widget sends it."""
    vote = {"selection": [1], "article": ARTICLE, "idempotency_key": secrets.token_urlsafe(17)}
    body = json.dumps(vote).encode()
    return (
        f"POST /api/v1/polls/{poll}/votes HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: {ORIGIN}\r\n"
        f"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
