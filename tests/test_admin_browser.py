"""The form of a poll in a real browser: keyboard, live preview, options, languages and images."""

import re
from io import BytesIO

from PIL import Image
from playwright.async_api import (
    FilePayload,
    Page,
    expect,
)

from pollsvc.domain.poll import OptionState
from pollsvc.services.editing.new_poll import NewOption
from tests.support.admin_browser import Admin, option, preview, question

pytest_plugins = ("tests.support.browser_fixtures", "tests.support.admin_fixtures")


async def id_of(page: Page) -> str:
    found = re.search(r"/polls/(\w+)", page.url)
    assert found
    return found[1]


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


def picture() -> bytes:
    file = BytesIO()
    Image.new("RGB", (60, 40), "red").save(file, "PNG")
    return file.getvalue()


def chosen(content: bytes) -> FilePayload:
    return {"name": "x.png", "mimeType": "image/png", "buffer": content}


async def test_a_poll_is_made_by_keyboard_alone(admin: Admin) -> None:
    page = await admin.open(f"/admin/polls/new?site={await admin.site()}")
    await page.get_by_label("Language", exact=True).focus()
    await press(page, "Tab")
    await page.keyboard.type("Who won?")
    await press(page, "Tab")  # another language
    await press(page, "Tab", "ArrowDown", "ArrowUp")  # the kind, chosen and chosen back
    await expect(page.get_by_role("radio", name="One answer")).to_be_checked()
    await press(page, "Tab")
    await page.keyboard.type("Iran")
    await option(page, "Option 2").focus()
    await page.keyboard.type("America")
    await page.get_by_role("button", name="Add an option").focus()
    await press(page, "Enter")
    await expect(option(page, "Option 3")).to_be_focused()
    await page.keyboard.type("Neither")
    await page.get_by_role("button", name="Move option 3 up").focus()
    await press(page, "Enter")
    await expect(option(page, "Option 2")).to_have_value("Neither")
    await page.get_by_role("button", name="Publish").focus()
    await press(page, "Enter")
    await expect(page.get_by_text("readers can vote")).to_be_visible()
    poll = await admin.poll(await id_of(page))
    assert (poll.draft, poll.question) == (False, {"en": "Who won?"})
    assert [option.label["en"] for option in poll.options] == ["Iran", "Neither", "America"]


async def test_enter_in_a_field_keeps_a_draft(admin: Admin) -> None:
    page = await admin.open(f"/admin/polls/new?site={await admin.site()}")
    await question(page).fill("Who won?")
    for number, label in enumerate(("Iran", "America"), 1):
        await option(page, f"Option {number}").fill(label)
    await press(page, "Enter")
    await expect(page.get_by_text("The draft is saved")).to_be_visible()
    assert (await admin.poll(await id_of(page))).draft


async def test_enter_in_a_field_publishes_no_new_version(admin: Admin) -> None:
    old = await admin.service.add_poll("Who won?", ["Iran", "America"])
    page = await admin.open(f"/admin/polls/{old}/version")
    await option(page, "Option 1").fill("Persia")
    async with page.expect_navigation():
        await press(page, "Enter")
    await expect(page.get_by_role("heading", name="New version")).to_be_visible()
    await expect(option(page, "Option 1")).to_have_value("Persia")
    assert (await admin.poll(old)).replaced_by is None


async def test_the_preview_follows_what_is_typed(admin: Admin) -> None:
    page = await admin.open(f"/admin/polls/new?site={await admin.site()}")
    await expect(preview(page).get_by_role("radio")).to_have_count(2)
    await question(page).fill("Who <b>won</b>?")
    await expect(preview(page).get_by_text("Who <b>won</b>?")).to_be_visible()
    await option(page, "Option 1").fill("Iran")
    await expect(preview(page).get_by_label("Iran")).to_be_visible()
    await page.get_by_role("button", name="Add an option").click()
    await page.keyboard.type("Neither")
    await expect(preview(page).get_by_label("Neither")).to_be_visible()
    await expect(preview(page).get_by_role("radio")).to_have_count(2)  # a blank row is no option
    await option(page, "Option 2").fill("America")
    await expect(preview(page).get_by_role("radio")).to_have_count(3)
    await page.get_by_role("radio", name="Several answers").check()
    await expect(preview(page).get_by_role("checkbox")).to_have_count(3)
    await page.get_by_label("Answers at most").fill("9")
    await expect(page.locator("#preview-note")).to_contain_text("Not shown yet: There are 3 options")
    await expect(preview(page).get_by_role("checkbox")).to_have_count(3)
    await page.get_by_label("Answers at most").fill("2")
    await expect(page.locator("#preview-note")).to_have_text("")
    await expect(preview(page).get_by_text("Choose up to 2 answers")).to_be_visible()
    await page.get_by_role("radio", name="Ranking").check()
    await expect(preview(page).get_by_role("button", name="Rank next")).to_have_count(3)
    await question(page).fill("Rank them")
    await expect(preview(page).get_by_text("Rank them")).to_be_visible()
    await page.get_by_role("radio", name="One answer").check()
    await expect(preview(page).get_by_role("radio")).to_have_count(3)


async def test_a_vote_in_the_preview_shows_a_result_and_reaches_nobody(admin: Admin) -> None:
    poll = await admin.service.add_poll("Who won?", ["Iran", "America"], allow_change=True)
    page = await admin.open(f"/admin/polls/{poll}/edit")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    for _ in range(2):
        await preview(page).get_by_label("Iran").check()
        await preview(page).get_by_role("button", name="Vote").click()
        await expect(preview(page).get_by_text("1,000 voters")).to_be_visible()
        await expect(preview(page).get_by_text("Thank you")).to_be_visible()
        await preview(page).get_by_role("button", name="Withdraw vote").click()
        await expect(preview(page).get_by_text("Reader poll · 0 voters")).to_be_visible()
    assert not [url for url in sent if "/api/" in url]
    assert not await page.evaluate(
        "Object.keys(localStorage).filter((key) => !key.endsWith(' preview')).length"
    )
    assert await admin.service.ballots(poll) == []
    await question(page).fill("Who lost?")
    await expect(preview(page).get_by_role("button", name="Vote")).to_be_visible()
    await page.reload()
    await expect(preview(page).get_by_role("button", name="Vote")).to_be_visible()
    assert await page.evaluate("Object.keys(localStorage)") == []


async def test_the_preview_speaks_each_language_of_the_poll(admin: Admin) -> None:
    options = [NewOption({"en": "Iran", "ar": "إيران"}), NewOption({"en": "America", "ar": "أمريكا"})]
    poll = await admin.service.add_poll({"en": "Who won?", "ar": "من انتصر؟"}, options)
    page = await admin.open(f"/admin/polls/{poll}/edit")
    await expect(preview(page).get_by_text("Who won?")).to_be_visible()
    await page.get_by_label("العربية").check()
    await expect(preview(page).get_by_text("من انتصر؟")).to_be_visible()
    await expect(preview(page).get_by_role("button", name="تصويت", exact=True)).to_be_visible()
    assert await preview(page).locator("form").get_attribute("dir") == "rtl"


async def test_options_are_moved_removed_and_retired(admin: Admin) -> None:
    poll = await admin.service.add_poll("Which?", ["a", "b", "c"])
    page = await admin.open(f"/admin/polls/{poll}/edit")
    await expect(page.get_by_role("button", name="Remove option")).to_have_count(0)
    down = page.get_by_role("button", name="Move option 1 down")
    await down.focus()
    await press(page, "Enter")
    await expect(page.get_by_role("button", name="Move option 2 down")).to_be_focused()
    await expect(page.locator("#said")).to_have_text("Moved to place 2")
    await press(page, "Enter")
    await expect(page.get_by_role("button", name="Move option 3 up")).to_be_focused()
    await page.get_by_role("button", name="Add an option").click()
    await page.keyboard.type("d")
    await page.get_by_role("button", name="Remove option 4").click()
    await expect(option(page, "Option 4")).to_have_count(0)
    await page.get_by_role("switch", name="Retired (option 2)").check()
    await expect(preview(page).get_by_role("radio")).to_have_count(2)
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.get_by_text("The changes are saved.")).to_be_visible()
    saved = await admin.poll(poll)
    assert [(option.id, option.state) for option in saved.options] == [
        (2, OptionState.ACTIVE),
        (3, OptionState.RETIRED),
        (1, OptionState.ACTIVE),
    ]


async def test_errors_are_summed_up_and_lead_to_their_fields(admin: Admin) -> None:
    page = await admin.open(f"/admin/polls/new?site={await admin.site()}")
    await option(page, "Option 1").fill("Iran")
    await page.get_by_role("button", name="Publish").click()
    summary = page.locator(".error-summary")
    await expect(summary).to_be_focused()
    await summary.get_by_role("link", name="The question is empty").click()
    await expect(question(page)).to_be_focused()
    assert await question(page).get_attribute("aria-invalid") == "true"
    described = page.locator("#" + str(await question(page).get_attribute("aria-describedby")))
    await expect(described).to_contain_text("The question is empty")
    await summary.get_by_role("link", name=re.compile("2 to 50 options")).click()
    await expect(page.get_by_role("button", name="Add an option")).to_be_focused()
    await expect(option(page, "Option 1")).to_have_value("Iran")


async def test_a_language_is_added_and_its_fields_have_its_direction(admin: Admin) -> None:
    page = await admin.open(f"/admin/polls/new?site={await admin.site()}")
    await question(page).fill("Who won?")
    await page.get_by_text("Another language").click()
    await page.get_by_label("Language to add").select_option("ar")
    await page.get_by_role("button", name="Add it").click()
    field = page.get_by_label("Question in Arabic")
    await expect(field).to_be_focused()
    assert (await field.get_attribute("dir"), await field.get_attribute("lang")) == ("rtl", "ar")
    await expect(page.get_by_label("Question in English")).to_have_value("Who won?")
    await page.get_by_label("Language", exact=True).select_option("fa")
    first = page.get_by_label("Question in Persian")
    assert (await first.get_attribute("dir"), await first.get_attribute("lang")) == ("rtl", "fa")
    await page.get_by_role("button", name="Add an option").click()
    added = option(page, "Option 3, Persian")
    assert await added.get_attribute("dir") == "rtl"


async def test_an_image_is_sent_when_it_is_chosen(admin: Admin) -> None:
    page = await admin.open(f"/admin/polls/new?site={await admin.site()}")
    await question(page).fill("Which?")
    for number, label in enumerate(("One", "Two"), 1):
        await option(page, f"Option {number}").fill(label)
    await page.locator("summary", has_text="Image of option 1").click()
    file = page.get_by_label("File of the image of option 1")
    await file.set_input_files(chosen(b"no image"))
    await expect(page.get_by_role("alert")).to_contain_text("no image that can be read")
    assert await file.get_attribute("aria-invalid") == "true"
    await file.set_input_files(chosen(b"x" * (5 * 1024 * 1024 + 1)))
    await expect(page.get_by_role("alert")).to_contain_text("larger than 5 MiB")
    await file.set_input_files(chosen(picture()))
    await expect(page.locator(".thumb img").first).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await page.get_by_label("What it shows (option 1)").fill("A red field")
    await expect(page.locator("#preview").get_by_alt_text("A red field")).to_be_attached()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_text("readers can vote")).to_be_visible()
    poll = await admin.poll(await id_of(page))
    assert poll.options[0].image
    assert poll.options[0].alt == {"en": "A red field"}
    await page.goto(f"{admin.service.base_url}/admin/polls/{poll.id}/edit")
    await page.get_by_role("button", name="Remove the image of option 1").click()
    await expect(page.locator(".thumb img").first).to_be_hidden()
    await page.get_by_role("button", name="Save changes").click()
    await page.get_by_role("button", name="Save as a correction").click()
    await expect(page.get_by_text("The changes are saved.")).to_be_visible()
    assert (await admin.poll(poll.id)).options[0].image == ""
