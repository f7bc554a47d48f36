"""The widget as readers use it: they vote, come back, change their mind, and see others vote."""

from playwright.async_api import Locator, Page, expect

from pollsvc.domain.poll import Kind, Visibility
from tests.support.browser import News, embed, mine, shift, told, vote
from tests.support.engines import in_both_engines

pytest_plugins = ("tests.support.browser_fixtures",)
pytestmark = in_both_engines


async def test_the_form_shows_question_answers_and_voters(news: News) -> None:
    poll = await news.poll()
    await news.others_vote(poll, [1], [1])
    page = await news.read(poll)
    await expect(page.get_by_role("group", name="Who won?")).to_be_visible()
    assert await page.get_by_role("radio").count() == 3
    await expect(page.locator("[part=voters]")).to_have_text("Reader poll · 2 voters")
    await expect(page.locator("[part=number]").first).to_be_hidden()
    await expect(page.get_by_text("Not a scientific sample")).to_be_visible()
    await expect(page.get_by_role("link", name="Vote: Who won?")).to_have_count(0)
    assert [detail["poll"] for detail in await told(page, "ready")] == [poll]


async def test_a_vote_shows_the_result_with_the_own_choice(news: News) -> None:
    poll = await news.poll()
    await news.others_vote(poll, [1], [2], [2])
    page = await news.read(poll)
    await vote(page, "Iran")
    await expect(page.get_by_role("status")).to_have_text("Thank you. Your vote is recorded.")
    assert await page.locator("[part=number]").all_inner_texts() == ["50%\n2", "50%\n2", "0%\n0"]
    await expect(_row(page, "Iran").get_by_role("img", name="Your vote")).to_be_visible()
    await expect(mine(page)).to_have_count(1)
    await expect(page.get_by_role("radio")).to_have_count(0)
    detail = (await told(page, "vote"))[0]
    assert detail["poll"] == poll
    assert detail["selection"] == [1]
    assert detail["receipt"]["poll"] == poll
    assert detail["results"]["voters"] == 4


async def test_below_the_least_number_there_are_counts_only(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    await vote(page, "Neither")
    await expect(page.locator("[part=number]").nth(2)).to_have_text("1")
    await expect(page.locator("[part=number]").nth(0)).to_have_text("0")
    wide = "(bar) => bar.offsetWidth > bar.parentElement.offsetWidth / 2"
    assert not await page.locator("[part=bar]").nth(2).evaluate(wide), "a bar tells the percentage"
    await page.wait_for_function("streams.some((stream) => stream.readyState == 1)")
    await news.others_vote(poll, *[[3]] * 9)
    await expect(page.locator("[part=number]").nth(2)).to_have_text("100%\n10")
    bar = await page.locator("[part=bar]").nth(2).element_handle()
    await page.wait_for_function(wide, arg=bar)


async def test_a_page_is_told_of_a_result_once_and_only_when_it_moved(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    await page.wait_for_function("streams.some((stream) => stream.readyState == 1)")
    await vote(page, "Iran")
    await news.others_vote(poll, [2])
    await expect(page.locator("[part=voters]")).to_contain_text("2 voters")
    versions = [detail["results"]["version"] for detail in await told(page, "results")]
    assert versions == sorted(set(versions))
    assert 1 <= len(versions) <= 2


async def test_a_vote_is_remembered_after_a_reload_and_for_the_next_poll(news: News) -> None:
    first, second = await news.poll(), await news.poll("Mourn or celebrate?", ["Mourn", "Celebrate"])
    page = await news.read(first)
    await vote(page, "Iran")
    await expect(page.get_by_role("status")).not_to_be_empty()
    await page.reload()
    await expect(_row(page, "Iran").get_by_role("img", name="Your vote")).to_be_visible()
    await expect(page.get_by_role("status")).to_be_empty()
    await expect(page.get_by_text("You voted")).to_be_visible()
    token = await _kept(page, "reader")
    assert await _kept(page, "key") is None
    await news.open(page, embed(news.service, second))
    await vote(page, "Mourn")
    await expect(page.get_by_text("You voted")).to_be_visible()
    assert await _kept(page, "reader") is not None
    assert token is not None


async def test_others_votes_move_the_result_without_a_word_or_a_shift(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    await vote(page, "Iran")
    await expect(page.get_by_role("status")).not_to_be_empty()
    before = await page.get_by_role("status").inner_text()
    await page.wait_for_function("streams.some((stream) => stream.readyState == 1)")
    await news.others_vote(poll, *[[2]] * 9)
    await expect(page.locator("[part=voters]")).to_contain_text("10 voters")
    await expect(page.locator("[part=number]").nth(1)).to_have_text("90%\n9")
    assert await page.get_by_role("status").inner_text() == before
    assert (await told(page, "results"))[-1]["results"]["voters"] == 10
    assert await shift(page) == 0


async def test_an_older_answer_does_not_turn_the_count_back(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    await page.wait_for_function("streams.some((stream) => stream.readyState == 1)")
    old = (await news.http.get(f"/api/v1/polls/{poll}")).json
    await vote(page, "Iran")
    await expect(page.locator("[part=voters]")).to_contain_text("1 voter")
    await page.evaluate(
        "(old) => streams.at(-1).dispatchEvent(new MessageEvent('results', {data: JSON.stringify(old)}))", old
    )
    await expect(page.locator("[part=voters]")).to_contain_text("1 voter")


async def test_voting_with_the_keyboard_only(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Iran")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_label("The United States")).to_be_checked()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).not_to_be_empty()
    await expect(page.locator("pollsvc-poll ul")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Check my vote")).to_be_focused()


async def test_enter_on_an_answer_votes(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    await page.get_by_label("Iran").press("Space")
    await page.get_by_label("Iran").press("Enter")
    await expect(page.get_by_text("You voted")).to_be_visible()
    assert await news.http.counts(poll) == [1, 0, 0]


async def test_without_a_choice_the_form_says_what_to_do(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    await page.get_by_role("button", name="Vote").click()
    await expect(page.get_by_role("status")).to_have_text("Choose an answer")
    await expect(page.get_by_role("radio").first).to_be_focused()
    assert await news.http.counts(poll) == [0, 0, 0]


async def test_several_answers_between_least_and_most(news: News) -> None:
    poll = await news.poll(
        "Which?", ["One", "Two", "Three", "Four"], kind=Kind.MULTIPLE, min_picks=2, max_picks=3
    )
    page = await news.read(poll)
    await expect(page.get_by_text("Choose 2 to 3 answers").first).to_be_visible()
    for label in ("One", "Two", "Three", "Four"):
        await page.get_by_label(label).check()
    await page.get_by_role("button", name="Vote").click()
    await expect(page.get_by_role("status")).to_have_text("Choose 2 to 3 answers")
    await page.get_by_label("Two").uncheck()
    await page.get_by_label("Four").uncheck()
    await expect(page.get_by_role("status")).to_be_empty()
    await page.get_by_role("button", name="Vote").click()
    await expect(page.get_by_text("Percentages from 3 voters on")).to_be_visible()
    await expect(mine(page)).to_have_count(2)
    assert await news.http.counts(poll) == [1, 0, 1, 0]
    await news.others_vote(poll, [1, 2], [1, 3])
    await expect(page.get_by_text("Percent of voters; several answers each")).to_be_visible()


async def test_a_vote_can_be_changed_and_withdrawn_where_the_poll_allows_it(news: News) -> None:
    poll = await news.poll(allow_change=True)
    page = await news.read(poll)
    await vote(page, "Iran")
    await page.get_by_role("button", name="Change vote").click()
    await expect(page.get_by_label("Iran")).to_be_focused()
    await vote(page, "Neither")
    await expect(_row(page, "Neither").get_by_role("img", name="Your vote")).to_be_visible()
    assert await news.http.counts(poll) == [0, 0, 1]
    await page.get_by_role("button", name="Withdraw vote").click()
    await expect(page.get_by_role("status")).to_have_text("Your vote is withdrawn.")
    await expect(page.get_by_role("button", name="Vote", exact=True)).to_be_visible()
    await expect(page.get_by_role("radio").first).to_be_focused()
    assert await news.http.counts(poll) == [0, 0, 0]
    await page.reload()
    await expect(page.get_by_role("radio")).to_have_count(3)


async def test_hidden_results_come_with_the_vote_and_after_a_reload(news: News) -> None:
    poll = await news.poll(visibility=Visibility.AFTER_VOTE)
    await news.others_vote(poll, [1], [2])
    page = await news.read(poll)
    await expect(page.locator("[part=voters]")).to_have_text("Reader poll · Results after you vote")
    await vote(page, "Iran")
    await expect(page.locator("[part=voters]")).to_have_text("Reader poll · 3 voters")
    await page.reload()
    await expect(page.locator("[part=number]").first).to_have_text("67%\n2")


async def test_two_copies_of_a_poll_show_the_same_vote(news: News) -> None:
    poll = await news.poll()
    page = await news.blank()
    await news.open(page, embed(news.service, poll) + embed(news.service, poll))
    await vote(page, "Iran", page.locator("pollsvc-poll").first)
    await expect(mine(page)).to_have_count(2)
    assert await page.get_by_role("status").nth(1).inner_text() == ""
    assert await news.http.counts(poll) == [1, 0, 0]


def _row(page: Page, label: str) -> Locator:
    """An answer's line."""
    return page.get_by_role("listitem").filter(has_text=label)


async def _kept(page: Page, name: str) -> str | None:
    """What the browser keeps of the reader under a name."""
    found = await page.evaluate("(name) => JSON.parse(Object.values(localStorage)[0])[name] ?? null", name)
    return None if found is None else str(found)
