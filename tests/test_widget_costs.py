"""What the widget costs a page: no layout shift, few requests, one stream, no cookie, no policy to loosen."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect

from pollsvc.services.embed import article_code
from pollsvc.web.widget import Assets
from tests.support.browser import (
    TEXT,
    News,
    Requests,
    article,
    embed,
    mine,
    open_streams,
    shift,
    strict_csp,
    vote,
)
from tests.support.engines import chromium_only, in_both_engines

pytest_plugins = ("tests.support.browser_fixtures",)
pytestmark = in_both_engines
NO_SHIFTS_IN_FIREFOX = chromium_only("Firefox does not tell of layout shifts")
WIDGET = Path(__file__).parent.parent / "static" / "widget.js"


@pytest.mark.parametrize("content", [WIDGET.read_bytes(), Assets().widget.content], ids=["source", "served"])
def test_the_widget_is_at_most_6144_bytes_compressed(content: bytes) -> None:
    packed = subprocess.run(["gzip", "-9c"], input=content, capture_output=True, check=True).stdout
    assert len(packed) <= 6144


@NO_SHIFTS_IN_FIREFOX
@pytest.mark.parametrize("script", [0.0, 0.3], ids=["script at once", "late script"])
@pytest.mark.parametrize("api", [0.0, 3.0], ids=["fast API", "slow API"])
async def test_nothing_shifts_on_load_vote_and_ticks(news: News, script: float, api: float) -> None:
    """The poll is in view, the page keeps no room for it, and the script comes after the first paint."""
    poll = await news.poll()
    page = await news.blank()
    await _delay(page, "**/w/1.js", script)
    await _delay(page, "**/api/v1/polls?**", api)
    await page.goto(news.publisher.put(article(news.service, embed(news.service, poll))))
    await _whole(page)
    assert await shift(page) == 0
    await vote(page, "Iran")
    await expect(mine(page)).to_have_count(1)
    await page.wait_for_function("streams.some((stream) => stream.readyState == 1)")
    await news.others_vote(poll, *[[2]] * 9)
    await expect(page.locator("[part=voters]")).to_contain_text("10 voters")
    assert await shift(page) == 0


@NO_SHIFTS_IN_FIREFOX
async def test_nothing_shifts_where_the_polls_of_the_article_come_into_an_empty_element(news: News) -> None:
    page, path = await news.blank(), "/empty-element"
    await news.poll(articles=[news.publisher.url(path)])
    await _delay(page, "**/api/v1/articles?**", 0.3)
    await page.goto(news.publisher.put(article(news.service, article_code(news.service.base_url)), path))
    await _whole(page)
    assert await shift(page) == 0


@NO_SHIFTS_IN_FIREFOX
async def test_nothing_shifts_on_a_narrow_screen_with_change_and_errors(news: News) -> None:
    poll = await news.poll("Mourn or celebrate?", ["Mourn", "Celebrate", "Neither"], allow_change=True)
    page = await news.blank(viewport={"width": 320, "height": 900})
    await page.goto(news.publisher.put(article(news.service, embed(news.service, poll))))
    await _whole(page)
    await page.route("**/votes", lambda route: route.abort())
    await vote(page, "Mourn")
    await expect(page.get_by_role("status")).to_contain_text("No connection")
    await page.unroute("**/votes")
    await page.get_by_role("button", name="Try now").click()
    await expect(mine(page)).to_have_count(1)
    await page.get_by_role("button", name="Change vote").click()
    assert await shift(page) == 0


async def test_a_strict_policy_with_trusted_types_holds(news: News) -> None:
    poll = await news.poll()
    page = await news.blank()
    await news.open(page, embed(news.service, poll), csp=strict_csp(news.service))
    await vote(page, "Iran")
    await expect(mine(page)).to_have_count(1)
    await page.wait_for_function("streams.some((stream) => stream.readyState == 1)")
    widget = [text for text in await page.evaluate("violations") if "favicon" not in text]
    assert widget == []


async def test_two_requests_cold_one_warm_and_one_for_a_vote(news: News) -> None:
    poll = await news.poll()
    context = await news.context()
    page = await news.blank(context)
    requests = Requests(page, news.service)
    await news.open(page, embed(news.service, poll))
    await expect(page.get_by_role("radio")).to_have_count(3)
    assert [request.url.split("?")[0] for request in requests.to()] == [
        f"{news.service.base_url}/w/1.js",
        f"{news.service.base_url}/api/v1/polls",
    ]
    await vote(page, "Iran")
    await expect(mine(page)).to_have_count(1)
    votes = requests.to("/votes")
    assert [request.method for request in votes] == ["POST"]
    assert (await votes[0].all_headers())["content-type"].startswith("text/plain")
    for request in requests.to():
        assert "cookie" not in await request.all_headers()
    assert await context.cookies() == []
    again = await news.blank(context)
    await news.open(again, embed(news.service, poll))
    await expect(mine(again)).to_have_count(1)
    sizes = await again.evaluate(
        "performance.getEntriesByType('resource').map((entry) => [entry.name, entry.transferSize])"
    )
    assert [url for url, size in sizes if size and "/w/1.js" in url] == []


async def test_many_polls_share_one_call_and_one_stream(news: News) -> None:
    polls = [await news.poll() for _ in range(3)]
    page = await news.blank(viewport={"width": 700, "height": 2400})
    requests = Requests(page, news.service)
    await news.open(page, TEXT.join(embed(news.service, poll) for poll in polls))
    await expect(page.get_by_role("radio")).to_have_count(9)
    await page.wait_for_function("streams.some((stream) => stream.readyState == 1)")
    assert len(requests.to("/api/v1/polls")) == 1
    assert len(await open_streams(page)) == 1
    for poll in polls:
        assert f"poll={poll}" in (await open_streams(page))[0]
    await news.others_vote(polls[2], [1])
    await expect(page.locator("[part=voters]").nth(2)).to_contain_text("1 voter")


async def test_nothing_is_fetched_before_the_poll_is_near(news: News) -> None:
    poll = await news.poll()
    page = await news.blank()
    requests = Requests(page, news.service)
    await news.open(page, TEXT * 100 + embed(news.service, poll))
    await page.wait_for_function("document.querySelector('pollsvc-poll').shadowRoot")
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert requests.to("/api/") == []
    await page.locator("pollsvc-poll").scroll_into_view_if_needed()
    await expect(page.get_by_role("radio")).to_have_count(3)
    await page.wait_for_function("streams.some((stream) => stream.readyState == 1)")
    await page.evaluate("scrollTo(0, 0)")
    await page.wait_for_function("streams.every((stream) => stream.readyState == 2)")


async def test_a_hidden_page_has_no_stream(news: News) -> None:
    page = await news.read(await news.poll())
    await page.wait_for_function("streams.some((stream) => stream.readyState == 1)")
    await _hidden(page, True)
    assert await open_streams(page) == []
    await _hidden(page, False)
    await page.wait_for_function("streams.some((stream) => stream.readyState == 1)")


async def test_an_idle_reader_has_no_stream(news: News) -> None:
    poll = await news.poll()
    page = await news.blank()
    await page.clock.install()
    await news.open(page, embed(news.service, poll))
    await expect(page.get_by_role("radio")).to_have_count(3)
    await page.clock.run_for(3_000)
    assert len(await open_streams(page)) == 1
    await page.clock.fast_forward(301_000)
    assert await open_streams(page) == []
    await page.mouse.move(20, 20)
    await page.clock.run_for(2_000)
    assert len(await open_streams(page)) == 1


async def _delay(page: Page, pattern: str, seconds: float) -> None:
    async def wait(route: Route) -> None:
        await asyncio.sleep(seconds)
        await route.continue_()

    if seconds:
        await page.route(pattern, wait)


async def _whole(page: Page) -> None:
    """Wait until the poll has unfolded."""
    await expect(page.get_by_role("radio").first).to_be_visible()
    await page.wait_for_function(
        "!document.querySelector('pollsvc-poll').shadowRoot.querySelector('[part=box]').style.maxBlockSize"
    )


async def _hidden(page: Page, hidden: bool) -> None:
    """Tell the page that its tab is in the background, or again in front."""
    await page.evaluate(
        "(hidden) => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )
