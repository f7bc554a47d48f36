"""The widget where things overlap: two copies, two tabs, a retry, and a reader who changes their mind."""

import asyncio

from playwright.async_api import Locator, Page, Route, expect

from pollsvc.domain.poll import Kind
from tests.support.answers import VOTES, first_answers, problem
from tests.support.browser import ROOM, News, article, embed, mine, vote
from tests.support.engines import in_both_engines

pytest_plugins = ("tests.support.browser_fixtures",)
pytestmark = in_both_engines

BUSY = problem(503, "busy", **{"Retry-After": "1"})
LATER = problem(503, "busy", **{"Retry-After": "600"})
"""Leaves the time for another vote before the retry, for which `_later` puts the page's clock forward."""


async def _tabs(news: News, poll: str) -> list[Page]:
    """Two tabs of one browser with the poll; neither hears of the other's vote by a stream."""
    context = await news.context()
    await context.clock.install()
    tabs = [await news.blank(context) for _ in range(2)]
    for tab in tabs:
        await tab.route("**/live?**", lambda route: route.abort())
        await news.open(tab, embed(news.service, poll))
    return tabs


async def _copies(news: News, poll: str) -> tuple[Page, Locator, Locator]:
    """A page that has a poll twice, and the two."""
    page = await news.blank(viewport={"width": 700, "height": 1500})
    await page.clock.install()
    await news.open(page, embed(news.service, poll) * 2)
    polls = page.locator("pollsvc-poll")
    return page, polls.first, polls.last


async def _later(page: Page) -> None:
    await page.clock.fast_forward(600_000)


def _status(place: Page | Locator) -> Locator:
    return place.get_by_role("status")


async def test_the_retry_sends_what_is_chosen_by_then(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    answered = asyncio.Event()
    sent = await first_answers(page, BUSY)

    async def wait(route: Route) -> None:
        await answered.wait()
        await route.fallback()

    await page.route(VOTES, wait)
    await vote(page, "Iran")
    await page.get_by_label("Neither").check()
    answered.set()
    await expect(_status(page)).to_contain_text("Your choice is kept")
    await expect(mine(page)).to_have_count(1)
    assert [one["selection"] for one in sent] == [[1], [3]]
    assert await news.http.counts(poll) == [0, 0, 1]


async def test_a_retry_gives_way_to_a_vote_from_another_tab(news: News) -> None:
    poll = await news.poll(allow_change=True)
    late, quick = await _tabs(news, poll)
    await first_answers(late, LATER)
    await vote(late, "Iran")
    await expect(_status(late)).to_contain_text("Your choice is kept")
    await vote(quick, "Neither")
    await expect(_status(quick)).to_have_text("Thank you. Your vote is recorded.")
    await _later(late)
    await expect(_status(late)).to_have_text("You had voted before. That vote stands.")
    await expect(late.get_by_role("listitem").filter(has=mine(late))).to_contain_text("Neither")
    assert await news.http.counts(poll) == [0, 0, 1]


async def test_a_retry_gives_way_to_a_vote_in_another_copy(news: News) -> None:
    poll = await news.poll(allow_change=True)
    page, late, quick = await _copies(news, poll)
    await first_answers(page, LATER)
    await vote(page, "Iran", late)
    await expect(_status(late)).to_contain_text("Your choice is kept")
    await vote(page, "Neither", quick)
    await expect(_status(quick)).to_have_text("Thank you. Your vote is recorded.")
    await _later(page)
    await expect(_status(late)).to_have_text("Thank you. Your vote is recorded.")
    assert await news.http.counts(poll) == [0, 0, 1]


async def test_a_withdrawal_that_waits_gives_way_to_a_vote_in_another_copy(news: News) -> None:
    poll = await news.poll(allow_change=True)
    page, late, quick = await _copies(news, poll)
    await vote(page, "Iran", quick)
    await expect(mine(page)).to_have_count(2)
    await first_answers(page, LATER)
    await late.get_by_role("button", name="Withdraw vote").click()
    await expect(_status(late)).to_contain_text("kept")
    await quick.get_by_role("button", name="Change vote").click()
    await vote(page, "Neither", quick)
    await expect(_status(quick)).to_have_text("Thank you. Your vote is recorded.")
    await _later(page)
    await expect(_status(late)).to_have_text("You had voted before. That vote stands.")
    assert await news.http.counts(poll) == [0, 0, 1]


async def test_looking_at_the_result_does_not_end_the_tries(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    await first_answers(page, BUSY)
    await vote(page, "Iran")
    await expect(page.get_by_role("button", name="Try now")).to_be_visible()
    await page.get_by_role("button", name="Results").click()
    await expect(_status(page)).to_have_text("Thank you. Your vote is recorded.")
    assert await news.http.counts(poll) == [1, 0, 0]


async def test_a_change_begins_with_the_vote_of_the_other_copy(news: News) -> None:
    poll = await news.poll(allow_change=True)
    page, first, second = await _copies(news, poll)
    await second.get_by_label("Iran").check()
    await vote(page, "Neither", first)
    await expect(mine(page)).to_have_count(2)
    await second.get_by_role("button", name="Change vote").click()
    await expect(second.get_by_label("Neither")).to_be_checked()


async def test_a_ranking_shows_the_vote_that_stands(news: News) -> None:
    poll = await news.poll(kind=Kind.RANKED, max_picks=3, allow_change=True)
    first, second = await _tabs(news, poll)
    await second.get_by_role("button", name="Rank next: Neither").click()
    for label in ("Iran", "The United States"):
        await first.get_by_role("button", name=f"Rank next: {label}").click()
    await first.get_by_role("button", name="Vote", exact=True).click()
    await expect(_status(first)).to_have_text("Thank you. Your vote is recorded.")
    await second.get_by_role("button", name="Vote", exact=True).click()
    await expect(_status(second)).to_have_text("You had voted before. That vote stands.")
    ranks = [
        await item.get_by_role("img").get_attribute("aria-label")
        for item in await second.get_by_role("listitem").filter(has=second.get_by_role("img")).all()
    ]
    assert ranks == ["Your choice no. 1", "Your choice no. 2"]
    labels = await second.locator("li bdi").all_inner_texts()
    assert labels == ["Iran", "The United States", "Neither"]


async def test_a_poll_that_is_not_answered_is_asked_for_again(news: News) -> None:
    poll = await news.poll()
    page = await news.blank()
    await page.add_init_script(
        "AbortSignal.timeout = ((real) => () => real.call(AbortSignal, 1000))(AbortSignal.timeout)"
    )
    asked = 0

    async def hang_once(route: Route) -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            await route.continue_()

    await page.route("**/api/v1/polls?**", hang_once)
    await page.goto(news.publisher.put(article(news.service, embed(news.service, poll), head=ROOM)))
    await expect(page.get_by_role("radio")).to_have_count(3)
    assert asked == 2
