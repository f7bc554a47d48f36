"""Requests that never end are ended, and heads without end are refused, while honest readers vote on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from pollsvc.app import EDITORS_CONNECTIONS, create_app
from pollsvc.cli import protocol
from pollsvc.cli.server import Server, listen
from pollsvc.domain.editor import Role
from pollsvc.domain.poll import Policy
from pollsvc.settings import Settings
from tests.support.editors import COOKIE, EditorHttp, add_editor, add_session
from tests.support.reader import Http, Reader
from tests.support.server import SECRET, Service, add_site, free_port, until

HALF = (b"", b"GET /healthz HTT", b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow: ")


@pytest.fixture
async def hurried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    """The whole service in this process, with a short deadline for requests."""
    monkeypatch.setattr(protocol, "REQUEST_DEADLINE", 0.6)
    port = free_port()
    service = Service(f"sqlite:///{tmp_path}/pollsvc.db", tmp_path, {}, 1, port)
    await add_site(service.database_url)
    settings = Settings(service.database_url, (SECRET,), service.base_url, admission=Policy.OPEN)
    server = Server(create_app(settings), takes_signals=False, grace=1)
    task = asyncio.create_task(server.serve(sockets=[listen("127.0.0.1", port)]))

    async def started() -> bool:
        return server.started

    await until(started)
    yield service
    server.should_exit = True
    await asyncio.wait_for(task, 5)


async def ended(port: int, sent: bytes, then: Callable[[], bytes] | None = None) -> bytes:
    """What a connection is answered until the server ends it; `then` makes more to be sent meanwhile."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(5):
            writer.write(sent)
            while then is not None and not writer.is_closing():
                writer.write(then())
                await writer.drain()
                await asyncio.sleep(0)
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("sent", HALF, ids=["nothing", "a request line", "a header"])
async def test_a_request_that_never_ends_is_ended(hurried: Service, sent: bytes) -> None:
    assert await ended(hurried.port, sent) == b""


async def test_a_body_that_never_comes_is_ended(hurried: Service) -> None:
    poll = await hurried.add_poll()
    path = f"/api/v1/polls/{poll}/votes?/admin/"  # which is no path of the editors
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n".encode()
    assert await ended(hurried.port, head + b'{"sel') == b""
    async with Http(hurried.base_url) as http:
        assert (await http.results(poll))["voters"] == 0


async def test_an_editors_upload_may_take_longer(hurried: Service) -> None:
    """Than a vote that began after it and was cut."""
    reader, writer = await asyncio.open_connection("127.0.0.1", hurried.port)
    head = "POST /admin/sign-in HTTP/1.1\r\nhost: localhost\r\norigin: {}\r\ncontent-length: 2\r\n"
    form = b"content-type: application/x-www-form-urlencoded\r\nconnection: close\r\n\r\n"
    writer.write(head.format(hurried.base_url).encode() + form + b"a")
    assert await ended(hurried.port, b"POST /api/v1/polls/x/votes HTTP/1.1\r\nhost: localhost\r\n") == b""
    writer.write(b"=")
    assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 ")
    writer.close()


async def test_a_head_without_end_is_refused(hurried: Service) -> None:
    start = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n"
    assert b" 200 " not in await ended(hurried.port, start, lambda: b"x-more: " + b"y" * 8000 + b"\r\n")


async def test_honest_readers_are_served_beside_many_that_never_end(hurried: Service) -> None:
    poll = await hurried.add_poll()
    slow = [asyncio.create_task(ended(hurried.port, HALF[number % 3])) for number in range(200)]
    async with Http(hurried.base_url) as http:
        votes = await asyncio.gather(*(Reader(http).vote(poll, 1) for _ in range(100)))
        assert [vote.status for vote in votes] == [201] * 100
        kept = await http.get("/healthz")  # a connection that rests between requests is not cut by it
        assert kept.status == 200
    assert await asyncio.gather(*slow) == [b""] * 200


async def test_slow_uploads_keep_no_editor_waiting(hurried: Service) -> None:
    secret = await add_session(hurried.database_url, await add_editor(hurried.database_url, Role.EDITOR))
    head = (
        f"POST /admin/images HTTP/1.1\r\nhost: localhost\r\norigin: {hurried.base_url}\r\n"
        f"cookie: {COOKIE}={secret}\r\ncontent-type: multipart/form-data; boundary=b\r\n"
        "content-length: 99\r\nexpect: 100-continue\r\n\r\n--b"
    ).encode()
    uploads = []
    for _ in range(EDITORS_CONNECTIONS):
        reader, writer = await asyncio.open_connection("127.0.0.1", hurried.port)
        writer.write(head)
        assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"  # the body is being read
        uploads.append(writer)
    async with EditorHttp(hurried.base_url) as http:
        http.secret = secret
        assert (await http.get("/admin")).status == 200
    for writer in uploads:
        writer.close()
