"""Only the service's own hosts are answered for, and nothing that is answered depends on them."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import psutil  # type: ignore[import-untyped,unused-ignore]
import pytest

from tests.support.reader import Answer, Wire
from tests.support.server import Service, add_site, free_port, run_service

BASE = "https://polls.example/under"
OWN = (
    *("polls.example", "POLLS.Example", "polls.example.", "polls.example:443", "polls.example:8000"),
    *("localhost", "localhost:8000", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8000", "cms.internal:80"),
)
FOREIGN = (
    *("evil.example", "polls.example.evil.example", "evil.example:8000", "xpolls.example", "polls"),
    *("polls.example@evil.example", "evil.example/polls.example", "polls.example, evil.example", "127.0.0.2"),
    *("polls.example:80:80", "polls.example:x", "polls.example..", "http://polls.example", "", "..", ":"),
    *("[::1", "::1", "[::2]", "localhost.evil.example", "169.254.169.254", "0.0.0.0", "\xff", "a b"),
)


@pytest.fixture(scope="module")
async def hosted(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """A service that is public as BASE, and known to a network of containers as `cms.internal`."""
    env = {"POLLSVC_BASE_URL": BASE, "POLLSVC_ALLOWED_HOSTS": "cms.internal"}
    async with run_service(tmp_path_factory.mktemp("hosts"), env=env, site=True) as service:
        yield service


async def ask(service: Service, path: str, *lines: str, method: str = "GET") -> Answer:
    """By the wire: a client library would add a host of its own."""
    head = "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "content-length: 0", "\r\n"])
    with Wire(f"http://127.0.0.1:{service.port}") as wire:
        return await wire.ask(head.encode("latin-1"))


@pytest.mark.parametrize("host", OWN)
async def test_its_own_hosts_are_answered_for(hosted: Service, host: str) -> None:
    assert (await ask(hosted, "/api/v1/openapi.json", f"Host: {host}")).status == 200


@pytest.mark.parametrize("host", FOREIGN)
async def test_no_other_host_is(hosted: Service, host: str) -> None:
    for path in ("/api/v1/openapi.json", "/admin/sign-in", "/p/x", "/w/1.js", "/", "/nowhere"):
        answer = await ask(hosted, path, f"Host: {host}")
        assert (answer.status, answer.code) == (421, "wrong_host"), path
        assert answer.headers["cache-control"] == "no-store"
        assert "POLLSVC_ALLOWED_HOSTS" in answer.json["detail"]
        assert not host.strip(".:") or host not in answer.body.decode("latin-1")


async def test_a_vote_sent_to_another_host_is_not_recorded(hosted: Service) -> None:
    poll = await hosted.add_poll()
    answer = await ask(hosted, f"/api/v1/polls/{poll}/votes", "Host: evil.example", method="POST")
    assert answer.code == "wrong_host"
    assert await hosted.ballots(poll) == []


@pytest.mark.parametrize("lines", [(), ("Host: polls.example", "Host: evil.example")], ids=["none", "two"])
async def test_a_request_names_one_host(hosted: Service, lines: tuple[str, ...]) -> None:
    answer = await ask(hosted, "/api/v1/openapi.json", *lines)
    assert (answer.status, answer.code) == (400, "bad_request")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_are_answered_under_every_name(hosted: Service, path: str) -> None:
    for line in ("Host: 10.1.2.3:8000", "Host: evil.example", "X-No-Host: at-all"):
        assert (await ask(hosted, path, line)).status == 200


async def test_no_answer_depends_on_the_host_or_on_what_proxies_say_of_it(hosted: Service) -> None:
    poll = await hosted.add_poll(articles=["https://news.example/a"])
    forged = (
        *("X-Forwarded-Host: evil.example", "X-Forwarded-Proto: gopher", "X-Host: evil.example"),
        *("X-Original-URL: /evil", "X-Rewrite-URL: /evil", "X-Forwarded-Prefix: /evil"),
        *("Forwarded: host=evil.example;proto=gopher", "X-Forwarded-Server: evil.example"),
    )
    pages = (
        *(f"/p/{poll}", f"/p/{poll}/", f"/p/{poll}/history", f"/p/{poll}/verify", f"/embed/{poll}"),
        *(f"/embed/{poll}/", f"/api/v1/polls/{poll}", "/api/v1/articles?url=https://news.example/a"),
        *(f"/oembed?url={BASE}/p/{poll}", "/", "/admin", "/admin/sign-in", "/api/v1/openapi.json", "/s/News"),
    )
    for path in pages:
        plain = await ask(hosted, path, "Host: polls.example")
        other = await ask(hosted, path, "Host: localhost:81", *forged)
        changing = rb'"now":"[^"]+"|idempotency_key"? value="[^"]+"|\d+:\d\d:\d\d'
        assert plain.status == other.status
        assert re.sub(changing, b"", plain.body) == re.sub(changing, b"", other.body), path
        assert plain.headers.get("location") == other.headers.get("location"), path
        assert "evil" not in str(other)


async def test_the_host_and_the_address_that_are_served_on_count(tmp_path: Path) -> None:
    """Of `serve --host 0.0.0.0`: the addresses of the machine, as readers on the same network say."""
    url, port = f"sqlite:///{tmp_path}/pollsvc.db", free_port()
    await add_site(url)
    service = Service(url, tmp_path, {}, 1, port)
    service.env["POLLSVC_BASE_URL"] = BASE
    service.flags = ["--host", "0.0.0.0"]
    addresses = {address.address for each in psutil.net_if_addrs().values() for address in each}
    try:
        await service.start()
        for host in ("0.0.0.0", *(address for address in addresses if address.count(".") == 3)):
            reached = "127.0.0.1" if host == "0.0.0.0" else host
            with Wire(f"http://{reached}:{port}") as wire:
                line = f"GET /api/v1/openapi.json HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n"
                assert (await wire.ask(line.encode())).status == 200, host
        assert (await ask(service, "/", "Host: evil.example")).code == "wrong_host"
    finally:
        await service.end()
