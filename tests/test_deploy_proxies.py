"""A real nginx and a real Caddy with the files of docs/deploy/: TLS, HTTP/2, a cache, live streams."""

import asyncio
import json
import os
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, cast

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.support.certificates import certificate
from tests.support.programs import deployed, program, run, serving
from tests.support.reader import Http, Reader, watch
from tests.support.scraped import scrape
from tests.support.server import Service, free_port, run_service, until

NAME = "polls.example"


class Loopback(AbstractResolver):
    """Finds every name on this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        where = {"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET}
        return [cast(ResolveResult, {**where, "proto": 0, "flags": socket.AI_NUMERICHOST})]

    async def close(self) -> None:
        pass


class Site(NamedTuple):
    """A service behind a proxy; `front` speaks to the proxy, `back` to the service."""

    service: Service
    front: Http
    back: Http
    port: int
    folder: Path


def nginx_conf(folder: Path, port: int, plain: int, upstream: int) -> str:
    text = deployed(
        "nginx.conf",
        {
            "user www-data;": "" if os.geteuid() else "user root;",
            "worker_processes auto;": "worker_processes 1; daemon off;",
            "worker_rlimit_nofile 65536;": "",
            "worker_connections 30000;": "worker_connections 500;",
            "/run/nginx.pid": f"{folder}/nginx.pid",
            "/var/log/nginx": str(folder),
            "/var/cache/nginx/pollsvc": f"{folder}/cache",
            "/etc/ssl/polls.example": str(folder),
            "listen 80;": f"listen 127.0.0.1:{plain};",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
            "listen [::]:80;": "",
            "listen [::]:443 ssl http2;": "",
            "127.0.0.1:8000": f"127.0.0.1:{upstream}",
        },
    )
    parts = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return text.replace("http {", "http {" + "".join(f"{one}_temp_path {folder}/{one};" for one in parts), 1)


@asynccontextmanager
async def site(folder: Path, **env: str) -> AsyncIterator[tuple[Service, int]]:
    port = free_port()
    certificate(folder, NAME)
    settings = {
        "POLLSVC_BASE_URL": f"https://{NAME}:{port}",
        "POLLSVC_TRUSTED_PROXIES": "127.0.0.1",
        "POLLSVC_LOG_LEVEL": "info",
        "POLLSVC_LOG_FORMAT": "json",
        **env,
    }
    async with run_service(folder, env=settings, site=True) as service:
        yield service, port


@asynccontextmanager
async def front(service: Service, port: int, folder: Path) -> AsyncIterator[Site]:
    trust = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
    async with Http(f"https://{NAME}:{port}") as http, Http(service.base_url) as back:
        await http.session.close()
        connector = aiohttp.TCPConnector(limit=0, ssl=trust, resolver=Loopback())
        http.session = aiohttp.ClientSession(http.base_url, connector=connector)
        yield Site(service, http, back, port, folder)


@pytest.fixture(scope="module")
async def behind_nginx(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("nginx")
    plain = free_port()
    async with site(folder) as (service, port):
        (folder / "nginx.conf").write_text(nginx_conf(folder, port, plain, service.port))
        args = (program("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf"))
        await run(*args, "-t")
        async with serving(port, *args), front(service, port, folder) as found:
            async with Http(f"http://127.0.0.1:{plain}") as http:
                answer = await http.get("/p/x?y=z", Host=NAME)
                assert (answer.status, answer.headers["location"]) == (308, f"https://{NAME}/p/x?y=z")
            yield found


@pytest.fixture(scope="module")
async def behind_caddy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("caddy")
    async with site(folder) as (service, port):
        changes = {
            "\n{\n": "\n{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n",
            "\npolls.example {\n": (
                f"\nhttps://{NAME}:{port} {{\n\tbind 127.0.0.1\n"
                f"\ttls {folder}/fullchain.pem {folder}/privkey.pem\n"
            ),
            "127.0.0.1:8000": f"127.0.0.1:{service.port}",
        }
        (folder / "Caddyfile").write_text(deployed("Caddyfile", changes))
        place = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        args = ("--config", str(folder / "Caddyfile"), "--adapter", "caddyfile")
        await run(program("caddy"), "validate", *args, **place)
        async with (
            serving(port, program("caddy"), "run", *args, log=folder / "caddy.log", **place),
            front(service, port, folder) as found,
        ):
            yield found


@pytest.fixture(params=["nginx", "caddy"])
def behind(request: pytest.FixtureRequest) -> Site:
    found: Site = request.getfixturevalue(f"behind_{request.param}")
    return found


async def test_http_2_is_spoken(behind: Site) -> None:
    told = await run(
        *(program("curl"), "--silent", "--http2", "--cacert", str(behind.folder / "fullchain.pem")),
        *("--resolve", f"{NAME}:{behind.port}:127.0.0.1", "--write-out", " %{http_version} %{http_code}"),
        f"https://{NAME}:{behind.port}/api/v1/openapi.json",
    )
    assert told.endswith(" 2 200")


async def test_votes_move_the_result_and_the_stream_at_once(behind: Site) -> None:
    poll = await behind.service.add_poll()
    async with watch(behind.front, poll) as stream:
        await stream.until(lambda frame: frame.data["results"]["voters"] == 0)
        for count in (1, 2, 3):
            began = time.monotonic()
            assert (await Reader(behind.front).vote(poll, 1)).status == 201
            await stream.until(lambda frame, count=count: frame.data["results"]["voters"] == count)  # type: ignore[misc]
            assert time.monotonic() - began < 2

    async def counted() -> bool:
        return await behind.front.counts(poll) == [3, 0, 0]

    await until(counted, 4)


async def test_each_request_has_one_id_on_both_sides_and_an_address_of_its_own(behind: Site) -> None:
    answer = await behind.front.get(
        "/api/v1/polls/nowhere", X_Request_ID="f" * 32, X_Forwarded_For="192.0.2.1"
    )
    named = answer.headers["x-request-id"]
    assert named != "f" * 32

    async def logged() -> bool:
        lines = [json.loads(line) for line in behind.service.log.read_text().splitlines()]
        return any(line.get("request_id") == named and line["status"] == 404 for line in lines)

    await until(logged)
    assert len(re.findall(r"x-request-id", str(answer.headers))) == 1


async def test_what_is_for_keepers_is_not_there_and_editors_may_send_more_than_readers(behind: Site) -> None:
    for path in ("/metrics", "/readyz", "/healthz"):
        assert (await behind.front.get(path)).status == 404
        assert (await behind.back.get(path, Host="localhost")).status == 200
    large, poll = b"x" * 200_000, await behind.service.add_poll()
    assert (await behind.front.request("POST", f"/api/v1/polls/{poll}/votes", data=large)).status == 413
    assert (await behind.front.request("POST", "/api/v1/admin/imports", data=large)).status == 401
    sign_in = await behind.front.get("/admin/sign-in")
    assert (sign_in.status, sign_in.headers["cache-control"]) == (200, "no-store")


async def test_caddy_says_nothing_of_readers_when_it_fails(behind_caddy: Site) -> None:
    await behind_caddy.service.stop()
    agent = "a-browser-that-is-one-of-a-kind"
    assert (await behind_caddy.front.get("/p/a-poll", User_Agent=agent)).status == 502
    await behind_caddy.service.start()
    log = (behind_caddy.folder / "caddy.log").read_text()
    assert '"status":502' in log
    assert [word for word in (agent, "a-poll", "remote_ip") if word in log] == []


async def test_json_is_compressed(behind: Site) -> None:
    poll = await behind.service.add_poll()
    answer = await behind.front.get(f"/api/v1/polls/{poll}", Accept_Encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"


async def test_nginx_asks_the_service_about_once_a_second_for_all_readers(behind_nginx: Site) -> None:
    poll = await behind_nginx.service.add_poll()
    seen = await behind_nginx.front.counts(poll)
    assert seen == [0, 0, 0]

    async def asked() -> float:
        return (await scrape(behind_nginx.back)).sum("pollsvc_http_answers_total", status="200")

    before, began, done = await asked(), time.monotonic(), 0
    while time.monotonic() - began < 2 or done < 200:
        answers = await asyncio.gather(*(behind_nginx.front.counts(poll) for _ in range(20)))
        done += len(answers)
    seconds = time.monotonic() - began
    assert await asked() - before - 1 <= seconds + 3  # one of them is the scrape


async def test_nginx_goes_on_with_what_it_has_when_the_service_is_away(tmp_path: Path) -> None:
    plain = free_port()
    async with site(tmp_path) as (service, port):
        (tmp_path / "nginx.conf").write_text(nginx_conf(tmp_path, port, plain, service.port))
        args = (program("nginx"), "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"))
        async with serving(port, *args), front(service, port, tmp_path) as found:
            poll = await service.add_poll()
            assert (await Reader(found.front).vote(poll, 2)).status == 201
            assert await found.front.counts(poll) == [0, 1, 0]
            await service.stop()
            began = time.monotonic()
            while time.monotonic() - began < 1.5:  # longer than it may be kept
                assert await found.front.counts(poll) == [0, 1, 0]
            assert (await Reader(found.front).vote(poll, 1)).status == 502
            await service.start()

            async def voted() -> bool:
                return (await Reader(found.front).vote(poll, 1)).status == 201

            await until(voted, 15)
        log = (tmp_path / "pollsvc.log").read_text()
        assert "POST 201" in log
        assert "127.0.0.1" not in log
        assert poll not in log
