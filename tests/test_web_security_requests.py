"""The service asks nobody for anything, whatever addresses it is given, but for webhooks that are allowed."""

import json
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from PIL import Image, PngImagePlugin

from tests.support.editors import EditorHttp, signed_in
from tests.support.furnished import key_for
from tests.support.reader import Http, new_key
from tests.support.receiver import Receiver, receiving
from tests.support.routes import PROGRAMS, all_calls
from tests.support.server import SITE, until
from tests.support.traced import TracedService, run_traced

DUMP = Path(__file__).parent / "data/wp-polls/default.sql"
SPELLINGS = (
    *(
        "http://{0}/a",
        "https://{0}/a",
        "//{0}/a",
        "http://user:pass@{0}/a",
        "http://{0}/a#b",
        " http://{0}/a",
    ),
    *(
        "http:\\\\{0}\\a",
        "ftp://{0}/a",
        "gopher://{0}/_a",
        "file:///etc/passwd",
        "dict://{0}/a",
        "jar:http://{0}/a!/",
    ),
    *("http://169.254.169.254/latest/meta-data/", "http://metadata.google.internal/", "http://[::1]:{1}/a"),
    *(
        "http://2130706433:{1}/a",
        "http://0x7f000001:{1}/a",
        "http://017700000001:{1}/a",
        "http://127.1:{1}/a",
    ),
    *(
        "http://localhost:{1}/a",
        "http://localtest.me:{1}/a",
        "http://evil.example/a",
        "unix:/var/run/docker.sock",
    ),
)


@pytest.fixture
async def canary() -> AsyncIterator[Receiver]:
    """What would hear of any request."""
    async with receiving() as receiver:
        yield receiver


def addresses(canary: Receiver) -> list[str]:
    netloc = canary.origin.removeprefix("http://")
    return [text.format(netloc, netloc.partition(":")[2]) for text in SPELLINGS]


def picture(url: str, kind: str) -> bytes:
    """An image whose metadata name an address."""
    content, info = BytesIO(), PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", f'<x:xmpmeta xmlns:x="adobe:ns:meta/" href="{url}"/>')
    if kind == "svg":
        return f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>'.encode()
    more: dict[str, Any] = {"pnginfo": info} if kind == "png" else {"comment": url.encode()}
    Image.new("RGB", (8, 8)).save(content, kind, **more)
    return content.getvalue()


async def give(service: TracedService, admin: EditorHttp, key: str, url: str) -> None:
    """Put an address into everything that is taken from readers, editors and programs."""
    bearer = {"Authorization": f"Bearer {key}"}

    async def call(method: str, path: str, body: object) -> Any:
        answer = await admin.request(method, PROGRAMS + path, json=body, headers=bearer)
        assert answer.status < 500, answer
        return answer.json if answer.status < 300 else None

    option = {"label": url, "image": url, "alt": url}
    markup = f'<img src="{url}">'
    body = {"site": SITE, "question": markup, "options": [url, f"![]({url})"]}
    made = await call("POST", "/polls", {**body, "write_in": True})
    assert made
    await call("POST", "/polls", {**body, "options": [option, option]})
    await call("POST", "/polls", {**body, "articles": [url]})
    poll = made["id"]
    await call("POST", f"/polls/{poll}/articles", {"url": url})
    await call("PUT", "/articles", {"url": url, "polls": [poll]})
    await call("POST", "/sites", {"name": url, "origins": [url]})
    await call("POST", "/webhooks", {"site": SITE, "url": url, "events": ["poll.opened"]})
    for kind in ("png", "gif", "svg"):
        answer = await admin.request("POST", f"{PROGRAMS}/images", data=picture(url, kind), headers=bearer)
        assert answer.status < 500
    exported = json.loads(json.dumps(await service.export(poll)).replace("https://news.example", url))
    exported["poll"]["options"][0] |= {"image": url, "alt": {"en": url}}
    exported["articles"] = [{"url": url, "link": url}]
    for data in (exported, {**exported, "articles": []}):
        await call("POST", f"/imports?site={SITE}", data)
    dump = DUMP.read_bytes().replace(b"'Yes'", b"'" + markup.replace("\\", "\\\\").encode() + b"'")
    answer = await admin.request(
        "POST", f"{PROGRAMS}/imports/wp-polls?site={SITE}", data=dump, headers=bearer
    )
    assert answer.status < 500, answer
    await admin.send("/admin/webhooks", {"url": url, "for": SITE, "event:poll.opened": "on"})
    await admin.send("/admin/articles", {"url": url, "poll": poll})
    await admin.send(f"/admin/polls/{poll}/articles", {"url": url})
    await admin.send("/admin/preview", {"question": markup, "option:1": url, "image:1": url})
    await read(admin, poll, url)


async def read(http: Http, poll: str, url: str) -> None:
    """What readers and their browsers can say an address in."""
    said = {name: url.strip() for name in ("Referer", "Origin", "X-Forwarded-Host", "X-Forwarded-For")}
    said |= {
        name: url.strip() for name in ("Forwarded", "X-Original-URL", "Via", "Link", "Destination", "From")
    }
    for path in (f"/api/v1/polls/{poll}/votes", f"/p/{poll}"):
        vote = {"selection": [1], "article": url, "idempotency_key": new_key(), "reader": url}
        await http.request("POST", path, json=vote, headers=said)
    body = {"selection": [url[:60]], "article": url, "idempotency_key": new_key()}
    assert (await http.post_vote(poll, body)).status < 500
    for call in all_calls():
        if call.method == "GET" and call.path != "/api/v1/live":
            parameters = (
                "url",
                "article",
                "next",
                "q",
                "lang",
                "theme",
                "preset",
                "site",
                "callback",
                "image",
            )
            answer = await http.request(
                "GET", call.to({"poll": poll}), params=dict.fromkeys(parameters, url), headers=said
            )
            assert answer.status < 500, answer


async def test_no_address_is_ever_asked_for_anything(tmp_path: Path, canary: Receiver) -> None:
    """Without the setting of webhooks; all that the process connects to is noted by the kernel."""
    async with (
        run_traced(tmp_path, {}) as service,
        signed_in(service.base_url, service.database_url) as admin,
    ):
        key = await key_for(service)
        for url in addresses(canary):
            await give(service, admin, key, url)
        await service.stop()
        assert service.reached() == set()
    assert canary.received == []


async def test_webhooks_go_to_their_origin_and_nowhere_else(tmp_path: Path, canary: Receiver) -> None:
    """Also when it answers with the way elsewhere; so this shows too that the test above would see it."""

    async def away(_: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(f"{canary.origin}/elsewhere")

    async with receiving(away) as allowed:
        env = {"POLLSVC_WEBHOOK_ORIGINS": allowed.origin}
        async with (
            run_traced(tmp_path, env) as service,
            signed_in(service.base_url, service.database_url) as admin,
        ):
            key = await key_for(service)
            hook = {"site": SITE, "url": allowed.url, "events": ["poll.opened"]}
            bearer = {"Authorization": f"Bearer {key}"}
            for url in addresses(canary):
                answer = await admin.request(
                    "POST", f"{PROGRAMS}/webhooks", json={**hook, "url": url}, headers=bearer
                )
                assert answer.status == 400, url
            made = await admin.request("POST", f"{PROGRAMS}/webhooks", json=hook, headers=bearer)
            assert made.status == 201, made
            await give(service, admin, key, f"{canary.origin}/a")
            await allowed.until(1)

            async def told() -> bool:
                path = f"{PROGRAMS}/webhooks/{made.json['id']}/deliveries"
                return b"307" in (await admin.request("GET", path, headers=bearer)).body

            await until(told)
            await service.stop()
            assert service.reached() == {allowed.origin.removeprefix("http://")}
    assert canary.received == []
