"""The widget's further kinds, which its second file brings: ranks, scales, emoji, images, written answers."""

import io
import time
from dataclasses import replace

import pytest
from PIL import Image
from playwright.async_api import Locator, Page, expect

from pollsvc.services.editing.images import Images
from pollsvc.services.editing.new_poll import NewOption, as_new
from tests.support.browser import News, Requests, axe, embed, mine, shift, sticking_out, strict_csp, vote
from tests.support.engines import in_both_engines
from tests.support.server import open_connection

pytest_plugins = ("tests.support.browser_fixtures",)
pytestmark = in_both_engines
FEELINGS = [NewOption("Mourn", emoji="😢"), NewOption("Celebrate", emoji="🎉")]


async def _order(page: Page) -> list[str]:
    """The labels in the order of the list."""
    return await page.locator("[part=option] bdi").all_inner_texts()


def _ranks(page: Page) -> Locator:
    return page.locator("[part=option][data-rank] bdi")


async def _press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


async def test_ranking_by_buttons(news: News) -> None:
    poll = await news.poll(kind="ranked", max_picks=2)
    page = await news.read(poll)
    await _press(page, "Rank next: Neither")
    await expect(page.get_by_role("status")).to_have_text("Neither: now number 1")
    await _press(page, "Rank next: Iran")
    assert await _ranks(page).all_inner_texts() == ["Neither", "Iran"]
    await expect(page.get_by_role("button", name="Rank next: The United States")).to_be_disabled()
    await _press(page, "Move up: Iran")
    assert await _order(page) == ["Iran", "Neither", "The United States"]
    await _press(page, "Take out: Neither")
    await expect(page.get_by_role("status")).to_have_text("Neither: no longer ranked")
    await _press(page, "Rank next: The United States")
    await page.get_by_role("button", name="Vote", exact=True).click()
    await expect(page.get_by_role("status")).to_have_text("Thank you. Your vote is recorded.")
    await expect(page.get_by_role("img", name="Your choice no. 2")).to_be_visible()
    assert [ballot.selection for ballot in await news.service.ballots(poll)] == ["1>2"]


async def test_a_click_on_a_ranked_answer_moves_nothing(news: News) -> None:
    page = await news.read(await news.poll(kind="ranked", max_picks=3))
    await _press(page, "Rank next: Neither")
    await _press(page, "Rank next: Iran")
    await page.get_by_text("Neither", exact=True).click()
    await page.get_by_text("The United States", exact=True).click()
    assert await _ranks(page).all_inner_texts() == ["Neither", "Iran"]
    await page.get_by_role("button", name="Vote", exact=True).click()
    await expect(page.locator("form.result")).to_be_visible()
    await page.get_by_text("Neither", exact=True).click()
    await page.get_by_text("The United States", exact=True).click()
    assert await _ranks(page).all_inner_texts() == ["Neither", "Iran"]


async def test_names_are_said_as_they_are_written(news: News) -> None:
    page = await news.read(await news.poll(options=["Costs $$5 $& more", "Free"], kind="ranked"))
    await _press(page, "Rank next: Costs $$5 $& more")
    await expect(page.get_by_role("status")).to_have_text("Costs $$5 $& more: now number 1")


async def test_the_keyboard_stays_where_it_ranks(news: News) -> None:
    page = await news.read(await news.poll(kind="ranked", max_picks=3))
    button = page.get_by_role("button", name="Rank next: Neither")
    await button.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Take out: Neither")).to_be_focused()
    await _press(page, "Rank next: Iran")
    up = page.get_by_role("button", name="Move up: Iran")
    await up.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Move down: Iran")).to_be_focused()
    assert await _ranks(page).all_inner_texts() == ["Iran", "Neither"]


async def test_ranking_by_dragging(news: News) -> None:
    page = await news.read(await news.poll(kind="ranked", max_picks=3))
    for label, onto in (("Neither", 0), ("Iran", 0), ("The United States", 1)):
        grip = page.get_by_role("listitem").filter(has_text=label).locator(".grip")
        start, target = await grip.bounding_box(), await page.get_by_role("listitem").nth(onto).bounding_box()
        assert start is not None
        assert target is not None
        await page.mouse.move(start["x"] + 5, start["y"] + 5)
        await page.mouse.down()
        await page.mouse.move(start["x"] + 5, target["y"] + 2, steps=4)
        await page.mouse.up()
    assert await _ranks(page).all_inner_texts() == ["Iran", "The United States", "Neither"]


async def test_a_ranking_without_ranks_is_not_sent(news: News) -> None:
    page = await news.read(await news.poll(kind="ranked", min_picks=2, max_picks=3))
    requests = Requests(page, news.service)
    await _press(page, "Rank next: Iran")
    await page.get_by_role("button", name="Vote", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text("Rank 2 to 3 answers")
    assert requests.to("/votes") == []


async def test_a_rating_has_a_mean(news: News) -> None:
    poll = await news.poll("How good was it?", [], kind="rating", scale=5)
    await news.others_vote(poll, [5], [5])
    page = await news.read(poll)
    await expect(page.get_by_text("1 = Lowest · 5 = Highest")).to_be_visible()
    await page.get_by_role("radio", name="2", exact=True).check()
    await page.locator("[part=vote]").click()
    await expect(page.get_by_text("4 of 5 on average · Percent of voters")).to_be_visible()
    boxes = [await item.bounding_box() for item in await page.get_by_role("listitem").all()]
    assert len({box["y"] for box in boxes if box}) == 1  # side by side


async def test_reactions_are_emoji_with_their_names(news: News) -> None:
    poll = await news.poll(kind="reaction", options=FEELINGS)
    page = await news.read(poll)
    await expect(page.locator("[part=option] bdi").first).to_have_text("😢\nMourn", use_inner_text=True)
    await vote(page, "Celebrate")
    await expect(mine(page)).to_have_count(1)
    assert await news.http.counts(poll) == [0, 1]


async def test_images_keep_their_room_and_say_what_they_show(news: News) -> None:
    content = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(content, "PNG")
    async with open_connection(news.service.database_url) as connection:
        image = (await Images(connection, time.time).add(content.getvalue())).id
    poll = await news.poll(options=[NewOption("Iran", image=image, alt="A flag"), NewOption("Neither")])
    page = await news.read(poll)
    picture = page.get_by_role("img", name="A flag")
    await expect(picture).to_be_visible()
    await page.wait_for_function(
        "document.querySelector('pollsvc-poll').shadowRoot.querySelector('img').naturalWidth > 0"
    )
    await vote(page, "Iran")
    await expect(mine(page)).to_have_count(1)
    await expect(picture).to_be_visible()


@pytest.mark.parametrize("kind", ["single", "multiple"])
async def test_an_answer_in_ones_own_words(news: News, kind: str) -> None:
    poll = await news.poll(kind=kind, max_picks=1 if kind == "single" else 2, write_in=True)
    page = await news.read(poll)
    await expect(page.get_by_text("Others see it once an editor has approved it.")).to_be_visible()
    own = page.get_by_role("radio" if kind == "single" else "checkbox", name="Another answer")
    await own.check()
    await page.locator("[part=vote]").click()
    await expect(page.get_by_role("status")).to_contain_text("but there is none")
    await page.get_by_role("textbox", name="Your own answer").fill("  Nobody won ")
    await expect(own).to_be_checked()
    await page.locator("[part=vote]").click()
    row = page.get_by_role("listitem").filter(has_text="Other answers")
    await expect(row.get_by_role("img", name="Your vote")).to_be_visible()
    await expect(row.locator("[part=number]")).to_have_text("1")
    await page.reload()
    await expect(row.get_by_role("img", name="Your vote")).to_be_visible()
    async with news.service.editor() as editor:
        assert (await editor.poll(poll)).options[-1].label == {"en": "Nobody won"}


async def test_an_own_answer_that_is_refused_says_why(news: News) -> None:
    page = await news.read(await news.poll(write_in=True))
    text = page.get_by_role("textbox", name="Your own answer")
    await text.evaluate("(text) => { text.maxLength = 500; }")
    await text.fill("x" * 200)
    await page.locator("[part=vote]").click()
    await expect(page.get_by_role("status")).to_contain_text("at most 100 characters")


async def test_an_answer_that_is_no_longer_offered_keeps_its_votes(news: News) -> None:
    poll = await news.poll()
    await news.others_vote(poll, [1], [2], [2])
    async with news.service.editor() as editor:
        new = as_new(await editor.poll(poll))
        options = [replace(option, retired=option.id == 2) for option in new.options]  # type: ignore[type-var,union-attr]
        await editor.edit_poll(poll, replace(new, options=options))
    page = await news.read(poll)
    await expect(page.get_by_role("radio")).to_have_count(2)
    gone = page.get_by_role("listitem").filter(has_text="no longer offered")
    await expect(gone).to_contain_text("The United States")
    await vote(page, "Iran")
    await expect(gone.locator("[part=number]")).to_have_text("50%\n2")


async def test_chance_orders_answers_where_editors_want_it(news: News) -> None:
    poll = await news.poll(options=list("ABCDEFGH"), shuffle=True)
    orders = set()
    for _ in range(3):
        orders.add(tuple(await _order(await news.read(poll))))
    assert len(orders) > 1  # three times the same: once in 1.6 billion
    assert all(sorted(order) == list("ABCDEFGH") for order in orders)


@pytest.mark.parametrize("tag", ["pollsvc-poll", "div"])
async def test_a_new_version_takes_the_old_ones_place(news: News, tag: str) -> None:
    poll = await news.poll()
    async with news.service.editor() as editor:
        new = replace(as_new(await editor.poll(poll)), question="Who lost?")
        await editor.new_version(poll, new)
    page = await news.blank()
    element = f'<pollsvc-poll poll="{poll}">' if tag == "pollsvc-poll" else f'<div data-pollsvc="{poll}">'
    await news.open(page, f"{element}</{tag}>")
    await expect(page.get_by_role("group", name="Who lost?")).to_be_visible()
    await vote(page, "Iran", page.locator(tag).first)
    await expect(mine(page)).to_have_count(1)


async def test_common_polls_do_without_the_second_file(news: News) -> None:
    page = await news.blank()
    requests = Requests(page, news.service)
    common, rare = await news.poll(), await news.poll(kind="ranked")
    await news.open(page, embed(news.service, common))
    await expect(page.get_by_role("radio")).to_have_count(3)
    assert len(requests.to("/w/")) == 1
    await news.open(page, embed(news.service, rare))
    await expect(page.get_by_role("button", name="Rank next: Iran")).to_be_visible()
    assert len(requests.to("/w/")) == 3  # the first file again, from the cache


async def test_a_second_file_that_does_not_come_is_asked_for_again(news: News) -> None:
    poll = await news.poll(kind="ranked")
    page = await news.blank()
    asked: list[str] = []

    async def fail_once(route: object) -> None:
        asked.append(route.request.url)  # type: ignore[attr-defined]
        await (route.abort() if len(asked) == 1 else route.continue_())  # type: ignore[attr-defined]

    await page.route(lambda url: "/w/1.0" in url, fail_once)
    await news.open(page, embed(news.service, poll))
    await expect(page.get_by_role("button", name="Rank next: Iran")).to_be_visible()
    assert len(asked) == 2


async def test_a_second_file_that_never_comes_keeps_no_common_poll_waiting(news: News) -> None:
    rare, common = await news.poll(kind="ranked"), await news.poll()
    page = await news.blank()
    await page.route(lambda url: "/w/1.0" in url, lambda route: route.abort())
    await news.open(page, embed(news.service, rare) + embed(news.service, common))
    await expect(page.get_by_role("radio")).to_have_count(3)
    await expect(page.get_by_role("link", name="Vote: Who won?")).to_have_count(1)


async def test_the_strictest_policy_holds_for_every_kind(news: News) -> None:
    polls = [
        await news.poll(kind="ranked", write_in=True),
        await news.poll("How good?", [], kind="rating", scale=10),
        await news.poll(kind="reaction", options=FEELINGS),
        await news.poll(kind="multiple", max_picks=2, write_in=True, shuffle=True),
    ]
    page = await news.blank(viewport={"width": 600, "height": 3000})
    await news.open(page, "".join(embed(news.service, poll) for poll in polls), csp=strict_csp(news.service))
    await expect(page.locator("pollsvc-poll form")).to_have_count(4)
    assert [text for text in await page.evaluate("violations") if "favicon" not in text] == []


@pytest.mark.parametrize("width", [240, 600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_any_kind(news: News, scheme: str, width: int) -> None:
    polls = [
        await news.poll(kind="ranked", write_in=True, max_picks=3, allow_change=True),
        await news.poll("How good?", [], kind="rating", scale=10),
        await news.poll(kind="reaction", options=FEELINGS),
        await news.poll(kind="multiple", max_picks=2, write_in=True),
    ]
    page = await news.blank(color_scheme=scheme, viewport={"width": width + 16, "height": 4000})
    head = (
        '<meta name="color-scheme" content="light dark">'
        "<style>:root { background: Canvas } pollsvc-poll { min-height: 60em }</style>"
    )
    await news.open(page, "".join(embed(news.service, poll) for poll in polls), head=head)
    places = page.locator("pollsvc-poll")
    await expect(places.locator("form")).to_have_count(4)
    await places.nth(0).get_by_role("button", name="Rank next: Iran").click()
    assert await axe(page) == []
    assert await sticking_out(page) == []
    for nth in (1, 2, 3):
        await places.nth(nth).locator("input").first.check()
    for nth in range(4):
        await places.nth(nth).locator("[part=vote]").click()
        await expect(places.nth(nth).locator("form.result")).to_be_visible()
    assert await axe(page) == []


@pytest.mark.parametrize("width", [240, 700])
@pytest.mark.parametrize(
    "more",
    [
        {"kind": "rating", "options": [], "scale": 10},
        {"kind": "rating", "options": [], "scale": 5, "percent": True},
        {"kind": "reaction", "options": FEELINGS},
        {"write_in": True},
        {"kind": "multiple", "max_picks": 3, "allow_change": True},
        {"allow_change": True},
        {"kind": "ranked"},
    ],
    ids=lambda more: "-".join(map(str, more.values())) if isinstance(more, dict) else None,
)
async def test_nothing_shifts_by_a_vote(news: News, width: int, more: dict[str, object]) -> None:
    percent = more.pop("percent", False)
    poll = await news.poll(**more)  # type: ignore[arg-type]
    if percent:
        await news.others_vote(poll, [1], [4], [4])
    page = await news.read(poll, viewport={"width": width + 16, "height": 1200})
    place = page.locator("pollsvc-poll")
    if more.get("kind") == "ranked":
        await place.get_by_role("button", name="Rank next: Iran").click()
    else:
        await place.locator("input").first.check()
    before = await shift(page)
    await place.locator("[part=vote]").click()
    await expect(place.locator("form.result")).to_be_visible()
    await expect(place.get_by_role("status")).not_to_be_empty()
    assert await shift(page) == before
