"""A publisher's own system: a real HTTP server that takes webhooks and answers as a test wants it to."""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web

from tests.support.server import free_port, until

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Received(NamedTuple):
    """A request that came in; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def told(self) -> tuple[str, str | None]:
        """Event and poll."""
        return self.json["type"], self.json["data"].get("poll")


class Receiver:
    """Keeps what it is sent, from `start` to `stop`; `answer` is a status, or makes the answer."""

    def __init__(self, answer: int | Handler = 204, tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.received: list[Received] = []
        self.at_once = 0
        self.most_at_once = 0
        self._tls = tls
        self._port = free_port()
        self._runner: web.AppRunner | None = None
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self._port}"
        self.url = f"{self.origin}/hook"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._tls).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            body = await request.read()
            headers = {name.lower(): value for name, value in request.headers.items()}
            self.received.append(Received(request.path_qs, headers, body))
            if isinstance(self.answer, int):
                return web.Response(status=self.answer)
            return await self.answer(request)
        finally:
            self.at_once -= 1

    async def until(self, number: int, seconds: float = 15) -> None:
        """Wait until so many requests have come in."""

        async def came() -> bool:
            return len(self.received) >= number

        await until(came, seconds)

    @property
    def told(self) -> list[tuple[str, str | None]]:
        """Event and poll of all requests, in order."""
        return [one.told for one in self.received]


@asynccontextmanager
async def receiving(
    answer: int | Handler = 204, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """A receiver, for as long as the block lasts."""
    receiver = Receiver(answer, tls)
    await receiver.start()
    try:
        yield receiver
    finally:
        await receiver.stop()


async def hang(_: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError


def verify(secret: str, received: Received, now: float | None = None) -> Any:
    """The body of a request whose signature is right, as receivers are told to check it.

    Written after the Standard Webhooks specification 1.0.0, without the service's code. Raises
    AssertionError for a request that a receiver must refuse.
    """
    assert secret.startswith("whsec_")
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    assert 24 <= len(key) <= 64
    id_, timestamp = received.headers["webhook-id"], received.headers["webhook-timestamp"]
    assert "." not in id_
    assert abs((time.time() if now is None else now) - int(timestamp)) <= 300
    signed = f"{id_}.{timestamp}.".encode() + received.body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [part.partition(",") for part in received.headers["webhook-signature"].split(" ")]
    assert any(version == "v1" and hmac.compare_digest(sign, expected) for version, _, sign in given)
    return json.loads(received.body)
