"""What is written to a connection past the event loop's queue stays in order, and leaves the right one."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from itertools import cycle

import pytest
import uvloop

from pollsvc.cli.protocol import CorkedTransport

Run = Callable[[Coroutine[None, None, None]], None]


async def _connected(corked: "asyncio.Future[CorkedTransport]") -> socket.socket:
    """The client's end, which takes little at a time; `corked` becomes the server's."""
    loop = asyncio.get_running_loop()

    class Server(asyncio.Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
            corked.set_result(CorkedTransport(transport, loop))

        def connection_lost(self, exc: Exception | None) -> None:
            corked.result().lost()

    server = await loop.create_server(Server, "127.0.0.1", 0)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.setblocking(False)
    await loop.sock_connect(client, server.sockets[0].getsockname())
    await asyncio.wait_for(corked, 5)
    server.close()
    return client


async def _order() -> None:
    loop = asyncio.get_running_loop()
    made = loop.create_future()
    client = await _connected(made)
    corked: CorkedTransport = made.result()
    chunks = [b"%07d%b\n" % (number, b"." * (number % 999)) for number in range(2_000)]
    taken = 0

    async def write() -> None:
        nonlocal taken
        for chunk, now in zip(chunks, cycle((True, True, True, False, True)), strict=False):
            if now and corked.write_now(chunk):
                taken += 1
            else:
                corked.write(chunk)
            if len(chunk) % 7 == 0:
                await asyncio.sleep(0)

    writing = asyncio.create_task(write())
    wanted, got = b"".join(chunks), bytearray()
    async with asyncio.timeout(30):
        while len(got) < len(wanted):
            got += await loop.sock_recv(client, 50_000)
        await writing
    assert bytes(got) == wanted
    assert taken > 10
    corked.abort()
    client.close()


async def _lost() -> None:
    loop = asyncio.get_running_loop()
    made = loop.create_future()
    client = await _connected(made)
    corked: CorkedTransport = made.result()
    assert corked.write_now(b"one")
    number = corked.get_extra_info("socket").fileno()
    corked.abort()
    while corked.write_now(b"two"):
        await asyncio.sleep(0)
    other, far = socket.socketpair()
    taken = [other]
    while all(each.fileno() != number for each in taken) and len(taken) < 50:
        taken.append(socket.socket())  # until one has the number that the connection had
    assert not corked.write_now(b"three")
    other.close()
    assert far.recv(100) == b""
    for each in (*taken, far, client):
        each.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_chunks_keep_their_order_however_they_are_sent(run: Run) -> None:
    run(_order())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_nothing_is_written_to_a_connection_that_is_lost(run: Run) -> None:
    """Its number may be another's by then."""
    run(_lost())
