"""Readers of the tests: they vote, keep their token, repeat, look at results, and watch them live."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp

T = TypeVar("T")
R = TypeVar("R")


class Answer(NamedTuple):
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The `code` of a problem+json answer, whose shape is checked (RFC 9457)."""
        assert self.headers["content-type"] == "application/problem+json", self
        problem = self.json
        assert problem["status"] == self.status
        assert problem["type"]
        assert problem["title"]
        assert problem["detail"]
        return str(problem["code"])

    @property
    def receipt(self) -> bytes:
        """The bytes of a vote's receipt, as they were sent."""
        start = self.body.index(b'"receipt":') + len(b'"receipt":')
        return self.body[start : self.body.index(b"}", start) + 1]


class Http:
    """A client with a pool of connections, between `async with`."""

    def __init__(self, base_url: str, address: str | None = None) -> None:
        connector = aiohttp.TCPConnector(limit=0, local_addr=(address, 0) if address else None)
        self.base_url = base_url
        self.session = aiohttp.ClientSession(base_url, connector=connector)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        async with self.session.request(method, path, allow_redirects=False, **options) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, headers, await answer.read())

    async def get(self, path: str, **headers: str) -> Answer:
        """GET a path; an underscore in a header's name stands for a hyphen."""
        return await self.request("GET", path, headers={n.replace("_", "-"): v for n, v in headers.items()})

    async def post_vote(self, poll: str, body: object, **headers: str) -> Answer:
        """POST a vote whose body is bytes, or a value to be sent as JSON in text/plain."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        all_headers = {"Content-Type": "text/plain", **{n.replace("_", "-"): v for n, v in headers.items()}}
        return await self.request("POST", f"/api/v1/polls/{poll}/votes", data=data, headers=all_headers)

    async def results(self, poll: str) -> Any:
        """The public results of a poll."""
        return (await self.get(f"/api/v1/polls/{poll}")).json["results"]

    async def is_ready(self) -> bool:
        """Whether the service says that it takes votes."""
        return (await self.get("/readyz")).status == 200

    async def counts(self, poll: str) -> list[int]:
        """The public count of each option of a poll, in their order."""
        return [option["count"] for option in (await self.results(poll))["options"]]


class Reader:
    """A reader's browser as the widget keeps it: an idempotency key at first, then the token."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self.key = new_key()
        self.token: str | None = None

    async def vote(self, poll: str, *picks: int, **more: str) -> Answer:
        """Vote, change or (without picks) withdraw; the token of the answer is kept."""
        who = {"reader": self.token} if self.token else {"idempotency_key": self.key}
        answer = await self._http.post_vote(poll, {"selection": picks, **who, **more})
        if answer.status in (200, 201):
            self.token = answer.json["reader"]
        return answer


def new_key() -> str:
    """An idempotency key as the widget makes it: 128 random bits in base64url."""
    return secrets.token_urlsafe(16)


class Frame(NamedTuple):
    """One server-sent event: its id, its data, and when it came (monotonic seconds)."""

    id: int
    data: Any
    at: float


class Stream:
    """An open live stream."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self, seconds: float = 5) -> Frame | None:
        """The next frame, or None when the server ended the stream. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    text = await self._answer.content.readuntil(b"\n\n")
                except aiohttp.ClientPayloadError:
                    return None
                if not text:
                    return None
                if not text.startswith(b":"):  # a heartbeat
                    fields = dict(line.split(": ", 1) for line in text.decode().strip().split("\n"))
                    assert fields["event"] == "results"
                    return Frame(int(fields["id"]), json.loads(fields["data"]), time.monotonic())

    async def until(self, wanted: Callable[[Frame], object], seconds: float = 5) -> Frame:
        """The first frame of those to come that is as wanted."""
        async with asyncio.timeout(seconds):
            while frame := await self.next(seconds):
                if wanted(frame):
                    return frame
        raise AssertionError("the stream ended")


@asynccontextmanager
async def watch(http: Http, *polls: str) -> AsyncIterator[Stream]:
    """A live stream of these polls."""
    query = "&".join(f"poll={poll}" for poll in polls)
    timeout = aiohttp.ClientTimeout(total=None, sock_read=None)
    async with http.session.get(f"/api/v1/live?{query}", timeout=timeout) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        yield Stream(answer)


class Wire:
    """One keep-alive connection and nothing around it, for thousands of requests or odd ones."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._host, self._port = parts.hostname, parts.port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def send(self, request: bytes) -> None:
        """Send a request's bytes, over a new connection where there is none."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        self._streams[1].write(request)

    async def receive(self) -> Answer:
        """Read one answer. Raises OSError or EOFError when the connection breaks."""
        assert self._streams is not None
        reader, _ = self._streams
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
        length = int(headers.get("content-length", 0))
        answer = Answer(int(head[0].split(" ")[1]), headers, await reader.readexactly(length))
        if headers.get("connection") == "close":
            self.close()
        return answer

    async def ask(self, request: bytes) -> Answer:
        """Send a request and read its answer; a broken connection is closed before its error is raised."""
        try:
            await self.send(request)
            return await self.receive()
        except (OSError, EOFError):
            self.close()
            raise

    @property
    def port(self) -> int:
        """The port at this end."""
        assert self._streams is not None
        return int(self._streams[1].get_extra_info("sockname")[1])

    def close(self) -> None:
        """Close the connection, also when an answer is still to come."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def vote_bytes(poll: str, body: object, path: str = "/api/v1/polls/{}/votes") -> bytes:
    """The bytes of a request that casts a vote; the body as in `Http.post_vote`."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"POST {path.format(poll)} HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\n"
    return b"%bcontent-length: %d\r\n\r\n%b" % (head.encode(), len(data), data)


def vote_from(poll: str, address: str) -> bytes:
    """A new reader's vote through a trusted proxy, from a browser that can prove nothing."""
    body = {"selection": [1], "idempotency_key": new_key(), "proof": ""}
    return vote_bytes(poll, body).replace(b"\r\n", f"\r\nx-forwarded-for: {address}\r\n".encode(), 1)


async def fire(
    base_url: str, work: Callable[[Wire, T], Awaitable[R]], items: Iterable[T], connections: int = 64
) -> Sequence[R]:
    """Do the work for each item, over so many connections at once; the results in the order they came."""
    left, done = iter(items), []

    async def run() -> None:
        with Wire(base_url) as wire:
            for item in left:
                done.append(await work(wire, item))

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(run())
    return done


async def ask(wire: Wire, request: bytes) -> Answer:
    """Work for `fire`: send a request, read its answer."""
    return await wire.ask(request)
