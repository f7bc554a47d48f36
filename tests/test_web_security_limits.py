"""What is too long, too slow or too much is refused, and honest readers are served meanwhile."""

import asyncio
import resource
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import IO

import aiohttp
import pytest

from pollsvc.cli.protocol import MAX_HEAD, REQUEST_DEADLINE
from pollsvc.domain.editor import Role
from pollsvc.services.editing.images import MAX_UPLOAD as MAX_IMAGE
from pollsvc.services.imports.importing import MAX_UPLOAD as MAX_IMPORT
from pollsvc.web.api.gate import MAX_JSON
from pollsvc.web.http import MAX_BODY
from tests.support.editors import signed_in
from tests.support.furnished import Furnished, furnished
from tests.support.reader import Answer, Http, Reader, Wire
from tests.support.routes import PROGRAMS, Call, all_calls
from tests.support.server import Service, add_site

CHANGES = [call for call in all_calls() if call.changes]
HALF_OPEN = 1_000
HONEST = 400
SLACK = 2.0
"""Seconds that a busy machine may take to come to the end of a deadline."""
FEW_FILES = 1_024
"""Open files that a process may have at first on most systems; far more are allowed when it asks."""


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Furnished]:
    async with furnished(tmp_path_factory.mktemp("limits")) as place:
        yield place


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process may hold the other ends of a thousand connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def limit_of(call: Call) -> int:
    """The longest body that a route takes, in bytes."""
    if call.door:
        return call.door.max_body
    if call.path.startswith(f"{PROGRAMS}/imports"):
        return MAX_IMPORT
    if call.path.startswith(PROGRAMS):
        return MAX_IMAGE if call.path.endswith("/images") else MAX_JSON
    return MAX_BODY


@pytest.mark.parametrize("call", CHANGES, ids=str)
async def test_a_body_that_is_too_long_is_refused(place: Furnished, call: Call) -> None:
    """With its length told before, and in chunks, one byte above the limit; whatever it is."""
    before, limit = place.state(), limit_of(call)
    async with signed_in(place.service.base_url, place.service.database_url, Role.ADMIN) as http:
        body = b"x" * (limit + 1)
        for data in (BytesIO(body), _in_chunks(body)):
            answer = await http.request(
                call.method,
                call.to(place.ids),
                data=data,
                headers={
                    "Authorization": f"Bearer {place.api_key}",
                    "Content-Type": "application/x-www-form-urlencoded" if call.door else "text/plain",
                },
            )
            assert answer.status == 413, answer.body[:200]
    after = place.state()
    assert {name for name in after if after[name] != before[name]} <= {"editors", "sessions"}  # our own


async def _in_chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 1 << 18):
        yield body[start : start + (1 << 18)]


@pytest.mark.parametrize(
    "head",
    [
        f"GET /{'a' * MAX_HEAD} HTTP/1.1\r\nhost: localhost\r\n\r\n",
        f"GET /healthz?{'a' * MAX_HEAD} HTTP/1.1\r\nhost: localhost\r\n\r\n",
        f"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: {'a' * MAX_HEAD}\r\n\r\n",
        f"GET /healthz HTTP/1.1\r\nhost: localhost\r\n{'a' * MAX_HEAD}: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\n" + "x: y\r\n" * (MAX_HEAD // 6) + "\r\n",
        f"GET /healthz HTTP/1.1\r\nhost: localhost\r\ncookie: {'a=b; ' * (MAX_HEAD // 5)}\r\n\r\n",
    ],
    ids=["path", "query", "value", "name", "many", "cookie"],
)
async def test_a_head_that_is_too_long_gets_no_answer(place: Furnished, head: str) -> None:
    answered = b""
    reader, writer = await asyncio.open_connection("127.0.0.1", place.service.port)
    with suppress(ConnectionError):
        for start in range(0, len(head), 8_192):
            writer.write(head[start : start + 8_192].encode())
            await writer.drain()
        answered = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert b" 200 " not in answered
    with Wire(place.service.base_url) as wire:
        fine = f"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: {'a' * (MAX_HEAD - 100)}\r\n\r\n"
        assert (await wire.ask(fine.encode())).status == 200


@pytest.mark.parametrize(
    "lines",
    [
        ("content-length: 5", "transfer-encoding: chunked"),
        ("transfer-encoding: chunked", "content-length: 5"),
        ("content-length: 5", "content-length: 6"),
        ("content-length: +5",),
        ("content-length: 0x5",),
        ("content-length: -5",),
        ("transfer-encoding: xchunked",),
        ("transfer-encoding: chunked, identity",),
        ("transfer-encoding : chunked",),
        ("content-length: 5", " folded: x"),
    ],
    ids=str,
)
async def test_no_second_request_hides_in_a_body(place: Furnished, lines: Sequence[str]) -> None:
    """Whose end two programs could see in different places (RFC 9112, section 11.2)."""
    path = f"/api/v1/polls/{place.ids['poll']}/votes"
    head = "\r\n".join([f"POST {path} HTTP/1.1", "host: localhost", *lines, "\r\n"])
    hidden = "GET /api/v1/openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", place.service.port)
    writer.write(f"{head}0\r\n\r\n{hidden}".encode())
    answered = b""
    with suppress(ConnectionError, TimeoutError):
        answered = await asyncio.wait_for(reader.read(65_536), 1)
    writer.close()
    assert b'"openapi"' not in answered


class FrugalService(Service):
    """A service that is started with few open files allowed, as most systems do."""

    async def _begin(self, args: Sequence[str], out: IO[bytes], err: IO[bytes]) -> Process:
        return await asyncio.create_subprocess_exec(
            *("sh", "-c", f'ulimit -S -n {FEW_FILES}; exec "$@"', "sh"),
            *(sys.executable, "-m", "pollsvc", *args),
            stdout=out,
            stderr=err,
            env=self.env,
            cwd=self._folder,
            start_new_session=True,
        )


@pytest.fixture
async def frugal(tmp_path: Path) -> AsyncIterator[Service]:
    service = FrugalService(f"sqlite:///{tmp_path}/pollsvc.db", tmp_path, {}, 1)
    await add_site(service.database_url)
    try:
        await service.start()
        yield service
    finally:
        await service.end()


SLOW = (
    (b"", b""),
    (b"G", b""),
    (b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n", b"x: y\r\n"),
    (b"POST /api/v1/polls/x/votes HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4000\r\n\r\n", b"x"),
    (b"POST /p/x HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
)
"""Requests that never end: how they begin, and what comes of them each second."""


async def drip(port: int, begin: bytes, more: bytes) -> float:
    """Seconds until the service ends a connection that gets a little each second."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()

    async def feed() -> None:
        while more:
            await asyncio.sleep(1)  # this is how slow it is
            writer.write(more)

    writer.write(begin)
    feeding = asyncio.create_task(feed())
    with suppress(ConnectionError):
        await reader.read()
    took = time.monotonic() - began
    feeding.cancel()
    writer.close()
    return took


async def test_a_thousand_half_open_connections(frugal: Service, many_files: None) -> None:
    """They are cut within the deadline, and honest readers vote, look, and open streams all the while."""
    poll = await frugal.add_poll()
    slow = [asyncio.create_task(drip(frugal.port, *SLOW[number % len(SLOW)])) for number in range(HALF_OPEN)]
    began, answers, waits = time.monotonic(), [], []

    async def honest(number: int) -> Answer | None:
        """A reader with a connection of their own, at some time while the others hold theirs."""
        await asyncio.sleep(number / HONEST * (REQUEST_DEADLINE - 1))
        begin = time.monotonic()
        try:
            async with asyncio.timeout(5), Http(frugal.base_url) as http:
                assert (await http.get(f"/api/v1/polls/{poll}")).status == 200
                return await Reader(http).vote(poll, 1)
        except (aiohttp.ClientError, OSError, TimeoutError, AssertionError):
            return None
        finally:
            waits.append(time.monotonic() - begin)

    answers = await asyncio.gather(*(honest(number) for number in range(HONEST)))
    served = sum(answer is not None and answer.status == 201 for answer in answers)
    held = [await task for task in slow]
    waits.sort()
    print(
        f"\nbeside {HALF_OPEN} half-open connections {served} of {HONEST} honest readers were served "
        f"({served / HONEST:.1%}), 99 % of them within {waits[int(0.99 * len(waits))] * 1000:.0f} ms; "
        f"the last of the others was cut after {max(held):.1f} s, all after {time.monotonic() - began:.1f} s"
    )
    assert served >= 0.99 * HONEST
    assert max(held) < REQUEST_DEADLINE + SLACK
    async with Http(frugal.base_url) as http:
        assert (await http.results(poll))["voters"] == served
    await frugal.assert_clean(poll)
