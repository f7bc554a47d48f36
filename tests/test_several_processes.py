"""Several processes on one database act as one service, and outlive each other."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any, TypeVar

import psutil  # type: ignore[import-untyped,unused-ignore]
import pytest

from tests.support.reader import Answer, Http, Reader, Stream, Wire, ask, fire, new_key, vote_bytes, watch
from tests.support.server import Service, connected_ports, run_service, until

T = TypeVar("T")

SOON = 0.5
"""Seconds within which another process knows."""


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()


async def wire_to_each(service: Service, stack: ExitStack) -> dict[int, Wire]:
    """A connection to each of the two workers, by the worker's id, once both answer."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        wires = [stack.enter_context(Wire(service.base_url)) for _ in range(12)]
        try:
            async with asyncio.timeout(5):
                for wire in wires:
                    await wire.ask(get("/readyz"))
        except (OSError, EOFError, TimeoutError):  # of a worker that has just been killed
            continue
        found = {}
        for worker in service.workers():
            ports = connected_ports(worker)
            for wire in wires:
                if wire.port in ports:
                    found[worker] = wire
        if len(found) == 2:
            return found
    raise AssertionError("not both workers answered in time")


async def both_answer(service: Service) -> None:
    """Wait until both workers answer."""
    with ExitStack() as stack:
        await wire_to_each(service, stack)


async def test_a_vote_is_seen_in_the_other_process(two_workers: Service) -> None:
    """By a reader who asks the other worker, and by one who watches there; in both directions."""
    poll = await two_workers.add_poll()
    path = get(f"/api/v1/polls/{poll}")
    with ExitStack() as stack:
        wires = await wire_to_each(two_workers, stack)
        for wire in wires.values():
            assert (await wire.ask(path)).json["results"]["voters"] == 0
        for number, worker in enumerate(wires, 1):
            other = next(wire for pid, wire in wires.items() if pid != worker)
            vote = vote_bytes(poll, {"selection": [number], "idempotency_key": new_key()})
            answer = await wires[worker].ask(vote)
            answered = time.monotonic()
            assert answer.json["results"]["voters"] == number

            async def seen(other: Wire = other, answer: Answer = answer) -> bool:
                return bool((await other.ask(path)).json["results"] == answer.json["results"])

            await until(seen, seconds=SOON)
            assert time.monotonic() - answered < SOON


async def test_streams_in_all_processes_show_a_vote(two_workers: Service) -> None:
    poll = await two_workers.add_poll()
    await both_answer(two_workers)
    async with Http(two_workers.base_url) as http, AsyncExitStack() as stack:
        streams: list[Stream] = []
        while not all(map(connected_ports, two_workers.workers())):
            assert len(streams) < 200, "all connections went to one worker"
            streams.append(await stack.enter_async_context(watch(http, poll)))
        for stream in streams:
            await stream.until(lambda frame: True)
        await Reader(http).vote(poll, 1)
        answered = time.monotonic()
        for stream in streams:
            frame = await stream.until(lambda frame: frame.data["results"]["voters"] == 1)
            assert frame.at - answered < SOON


async def awake(wires: Mapping[int, Wire], work: Coroutine[Any, Any, T]) -> T:
    """Do something that may take longer than a server keeps a connection on which nothing is asked."""
    task = asyncio.create_task(work)
    while not task.done():
        for wire in wires.values():
            await wire.ask(get("/healthz"))
        await asyncio.wait([task], timeout=1)
    return task.result()


async def test_polls_made_and_closed_by_command_are_known_everywhere(two_workers: Service) -> None:
    article = "https://news.example/breaking"
    with ExitStack() as stack:
        wires = await wire_to_each(two_workers, stack)
        poll = await awake(wires, two_workers.create_poll(article=article))
        for wire in wires.values():
            found = await wire.ask(get(f"/api/v1/articles?url={article}"))
            assert [one["id"] for one in found.json["polls"]] == [poll]
            vote = vote_bytes(poll, {"selection": [1], "idempotency_key": new_key()})
            assert (await wire.ask(vote)).status == 201
        await awake(wires, two_workers.run("poll", "close", poll))
        done = time.monotonic()
        for wire in wires.values():

            async def closed(wire: Wire = wire) -> bool:
                return bool((await wire.ask(get(f"/api/v1/polls/{poll}"))).json["state"] == "closed")

            await until(closed)
            late = await wire.ask(vote_bytes(poll, {"selection": [1], "idempotency_key": new_key()}))
            assert late.code == "poll_not_open"
        assert time.monotonic() - done < SOON


async def test_a_poll_asked_for_too_early_is_found_once_it_is_there(two_workers: Service) -> None:
    """A process that has just said 404 for a draft shows it when it is published."""
    poll = await two_workers.add_poll(draft=True)
    with ExitStack() as stack:
        wires = await wire_to_each(two_workers, stack)
        for wire in wires.values():
            assert (await wire.ask(get(f"/api/v1/polls/{poll}"))).status == 404
        async with two_workers.editor() as editor:
            await editor.open_poll(poll)
        for wire in wires.values():

            async def found(wire: Wire = wire) -> bool:
                return (await wire.ask(get(f"/api/v1/polls/{poll}"))).status == 200

            await until(found, seconds=2)


async def test_votes_in_all_processes_add_up(two_workers: Service) -> None:
    poll = await two_workers.add_poll(kind="multiple", allow_change=True)
    requests = [
        vote_bytes(poll, {"selection": [number % 3 + 1], "idempotency_key": new_key()})
        for number in range(1500)
    ]
    answers = await fire(two_workers.base_url, ask, requests)
    assert {answer.status for answer in answers} == {201}
    with ExitStack() as stack:
        for wire in (await wire_to_each(two_workers, stack)).values():

            async def complete(wire: Wire = wire) -> bool:
                results = (await wire.ask(get(f"/api/v1/polls/{poll}"))).json["results"]
                return [option["count"] for option in results["options"]] == [500, 500, 500]

            await until(complete, seconds=2)
    await two_workers.assert_clean(poll)


async def test_a_worker_that_is_killed_is_replaced(two_workers: Service) -> None:
    """Its readers try again and are served; no acknowledged vote is lost."""
    await both_answer(two_workers)
    poll, before = await two_workers.add_poll(), two_workers.workers()
    acknowledged = 0

    async def persist(wire: Wire, request: bytes) -> None:
        nonlocal acknowledged
        while True:
            try:
                answer = await wire.ask(request)
            except (OSError, EOFError):
                continue
            assert answer.status in (200, 201)
            acknowledged += 1
            if acknowledged == 100:
                os.kill(before[0], signal.SIGKILL)
            return

    requests = [vote_bytes(poll, {"selection": [1], "idempotency_key": new_key()}) for _ in range(1000)]
    await fire(two_workers.base_url, persist, requests, connections=16)
    assert len(await two_workers.ballots(poll)) == 1000
    await both_answer(two_workers)
    assert before[0] not in two_workers.workers()
    assert before[1] in two_workers.workers()
    await two_workers.assert_clean(poll)


async def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    async with run_service(tmp_path, workers=4, site=True) as service:
        assert service.process is not None
        workers = [psutil.Process(pid) for pid in service.workers()]
        assert len(workers) == 4  # of which one answers, and others may still be starting
        os.kill(service.process.pid, signal.SIGKILL)
        await service.process.wait()

        async def ended() -> bool:
            return not any(worker.is_running() for worker in workers)

        await until(ended, 30)


async def test_sigterm_ends_all_workers_in_time(tmp_path: Path) -> None:
    async with run_service(tmp_path, workers=2, site=True) as service:
        poll = await service.add_poll()
        await both_answer(service)
        workers = [psutil.Process(pid) for pid in service.workers()]
        async with Http(service.base_url) as http, watch(http, poll) as stream:
            await stream.until(lambda frame: True)
            began = time.monotonic()
            assert await service.stop() == 0
            assert time.monotonic() - began < 2
        assert not any(worker.is_running() for worker in workers)


@pytest.mark.parametrize("pause", [0.0, 0.02, 0.1])
async def test_a_signal_while_workers_start_is_not_lost(tmp_path: Path, pause: float) -> None:
    """It comes when some workers are not yet there to be told; `pause` is how late, in seconds."""
    service = Service(f"sqlite:///{tmp_path}/pollsvc.db", tmp_path, {}, 8)
    await service.create_site()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pollsvc", "serve", "--port", str(service.port), "--workers", "8"),
        stderr=asyncio.subprocess.PIPE,
        env=service.env,
        start_new_session=True,
    )

    async def begun() -> bool:
        return bool(psutil.Process(process.pid).children())

    try:
        await until(begun)
        await asyncio.sleep(pause)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 5) == 0
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


BROKEN = """
import pollsvc.cli.server as server
from pollsvc.settings import Settings

def create_app(settings, fellows):
    raise RuntimeError("there is no widget")

server.create_app = create_app
if __name__ == "__main__":
    server.run_workers(Settings, server.listen("127.0.0.1", 0), 2, lambda: print("listens"))
"""


async def test_workers_that_cannot_start_end_the_service(tmp_path: Path) -> None:
    """It does not say that it listens, and starts no others for ever."""
    script = tmp_path / "broken.py"
    script.write_text(BROKEN)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(script)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        told, said = await asyncio.wait_for(process.communicate(), 20)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    assert process.returncode == 3
    assert b"there is no widget" in said
    assert told == b""
