"""What each page says of frames, scripts and forms; and a page elsewhere that tries to have it in a frame."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page

from pollsvc.domain.editor import Role
from tests.support.browser import News, run_publisher
from tests.support.editors import COOKIE, add_editor, add_session
from tests.support.engines import in_both_engines
from tests.support.furnished import Furnished, furnished
from tests.support.reader import Answer, Http
from tests.support.routes import Call, all_calls
from tests.support.server import ORIGIN

pytest_plugins = ("tests.support.browser_fixtures",)

CALLS = [call for call in all_calls() if call.method != "OPTIONS" and call.path != "/api/v1/live"]
PAGES = ("/p/{poll}", "/p/{poll}/history", "/p/{poll}/verify", "/s/{site}", "/embed/{rest:path}")


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Furnished]:
    async with furnished(tmp_path_factory.mktemp("frames")) as place:
        yield place


@pytest.fixture(scope="module")
async def cookie(place: Furnished) -> str:
    url = place.service.database_url
    return f"{COOKIE}={await add_session(url, await add_editor(url, Role.ADMIN))}"


def policy_of(answer: Answer) -> dict[str, str]:
    """The Content-Security-Policy by directive; one header, each directive once."""
    parts = [part.strip().partition(" ") for part in answer.headers["content-security-policy"].split(";")]
    policy = {name: sources for name, _, sources in parts}
    assert len(policy) == len(parts)
    return policy


def check_page(answer: Answer, ancestors: str) -> None:
    """The policy of a page: nothing is allowed but files of our own, and frames by those named."""
    policy = policy_of(answer)
    assert (policy["default-src"], policy["base-uri"]) == ("'none'", "'none'")
    assert policy["frame-ancestors"] == ancestors
    assert policy["form-action"] in ("'none'", "'self'")
    assert set(policy) <= {
        *("default-src", "base-uri", "frame-ancestors", "form-action", "script-src", "style-src", "img-src"),
        *("connect-src", "frame-src", "require-trusted-types-for"),
    }
    for directive in ("script-src", "style-src", "connect-src", "frame-src"):
        assert policy.get(directive, "'self'") == "'self'"
    assert policy.get("img-src", "'self'") in ("'self'", "'self' data:")
    assert "script-src" not in policy or policy["require-trusted-types-for"] == "'script'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] in (
        *("same-origin", "no-referrer", "strict-origin-when-cross-origin"),
    )
    html = answer.body.decode()
    assert not re.search(r"<[^>]+\s(on\w+|style)\s*=", html), "attributes that the policy rules out"
    assert not re.search(r"<script(?![^>]*\ssrc=)(?![^>]*type=\"application/)[^>]*>", html)


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_every_page_says_who_may_have_it_in_a_frame(place: Furnished, cookie: str, call: Call) -> None:
    """Also each page that tells what went wrong: only the site's pages may, and only `/embed`."""
    async with Http(place.service.base_url) as http:
        for path in (place.address(call), call.to({})):
            for headers in ({}, {"Cookie": cookie}):
                method = "GET" if call.changes else call.method
                answer = await http.request(method, path, headers=headers)
                page = answer.headers.get("content-type", "").startswith("text/html")
                assert page or call.path not in PAGES
                if page:
                    named = call.path == "/embed/{rest:path}" and answer.status == 200
                    told = "*" if call.path == "/embed/{rest:path}" else "'none'"
                    check_page(answer, f"'self' {ORIGIN}" if named else told)
                elif "svg" in answer.headers.get("content-type", ""):
                    assert "sandbox" in policy_of(answer)


@pytest.mark.parametrize("call", [call for call in CALLS if call.changes], ids=str)
async def test_what_a_form_is_answered_says_so_too(place: Furnished, cookie: str, call: Call) -> None:
    """Let in and turned away alike."""
    async with Http(place.service.base_url) as http:
        for origin in (place.service.base_url, "https://evil.example"):
            answer = await http.request(
                call.method, call.to({}), headers={"Cookie": cookie, "Origin": origin}, data={"name": ""}
            )
            if answer.headers.get("content-type", "").startswith("text/html"):
                check_page(answer, "'none'")
            else:
                assert call.door is None or answer.status == 303


async def test_the_origins_of_frames_are_those_of_the_polls_own_site(place: Furnished) -> None:
    site = await place.service.create_site(
        "Gazette", ["https://gazette.example", "https://m.gazette.example"]
    )
    assert site
    poll = await place.service.add_poll(site="Gazette")
    async with Http(place.service.base_url) as http:
        policy = policy_of(await http.get(f"/embed/{poll}"))
    assert policy["frame-ancestors"] == "'self' https://gazette.example https://m.gazette.example"


async def shown(page: Page, address: str) -> bool:
    """Whether a frame of an address shows anything of it."""
    await page.locator("iframe").evaluate(
        "(frame, address) => new Promise((done) => { frame.onload = done; frame.src = address; })", address
    )
    frame = await (await page.locator("iframe").element_handle()).content_frame()
    assert frame
    if frame.url.startswith(("chrome-error:", "about:neterror", "about:certerror", "about:blank")):
        return False
    return bool(await frame.evaluate("document.querySelector('main, pollsvc-poll, form, h1') !== null"))


@in_both_engines
async def test_no_page_elsewhere_has_one_of_ours_in_a_frame(news: News) -> None:
    """Not even the pages of the site, which may have the poll; and an editor is signed in."""
    poll, url = await news.poll(), news.service.database_url
    secret = await add_session(url, await add_editor(url, Role.ADMIN))
    context = await news.context()
    await context.add_cookies([{"name": COOKIE, "value": secret, "url": f"{news.service.base_url}/admin"}])
    page = await news.blank(context)
    body = '<!doctype html><title>Elsewhere</title><iframe title="frame" width="600" height="500"></iframe>'
    async with run_publisher() as foreign:
        for origin in (foreign.put(body), news.publisher.put(body, "/frame")):
            await page.goto(origin)
            paths = ("/p/{}", "/p/{}/history", "/p/{}/verify", "/p/nosuchpoll", "/admin", "/admin/polls/{}")
            for path in (*paths, "/admin/sign-in", "/admin/polls/{}/edit"):
                assert not await shown(page, news.service.base_url + path.format(poll)), (origin, path)
        assert not await shown(page, f"{news.service.base_url}/s/{news.publisher.origin}")
        assert await shown(page, f"{news.service.base_url}/embed/{poll}")
        await page.goto(foreign.url())
        assert not await shown(page, f"{news.service.base_url}/embed/{poll}")
