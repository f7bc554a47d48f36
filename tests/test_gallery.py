"""The gallery: every kind of poll in every state and look, shown by the real widget, whole and accessible."""

import io
from collections.abc import AsyncIterator

import pytest
from PIL import Image, ImageStat
from playwright.async_api import Browser, Page, expect

from tests.gallery import KINDS, STATES, VIEWS, WIDTH, faults, media, query, show
from tests.support.browser import axe
from tests.support.demo import Demo, reading, run_demo

pytest_plugins = ("tests.support.browser_fixtures",)

_TEXTS = """() => {
  const found = [], range = document.createRange();
  for (const host of document.querySelectorAll('pollsvc-poll')) {
    const texts = document.createTreeWalker(host.shadowRoot, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const {data, parentElement: parent} = texts.currentNode;
      if (!/[\\p{L}\\p{N}]/u.test(data) || parent.matches(':disabled')) continue;
      if (!parent.checkVisibility({visibilityProperty: true})) continue;
      range.selectNodeContents(texts.currentNode);
      const {left, top, right, bottom} = range.getBoundingClientRect();
      found.push([host.getAttribute('poll') + ': ' + data, [left, top, right, bottom]]);
    }
  }
  return found;
}"""


@pytest.fixture(scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    async with run_demo(tmp_path_factory.mktemp("demo") / "data") as demo:
        yield demo


async def unreadable(page: Page) -> list[str]:
    """The texts that a picture of the whole page shows in nearly the colour of what is behind them.

    In forced colours axe-core compares the colours that a page asks for, not those that are shown.
    """
    texts: list[tuple[str, list[float]]] = await page.evaluate(_TEXTS)
    with Image.open(io.BytesIO(await page.screenshot())) as image:
        grey = image.convert("L")
    found = []
    for text, (left, top, right, bottom) in texts:
        cut = grey.crop((int(left), int(top), int(right), int(bottom)))
        [(darkest, lightest)] = ImageStat.Stat(cut).extrema
        if lightest - darkest < 100:
            found.append(text)
    assert len(texts) > len(KINDS) * STATES
    return found


@pytest.mark.parametrize("view", ["light", "dark", "light-rtl", "forced-colours", "large-text-narrow"])
async def test_every_kind_in_every_state_is_whole_and_accessible(
    demo: Demo, browser: Browser, view: str
) -> None:
    options = {"bypass_csp": True, "viewport": {"width": WIDTH, "height": 1000}, **media(view)}  # for axe
    async with reading(browser, **options) as page:
        await show(page, demo, query(KINDS, VIEWS[view]), len(KINDS) * STATES)
        assert await faults(page) == []
        found = await axe(page)
        if view == "forced-colours":
            found = [one for one in found if not one.startswith("color-contrast")]
            found += await unreadable(page)
        assert found == []


async def test_each_state_says_what_it_is(demo: Demo, browser: Browser) -> None:
    said = {
        "form": "Choose an answer",
        "refused": "Your vote could not be taken here.",
        "voted": "You voted",
        "change": "Change vote",
        "held": "held for review",
        "scheduled": "(in 3 hours)",
        "closed": "Voting has ended.",
        "after-vote": "Results after you vote",
        "after-close": "Results after voting ends",
        "few": "Percentages from 10 voters on",
        "busy": "The poll is busy.",
        "offline": "No connection.",
        "read-only": "Vote on the poll’s own page",
    }
    async with reading(browser, viewport={"width": 2360, "height": 1000}) as page:
        await show(page, demo, query(["single"], VIEWS["light"]), STATES)
        for state, text in said.items():
            poll = page.locator(f"[poll='gallery.single.{state}.light']")
            await expect(poll.get_by_text(text).filter(visible=True)).to_have_count(1)


async def test_the_bar_chooses_width_language_size_and_direction(demo: Demo, browser: Browser) -> None:
    async with reading(browser, viewport={"width": 1300, "height": 900}) as page:
        await page.goto(f"{demo.origin}/gallery.html")
        await expect(page.locator("pollsvc-poll")).to_have_count(len(KINDS) * STATES * 6)
        poll = page.locator("pollsvc-poll").first
        await expect(poll.locator("form")).to_have_attribute("dir", "ltr")
        assert round(await poll.evaluate("(host) => host.offsetWidth")) == 320
        await expect(page.locator("[name=lang] option")).to_have_count(12)
        for name, value in (("width", "480"), ("lang", "fr"), ("text", "200"), ("dir", "rtl")):
            async with page.expect_navigation():
                await page.locator(f"[name={name}]").select_option(value)
        await expect(poll.locator("form")).to_have_attribute("dir", "rtl")
        await expect(poll.get_by_role("button", name="Voter")).to_be_visible()
        found = await poll.evaluate("(host) => [host.offsetWidth, getComputedStyle(host).fontSize]")
        assert found == [480, "32px"]


async def test_a_vote_in_the_gallery_is_shown_and_counts_nowhere(demo: Demo, browser: Browser) -> None:
    async with reading(browser, viewport={"width": 1300, "height": 900}) as page:
        asked: list[str] = []
        await page.goto(f"{demo.origin}/gallery.html?kind=single")
        page.on("request", lambda request: asked.append(request.method))
        poll = page.locator("[poll='gallery.single.form.light']")
        await poll.get_by_label("Iran").check()
        await poll.get_by_role("button", name="Vote").click()
        await expect(poll.get_by_text("Thank you. Your vote is recorded.")).to_be_visible()
        assert "POST" not in asked
