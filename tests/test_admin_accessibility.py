"""Editors' poll pages have no fault that axe finds, and all of their form works without scripts."""

import pytest
from playwright.async_api import (
    Browser,
    Page,
    expect,
)

from pollsvc.domain.editor import Role, Scope
from pollsvc.services.editing.new_poll import NewOption
from tests.support.admin_browser import ARABIC, Admin, option, preview, question
from tests.support.browser import axe, sticking_out
from tests.support.editors import EditorHttp, add_editor, add_session
from tests.support.reader import Http, new_key
from tests.support.server import Service

pytest_plugins = ("tests.support.browser_fixtures", "tests.support.admin_fixtures")

ARTICLE = "https://news.example/axe"
PLACES = {
    "list": "/admin/polls",
    "nothing found": "/admin/polls?q=zzz",
    "import": "/admin/polls/import",
    "which site": "/admin/polls/new",
    "edit": "/admin/polls/{poll}/edit",
    "edit in Arabic": "/admin/polls/{arabic}/edit",
    "edit a ranking": "/admin/polls/{ranked}/edit",
    "edit a reaction": "/admin/polls/{react}/edit",
    "new version": "/admin/polls/{poll}/version",
    "embed": "/admin/polls/{poll}/embed",
    "history": "/admin/polls/{poll}/history",
    "articles of a poll": "/admin/polls/{poll}/articles",
    "write-ins": "/admin/polls/{arabic}/write-ins",
    "ballots": "/admin/polls/{arabic}/ballots",
    "articles": "/admin/articles",
    "article": f"/admin/articles?url={ARTICLE}",
    "sites": "/admin/sites",
}
"""The pages, by what they are; a word in braces stands for the id of a poll."""

LONG = "Nachrichtenredaktionsgemeinschaft" * 9
TOO_WIDE = """
[document.documentElement, ...document.querySelectorAll('.table:not(.scroll)')]
  .filter((box) => box.scrollWidth > box.clientWidth)
  .map((box) => `${box.className}: ${box.scrollWidth} > ${box.clientWidth}`)
"""
"""What is wider than its room; a table that is clipped would not show by the page's width."""


@pytest.fixture(scope="module")
async def polls(desk_service: Service) -> dict[str, str]:
    """The ids of polls, one of each sort."""
    add = desk_service.add_poll
    texts = {"en": "Who won?", "ar": "من انتصر؟"}
    labels = [NewOption({"en": "Iran", "ar": "إيران"}), NewOption({"en": "America", "ar": "أمريكا"})]
    poll = await add(texts, [*labels, NewOption({"en": "No", "ar": "لا"}, retired=True)], articles=[ARTICLE])
    arabic = await add("حداد أم احتفال؟", ["حداد", "احتفال"], site=ARABIC, lang="ar", write_in=True)
    ranked = await add("Rank", ["a", "b", "c"], kind="ranked", draft=True)
    react = await add("Feel?", [NewOption(emoji="😀"), NewOption(emoji="😢")], kind="reaction", draft=True)
    async with Http(desk_service.base_url) as http:
        for text in ("سلام", "حرب"):
            vote = await http.post_vote(arabic, {"selection": [text], "idempotency_key": new_key()})
            assert vote.status == 201
    return {"poll": poll, "arabic": arabic, "ranked": ranked, "react": react}


async def check(page: Page, width: int) -> None:
    """Nothing may be wrong with a page in light and in dark, nor may it be scrolled sideways."""
    await page.set_viewport_size({"width": width, "height": 900})
    if await page.locator("[data-widget]").count():
        await page.locator("#preview").scroll_into_view_if_needed()
        await expect(preview(page).locator("form")).to_be_attached()
    assert await sticking_out(page) == []
    assert await page.evaluate("window.violations") == []
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert await axe(page) == []
    await page.evaluate("window.violations = []")  # what axe does is not allowed either


@pytest.mark.parametrize("name", PLACES)
async def test_pages_have_no_fault_that_axe_finds(admin: Admin, polls: dict[str, str], name: str) -> None:
    page = await admin.open(PLACES[name].format_map(polls))
    for width in (1280, 360):
        await check(page, width)


async def test_the_questions_that_saving_raises_have_no_fault_that_axe_finds(admin: Admin) -> None:
    poll = await admin.service.add_poll("Who won?", ["Iran", "America"])
    conflict = await admin.open(f"/admin/polls/{poll}/edit")
    confirm = await admin.open(f"/admin/polls/{poll}/edit")
    for page in (confirm, conflict):
        await option(page, "Option 1").fill("Persia")
    await confirm.get_by_role("button", name="Save changes").click()
    await expect(confirm.get_by_role("heading", name="It is a correction")).to_be_visible()
    for width in (360, 1280):
        await check(confirm, width)
    await confirm.get_by_role("button", name="Save as a correction").click()
    await expect(confirm.get_by_text("The changes are saved.")).to_be_visible()
    await conflict.get_by_role("button", name="Save changes").click()
    await expect(conflict.get_by_role("heading", name="Somebody else")).to_be_visible()
    for width in (360, 1280):
        await check(conflict, width)


async def test_long_names_and_texts_have_room(desk_service: Service, browser: Browser) -> None:
    secret = await add_session(
        desk_service.database_url, await add_editor(desk_service.database_url, Role.ADMIN, LONG[:100])
    )
    async with EditorHttp(desk_service.base_url) as http:
        http.secret = secret
        key = {"name": LONG[:100], **{f"scope:{scope}": "1" for scope in Scope}}
        assert (await http.send("/admin/keys", key)).status == 200
    poll = await desk_service.add_poll(LONG, [LONG[:150], "No"], articles=[f"https://news.example/{LONG}"])
    of_poll = ("", "/ballots", "/history")
    paths = ("people", "keys", "sites", "log", "polls", "articles", *(f"polls/{poll}{of}" for of in of_poll))
    admin = Admin(desk_service, browser, secret)
    page = await admin.open("/admin")
    for path in ("/admin", *(f"/admin/{path}" for path in paths)):
        await page.goto(f"{desk_service.base_url}{path}")
        for width in (1280, 1000, 900, 700, 320):
            await page.set_viewport_size({"width": width, "height": 900})
            assert await page.evaluate(TOO_WIDE) == [], (path, width)
    await admin.close()


async def test_the_menu_of_a_poll_is_on_the_screen(admin: Admin, polls: dict[str, str]) -> None:
    for poll in ("poll", "ranked"):
        page = await admin.open(f"/admin/polls/{polls[poll]}")
        await page.locator("summary", has_text="More").click()
        for width in (1000, 700, 360, 320):
            await page.set_viewport_size({"width": width, "height": 900})
            box = await page.locator(".menu-list", has_text="Duplicate").bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width


async def test_everything_is_there_without_scripts(admin: Admin) -> None:
    page = await admin.open(f"/admin/polls/new?site={await admin.site()}", java_script_enabled=False)
    await question(page).fill("Who won?")
    await option(page, "Option 1").fill("Iran")
    await page.get_by_role("button", name="Add an option").click()
    await option(page, "Option 3").fill("Neither")
    await page.get_by_role("button", name="Move option 3 up").click()
    await expect(option(page, "Option 2")).to_have_value("Neither")
    await option(page, "Option 3").fill("America")
    await page.get_by_role("button", name="Preview").click()
    shown = page.locator("#preview .preview-page")
    for text in ("Who won?", "Iran", "Neither", "America"):
        await expect(shown.get_by_text(text)).to_be_visible()
    await page.get_by_role("radio", name="Rating").check()
    await expect(option(page, "Option 1")).to_be_hidden()
    await expect(page.get_by_role("radio", name="1 to 10")).to_be_visible()
    await page.get_by_role("radio", name="One answer").check()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_text("readers can vote")).to_be_visible()
