"""What an editor typed is not lost: by leaving, a service or a session that is gone, or another editor."""

from typing import Any

from playwright.async_api import (
    Route,
    expect,
)

from tests.support.admin_browser import Admin, option, preview, question
from tests.support.browser import axe

pytest_plugins = ("tests.support.browser_fixtures", "tests.support.admin_fixtures")


async def test_what_was_typed_is_not_lost_by_leaving(admin: Admin) -> None:
    poll = await admin.service.add_poll(draft=True)
    page = await admin.open(f"/admin/polls/{poll}/edit")
    asked: list[str] = []

    async def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        await dialog.accept()

    page.on("dialog", stay)
    await question(page).press_sequentially("!")
    await page.get_by_role("link", name="Dashboard").click()
    await page.wait_for_url("**/admin")
    assert asked == ["beforeunload"]


async def test_the_preview_outlives_a_service_that_does_not_answer(admin: Admin) -> None:
    page = await admin.open(f"/admin/polls/new?site={await admin.site()}")
    await expect(preview(page).get_by_role("radio")).to_have_count(2)

    async def fail(route: Route) -> None:
        await route.fulfill(status=503, body="busy")

    await page.route("**/admin/preview*", fail)
    await question(page).fill("Who won?")
    await expect(page.locator("#preview-note")).to_contain_text("does not answer")
    await expect(preview(page).get_by_role("radio")).to_have_count(2)
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_role("alert")).to_contain_text("nothing is lost")
    await page.unroute("**/admin/preview*")
    await question(page).fill("Who won now?")
    await expect(preview(page).get_by_text("Who won now?")).to_be_visible()
    for number in (1, 2):
        await option(page, f"Option {number}").fill(f"Number {number}")
    await expect(preview(page).get_by_label("Number 2")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "preview" in request.url else None)
    await page.get_by_role("button", name="Save draft").dblclick()
    await expect(page.get_by_text("The draft is saved")).to_be_visible()
    async with admin.service.editor() as editor:
        saved = [poll.question.get("en") for poll in await editor.polls()]
    assert saved.count("Who won now?") == 1
    assert len([url for url in asked if url.endswith("/admin/preview")]) == 1  # a double click is one
    admin.errors = [error for error in admin.errors if "503" not in error]


async def test_a_session_that_has_ended_costs_nothing_that_was_typed(admin: Admin) -> None:
    poll = await admin.service.add_poll(draft=True)
    page = await admin.open(f"/admin/polls/{poll}/edit")
    await question(page).fill("Who lost?")
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_role("alert")).to_contain_text("You are signed out")
    await admin.sign_in(page.context)
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_text("The draft is saved")).to_be_visible()
    assert (await admin.poll(poll)).question == {"en": "Who lost?"}


async def test_a_conflict_is_told_first(admin: Admin) -> None:
    poll = await admin.service.add_poll(draft=True)
    page = await admin.open(f"/admin/polls/{poll}/edit")
    other = await admin.open(f"/admin/polls/{poll}/edit")
    await question(other).fill("Who has won?")
    await other.get_by_role("button", name="Save draft").click()
    await expect(other.get_by_text("The draft is saved")).to_be_visible()
    await option(page, "Option 1").fill("Persia")
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.locator(".conflict")).to_be_focused()
    await expect(question(page)).to_have_value("Who has won?")
    assert await axe(page) == []
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_text("The draft is saved")).to_be_visible()
    saved = await admin.poll(poll)
    assert (saved.question["en"], saved.options[0].label["en"]) == ("Who has won?", "Persia")
