"""The publisher's proxy: the service under a path of the publisher's own origin, live streams included."""

from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

PREFIX = "/polls"
METHODS = ["GET", "HEAD", "POST", "OPTIONS"]
_OF_A_HOP = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
    *("transfer-encoding", "upgrade"),
}
"""Headers that go no further than to the next server (RFC 9110, section 7.6.1)."""
_OWN = {*_OF_A_HOP, "host", "content-length"}
"""Headers of a request that the proxy writes anew."""


class Proxy:
    """Passes requests under PREFIX on to the service, between `start` and `stop`."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._session: ClientSession | None = None

    async def start(self) -> None:
        """Open the connections to the service; an answer is passed on as it comes, however long it takes."""
        timeout = ClientTimeout(total=None, sock_connect=5)
        self._session = ClientSession(
            timeout=timeout,
            auto_decompress=False,
            cookie_jar=DummyCookieJar(),
            skip_auto_headers=("accept", "accept-encoding", "user-agent"),  # what the reader did not ask for
        )

    async def stop(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __call__(self, request: Request) -> Response:
        """What the service answers; 502 where it does not."""
        assert self._session is not None  # noqa: S101 - the lifespan has started it
        raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
        path = raw.partition(b"?")[0].decode("ascii").removeprefix(PREFIX)
        if not path.startswith("/"):  # the prefix was spelt in another way, or a host would begin here
            return Response("There is nothing here.\n", 404, media_type="text/plain")
        query = request.scope["query_string"].decode("ascii")
        url = self._service + path + (f"?{query}" if query else "")
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in request.headers.raw
            if name.decode("latin-1") not in _OWN
        ]
        try:
            answer = await self._session.request(
                request.method, url, headers=headers, data=await request.body() or None, allow_redirects=False
            )
        except (ClientError, TimeoutError):
            return Response("The polls are away for a moment.\n", 502, media_type="text/plain")
        response = StreamingResponse(_content_of(answer), answer.status)
        response.raw_headers = [
            (name.lower(), value)
            for name, value in answer.raw_headers
            if name.lower().decode("latin-1") not in {*_OF_A_HOP, "date"}  # this server says its own
        ]
        return response


async def _content_of(answer: ClientResponse) -> AsyncIterator[bytes]:
    """What comes, when it comes; the request ends with the reader's."""
    try:
        with suppress(ClientError):  # the service has ended: so does the answer
            async for chunk in answer.content.iter_any():
                yield chunk
    finally:
        answer.close()
