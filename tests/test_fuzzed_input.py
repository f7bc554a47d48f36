"""Thousands of made-up bodies and requests: only codes of the closed list, and no count moves unseen."""

import json
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import pollsvc.web.pages.page
import pollsvc.web.routes
from tests.support.server import Service

PER_EXAMPLE = 20
ALLOWED = {200, 201, 400, 401, 409, 413, 422}

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from([10**30, -1, 2**63, "\ud800", "\0", "1", 1e308])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
selections = st.lists(st.integers(-1, 4), max_size=4) | st.lists(scalars, max_size=3) | values
members = st.fixed_dictionaries(
    {},
    optional={
        "selection": selections,
        "reader": values,
        "article": values,
        "idempotency_key": values | st.text("abcXYZ-_09", min_size=20, max_size=90),
        "extra": values,
    },
)
objects = members.map(lambda value: json.dumps(value).encode())
raw = members.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
twice = st.tuples(objects, objects).map(lambda two: two[0][:-1] + b"," + two[1][1:])
cut = st.tuples(objects, st.integers(0, 60)).map(lambda two: two[0][: -two[1] or None])
anything = values.map(lambda value: json.dumps(value).encode())
votes = st.integers(1, 3).map(lambda pick: json.dumps({"selection": [pick]}).encode())
bodies = st.one_of(objects, raw, twice, cut, anything, votes, st.binary(max_size=300))


class BlockingClient:
    """One keep-alive connection without an event loop, which hypothesis' own loop does not know."""

    def __init__(self, port: int, path: str) -> None:
        self._address = ("127.0.0.1", port)
        self._path = path
        self._socket = socket.create_connection(self._address, timeout=10)

    def post(self, body: bytes) -> tuple[int, bytes]:
        """POST a body; status and body of the answer."""
        return self.ask(
            f"POST {self._path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n", body
        )

    def ask(self, head: str, body: bytes = b"") -> tuple[int, bytes]:
        """Send a request whose head is latin-1 text; status and body of the answer."""
        self._socket.sendall(head.encode("latin-1") + b"\r\n" + body)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        lines, _, rest = data.partition(b"\r\n\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in lines.split(b"\r\n")[1:])
        while len(rest) < int(headers.get(b"content-length", 0)):
            rest += self._more()
        if headers.get(b"connection") == b"close":
            self.close()
            self._socket = socket.create_connection(self._address, timeout=10)
        return int(lines.split(b" ")[1]), rest

    def _more(self) -> bytes:
        data = self._socket.recv(65536)
        assert data, "the server hung up"
        return data

    def close(self) -> None:
        self._socket.close()


class Target:
    """A poll and what has been recorded in it, told by its answers."""

    def __init__(self, service: Service, poll: str) -> None:
        self.poll = poll
        self.client = BlockingClient(service.port, f"/api/v1/polls/{poll}/votes")
        self.sent = 0
        self.recorded = 0

    def send(self, body: bytes) -> None:
        """POST a body, and see that the answer is one of those that readers may be given."""
        status, answer = self.client.post(body)
        self.sent += 1
        assert status in ALLOWED, (status, body, answer)
        value = json.loads(answer)
        if status in (200, 201):
            self.recorded += status == 201
            assert value["receipt"]["poll"] == self.poll
            assert value["results"]["voters"] == self.recorded
        else:
            assert (value["status"], set(value) >= {"type", "title", "code", "detail"}) == (status, True)


@pytest.fixture
async def target(shared: Service) -> AsyncIterator[Target]:
    """A new poll to be shot at; afterwards it must hold just what was acknowledged."""
    target = Target(shared, await shared.add_poll())
    yield target
    target.client.close()
    assert len(await shared.ballots(target.poll)) == target.recorded
    await shared.assert_clean(target.poll)


def fuzz(examples: int) -> settings:
    """The same examples in every run; none is made smaller, since a failure shows its own."""
    unhelpful = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=unhelpful,
    )


def test_thousands_of_bodies(target: Target, shared: Service) -> None:
    """None is answered by 5xx, and counts move by what is answered by 201 and nothing else.

    10,000 to PostgreSQL, which is stricter about text, and 2,000 to SQLite.
    """
    number = 2_000 if shared.database_url.startswith("sqlite") else 10_000

    @fuzz(number // PER_EXAMPLE // 2)
    @given(st.lists(bodies, min_size=PER_EXAMPLE, max_size=PER_EXAMPLE), st.integers(1, 255))
    def shoot(several: list[bytes], flip: int) -> None:
        for body in several:
            target.send(body)
            place = flip % max(len(body), 1)
            target.send(body[:place] + bytes([body[place] ^ flip]) + body[place + 1 :] if body else b" ")

    shoot()
    assert target.sent >= number
    assert target.recorded > number / 50  # some were votes


ROUTES = (
    *("/api/v1/polls/{poll}", "/api/v1/live", "/api/v1/polls", "/api/v1/articles", "/w/{name}", "/p/{poll}"),
    *("/api/v1/polls/{poll}/results/{key}", "/api/v1/openapi.json", "/healthz", "/readyz", "/metrics"),
    *("/api/v1/polls/{poll}/rounds", "/api/v1/polls/{poll}/history", "/p/{poll}/history", "/i/{image}"),
    *("/p/{rest:path}", "/p/{poll}/card.png", "/p/{poll}/results.svg", "/embed/{poll}", "/oembed"),
    *("/api/v1/log/checkpoint", "/api/v1/log/keys", "/api/v1/log/inclusion", "/api/v1/log/consistency"),
    *("/api/v1/log/standing", "/api/v1/log/tile/{level:int}/{index:path}"),
    *("/admin/static/{name}", "/", "/p/{poll}/verify"),
)
texts = st.text(max_size=20) | st.sampled_from(["\0", "%", "\ud800", "&=", "../", "http://[", "é" * 99, "en"])
names = (
    st.sampled_from(
        ["id", "poll", "url", "lang", "q", "pick", "format", "maxwidth", "theme", "number", "from", "size"]
    )
    | texts
)
quoted = texts.map(lambda text: quote(text.encode("utf-8", "surrogatepass"), safe="")) | st.text(
    st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="#?\x7f"), max_size=20
)
queries = st.lists(st.tuples(names.map(lambda name: quote(name, errors="replace")), quoted), max_size=4).map(
    lambda pairs: "&".join("=".join(pair) for pair in pairs)
)
header_values = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40
)
headers = st.dictionaries(
    st.sampled_from(
        [
            "if-none-match",
            "accept-encoding",
            "accept",
            "origin",
            "cookie",
            "range",
            "x-forwarded-for",
            "accept-language",
        ]
    ),
    header_values,
    max_size=3,
)


def test_every_route_that_is_read_is_in_the_list() -> None:
    files = (pollsvc.web.routes.__file__, pollsvc.web.pages.page.__file__)
    source = "".join(Path(file).read_text() for file in files)
    assert set(re.findall(r'Route\("([^"]+)".*(?:"GET"|GET=)', source)) == set(ROUTES) - {
        "/embed/{poll}"
    }  # it answers all methods itself


@pytest.mark.parametrize("route", ROUTES)
def test_hostile_paths_queries_and_headers(target: Target, route: str) -> None:
    """Each is answered, and none by 5xx; a poll's id is not in a stream's query, which would not end."""
    segments = quoted if route == "/api/v1/live" else quoted | st.just(target.poll)

    @fuzz(80)
    @given(st.lists(segments, min_size=2, max_size=2), queries, headers)
    def shoot(parts: list[str], query: str, more: dict[str, str]) -> None:
        left = iter(parts)
        path = re.sub(r"{\w+(:path)?}", lambda _: next(left), route)
        lines = [f"{name}: {value}" for name, value in more.items()]
        head = "\r\n".join([f"GET {path}?{query} HTTP/1.1", "host: localhost", *lines, ""])
        status, _ = target.client.ask(head)
        assert status in {200, 301, 302, 303, 304, 400, 404, 501}, (status, head)  # 30x: without its slash

    shoot()
