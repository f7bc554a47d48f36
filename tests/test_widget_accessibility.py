"""The widget for everybody: axe in every state, what a screen reader is told, focus, colours, motion."""

import time

import pytest
from playwright.async_api import Page, expect

from pollsvc.domain.poll import Kind
from tests.support.browser import ROOM, News, axe, embed, mine, sticking_out, vote
from tests.support.engines import in_both_engines

pytest_plugins = ("tests.support.browser_fixtures",)
pytestmark = in_both_engines
ARABIC = ["إيران", "الولايات المتحدة", "لا أحد"]


@pytest.mark.parametrize(("lang", "scheme"), [("en", "light"), ("ar", "dark")])
async def test_axe_finds_nothing_in_any_state(news: News, lang: str, scheme: str) -> None:
    right_to_left = lang == "ar"
    polls = [
        await news.poll("من انتصر؟" if right_to_left else "Who won?", options, lang=lang, **more)
        for options, more in (
            (ARABIC if right_to_left else ["Iran", "The United States"], {}),
            (ARABIC, {"kind": Kind.MULTIPLE, "max_picks": 2}),
            (ARABIC, {"allow_change": True}),
            (ARABIC, {"opens_at": int(time.time()) + 9999}),
            (ARABIC, {"closes_at": int(time.time()) + 2}),
        )
    ]
    page = await news.blank(color_scheme=scheme, viewport={"width": 500, "height": 3600})
    await news.open(
        page,
        "".join(embed(news.service, poll) for poll in polls),
        lang=lang,
        direction="rtl" if right_to_left else "ltr",
        head='<meta name="color-scheme" content="light dark"><style>:root { background: Canvas }</style>'
        + ROOM,
    )
    places = page.locator("pollsvc-poll")
    await expect(places.last.locator("form.result")).to_be_visible()
    assert await axe(page) == []
    await page.route("**/votes", lambda route: route.abort())
    await places.nth(0).get_by_role("radio").first.check()
    await places.nth(0).locator("[part=vote]").click()
    await places.nth(1).locator("[part=vote]").click()
    await expect(places.nth(0).get_by_role("status")).not_to_be_empty()
    await expect(places.nth(1).get_by_role("status")).not_to_be_empty()
    assert await axe(page) == []
    await page.unroute("**/votes")
    await expect(places.nth(0).locator("form.result")).to_be_visible(timeout=60_000)  # sent again by itself
    for place in (places.nth(1), places.nth(2)):
        await place.locator("input").first.check()
        await place.locator("[part=vote]").click()
        await expect(place.locator("form.result")).to_be_visible()
    assert await axe(page) == []


async def test_one_word_after_a_vote_and_none_at_ticks(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    status = page.get_by_role("status")
    await expect(status).to_be_empty()
    await page.evaluate(
        """window.said = [];
        const status = document.querySelector('pollsvc-poll').shadowRoot.querySelector('[role=status]');
        new MutationObserver(() => { if (status.textContent) window.said.push(status.textContent); })
          .observe(status, {childList: true, characterData: true, subtree: true});"""
    )
    await vote(page, "Iran")
    await expect(status).not_to_be_empty()
    await page.wait_for_function("streams.some((stream) => stream.readyState == 1)")
    await news.others_vote(poll, [2], [3])
    await expect(page.locator("[part=voters]")).to_contain_text("3 voters")
    assert await page.evaluate("said") == ["Thank you. Your vote is recorded."]


async def test_focus_goes_to_the_result_only_where_it_was_in_the_form(news: News) -> None:
    poll = await news.poll()
    page = await news.open(await news.blank(), embed(news.service, poll) * 2)
    await vote(page, "Iran", page.locator("pollsvc-poll").first)
    await expect(page.locator("pollsvc-poll").first.locator("ul")).to_be_focused()
    await expect(page.locator("pollsvc-poll").last.locator("ul")).not_to_be_focused()


@pytest.mark.parametrize("width", [240, 700])
async def test_targets_are_large_enough_and_nothing_overflows(news: News, width: int) -> None:
    poll = await news.poll("Mourn or celebrate?", ["Mourn", "Celebrate"], allow_change=True)
    page = await news.read(poll, viewport={"width": width + 16, "height": 900})
    await _assert_targets(page)
    await vote(page, "Mourn")
    await expect(mine(page)).to_have_count(1)
    await _assert_targets(page)
    assert await sticking_out(page) == []


async def test_forced_colours_keep_bars_and_borders(news: News) -> None:
    page = await news.read(await news.poll(), forced_colors="active")
    await vote(page, "Iran")
    await expect(mine(page)).to_have_count(1)
    bar = page.locator("[part=bar]").first
    assert await bar.evaluate("(bar) => getComputedStyle(bar).borderBlockEndStyle") == "solid"
    assert await axe(page) == []


async def test_bars_grow_only_where_motion_is_welcome(news: News) -> None:
    duration = "(bar) => getComputedStyle(bar).transitionDuration"
    still = await news.read(await news.poll(), reduced_motion="reduce")
    assert await still.locator("[part=bar]").first.evaluate(duration) == "0s"
    moving = await news.read(await news.poll(), reduced_motion="no-preference")
    assert await moving.locator("[part=bar]").first.evaluate(duration) == "0.6s"


async def test_the_words_are_in_the_pages_language_and_the_question_in_its_own(news: News) -> None:
    poll = await news.poll("من انتصر؟", ARABIC, lang="ar")
    english = await news.open(await news.blank(), embed(news.service, poll))
    await expect(english.get_by_role("button", name="Vote")).to_be_visible()
    assert await english.locator("legend").get_attribute("lang") == "ar"
    arabic = await news.open(await news.blank(), embed(news.service, poll), lang="ar", direction="rtl")
    await expect(arabic.get_by_role("button", name="تصويت")).to_be_visible()
    assert await arabic.locator("form").get_attribute("dir") == "rtl"
    await news.others_vote(poll, [1], [1], [1])
    await expect(arabic.locator("[part=voters]")).to_contain_text("مصوّتين")


async def _assert_targets(page: Page) -> None:
    """WCAG 2.2, 2.5.8: at least 24 by 24 CSS pixels."""
    for target in await page.locator("pollsvc-poll form").locator("button:visible, label, a").all():
        box = await target.bounding_box()
        assert box is not None
        assert box["height"] >= 24, await target.inner_text()
        assert box["width"] >= 24, await target.inner_text()
