"""Readers check the receipt of their vote in their own browser, and are told what does not fit."""

import json
import re
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from pollsvc.domain.checkpoint import Signature, key_id, note, read_note
from pollsvc.services.ballot_log.keys import SigningKey
from tests.support.browser import News, axe, mine, run_newsroom, sticking_out, vote
from tests.support.engines import Browsers, in_both_engines
from tests.support.reader import Http, Reader, new_key
from tests.support.server import SECRET, Service, until

pytest_plugins = ("tests.support.browser_fixtures",)
pytestmark = in_both_engines

CHECKS = ("choice", "signature", "log", "grown")
FIRST = ["proven", "proven", "proven", "base"]
"""What the checks find on the first visit; later ones compare the log with that one."""
NEWER = "a-newer-secret-for-tests-of-more-than-32-characters"
_HURRIED = "window.setTimeout = ((real) => (run, ms) => real(run, ms / 20))(setTimeout)"

_KEYS_ASKED = """(times) =>
    performance.getEntriesByType('resource').filter(({name}) => name.endsWith('/log/keys')).length >= times"""


@pytest.fixture
async def own(tmp_path: Path, browsers: Browsers, engine: str) -> AsyncIterator[News]:
    """A service for one test, which stops it and changes its data."""
    async with run_newsroom(tmp_path) as (service, publisher, http):
        news = News(service, publisher, await browsers.get(engine), http, browsers)
        yield news
        await news.close()


async def receipt_of(news: News, poll: str, pick: int = 1) -> dict[str, Any]:
    """The receipt of a vote by a reader elsewhere."""
    found: dict[str, Any] = (await Reader(news.http).vote(poll, pick)).json["receipt"]
    return found


def address(news: News, poll: str, receipt: object, query: str = "") -> str:
    text = receipt if isinstance(receipt, str) else json.dumps(receipt)
    return f"{news.service.base_url}/p/{poll}/verify{query}#{quote(text)}"


async def checked(
    news: News, poll: str, receipt: object, context: BrowserContext | None = None, init: str = ""
) -> Page:
    """The page, opened with a receipt; `init` is a script that runs before its own."""
    page = await news.blank(context)
    if init:
        await page.add_init_script(init)
    await page.goto(address(news, poll, receipt))
    return page


async def cast(service: Service, poll: str, pick: int = 1) -> dict[str, Any]:
    """The receipt of a vote, while the service may have been started anew."""
    async with Http(service.base_url) as http:
        found: dict[str, Any] = (await Reader(http).vote(poll, pick)).json["receipt"]
    return found


async def until_sealed(news: News, receipt: dict[str, Any]) -> None:
    path = f"/api/v1/log/inclusion?poll={receipt['poll']}&number={receipt['number']}"

    async def found() -> bool:
        return (await news.http.get(path)).status == 200

    await until(found)


async def answer(page: Page, path: str, body: object = None, status: int = 200) -> None:
    """Let the log answer with this instead."""

    async def fulfill(route: Route) -> None:
        await route.fulfill(status=status, body=body if isinstance(body, str) else json.dumps(body))

    await page.route(f"**/api/v1/log/{path}*", fulfill)


async def told(page: Page) -> tuple[str, list[str]]:
    """What the page has found out: in all, and by check."""
    place = page.locator("#verify")
    await expect(place).to_have_attribute("data-checked", re.compile("."), timeout=20_000)
    whole = await place.get_attribute("data-checked")
    rows = [await page.locator(f"[data-check={name}]").get_attribute("data-verdict") for name in CHECKS]
    return str(whole), [str(row) for row in rows]


async def test_the_widget_leads_to_the_proof_of_the_own_vote(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    await vote(page, "Iran")
    await expect(mine(page)).to_have_count(1)
    link = page.get_by_role("link", name="Check my vote")
    there = await news.blank(page.context)
    asked: list[str] = []
    there.on("request", lambda request: asked.append(request.url + (request.post_data or "")))
    await there.goto(str(await link.evaluate("(link) => link.href")))
    assert await told(there) == ("proven", FIRST)
    await expect(there.get_by_role("status")).to_contain_text("Everything fits")
    await expect(there.locator("[data-check=grown]")).to_contain_text("This visit is the base")
    await expect(there.locator("[data-check=choice]")).to_contain_text("Iran — it counts")
    assert there.url == f"{news.service.base_url}/p/{poll}/verify"
    receipt = json.loads(await there.get_by_label("Receipt of a vote").input_value())
    secrets = (receipt["signature"], quote(receipt["signature"], safe=""), receipt["leaf"].split("\n")[3])
    assert not [url for url in asked if any(secret in url.partition("#")[0] for secret in secrets)]
    assert news.errors == []
    await there.reload()
    await there.get_by_label("Receipt of a vote").fill(json.dumps(receipt))
    await there.get_by_role("button", name="Check").click()
    assert await told(there) == ("proven", ["proven"] * 4)
    await expect(there.locator("[data-check=grown]")).to_contain_text("Nothing that this browser was shown")


async def test_a_vote_by_the_plain_form_leads_there_too(news: News) -> None:
    poll = await news.poll()
    page = await news.blank(java_script_enabled=False)
    await page.route("**/w/1.js", lambda route: route.abort())  # a first page may have begun
    await page.goto(f"{news.service.base_url}/p/{poll}")
    await expect(page.get_by_role("link", name="Check a receipt")).to_be_visible()
    await page.get_by_role("radio").first.check()
    await page.get_by_role("button", name="Vote").click()
    link = await page.get_by_role("link", name="Check my vote").get_attribute("href")
    await page.goto(str(link))
    assert "This needs JavaScript." in await page.content()
    there = await news.blank()
    await there.goto(str(link))
    assert await told(there) == ("proven", FIRST)


def leaf(field: int, value: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Alters a line of the leaf."""

    def alter(receipt: dict[str, Any]) -> dict[str, Any]:
        lines = receipt["leaf"].split("\n")
        lines[field] = value
        return receipt | {"leaf": "\n".join(lines)}

    return alter


def put(**values: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda receipt: receipt | values


ALTERED = {
    "selection": (leaf(4, "2"), {"choice", "signature", "log"}),
    "status": (leaf(5, "held"), {"choice", "signature", "log"}),
    "minute": (leaf(8, "29000000"), {"choice", "signature", "log"}),
    "id": (put(id="A" * 22), {"choice"}),
    "issued_at": (put(issued_at="2020-01-01T00:00:00Z"), {"choice"}),
    "number": (put(number=2), {"choice", "signature"}),
    "signature": (put(signature="A" * 86 + "=="), {"signature"}),
    "no base64": (put(signature="!!!"), {"signature"}),
    "path": (put(path=["A" * 43 + "="]), {"signature"}),
    "path of no hashes": (put(path=["%%"]), {"signature"}),
    "count": (put(count=2), {"signature"}),
    "key": (put(key="A" * 43 + "="), {"signature"}),
}


@pytest.mark.parametrize("name", ALTERED)
async def test_an_altered_receipt_proves_nothing(news: News, name: str) -> None:
    alter, unproven = ALTERED[name]
    poll = await news.poll()
    receipt = await receipt_of(news, poll)
    await until_sealed(news, receipt)
    page = await checked(news, poll, alter(receipt), init=_HURRIED)
    whole, rows = await told(page)
    assert whole == "not"
    assert {check for check, row in zip(CHECKS, rows, strict=True) if row == "not"} == unproven
    for check in unproven:
        await expect(page.locator(f"[data-check={check}] .how")).not_to_be_empty()
    await expect(page.get_by_role("status")).to_contain_text("Something does not fit")


@pytest.mark.parametrize(
    "alter",
    [put(poll="other"), leaf(1, "other"), leaf(4, "constructor"), leaf(5, "toString"), leaf(8, "soon")],
    ids=["poll", "poll of the leaf", "selection", "status", "minute"],
)
async def test_a_leaf_that_no_vote_has_is_no_receipt(
    news: News, alter: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    poll = await news.poll()
    page = await checked(news, poll, alter(await receipt_of(news, poll)))
    assert (await told(page))[0] == "none"
    await expect(page.locator("[data-check=choice]")).to_be_hidden()


@pytest.mark.parametrize("more", [0, 1, 3], ids=["shorter", "as long", "longer"])
async def test_a_log_that_was_rewritten_is_told(own: News, tmp_path: Path, more: int) -> None:
    """An older state of the database is put back, and other votes are recorded on it."""
    service, poll, kept = own.service, await own.poll(), tmp_path / "kept"
    receipt = await cast(service, poll)
    before = await checked(own, poll, receipt)
    assert await told(before) == ("proven", FIRST)
    await service.stop()
    kept.mkdir()
    for file in tmp_path.glob("pollsvc.db*"):
        shutil.copy(file, kept)
    await service.start()
    grown = await checked(own, poll, await cast(service, poll, 2), before.context)
    assert await told(grown) == ("proven", ["proven"] * 4)
    await service.stop()
    for file in tmp_path.glob("pollsvc.db*"):
        file.unlink()
    for file in kept.iterdir():
        shutil.copy(file, tmp_path)
    await service.start()
    last = receipt
    for _ in range(more):
        last = await cast(service, poll, 1)
    for _ in range(2):  # what was seen first is kept
        page = await checked(own, poll, last, before.context, "" if more else _HURRIED)
        assert await told(page) == ("not", ["proven", "proven", "proven", "not"])
        row = page.locator("[data-check=grown]")
        await expect(row).to_contain_text("not the one that you were shown before")
        heads = row.locator("pre")
        await expect(heads).to_be_visible()
        seen, now = map(int, re.findall(r"^\d+$", await heads.inner_text(), re.M))
        assert now - seen == more - 1


async def test_keys_change_only_by_a_hand_over_and_retired_ones_sign_nothing_new(own: News) -> None:
    service, poll = own.service, await own.poll()
    old = await cast(service, poll)
    page = await checked(own, poll, old)
    assert await told(page) == ("proven", FIRST)
    await service.stop()
    service.env["POLLSVC_SECRET_KEYS"] = f"{SECRET},{NEWER}"
    await service.start()
    new = await cast(service, poll, 2)
    for receipt in (new, old):
        assert await told(await checked(own, poll, receipt, page.context)) == ("proven", ["proven"] * 4)
    assert old["key"] != new["key"]
    async with Http(service.base_url) as http:
        keys = (await http.get("/api/v1/log/keys")).json
        head, _ = read_note((await http.get("/api/v1/log/checkpoint")).body.decode())
    retired = SigningKey(SECRET)
    signature = retired.sign(head.text().encode())
    forged = note(head, [Signature(head.origin, key_id(head.origin, retired.public), signature)])

    async def visit(receipt: object, answers: dict[str, object]) -> tuple[str, list[str]]:
        there = await own.blank(page.context)
        await there.add_init_script(_HURRIED)
        for path, body in answers.items():
            await answer(there, path, body)
        await there.goto(address(own, poll, receipt))
        return await told(there)

    first, second = keys["keys"]
    assert await visit(old, {"checkpoint": forged}) == ("not", ["proven", "proven", "not", "proven"])
    hidden = {"checkpoint": forged, "keys": keys | {"keys": [first]}}
    assert await visit(old, hidden) == ("not", ["proven", "proven", "proven", "not"])
    broken = {"keys": keys | {"keys": [first, second | {"signature": first["key"][-88:]}]}}
    assert await visit(new, broken) == ("not", ["proven", "not", "not", "not"])
    other = {"keys": keys | {"keys": [second | {"since": 0, "signature": None}]}}
    assert await visit(new, other) == ("not", ["proven", "proven", "proven", "not"])
    assert await visit(new, {}) == ("proven", ["proven"] * 4)


async def test_a_vote_that_is_not_sealed_yet_is_waited_for(news: News) -> None:
    poll, left = await news.poll(), [2]
    page = await news.blank()
    waited = page.locator("[data-check=log]", has_text="The log takes it in within seconds.")

    async def refuse(route: Route) -> None:
        if left[0]:
            left[0] -= 1
            await route.fulfill(status=404, headers={"retry-after": "2"}, body="{}")
        else:
            await expect(waited).to_be_visible()
            await route.continue_()

    await page.route("**/api/v1/log/inclusion*", refuse)
    await page.goto(address(news, poll, await receipt_of(news, poll)))
    assert await told(page) == ("proven", FIRST)
    assert left == [0]


async def test_a_vote_that_is_never_sealed_is_told(news: News) -> None:
    poll = await news.poll()
    page = await news.blank()
    await page.add_init_script(_HURRIED)
    await answer(page, "inclusion", {}, 404)
    receipt = await receipt_of(news, poll)
    await until_sealed(news, receipt)
    await page.goto(address(news, poll, receipt))
    assert await told(page) == ("not", ["proven", "proven", "not", "base"])
    await expect(page.locator("[data-check=log]")).to_contain_text("The log does not have it.")


async def test_a_log_that_does_not_answer_proves_nothing(news: News) -> None:
    poll = await news.poll()
    page = await news.blank()
    await answer(page, "", "<!doctype html>", 503)
    await page.goto(address(news, poll, await receipt_of(news, poll)))
    assert await told(page) == ("unknown", ["proven", "unknown", "unknown", "unknown"])
    await expect(page.locator("[data-check=log]")).to_contain_text("The log did not answer.")
    await expect(page.get_by_role("status")).to_contain_text("Not everything could be checked")


async def test_only_the_last_check_is_shown(news: News) -> None:
    """A forged receipt is not shown as proven by a check of the right one that took longer."""
    poll = await news.poll()
    receipt, held = await receipt_of(news, poll), []
    page = await news.blank()

    async def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/api/v1/log/inclusion*", hold, times=1)
    async with page.expect_request("**/api/v1/log/inclusion*"):
        await page.goto(address(news, poll, receipt))
    await page.get_by_label("Receipt of a vote").fill(json.dumps(receipt | {"id": "A" * 22}))
    await page.get_by_role("button", name="Check").click()
    assert (await told(page))[0] == "not"
    await held[0].continue_()
    await page.wait_for_function(_KEYS_ASKED, arg=6)  # each check asks three times
    await page.evaluate("new Promise((done) => requestIdleCallback(done))")
    assert await told(page) == ("not", ["not", "proven", "proven", "base"])


@pytest.mark.parametrize(
    "given",
    [
        "",
        "{}",
        "null",
        "[]",
        "<img src=x onerror=alert(1)>",
        "%E0%A4%A",
        '{"__proto__": {"poll": "x"}}',
        "x" * 100_001,
        "\u202e\u2066",
        '{"leaf": 1, "number": -1, "path": {}}',
        '{"path": "' + "[" * 1_000_000 + '"}',
    ],
    ids=lambda given: given[:30],
)
@pytest.mark.parametrize("way", ["pasted", "fragment", "file"])
async def test_what_is_no_receipt_is_told(news: News, given: str, way: str) -> None:
    poll = await news.poll()
    page = await news.blank()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    plain = f"{news.service.base_url}/p/{poll}/verify"
    if way == "fragment":
        await page.goto(f"{plain}#{given or '%20'}")
    else:
        await page.goto(plain)
    if way == "pasted":
        await page.get_by_label("Receipt of a vote").fill(given)
        await page.get_by_role("button", name="Check").click()
    if way == "file":
        file = {"name": "receipt.json", "mimeType": "application/json", "buffer": given.encode()}
        await page.get_by_label("Or from a file").set_input_files(file)  # type: ignore[arg-type]
    await expect(page.get_by_role("status")).to_have_text("This is no receipt of a vote in this poll.")
    assert page.url == plain
    assert [url for url in asked if "/api/" in url] == []
    assert await page.evaluate("window.violations") == []
    assert news.errors == []


@pytest.mark.parametrize("way", ["plain fragment", "file", "fragment later"])
async def test_a_receipt_comes_by_each_way(news: News, way: str) -> None:
    poll = await news.poll()
    text, page = json.dumps(await receipt_of(news, poll)), await news.blank()
    plain = f"{news.service.base_url}/p/{poll}/verify"
    await page.goto(f"{plain}#{text}" if way == "plain fragment" else plain)
    if way == "file":
        file = {"name": "receipt.json", "mimeType": "application/json", "buffer": text.encode()}
        await page.get_by_label("Or from a file").set_input_files(file)  # type: ignore[arg-type]
    if way == "fragment later":
        await page.evaluate("(text) => { location.hash = encodeURIComponent(text) }", text)
    assert await told(page) == ("proven", FIRST)
    assert page.url == plain


async def test_another_polls_receipt_is_none(news: News) -> None:
    poll, other = await news.poll(), await news.poll()
    page = await news.blank()
    await page.goto(address(news, poll, await receipt_of(news, other)))
    assert (await told(page))[0] == "none"


async def test_an_old_browser_says_what_it_cannot_check(news: News) -> None:
    poll = await news.poll()
    no = (
        "const no = async () => { throw new DOMException('', 'NotSupportedError') };"
        "if (crypto.subtle) crypto.subtle.importKey = no"
    )
    page = await checked(news, poll, await receipt_of(news, poll), init=no)
    assert await told(page) == ("unknown", ["proven", "unknown", "unknown", "base"])
    await expect(page.locator("[data-check=log]")).to_contain_text("cannot check signatures")


async def test_without_a_secure_connection_nothing_is_said_to_be_proven(news: News) -> None:
    poll = await news.poll()
    no = "Object.defineProperty(crypto, 'subtle', {value: undefined})"
    page = await checked(news, poll, await receipt_of(news, poll), init=no)
    assert await told(page) == ("unknown", ["unknown"] * 4)
    await expect(page.locator("[data-check=signature]")).to_contain_text("https")
    await expect(page.get_by_role("status")).to_have_text("Could not be checked here")


async def test_a_browser_that_keeps_nothing_is_told_so(news: News) -> None:
    poll = await news.poll()
    no = (
        "Object.defineProperty(window, 'localStorage', "
        "{get() { throw new DOMException('', 'SecurityError') }})"
    )
    page = await checked(news, poll, await receipt_of(news, poll), init=no)
    assert await told(page) == ("unknown", ["proven", "proven", "proven", "unknown"])
    await expect(page.locator("[data-check=grown]")).to_contain_text("This browser keeps nothing")


async def test_the_page_is_the_same_for_all_and_holds_nothing_of_a_reader(news: News) -> None:
    poll = await news.poll()
    page = await news.http.get(f"/p/{poll}/verify")
    assert (page.status, page.headers["referrer-policy"]) == (200, "no-referrer")
    assert page.headers["cache-control"].startswith("public, max-age=")
    assert "set-cookie" not in page.headers
    for part in ("default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'"):
        assert part in page.headers["content-security-policy"]
    assert (await news.http.get(f"/p/{poll}/verify")).body == page.body
    assert (await news.http.get("/p/nosuchpoll/verify")).status == 404


@pytest.mark.parametrize(
    ("lang", "scheme", "forced"),
    [("en", "light", "none"), ("ar", "light", "none"), ("en", "dark", "none"), ("ar", "dark", "active")],
)
async def test_it_is_accessible(news: News, lang: str, scheme: str, forced: str) -> None:
    poll = await news.poll(allow_change=True)
    key = new_key()
    for picks in ([1], []):  # a withdrawal has a receipt too
        sent = {"selection": picks, "idempotency_key": key}
        receipt = (await news.http.post_vote(poll, sent)).json["receipt"]
    page = await news.blank(
        bypass_csp=True,
        color_scheme=scheme,
        forced_colors=forced,
        viewport={"width": 320, "height": 800},
    )
    for shown, verdict in ((receipt, "proven"), (receipt | {"id": ""}, "not"), ("x", "none")):
        await page.goto("about:blank")
        await page.goto(address(news, poll, shown, f"?lang={lang}"))
        assert (await told(page))[0] == verdict
        for details in await page.locator("details:not([hidden])").all():
            await details.evaluate("(details) => { details.open = true }")
        assert await axe(page) == []
        assert await sticking_out(page) == []
