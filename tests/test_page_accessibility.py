"""The readers' pages of every kind of poll in a real browser: no axe violations, and no sideways scroll."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest
from playwright.async_api import Page, expect

from pollsvc.services.editing.new_poll import NewOption
from tests.support.browser import News, axe, sticking_out
from tests.support.server import until
from tests.support.write_ins import write
from tests.test_ratings_and_reactions import add_image

pytest_plugins = ("tests.support.browser_fixtures",)
EMOJI = [NewOption(emoji=emoji) for emoji in ("😀", "😢", "😡")]
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
Fill = Callable[[Page], Awaitable[None]]


async def choose(page: Page) -> None:
    await page.locator("input[name=selection]").first.check()


async def rank(page: Page) -> None:
    for place, number in ((1, "1"), (0, "2")):
        await page.locator("select").nth(place).select_option(number)


async def write_own(page: Page) -> None:
    await page.locator("input[name=own]").fill("The public, of course")


KINDS: dict[str, tuple[dict[str, Any], list[object], Fill]] = {
    "single with a text": ({"write_in": True}, [1, 2, "Nobody"], write_own),
    "several with a text": ({"kind": "multiple", "write_in": True}, [1, 2, "Nobody"], choose),
    "rating": ({"kind": "rating", "options": [], "scale": 10}, [3, 10, 7], choose),
    "reaction": ({"kind": "reaction", "options": EMOJI}, [1, 2, 2], choose),
    "ranked": ({"kind": "ranked", "write_in": True}, [1, 2, 2], rank),
    "ranked in Arabic": (
        {"kind": "ranked", "lang": "ar", "question": "من الأفضل؟", "options": ["قطر", "عُمان", "لا أحد"]},
        [1, 2, 2],
        rank,
    ),
}


async def check(page: Page) -> None:
    """The state that a page is in, in light and in dark."""
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert await axe(page) == [], scheme
    assert await sticking_out(page) == []
    assert await page.evaluate("window.violations") == []


async def without_widget(page: Page) -> None:
    """What readers without scripts see, in a browser that axe can run in."""
    await page.route("**/w/*.js", lambda route: route.abort())


async def close(news: News, poll: str) -> None:
    """Close a poll, and wait until its page has only the result."""
    async with news.service.editor() as editor:
        await editor.close_poll(poll)

    async def closed() -> bool:
        return b"<form" not in (await news.http.get(f"/p/{poll}")).body

    await until(closed)


@pytest.mark.parametrize("kind", KINDS)
async def test_form_result_and_history(news: News, kind: str) -> None:
    fields, votes, fill = KINDS[kind]
    poll = await news.poll(**{**fields})
    for pick in votes:
        assert (await write(news.http, poll, pick)).status == 201
    page = await news.blank(viewport={"width": 360, "height": 700})
    await page.goto(f"{news.service.base_url}/p/{poll}")
    await expect(page.locator("[part=poll]")).to_be_visible()
    await check(page)
    await without_widget(page)
    await page.reload()
    await check(page)
    await page.locator("summary").click()
    await check(page)
    await page.evaluate("document.querySelector('form').noValidate = true")
    await page.locator("form button").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await check(page)
    await fill(page)
    await page.locator("form button").click()
    await expect(page.get_by_role("status")).to_be_visible()
    assert await page.get_by_text("✓").count() >= 1
    await check(page)
    await page.set_viewport_size({"width": 1000, "height": 700})
    await check(page)
    await page.locator("p.more a").first.click()
    await expect(page.locator(".history li")).to_have_count(1)
    await check(page)
    await close(news, poll)
    await page.goto(f"{news.service.base_url}/p/{poll}")
    await check(page)


async def test_languages_pictures_and_the_page_of_no_poll(news: News) -> None:
    image = await add_image(news.service, 800, 300)
    options = [
        NewOption({"en": f"Photo {n}", "ar": f"صورة {n}"}, image=image, alt={"en": "A sea", "ar": "بحر"})
        for n in (1, 2, 3)
    ]
    fields: dict[str, Any] = {"question": {"en": "Which?", "ar": "أيّ صورة؟"}, "options": options}
    poll = await news.poll(**fields)
    page = await news.blank(viewport={"width": 360, "height": 700})
    await without_widget(page)
    await page.goto(f"{news.service.base_url}/p/{poll}")
    await check(page)
    await page.get_by_role("link", name="العربية").click()
    await expect(page.locator("form img")).to_have_count(3)
    assert (
        await page.locator("img").first.evaluate("(img) => img.decode().then(() => img.naturalWidth)") == 800
    )
    await check(page)
    await close(news, poll)
    await page.goto(f"{news.service.base_url}/p/nosuchpoll")
    await expect(page.get_by_role("heading")).to_have_text("There is no such poll")
    await check(page)


async def test_the_whole_form_by_keyboard(news: News) -> None:
    """A rating is one stop with arrows, as every group of radio buttons is; the form is sent by Enter."""
    poll = await news.poll("How is it?", [], kind="rating")
    page = await news.blank(viewport={"width": 360, "height": 700})
    await without_widget(page)
    await page.goto(f"{news.service.base_url}/p/{poll}")
    await page.locator("body").press("Tab")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_be_visible()
    assert (await news.http.results(poll))["options"][2] == {"id": 3, "count": 1}
    await close(news, poll)
