"""A reader whose connection takes nothing more delays nobody, is sent only the latest, and is dropped."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pollsvc.app import create_app
from pollsvc.cli.server import Server, listen
from pollsvc.domain.poll import Policy
from pollsvc.domain.tally import Tally
from pollsvc.services import live_hub
from pollsvc.services.live_hub import LiveHub
from pollsvc.services.live_stream import Stream
from pollsvc.services.snapshots import Publisher, Snapshot
from pollsvc.services.strings import Strings
from pollsvc.settings import Settings
from tests.support.reader import Http, Reader, watch
from tests.support.server import SECRET, Service, add_site, connected_ports, free_port, until

Message = MutableMapping[str, Any]


class Client:
    """A stream's other end, which takes frames or holds the sender up; a fake `send` and `receive`."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.takes = asyncio.Event()
        self.takes.set()
        self.gone = asyncio.Event()

    async def send(self, message: Message) -> None:
        self.taken.append(message["body"])
        await self.takes.wait()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LiveHub]:
    """A hub that hurries."""
    monkeypatch.setattr(live_hub, "INTERVAL", 0.01)
    monkeypatch.setattr(live_hub, "HEARTBEAT", 0.05)
    monkeypatch.setattr(live_hub, "STALLED_AFTER", 0.2)
    hub = LiveHub(time.time)
    await hub.start()
    yield hub
    await hub.stop()


@asynccontextmanager
async def subscribed(hub: LiveHub, client: Client, poll: str) -> AsyncIterator[asyncio.Task[None]]:
    """The client's stream, and the task that serves it; it ends when the stream is dropped."""
    stream = Stream(client.send, [poll])
    hub.subscribe(stream)
    task = asyncio.create_task(stream.until_ended(client.receive))
    try:
        yield task
    finally:
        hub.unsubscribe(stream)
        client.gone.set()
        await asyncio.wait([task])


async def has(client: Client, version: int) -> None:
    """Wait until the client has taken this version."""

    async def taken() -> bool:
        return any(b"id: %d\n" % version in frame for frame in client.taken)

    await until(taken, seconds=1, pause=0.001)


async def snapshots(service: Service) -> tuple[str, list[Snapshot]]:
    """A poll, and snapshots of it at the versions 1 to 100."""
    poll = await service.add_poll()
    async with service.editor() as editor:
        definition = await editor.poll(poll)
    publisher = Publisher(service.base_url, Strings())
    totals = [{("1", "counted", ""): version} for version in range(1, 101)]
    return poll, [
        Snapshot(Tally(definition, version, total), time.time(), publisher)
        for version, total in enumerate(totals, 1)
    ]


async def test_who_stalls_delays_nobody_and_gets_only_the_latest(shared: Service, hub: LiveHub) -> None:
    poll, versions = await snapshots(shared)
    slow, healthy = Client(), Client()
    slow.takes.clear()
    async with subscribed(hub, slow, poll), subscribed(hub, healthy, poll):
        for snapshot in versions[:10]:
            hub.publish(snapshot)
            await has(healthy, snapshot.version)
        assert len(slow.taken) == 1
        slow.takes.set()
        await has(slow, 10)
        assert sum(frame.count(b"event: results") for frame in slow.taken) == 2


async def test_who_takes_nothing_is_dropped(shared: Service, hub: LiveHub) -> None:
    poll, versions = await snapshots(shared)
    slow, healthy = Client(), Client()
    slow.takes.clear()
    async with subscribed(hub, slow, poll) as stalled, subscribed(hub, healthy, poll) as going_on:
        hub.publish(versions[0])
        await asyncio.wait_for(stalled, 2)
        hub.publish(versions[1])
        await has(healthy, 2)
        assert not going_on.done()


async def test_quiet_streams_are_kept_open_by_heartbeats(shared: Service, hub: LiveHub) -> None:
    poll, _ = await snapshots(shared)
    client = Client()
    async with subscribed(hub, client, poll) as task:
        await until(lambda: _times(client.taken, b":\n\n", 3), seconds=2)
        assert not task.done()


async def test_a_stream_ends_when_it_has_lasted_long_enough(
    shared: Service, hub: LiveHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that came together end at different times, so that they do not come back together."""
    poll, _ = await snapshots(shared)
    monkeypatch.setattr(live_hub, "LIFETIME", (0.0, 0.0))
    async with subscribed(hub, Client(), poll) as short:
        monkeypatch.setattr(live_hub, "LIFETIME", (60.0, 60.0))
        async with subscribed(hub, Client(), poll) as long:
            await asyncio.wait_for(short, 2)
            assert not long.done()
    assert hub.dropped == 0


async def test_a_client_whose_connection_breaks_is_forgotten(shared: Service, hub: LiveHub) -> None:
    poll, versions = await snapshots(shared)

    class Broken(Client):
        async def send(self, message: Message) -> None:
            raise OSError("broken pipe")

    healthy = Client()
    async with subscribed(hub, Broken(), poll) as broken, subscribed(hub, healthy, poll):
        hub.publish(versions[0])
        await asyncio.wait_for(broken, 1)
        await has(healthy, 1)


async def test_a_closed_hub_ends_all_streams_and_takes_no_more(shared: Service, hub: LiveHub) -> None:
    poll, _ = await snapshots(shared)
    async with subscribed(hub, Client(), poll) as task:
        hub.close()
        await asyncio.wait_for(task, 1)
    async with subscribed(hub, Client(), poll) as late:
        await asyncio.wait_for(late, 1)


@asynccontextmanager
async def narrow_service(folder: Path) -> AsyncIterator[Service]:
    """The whole service in this process, on sockets whose buffers are as small as the kernel allows."""
    port = free_port()
    service = Service(f"sqlite:///{folder}/pollsvc.db", folder, {}, 1, port)
    await add_site(service.database_url)
    bound = listen("127.0.0.1", port)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
    settings = Settings(service.database_url, (SECRET,), service.base_url, admission=Policy.OPEN)
    server = Server(create_app(settings), takes_signals=False)
    task = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        await until(lambda: _started(server))
        yield service
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 10)


async def test_a_stalled_connection_on_a_real_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its small buffers fill up; it is dropped and closed, while another stream goes on without delay."""
    monkeypatch.setattr(live_hub, "INTERVAL", 0.005)
    monkeypatch.setattr(live_hub, "HEARTBEAT", 0.1)
    monkeypatch.setattr(live_hub, "STALLED_AFTER", 0.3)
    async with narrow_service(tmp_path) as service, Http(service.base_url) as http:
        options = [f"option {number}" for number in range(50)]
        polls = [await service.add_poll(options=options) for _ in range(20)]
        with await open_and_read_nothing(service.port, polls) as stalled:
            port = stalled.getsockname()[1]
            async with watch(http, polls[0]) as healthy:

                async def vote_until_dropped() -> bool:
                    votes = [await Reader(http).vote(poll, 1) for poll in polls]
                    answered = time.monotonic()
                    version = votes[0].json["results"]["version"]
                    frame = await healthy.until(lambda frame: frame.id >= version)
                    assert frame.at - answered < 0.5
                    return port not in connected_ports(os.getpid())

                await until(vote_until_dropped)


async def open_and_read_nothing(port: int, polls: list[str]) -> socket.socket:
    """A live stream's socket with a small buffer, from which nobody reads."""
    client, loop = socket.socket(), asyncio.get_running_loop()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    client.setblocking(False)
    await loop.sock_connect(client, ("127.0.0.1", port))
    query = "&".join(f"poll={poll}" for poll in polls)
    await loop.sock_sendall(client, f"GET /api/v1/live?{query} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
    return client


async def _times(taken: list[bytes], what: bytes, times: int) -> bool:
    return taken.count(what) >= times


async def _started(server: Server) -> bool:
    return server.started
