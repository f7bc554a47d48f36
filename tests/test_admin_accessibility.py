"""Editors' poll pages have no fault that axe finds, and all of their form works without scripts."""

import pytest
from playwright.async_api import (
    expect,
)

from pollsvc.services.editing.new_poll import NewOption
from tests.support.admin_browser import ARABIC, Admin, option, preview, question
from tests.support.browser import axe
from tests.support.reader import Http, new_key
from tests.support.server import Service

pytest_plugins = ("tests.support.browser_fixtures", "tests.support.admin_fixtures")


@pytest.fixture(scope="module")
async def places(desk_service: Service) -> dict[str, str]:
    """The pages, with a poll of each sort on them."""
    add = desk_service.add_poll
    article = "https://news.example/axe"
    texts = {"en": "Who won?", "ar": "من انتصر؟"}
    labels = [NewOption({"en": "Iran", "ar": "إيران"}), NewOption({"en": "America", "ar": "أمريكا"})]
    poll = await add(texts, [*labels, NewOption({"en": "No", "ar": "لا"}, retired=True)], articles=[article])
    arabic = await add("حداد أم احتفال؟", ["حداد", "احتفال"], site=ARABIC, lang="ar", write_in=True)
    ranked = await add("Rank", ["a", "b", "c"], kind="ranked", draft=True)
    react = await add("Feel?", [NewOption(emoji="😀"), NewOption(emoji="😢")], kind="reaction", draft=True)
    async with Http(desk_service.base_url) as http:
        for text in ("سلام", "حرب"):
            vote = await http.post_vote(arabic, {"selection": [text], "idempotency_key": new_key()})
            assert vote.status == 201
    return {
        "list": "/admin/polls",
        "nothing found": "/admin/polls?q=zzz",
        "import": "/admin/polls/import",
        "which site": "/admin/polls/new",
        "edit": f"/admin/polls/{poll}/edit",
        "edit in Arabic": f"/admin/polls/{arabic}/edit",
        "edit a ranking": f"/admin/polls/{ranked}/edit",
        "edit a reaction": f"/admin/polls/{react}/edit",
        "new version": f"/admin/polls/{poll}/version",
        "embed": f"/admin/polls/{poll}/embed",
        "history": f"/admin/polls/{poll}/history",
        "articles of a poll": f"/admin/polls/{poll}/articles",
        "write-ins": f"/admin/polls/{arabic}/write-ins",
        "articles": "/admin/articles",
        "article": f"/admin/articles?url={article}",
        "sites": "/admin/sites",
    }


NAMES = (
    *("list", "nothing found", "which site", "edit", "edit in Arabic", "edit a ranking", "edit a reaction"),
    *("new version", "embed", "history", "articles of a poll", "write-ins", "articles", "article", "sites"),
)


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", NAMES)
async def test_pages_have_no_fault_that_axe_finds(
    admin: Admin, places: dict[str, str], name: str, width: int
) -> None:
    for scheme in ("light", "dark"):
        viewport = {"width": width, "height": 900}
        page = await admin.open(places[name], viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
        if await page.locator("[data-widget]").count():
            await page.locator("#preview").scroll_into_view_if_needed()
            await expect(preview(page).locator("form")).to_be_attached()
        assert await page.evaluate("window.violations") == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await axe(page) == []
        await page.close()


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
    admin.errors.clear()
