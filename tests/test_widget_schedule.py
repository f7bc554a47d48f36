"""The widget when a poll opens or closes while a page shows it."""

import time

from playwright.async_api import expect

from tests.support.browser import News, embed
from tests.support.engines import in_both_engines
from tests.support.server import until

pytest_plugins = ("tests.support.browser_fixtures",)
pytestmark = in_both_engines


async def test_an_editor_closes_the_poll_while_it_is_open_on_the_page(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    await page.wait_for_function("streams.some((stream) => stream.readyState == 1)")
    async with news.service.editor() as editor:
        await editor.close_poll(poll)
    await expect(page.get_by_text("Voting has ended.")).to_be_visible()
    await expect(page.get_by_role("radio")).to_have_count(0)


async def test_a_poll_closes_by_its_own_clock(news: News) -> None:
    poll = await news.poll(closes_at=int(time.time()) + 6)
    page = await news.blank()
    await page.route("**/live?**", lambda route: route.abort())
    await news.open(page, embed(news.service, poll))
    await expect(page.get_by_text("Open until")).to_be_visible()
    await expect(page.get_by_text("Voting has ended.")).to_be_visible(timeout=10_000)


async def test_a_vote_that_comes_too_late_is_not_thanked_for(news: News) -> None:
    poll = await news.poll()
    page = await news.blank()
    await page.route("**/live?**", lambda route: route.abort())
    await news.open(page, embed(news.service, poll))
    await page.get_by_label("Iran").check()
    async with news.service.editor() as editor:
        await editor.close_poll(poll)

    async def closed() -> bool:
        return (await news.http.get(f"/api/v1/polls/{poll}")).json["state"] == "closed"  # type: ignore[no-any-return]

    await until(closed)
    await page.get_by_role("button", name="Vote").click()
    await expect(page.get_by_role("status")).to_have_text("Voting had ended. Your vote does not count.")
    await expect(page.get_by_role("radio")).to_have_count(0)


async def test_a_scheduled_poll_says_when_it_opens_and_opens_by_itself(news: News) -> None:
    page = await news.read(await news.poll(opens_at=int(time.time()) + 6))
    await expect(page.get_by_text("Voting has not started yet.")).to_be_visible()
    await expect(page.get_by_text("Opens")).to_be_visible()
    await expect(page.get_by_role("radio")).to_have_count(3, timeout=15_000)
