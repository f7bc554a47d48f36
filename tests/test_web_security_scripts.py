"""What anybody writes is text: payloads of many sorts in every field, on every page, in a real browser."""

import json
from collections.abc import AsyncIterator, Sequence
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import quote, urlencode

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browser import Publisher, article, embed, run_newsroom, strict_csp
from tests.support.editors import COOKIE, EditorHttp
from tests.support.hostile import Guard, Hostile, add_payloads
from tests.support.payloads import PAYLOADS
from tests.support.reader import Answer, Http
from tests.support.routes import all_calls
from tests.support.server import Service

pytest_plugins = ("tests.support.browser_fixtures",)

HOOKS = "https://cms.example"
OF_A_POLL = ("/p/{}", "/p/{}/history", "/p/{}/verify", "/embed/{}")
FOR_EDITORS = (
    *("/admin/polls/{}", "/admin/polls/{}/edit", "/admin/polls/{}/version", "/admin/polls/{}/embed"),
    *("/admin/polls/{}/embed?part=mail", "/admin/polls/{}/history", "/admin/polls/{}/articles"),
    *("/admin/polls/{}/ballots", "/admin/polls/{}/write-ins", "/admin/polls/{}/export"),
)
LISTS = (
    *("/admin", "/admin/polls", "/admin/log", "/admin/people", "/admin/keys", "/admin/webhooks"),
    *("/admin/sites", "/admin/articles", "/admin/polls/import", "/admin/polls/new", "/admin/account"),
)
REFLECTING = (
    *("/p/{poll}?lang={}", "/p/{poll}?pick={}", "/p/{poll}?{}", "/p/{}", "/p/{}/verify", "/p/{poll}/{}"),
    *("/p/{poll}/history?lang={}", "/p/{poll}/verify?lang={}"),
    *("/embed/{}", "/embed/{poll}?lang={}", "/embed/{poll}?preset={}"),
    *("/s/{}", "/s/{site}?q={}", "/s/{site}?state={}", "/s/{site}?lang={}", "/s/{site}?before={}"),
    *("/admin/sign-in?next={}", "/admin/sign-in?done={}", "/admin/{}", "/admin?site={}"),
    *("/admin/polls?q={}", "/admin/polls?state={}", "/admin/polls/{}", "/admin/polls/new?site={}"),
    *("/admin/polls/{poll}?bucket={}", "/admin/polls/{poll}?seen={}", "/admin/polls/{poll}/edit?{}"),
    *("/admin/polls/{poll}/embed?lang={}", "/admin/polls/{poll}/ballots?{}", "/admin/people?done={}"),
    *("/admin/articles?q={}", "/admin/articles?url={}", "/admin/log?subject={}", "/admin/log?before={}"),
    *("/admin/sites/{}", "/admin/webhooks/{}"),
)
"""Addresses that say something of the address in the page."""


class Scene(NamedTuple):
    """A service full of payloads, a publisher's pages, and a client."""

    service: Service
    publisher: Publisher
    http: Http
    hostile: Hostile

    @property
    def hosts(self) -> Sequence[str]:
        return [one.partition("://")[2] for one in (self.service.base_url, self.publisher.origin)]


@pytest.fixture(scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("scripts")
    async with run_newsroom(folder, POLLSVC_WEBHOOK_ORIGINS=HOOKS) as (service, publisher, http):
        hostile = await add_payloads(service, http, publisher.origin, HOOKS)
        yield Scene(service, publisher, http, hostile)


@pytest.fixture(params=["with policies", "without policies"])
async def guarded(
    request: pytest.FixtureRequest, scene: Scene, browser: Browser
) -> AsyncIterator[tuple[Guard, Page]]:
    """An admin's browser; in one without policies, what a page forgets to escape would run."""
    context = await browser.new_context(
        viewport={"width": 900, "height": 900},
        reduced_motion="reduce",
        bypass_csp=request.param == "without policies",
    )
    context.set_default_timeout(15_000)
    address = f"{scene.service.base_url}/admin"
    await context.add_cookies([{"name": COOKIE, "value": scene.hostile.secret, "url": address}])
    guard = Guard(context, *scene.hosts)
    yield guard, await guard.start()
    await context.close()
    assert guard.problems == []


def test_there_are_many_payloads_and_each_fits_everywhere() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 60
    assert max(map(len, PAYLOADS)) < 100 - len(" in")


async def test_the_guard_sees_what_runs(browser: Browser, scene: Scene) -> None:
    """All that it watches for: else the tests below would show nothing."""
    page_of = (
        "<!doctype html><title>x</title><script>alert(1)</script><img src=//evil.example/x.png>"
        "<p onclick=x>alert</p><a href=' javascript:x'>x</a>"
    )
    url = scene.publisher.put(page_of, "/runs")
    context = await browser.new_context()
    guard = Guard(context, *scene.hosts)
    page = await guard.start()
    await guard.visit(page, url)
    await context.close()
    found = "\n".join(guard.problems)
    for sign in ("alert(1)", "request to http://evil.example/x.png", "p onclick=x", "a href= javascript:x"):
        assert sign in found


async def test_readers_pages_show_it_as_text(scene: Scene, guarded: tuple[Guard, Page]) -> None:
    guard, page = guarded
    base = scene.service.base_url
    for poll in scene.hostile.wide:
        for path in OF_A_POLL:
            await guard.visit(page, base + path.format(poll))
            if path == "/embed/{}":
                await expect(page.locator("pollsvc-poll form")).to_be_visible()
                await guard.look(page)
        await guard.open(page, f"{base}/p/{poll}/results.svg")  # in a sandbox, where nothing can look either
    for poll, payload in zip(scene.hostile.polls, PAYLOADS, strict=True):
        await guard.visit(page, f"{base}/p/{poll}")
        shown = " ".join((await page.locator("h1").inner_text()).split())
        assert shown == " ".join(payload.split())


async def test_editors_pages_show_it_as_text(scene: Scene, guarded: tuple[Guard, Page]) -> None:
    guard, page = guarded
    base = scene.service.base_url
    for path in (*LISTS, f"/admin/webhooks/{scene.hostile.webhook}"):
        await guard.visit(page, base + path)
    for poll in scene.hostile.wide:
        for path in FOR_EDITORS:
            await guard.visit(page, base + path.format(poll))
    preview = page.locator("#preview pollsvc-poll")
    await guard.visit(page, f"{base}/admin/polls/{scene.hostile.wide[0]}/edit")
    await page.locator("#preview").evaluate("(preview) => preview.scrollIntoView()")
    await expect(preview.first).to_be_visible()
    await page.get_by_role("textbox", name="Option 1", exact=True).fill(PAYLOADS[5] + " typed")
    await page.locator("#preview").evaluate("(preview) => preview.scrollIntoView()")
    await expect(preview.get_by_text("typed")).to_be_visible()
    await guard.look(page)


async def test_the_widget_shows_it_as_text(scene: Scene, guarded: tuple[Guard, Page]) -> None:
    """Form, result and errors, under the strictest policy that it promises to work under."""
    guard, page = guarded
    service, wide = scene.service, scene.hostile.wide
    names = "".join(
        f"<div data-pollsvc='{_attribute(text)}'></div><pollsvc-poll poll='{_attribute(text)}' "
        f"lang='{_attribute(text)}' preset='{_attribute(text)}'></pollsvc-poll>"
        for text in PAYLOADS[::6]
    )
    body = "".join(embed(service, poll, "A poll") for poll in wide) + names
    policy = f"{strict_csp(service)}; img-src {service.base_url}"
    url = scene.publisher.put(article(service, body), "/wide", csp=policy)
    await guard.visit(page, url, shows=False)
    for place in await page.locator("pollsvc-poll").all():
        await place.scroll_into_view_if_needed()
    for poll in wide:
        form = page.locator(f"pollsvc-poll[poll='{poll}'] form")
        await form.scroll_into_view_if_needed()
        await expect(form).to_be_visible()
    await guard.look(page)
    place = page.locator(f"pollsvc-poll[poll='{wide[0]}']")
    await place.get_by_role("radio").nth(3).check()
    await place.locator("[part=vote]").click()
    await expect(place.get_by_role("img", name="Your vote")).to_be_visible()
    await guard.look(page)


async def test_what_other_pages_paste_runs_nothing_there(scene: Scene, guarded: tuple[Guard, Page]) -> None:
    """Code that editors copy, answers of oEmbed, and the block for newsletters, in a page without policy."""
    guard, page = guarded
    base = scene.service.base_url
    for number, poll in enumerate((*scene.hostile.wide, *scene.hostile.polls[::4])):
        answer = await scene.http.request("GET", "/oembed", params={"url": f"{base}/p/{poll}"})
        pasted = [answer.json["html"]]
        await page.goto(f"{base}/admin/polls/{poll}/embed")
        copied = page.locator("pre, textarea")
        pasted += await copied.evaluate_all("(all) => all.map((one) => one.value ?? one.textContent)")
        assert len(pasted) > 3
        html = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>x</title>{"".join(pasted)}'
        guard.where = f"pasted {poll}"
        await guard.visit(page, scene.publisher.put(html, f"/pasted{number}"), shows=False)


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace("'", "&#39;").replace("<", "&lt;")


async def test_what_an_address_holds_runs_nothing(scene: Scene, guarded: tuple[Guard, Page]) -> None:
    """Where scripts read it too: after the hash."""
    guard, page = guarded
    base, poll = scene.service.base_url, scene.hostile.polls[0]
    for payload in PAYLOADS[::2]:
        await guard.visit(page, f"{base}/p/{poll}/verify#{quote(payload)}", shows=False)
        await guard.visit(page, f"{base}/p/{poll}?lang={quote(payload)}#{payload}", shows=False)
    names = ("id", "issued_at", "signature", "leaf")
    receipt = {"poll": poll, **dict(zip(names, PAYLOADS[5:], strict=False))}
    await guard.visit(page, f"{base}/p/{poll}/verify#{quote(json.dumps(receipt))}", shows=False)
    await page.get_by_role("textbox").fill(json.dumps(receipt | {"leaf": "\n".join(PAYLOADS)}))
    await page.get_by_role("button").last.click()
    await guard.look(page, shows=False)


class _Skeleton(HTMLParser):
    """The elements of a page with the names of their attributes, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.parts: list[tuple[str, tuple[str, ...]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parts.append((tag, tuple(name for name, _ in attrs)))


@pytest.mark.parametrize("path", REFLECTING)
async def test_no_word_of_an_address_becomes_markup(scene: Scene, path: str) -> None:
    """Each payload leaves a page the elements and attributes that it has with a word in its place."""
    ids = {"poll": scene.hostile.polls[0], "site": scene.hostile.site}
    async with EditorHttp(scene.service.base_url) as http:

        async def ask(text: str) -> Answer:
            http.secret = scene.hostile.secret if path.startswith("/admin") and "sign-in" not in path else ""
            wanted = f"{text} unheard of" if "?q=" in path else text  # which finds nothing
            address = path.replace("{}", quote(wanted, safe="")).format_map(ids)
            return await http.get(address)

        harmless = {}
        for word in ("word", "two words", "word/word", "word/", "(word)"):
            answer = await ask(word)
            harmless[answer.status] = _Skeleton(answer.body.decode()).parts
        for payload in PAYLOADS[REFLECTING.index(path) % 3 :: 3]:
            answer = await ask(payload)
            assert answer.status in harmless, (payload, answer)
            if answer.headers.get("content-type", "").startswith("text/html"):
                assert _Skeleton(answer.body.decode()).parts == harmless[answer.status], payload
            location = answer.headers.get("location", scene.service.base_url)
            assert location.startswith(scene.service.base_url)
            assert "\n" not in location


@pytest.mark.parametrize(
    "path", [f"/admin/{name}" for name in ("sign-in", "people", "keys", "sites", "webhooks")]
)
async def test_what_a_form_holds_comes_back_as_text(scene: Scene, path: str) -> None:
    """In the page that says what is wrong with it."""
    names = ("name", "role", "url", "for", "origins", "locale", "time_zone", "percent_from", "next")
    async with EditorHttp(scene.service.base_url) as http:
        for payload in ("word ", *PAYLOADS[::8]):
            http.secret = scene.hostile.secret if "sign-in" not in path else ""
            answer = await http.send(path, {**dict.fromkeys(names, payload), "password": "x"})
            assert answer.status in (303, 400, 401, 403, 429), answer
            parts = _Skeleton(answer.body.decode()).parts
            assert not [names for _, names in parts if any(name.startswith("on") for name in names)]
            assert [tag for tag, _ in parts].count("script") <= 2


async def test_import_files_are_told_of_as_text(scene: Scene) -> None:
    """What is wrong in a file is quoted by the page; nothing of it becomes an element."""
    files = [json.dumps({"format": payload, "poll": {"question": payload}}) for payload in PAYLOADS]
    files += [f"INSERT INTO `wp_pollsq` VALUES ({payload!r},{payload!r});" for payload in PAYLOADS[::4]]
    known: set[tuple[tuple[str, tuple[str, ...]], ...]] = set()
    async with EditorHttp(scene.service.base_url) as http:
        http.secret = scene.hostile.secret
        for text in ('{"format": "word", "poll": {"question": "word"}}', *files):
            boundary = "b0undary"
            lines = [
                f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'
                for name, more, value in (
                    ("for", "", scene.hostile.polls[0]),
                    ("kind", "", "pollsvc"),
                    ("file", '; filename="<img src=x onerror=alert(1)>.json"', text),
                )
            ]
            answer = await http.request(
                "POST",
                "/admin/polls/import",
                data="".join([*lines, f"--{boundary}--\r\n"]).encode(),
                headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
            )
            assert answer.status < 500, answer
            known.add(tuple(_Skeleton(answer.body.decode()).parts))
    assert len(known) <= 3


async def test_answers_for_programs_are_never_taken_for_pages(scene: Scene) -> None:
    """Each says what it is, and what is no page cannot be taken for one."""
    query = urlencode({"url": scene.hostile.polls[0], "id": scene.hostile.wide[0], "poll": PAYLOADS[0]})
    for call in all_calls():
        if call.door or call.changes or call.path in ("/api/v1/live", "/"):
            continue
        ids = {"poll": scene.hostile.wide[0], "site": scene.hostile.polls[0], "rest": scene.hostile.wide[0]}
        answer = await scene.http.get(f"{call.to(ids)}?{query}")
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in (
            *("application/json", "application/problem+json", "text/html", "image/svg+xml", "image/png"),
            *("text/javascript", "text/plain", "text/css", "application/atom+xml", "text/xml"),
        ), call
