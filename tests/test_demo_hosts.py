"""The demo's pages, one for each way to embed a poll: readers vote, and others see the result move."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, FrameLocator, Locator, Page, expect

from pollsvc.cli.demo.polls import SITE
from pollsvc.services.editing.editing import Editing
from pollsvc.services.editing.new_poll import NewPoll
from pollsvc.services.editing.sites import Sites
from pollsvc.storage.migrate import migrate
from tests.support.browser import axe, sticking_out
from tests.support.demo import Demo, reading, run_demo
from tests.support.reader import Http, new_key
from tests.support.server import free_port, open_connection, until

pytest_plugins = ("tests.support.browser_fixtures",)

PAGES = (
    *("index.html", "hosts.html", "en.html", "ar.html", "app.html", "app/trains", "strict.html"),
    *("prefix.html", "sandbox.html", "div.html", "several.html", "www.html", "frame.html", "noscript.html"),
    *("newsletter.html", "archive.html"),
)
POLL = "pollsvc-poll[poll], [data-pollsvc]"


@pytest.fixture(scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    async with run_demo(tmp_path_factory.mktemp("demo") / "data") as demo:
        yield demo


def at(demo: Demo, place: str) -> str:
    """The address of a page of the demo; `www.localhost/…` and `localhost/…` are other names of its host."""
    host, _, path = place.rpartition("localhost/")
    if not path or "localhost/" not in place:
        return f"{demo.origin}/{place}"
    return f"{demo.origin.replace('127.0.0.1', host + 'localhost')}/{path}"


async def first_poll(page: Page) -> Locator:
    """The first poll that a page shows, also inside a frame."""
    place: Page | FrameLocator = page
    if await page.locator("iframe[data-pollsvc-frame]").count():
        place = page.frame_locator("iframe[data-pollsvc-frame]")
    poll = place.locator(POLL).first
    await poll.scroll_into_view_if_needed()
    await expect(poll.locator("form")).to_be_visible()
    return poll


async def cast(poll: Locator) -> None:
    await poll.get_by_role("radio").or_(poll.get_by_role("checkbox")).first.check()
    await poll.locator("[part=vote]").click()
    await expect(poll.locator("form.result .mine")).to_have_count(1)


async def test_every_way_is_listed_and_whole(demo: Demo) -> None:
    async with Http(demo.origin) as site:
        listed = re.findall(r'<h2><a href="/([^"]+)"', (await site.get("/hosts.html")).body.decode())
        assert {"en.html", "app.html", "strict.html", "prefix.html", "archive.html"} < set(listed)
        for path in (*listed, "mail.html", "sandboxed.html", "gallery.html", "app/clocks"):
            answer = await site.get(f"/{path}")
            assert answer.status == 200, path
            assert b"{{" not in answer.body, path
            assert "default-src 'none'" in answer.headers["content-security-policy"], path
        assert (await site.get("/nothing.html")).status == 404


@pytest.mark.parametrize(
    "place",
    [
        *("en.html", "ar.html", "app/trains", "strict.html", "prefix.html", "div.html", "several.html"),
        *("www.html", "www.localhost/www.html", "localhost/www.html", "frame.html", "archive.html"),
    ],
)
async def test_a_vote_moves_the_result_that_another_reader_sees(
    demo: Demo, browser: Browser, place: str
) -> None:
    async with reading(browser) as watching, reading(browser) as voting:
        await watching.goto(at(demo, place))
        seen = await first_poll(watching)
        await seen.get_by_role("button").nth(1).click()  # the results
        counts = seen.locator("[part=number]")
        before = await counts.all_inner_texts()
        await voting.goto(at(demo, place))
        await cast(await first_poll(voting))
        await expect(counts).not_to_have_text(before)


async def test_the_strictest_policy_is_the_one_that_is_promised(demo: Demo) -> None:
    async with Http(demo.origin) as site:
        policy = (await site.get("/strict.html")).headers["content-security-policy"]
    assert policy == (
        f"default-src 'none'; script-src {demo.service}; connect-src {demo.service}; style-src 'self'; "
        "require-trusted-types-for 'script'"
    )


async def test_behind_the_proxy_no_other_origin_is_asked(demo: Demo, browser: Browser) -> None:
    async with reading(browser) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        async with page.expect_response("**/polls/api/v1/live**") as live:
            await page.goto(at(demo, "prefix.html"))
            await cast(await first_poll(page))
        stream = await live.value
        assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream")
        assert [url for url in asked if not url.startswith(demo.origin)] == []


async def test_the_proxy_passes_on_what_the_service_says(demo: Demo) -> None:
    async with Http(demo.origin) as site, Http(demo.service) as service:
        for path in (
            "/healthz",
            "/api/v1/polls/nosuchpoll",
            "/api/v1/articles?url=http://a.example/%D8%A7",
            "/w/1.js",
        ):
            passed, said = await site.get("/polls" + path), await service.get(path)
            assert (passed.status, passed.body) == (said.status, said.body)
            assert passed.headers.get("cache-control") == said.headers.get("cache-control")
        assert (await site.get("/polls/w/1.js", If_None_Match=passed.headers["etag"])).status == 304
        plain = await site.request("GET", "/polls/w/1.js", skip_auto_headers=["Accept-Encoding"])
        assert "content-encoding" not in plain.headers  # of which this reader said nothing
        assert (await site.request("HEAD", "/polls/w/1.js")).body == b""


async def test_no_spelling_of_an_address_leads_the_proxy_elsewhere(demo: Demo) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(demo.origin.rpartition(":")[2]))
    writer.write(b"GET /polls%2f@127.0.0.1:9/x HTTP/1.0\r\nHost: a.example\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 404")
    writer.close()


async def test_stories_come_and_go_with_their_polls(demo: Demo, browser: Browser) -> None:
    async with reading(browser) as page:
        await page.goto(at(demo, "app.html"))
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.resource_type))
        await page.get_by_role("link", name="Twice a year the clocks change").first.click()
        await expect(page.get_by_role("heading", level=1)).to_be_focused()
        await cast(await first_poll(page))
        assert page.url.endswith("/app/clocks")
        await page.get_by_role("link", name="The night train is back").first.click()
        await expect(page.locator("legend")).to_have_text("Would you take a night train instead of a flight?")
        await page.get_by_role("link", name="All stories").click()
        await expect(page.locator("pollsvc-poll")).to_have_count(0)
        await page.go_back()
        await page.go_back()
        poll = await first_poll(page)
        await expect(poll.locator(".mine")).to_have_count(1)  # the vote is known again
        assert "document" not in requests


async def test_in_a_sandbox_the_poll_is_read_and_the_vote_is_elsewhere(demo: Demo, browser: Browser) -> None:
    async with reading(browser) as page:
        await page.goto(at(demo, "sandbox.html"))
        poll = page.frame_locator("iframe").locator("pollsvc-poll")
        await expect(poll.locator("form.result")).to_be_visible()
        await expect(poll.get_by_role("button")).to_have_count(0)
        async with page.expect_popup() as opened:
            await poll.get_by_role("link", name="Vote on the poll’s own page").click()
        own = (await opened.value).locator("[part=poll]")  # not the plain form whose place it takes
        await own.get_by_role("radio", name="Yes").check()
        await own.get_by_role("button", name="Vote").click()
        await expect(own.get_by_text("Thank you. Your vote is recorded.")).to_be_visible()
        await expect(poll.get_by_text("1 voter", exact=False)).to_be_visible()  # live in the sandbox too


async def test_copies_of_a_poll_are_one_poll(demo: Demo, browser: Browser) -> None:
    async with reading(browser, viewport={"width": 900, "height": 2600}) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(at(demo, "several.html"))
        polls = page.locator(POLL)
        await expect(polls.locator("form")).to_have_count(3)
        await cast(polls.first)
        await expect(polls.nth(2).locator(".mine")).to_have_count(1)
        assert len([url for url in asked if "/api/v1/polls?" in url]) == 1


async def test_a_hundred_polls_ask_little_and_keep_one_stream(demo: Demo, browser: Browser) -> None:
    async with reading(browser, reduced_motion="reduce") as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.add_init_script(
            "window.streams = []; window.EventSource = class extends EventSource {"
            " constructor(url) { super(url); window.streams.push(this); } };"
        )
        await page.goto(at(demo, "archive.html"))
        polls = page.locator("pollsvc-poll")
        await expect(polls).to_have_count(100)
        await expect(polls.first.locator("form")).to_be_visible()

        async def streamed() -> list[str]:
            """The polls of the one stream that is open."""
            found = await page.evaluate(
                "streams.filter(({readyState}) => readyState == 1)"
                ".map(({url}) => new URL(url).searchParams.getAll('poll'))"
            )
            return found[0] if len(found) == 1 else []

        await until(streamed)
        assert len(await streamed()) <= 20
        last = polls.last
        await last.scroll_into_view_if_needed()
        await expect(last.locator("form")).to_be_visible()
        await cast(last)
        id_ = await last.get_attribute("poll")

        async def follows_the_last() -> bool:
            return id_ in await streamed()

        await until(follows_the_last)
        calls = [url for url in asked if "/api/v1/polls?" in url]
        assert max(url.count("id=") for url in calls) <= 20
        assert len([url for url in asked if "/api/v1/live?" in url]) <= 4


async def test_without_scripts_there_are_a_picture_and_a_link(demo: Demo, browser: Browser) -> None:
    async with reading(browser, java_script_enabled=False) as page:
        await page.goto(at(demo, "noscript.html"))
        picture = page.get_by_role("img", name="Picture of the result so far: How do you pay at the market?")
        await expect(picture).to_be_visible()
        await page.get_by_role("link", name="Vote: How do you pay at the market?").click()
        await page.get_by_label("Card").check()
        await page.get_by_role("button", name="Vote").click()
        await expect(page.get_by_text("Thank you. Your vote is recorded.")).to_be_visible()


async def test_a_newsletter_s_links_choose_an_answer_and_cast_nothing(demo: Demo, browser: Browser) -> None:
    async with reading(browser) as page, Http(demo.service) as service:
        await page.goto(at(demo, "newsletter.html"))
        mail = page.frame_locator("iframe")
        link = mail.get_by_role("link", name="Later in the day")
        poll = re.findall(r"/p/(\w+)", await link.get_attribute("href") or "")[0]
        async with page.expect_popup() as opened:
            await link.click()
        own = (await opened.value).locator("[part=poll]")
        await expect(own.get_by_role("radio", name="Later in the day")).to_be_checked()
        assert (await service.results(poll))["voters"] == 0
        await own.get_by_role("button", name="Vote").click()
        await expect(own.get_by_text("Thank you. Your vote is recorded.")).to_be_visible()
        assert (await service.results(poll))["voters"] == 1


@pytest.mark.parametrize("path", PAGES)
async def test_pages_are_accessible_and_fit(demo: Demo, browser: Browser, path: str) -> None:
    async with reading(
        browser,
        color_scheme="dark",
        viewport={"width": 320, "height": 900},
        reduced_motion="reduce",
        bypass_csp=True,  # for axe
    ) as page:
        await page.goto(at(demo, path))
        if await page.locator(POLL).count():
            await first_poll(page)
        await _assert_accessible(page)
        await page.set_viewport_size({"width": 1100, "height": 900})
        await page.emulate_media(color_scheme="light")
        await _assert_accessible(page)


async def _assert_accessible(page: Page) -> None:
    assert await sticking_out(page) == []
    assert await axe(page) == []


async def test_a_demo_of_an_older_release_goes_on(tmp_path: Path) -> None:
    data, port, site_port = tmp_path / "data", free_port(), free_port()
    data.mkdir()
    url, origin = f"sqlite:///{data}/demo-{port}-{site_port}.db", f"http://127.0.0.1:{site_port}"
    await migrate(url)
    async with open_connection(url) as connection:
        site = await Sites(connection, time.time).add(SITE, [origin], percent_from=1)
        options = ("Iran", "The United States", "Both", "Neither")
        old = NewPoll("Who won?", options, articles=[f"{origin}/en.html"])
        kept = (await Editing(connection, time.time).create_poll(site, old)).id
    pages = []
    for _ in range(2):
        async with run_demo(data, port, site_port) as demo, Http(demo.service) as service:
            polls = (await service.get(f"/api/v1/articles?url={origin}/en.html")).json["polls"]
            assert [poll["id"] for poll in polls] == [kept]
            body, other = (
                {"selection": [1], "idempotency_key": new_key()},
                f"http://www.localhost:{site_port}",
            )
            assert (await service.post_vote(kept, body, Origin=other)).status == 201
            async with Http(demo.origin) as publisher:
                pages.append((await publisher.get("/archive.html")).body)
    assert pages[0] == pages[1]
    assert pages[0].count(b"<pollsvc-poll") == 100
