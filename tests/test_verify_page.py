"""Readers check the receipt of their vote in their own browser, and are told what does not fit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import Route, expect

from tests.support.browser import News, Publisher, axe, mine, sticking_out, vote
from tests.support.engines import chromium_only, in_both_engines
from tests.support.reader import Http, Reader, new_key
from tests.support.server import Service
from tests.support.verifying import CHECKS, FIRST, HURRIED, address, checked, receipt_of, told, until_sealed

pytest_plugins = ("tests.support.browser_fixtures",)
pytestmark = in_both_engines

Receipt = dict[str, Any]

_KEYS_ASKED = """(times) =>
    performance.getEntriesByType('resource').filter(({name}) => name.endsWith('/log/keys')).length >= times"""


@pytest.fixture(scope="module")
async def sealed(newsroom: tuple[Service, Publisher, Http]) -> tuple[str, Receipt]:
    """A poll, and the receipt of a vote in it that the log has taken in, so that nobody waits for that."""
    service, publisher, http = newsroom
    poll = await service.add_poll(site=publisher.origin)
    receipt = await receipt_of(http, poll)
    await until_sealed(http, receipt)
    return poll, receipt


@pytest.fixture(scope="module")
async def withdrawn(newsroom: tuple[Service, Publisher, Http]) -> tuple[str, Receipt]:
    """The same of a vote that was taken back, which has a receipt too."""
    service, publisher, http = newsroom
    poll, key = await service.add_poll(site=publisher.origin, allow_change=True), new_key()
    for picks in ([1], []):
        sent = {"selection": picks, "idempotency_key": key}
        receipt: Receipt = (await http.post_vote(poll, sent)).json["receipt"]
    await until_sealed(http, receipt)
    return poll, receipt


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


@pytest.mark.parametrize("what", ["changed", "withdrawn", "excluded"])
async def test_what_has_taken_the_place_of_a_receipt_is_told(news: News, what: str) -> None:
    """The receipt is of the vote as it was: nothing is wrong with it, and yet it does not stand like that."""
    poll = await news.service.add_poll(site=news.publisher.origin, allow_change=True)
    reader = Reader(news.http)
    receipt = (await reader.vote(poll, 1)).json["receipt"]
    await until_sealed(news.http, receipt)
    page = await checked(news, poll, receipt)
    assert await told(page) == ("proven", FIRST)
    if what == "excluded":
        voter = receipt["leaf"].split("\n")[3]
        await news.service.run("poll", "review", poll, "--exclude", "test", "--voter", voter)
    else:
        await reader.vote(poll, *([2] if what == "changed" else []))
    page = await checked(news, poll, receipt, page.context)
    assert (await told(page))[1][:3] == ["past", "proven", "proven"]
    assert await page.locator("#verify").get_attribute("data-checked") == "past"
    await expect(page.get_by_role("status")).to_contain_text("does not stand like this any more")
    await expect(page.locator("[data-check=choice]")).to_contain_text("A later entry of the log")
    assert await axe(page) == []


async def test_the_receipt_outlives_a_reload(news: News, sealed: tuple[str, Receipt]) -> None:
    page = await checked(news, *sealed)
    await told(page)
    await page.reload()
    assert (await told(page))[0] == "proven"
    assert "#" not in page.url


@chromium_only("Firefox asks where to save it")
async def test_the_receipt_can_be_saved(news: News, sealed: tuple[str, Receipt], tmp_path: Path) -> None:
    poll, receipt = sealed
    page = await checked(news, poll, receipt)
    await told(page)
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Save the receipt").click()
    saved = await saving.value
    assert saved.suggested_filename == f"receipt-{poll}.json"
    await saved.save_as(tmp_path / "receipt.json")
    assert json.loads((tmp_path / "receipt.json").read_text()) == receipt
    await page.get_by_label("Receipt of a vote").fill("x")
    await page.get_by_role("button", name="Check").click()
    await expect(page.get_by_role("button", name="Save the receipt")).to_be_hidden()


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


def leaf(field: int, value: str) -> Callable[[Receipt], Receipt]:
    """Alters a line of the leaf."""

    def alter(receipt: Receipt) -> Receipt:
        lines = receipt["leaf"].split("\n")
        lines[field] = value
        return receipt | {"leaf": "\n".join(lines)}

    return alter


def put(**values: object) -> Callable[[Receipt], Receipt]:
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
async def test_an_altered_receipt_proves_nothing(news: News, sealed: tuple[str, Receipt], name: str) -> None:
    alter, unproven = ALTERED[name]
    poll, receipt = sealed
    page = await checked(news, poll, alter(receipt), init=HURRIED)
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
    news: News, sealed: tuple[str, Receipt], alter: Callable[[Receipt], Receipt]
) -> None:
    poll, receipt = sealed
    page = await checked(news, poll, alter(receipt))
    assert (await told(page))[0] == "none"
    await expect(page.locator("[data-check=choice]")).to_be_hidden()


async def test_only_the_last_check_is_shown(news: News, sealed: tuple[str, Receipt]) -> None:
    """A forged receipt is not shown as proven by a check of the right one that took longer."""
    (poll, receipt), held = sealed, []
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


NO_RECEIPTS = (
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
)


@pytest.mark.parametrize("way", ["pasted", "fragment", "file"])
async def test_what_is_no_receipt_is_told(news: News, sealed: tuple[str, Receipt], way: str) -> None:
    plain, asked = f"{news.service.base_url}/p/{sealed[0]}/verify", list[str]()
    for given in NO_RECEIPTS:
        case, page = f"{given[:30]!r} {way}", await news.blank()
        page.on("request", lambda request: asked.append(request.url))
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
        status = page.get_by_role("status")
        await expect(status, case).to_have_text("This is no receipt of a vote in this poll.")
        assert page.url == plain, case
        assert await page.evaluate("window.violations") == [], case
        assert news.errors == [], case
        await page.close()
    assert asked.count(plain) >= len(NO_RECEIPTS)
    assert [url for url in asked if "/api/" in url] == []


@pytest.mark.parametrize("way", ["plain fragment", "file", "fragment later"])
async def test_a_receipt_comes_by_each_way(news: News, sealed: tuple[str, Receipt], way: str) -> None:
    poll, receipt = sealed
    text, page = json.dumps(receipt), await news.blank()
    plain = f"{news.service.base_url}/p/{poll}/verify"
    await page.goto(f"{plain}#{text}" if way == "plain fragment" else plain)
    if way == "file":
        file = {"name": "receipt.json", "mimeType": "application/json", "buffer": text.encode()}
        await page.get_by_label("Or from a file").set_input_files(file)  # type: ignore[arg-type]
    if way == "fragment later":
        await page.evaluate("(text) => { location.hash = encodeURIComponent(text) }", text)
    assert await told(page) == ("proven", FIRST)
    assert page.url == plain


async def test_another_polls_receipt_is_none(news: News, sealed: tuple[str, Receipt]) -> None:
    page = await checked(news, await news.poll(), sealed[1])
    assert (await told(page))[0] == "none"


async def test_an_old_browser_says_what_it_cannot_check(news: News, sealed: tuple[str, Receipt]) -> None:
    no = (
        "const no = async () => { throw new DOMException('', 'NotSupportedError') };"
        "if (crypto.subtle) crypto.subtle.importKey = no"
    )
    page = await checked(news, *sealed, init=no)
    assert await told(page) == ("unknown", ["proven", "unknown", "unknown", "base"])
    await expect(page.locator("[data-check=log]")).to_contain_text("cannot check signatures")


async def test_without_a_secure_connection_nothing_is_said_to_be_proven(
    news: News, sealed: tuple[str, Receipt]
) -> None:
    no = "Object.defineProperty(crypto, 'subtle', {value: undefined})"
    page = await checked(news, *sealed, init=no)
    assert await told(page) == ("unknown", ["unknown"] * 4)
    await expect(page.locator("[data-check=signature]")).to_contain_text("https")
    await expect(page.get_by_role("status")).to_have_text("Could not be checked here")


async def test_a_browser_that_keeps_nothing_is_told_so(news: News, sealed: tuple[str, Receipt]) -> None:
    no = (
        "Object.defineProperty(window, 'localStorage', "
        "{get() { throw new DOMException('', 'SecurityError') }})"
    )
    page = await checked(news, *sealed, init=no)
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
async def test_it_is_accessible(
    news: News, withdrawn: tuple[str, Receipt], lang: str, scheme: str, forced: str
) -> None:
    poll, receipt = withdrawn
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
