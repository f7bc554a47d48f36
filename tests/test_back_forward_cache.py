"""A reader who follows a link and comes back: the browser kept the page as it was, and its poll goes on."""

from playwright.async_api import Page, expect

from tests.support.browser import News, embed
from tests.support.engines import in_both_engines

pytest_plugins = ("tests.support.browser_fixtures",)
pytestmark = in_both_engines
LINK = '<p><a href="/next">The next story</a></p>'
ROOT = "document.querySelector('pollsvc-poll').shadowRoot"
STREAMING = "streams.some((stream) => stream.readyState == 1)"


async def test_a_poll_lets_its_page_be_kept_and_goes_on_when_the_reader_is_back(news: News) -> None:
    poll = await news.poll()
    page = await news.open(await news.blank(), LINK + embed(news.service, poll))
    await page.get_by_label("Neither").check()
    await page.wait_for_function(STREAMING)
    await _leave(news, page)
    await news.others_vote(poll, [1], [2])
    await _come_back(page)
    await _voters(page, 2)
    await page.wait_for_function(STREAMING)
    await news.others_vote(poll, [2])
    await _voters(page, 3)
    await page.evaluate(f"{ROOT}.querySelector('[part=vote]').click()")
    await _voters(page, 4)
    await page.wait_for_function(f"{ROOT}.querySelectorAll('b:not([hidden])').length == 1")
    assert await news.http.counts(poll) == [1, 2, 1]


async def _leave(news: News, page: Page) -> None:
    """Follow the link, as readers do: a finger or a button is down for a moment."""
    news.publisher.put("<!doctype html><title>Next</title><h1>The next story</h1>", "/next")
    await page.evaluate("delete window.persisted")
    await page.get_by_role("link", name="The next story").click(delay=60)
    await expect(page.get_by_role("heading", name="The next story")).to_be_visible()


async def _come_back(page: Page) -> None:
    """Go back, and see that it is the page of before, and not one loaded anew.

    In Firefox, Playwright waits for the load of that page for ever before it uses a locator.
    """
    await page.evaluate("history.back()")
    await page.wait_for_function("location.pathname == '/' && 'persisted' in window")
    assert await page.evaluate("persisted") is True, "the page was not kept"


async def _voters(page: Page, count: int) -> None:
    """Wait until the poll says how many voted."""
    await page.wait_for_function(f"{ROOT}.querySelector('[part=voters]').textContent.includes('{count} vot')")
