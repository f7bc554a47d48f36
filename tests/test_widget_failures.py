"""The widget when things go wrong: the choice is kept, one reader stays one, and it says what happened."""

import asyncio
import json
import time

import pytest
from playwright.async_api import Route, expect

from pollsvc.services.editing.sites import Sites
from tests.support.answers import VOTES, first_answers, problem
from tests.support.browser import ROOM, News, article, embed, last_body, mine, vote
from tests.support.engines import in_both_engines
from tests.support.reader import Reader
from tests.support.server import open_connection

pytest_plugins = ("tests.support.browser_fixtures",)
pytestmark = in_both_engines


async def test_offline_keeps_the_choice_and_tries_again_by_itself(news: News) -> None:
    page = await news.read(await news.poll())
    sent = await first_answers(page, "internetdisconnected")
    await vote(page, "The United States")
    await expect(page.get_by_role("status")).to_contain_text("Your choice is kept")
    await expect(page.get_by_label("The United States")).to_be_checked()
    await expect(page.get_by_role("status")).to_have_text("Thank you. Your vote is recorded.")
    await expect(mine(page)).to_have_count(1)
    assert sent[0]["idempotency_key"] == sent[1]["idempotency_key"]


async def test_a_busy_service_is_left_alone_as_long_as_it_asks(news: News) -> None:
    page = await news.read(await news.poll())
    await first_answers(page, problem(503, "busy", **{"Retry-After": "2"}))
    await vote(page, "Iran")
    await expect(page.get_by_role("status")).to_contain_text("The poll is busy")
    started = time.monotonic()
    await expect(mine(page)).to_have_count(1)
    assert time.monotonic() - started > 1.5


@pytest.mark.parametrize("seconds", ["2592000", "-5"])
async def test_a_time_that_no_timer_can_hold_makes_no_flood(news: News, seconds: str) -> None:
    page = await news.blank()
    await page.clock.install()
    await news.open(page, embed(news.service, await news.poll()))
    sent = await first_answers(page, *[problem(503, "busy", **{"Retry-After": seconds})] * 9)
    await vote(page, "Iran")
    await expect(page.get_by_role("status")).to_contain_text("The poll is busy")
    await page.clock.run_for(900)
    assert len(sent) == 1


async def test_trying_again_by_hand(news: News) -> None:
    page = await news.read(await news.poll())
    await first_answers(page, problem(429, "slow_down", **{"Retry-After": "600"}))
    await vote(page, "Iran")
    await page.get_by_role("button", name="Try now").click()
    await expect(mine(page)).to_have_count(1)


async def test_another_choice_ends_the_tries_for_the_old_one(news: News) -> None:
    page = await news.read(await news.poll())
    sent = await first_answers(page, problem(503, "busy", **{"Retry-After": "1"}))
    await vote(page, "Iran")
    await expect(page.get_by_role("button", name="Try now")).to_be_visible()
    await page.get_by_label("Neither").check()
    await expect(page.get_by_role("status")).to_be_empty()
    await page.get_by_role("button", name="Vote").click()
    await expect(mine(page)).to_have_count(1)
    assert [vote["selection"] for vote in sent] == [[1], [3]]


async def test_a_lost_answer_does_not_make_a_second_reader(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    sent = await first_answers(page, {"lost": True})
    await vote(page, "Iran")
    await expect(mine(page)).to_have_count(1)
    assert len(sent) == 2
    assert await news.http.counts(poll) == [1, 0, 0]


async def test_two_first_votes_at_once_are_one_reader(news: News) -> None:
    polls = [await news.poll(), await news.poll("Mourn or celebrate?", ["Mourn", "Celebrate"])]
    page = await news.open(await news.blank(), "".join(embed(news.service, poll) for poll in polls))
    sent = await first_answers(page)
    await page.get_by_label("Iran").check()
    await page.get_by_label("Mourn").check()
    await page.evaluate(
        "document.querySelectorAll('pollsvc-poll').forEach((poll) => "
        "poll.shadowRoot.querySelector('[part=vote]').click())"
    )
    await expect(mine(page)).to_have_count(2)
    assert "reader" not in sent[0]
    assert "reader" in sent[1]  # it waited for the token


async def test_a_bad_token_is_dropped_and_the_vote_sent_once_more(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    await vote(page, "Iran")
    await expect(mine(page)).to_have_count(1)
    await page.evaluate(
        "localStorage[Object.keys(localStorage)[0]] = JSON.stringify({reader: 'bad', votes: {}})"
    )
    await page.reload()
    sent = await first_answers(page)
    await vote(page, "Neither")
    await expect(mine(page)).to_have_count(1)
    assert sent[0]["reader"] == "bad"
    assert "reader" not in sent[1]


async def test_who_has_voted_already_sees_the_recorded_vote(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    reader = Reader(news.http)
    await reader.vote(poll, 1)
    site = (await news.http.get(f"/api/v1/polls/{poll}")).json["site"]
    await page.evaluate(
        "([key, value]) => { localStorage[key] = value; }",
        [f"pollsvc {news.service.base_url} {site}", json.dumps({"reader": reader.token, "votes": {}})],
    )
    await vote(page, "Neither")
    await expect(page.get_by_role("status")).to_have_text("You had voted before. That vote stands.")
    row = page.get_by_role("listitem").filter(has_text="Iran")
    await expect(row.get_by_role("img", name="Your vote")).to_be_visible()


async def test_a_refused_vote_leads_to_the_polls_page(news: News) -> None:
    page = await news.read(await news.poll())
    await first_answers(page, problem(403, "origin_not_allowed"))
    await vote(page, "Iran")
    await expect(page.get_by_role("status")).to_contain_text("own page")
    await expect(page.get_by_role("button", name="Vote")).to_be_visible()


async def test_a_vote_that_is_held_is_not_called_counted(news: News) -> None:
    page = await news.read(await news.poll())

    async def hold(route: Route) -> None:
        reply = await route.fetch(post_data=await last_body(page))
        await route.fulfill(response=reply, json=await reply.json() | {"status": "held"})

    await page.route(VOTES, hold)
    await vote(page, "Iran")
    await expect(page.get_by_role("status")).to_have_text("Recorded, but held for review before it counts.")


async def test_without_storage_votes_count_for_the_life_of_the_page(news: News) -> None:
    poll, second = await news.poll(), await news.poll("Mourn or celebrate?", ["Mourn", "Celebrate"])
    page = await news.blank()
    await page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no'); }})"
    )
    sent = await first_answers(page)
    await news.open(page, embed(news.service, poll) + embed(news.service, second))
    await vote(page, "Iran", page.locator("pollsvc-poll").first)
    await expect(mine(page)).to_have_count(1)
    await vote(page, "Mourn", page.locator("pollsvc-poll").last)
    await expect(mine(page)).to_have_count(2)
    assert "reader" in sent[1]


async def test_without_storage_each_publisher_has_its_own_token(news: News) -> None:
    async with open_connection(news.service.database_url) as connection:
        await Sites(connection, time.time).add(f"Second in {news.engine}", [news.publisher.origin])
    first = await news.poll(allow_change=True)
    second = await news.service.add_poll(site=f"Second in {news.engine}")
    page = await news.blank(viewport={"width": 700, "height": 1500})
    await page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no'); }})"
    )
    await news.open(page, embed(news.service, first) + embed(news.service, second))
    places = page.locator("pollsvc-poll")
    await vote(page, "Iran", places.first)
    await vote(page, "Iran", places.last)
    await expect(mine(page)).to_have_count(2)
    await places.first.get_by_role("button", name="Change vote").click()
    await vote(page, "Neither", places.first)
    await expect(places.first.locator("form.result")).to_be_visible()
    assert await news.http.counts(first) == [0, 0, 1]


@pytest.mark.parametrize("proxy", ["refuses", "hangs"])
async def test_where_streams_do_not_come_through_results_move_all_the_same(news: News, proxy: str) -> None:
    poll = await news.poll()
    page = await news.blank()
    await page.clock.install()

    async def block(route: Route) -> None:
        if proxy == "refuses":
            await route.abort()

    await page.route("**/live?**", block)
    await news.open(page, embed(news.service, poll))
    await vote(page, "Iran")
    await expect(mine(page)).to_have_count(1)
    await news.others_vote(poll, [2], [2])
    voters = page.locator("[part=voters]")
    for _ in range(30):
        await page.clock.run_for(1_000)
    await expect(voters).to_contain_text("3 voters")
    assert await page.evaluate("streams.every((stream) => stream.readyState != 1)")


async def test_an_unreachable_service_leaves_the_link_and_is_asked_again(news: News) -> None:
    poll = await news.poll()
    page = await news.blank()
    failed = 0

    async def fail_once(route: Route) -> None:
        nonlocal failed
        failed += 1
        await (route.abort() if failed == 1 else route.continue_())

    await page.route("**/api/v1/polls?**", fail_once)
    await page.goto(news.publisher.put(article(news.service, embed(news.service, poll))))
    await expect(page.get_by_role("link", name="Vote: Who won?")).to_be_visible()
    await expect(page.get_by_role("radio")).to_have_count(3)
    await expect(page.get_by_role("link", name="Vote: Who won?")).to_have_count(0)


async def test_a_page_that_may_not_vote_shows_the_result_and_where_to_vote(news: News) -> None:
    poll = await news.poll()
    await news.others_vote(poll, [1], [1], [2])
    page = await news.blank()
    foreign = news.publisher.origin.replace("127.0.0.1", "localhost")
    body = article(news.service, embed(news.service, poll), head=ROOM)
    await page.goto(news.publisher.put(body).replace(news.publisher.origin, foreign))
    await expect(page.locator("[part=number]").first).to_have_text("67%\n2")
    await expect(page.get_by_role("radio")).to_have_count(0)
    await expect(page.get_by_role("button")).to_have_count(0)
    link = page.get_by_role("link", name="Vote on the poll’s own page")
    assert await link.get_attribute("href") == f"{news.service.base_url}/p/{poll}"


async def test_a_damaged_record_is_no_obstacle(news: News) -> None:
    poll = await news.poll()
    site = (await news.http.get(f"/api/v1/polls/{poll}")).json["site"]
    for damaged in ("null", "7", "{", '{"reader": null}', "[]"):
        page = await news.blank()
        await page.add_init_script(
            "if (origin != 'null') "  # about:blank has no storage
            f"localStorage[{json.dumps(f'pollsvc {news.service.base_url} {site}')}] = {json.dumps(damaged)}"
        )
        await news.open(page, embed(news.service, poll))
        await vote(page, "Iran")
        await expect(mine(page)).to_have_count(1)


async def test_two_tabs_that_vote_at_once_are_one_reader(news: News) -> None:
    polls = [await news.poll(), await news.poll("Mourn or celebrate?", ["Mourn", "Celebrate"])]
    context = await news.context()
    pages = [await news.blank(context) for _ in polls]
    for page, poll in zip(pages, polls, strict=True):
        html = article(news.service, embed(news.service, poll), head=ROOM)
        await page.goto(news.publisher.put(html, f"/{poll}"))
        await page.get_by_role("radio").first.check()
    await asyncio.gather(*(page.get_by_role("button", name="Vote").click() for page in pages))
    for page in pages:
        await expect(mine(page)).to_have_count(1)
    tokens = {await page.evaluate("JSON.parse(Object.values(localStorage)[0]).reader") for page in pages}
    assert len(tokens) == 1
    kept = await pages[0].evaluate("Object.keys(JSON.parse(Object.values(localStorage)[0]).votes)")
    assert sorted(kept) == sorted(polls)
