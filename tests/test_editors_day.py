"""An editor's whole day in a real browser: sign in, create, attach, watch, correct, close, export."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from tests.support.browser import Publisher, article, axe, run_publisher
from tests.support.server import Service, run_service

pytest_plugins = ("tests.support.browser_fixtures",)


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    async with run_publisher() as publisher:
        yield publisher


@pytest.fixture
async def served(tmp_path: Path, publisher: Publisher) -> AsyncIterator[Service]:
    async with run_service(tmp_path) as service:
        await service.create_site("The Courier", [publisher.origin], "--percent-from", "1")
        yield service


async def create(page: Page, lang: str, question: str, options: list[str], articles: str) -> str:
    """Make a poll with the form; returns its id."""
    await page.get_by_role("link", name="New poll").first.click()
    if lang != "en":
        await page.get_by_label("Language", exact=True).select_option(lang)
    await page.get_by_role("textbox", name="Question").fill(question)
    for number, text in enumerate(options, 1):
        if number > 2:
            await page.get_by_role("button", name="Add an option").click()
        await page.locator(f"[name='label:new{number}:0']").fill(text)
    preview = page.locator("pollsvc-poll")
    await expect(preview.get_by_text(question)).to_be_visible()
    for text in options:
        await expect(preview.get_by_label(text)).to_be_visible()
    await page.get_by_label("Addresses of articles").fill(articles)
    assert await axe(page) == []
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_role("heading", name=question)).to_be_visible()
    found = re.search(r"/admin/polls/(\w+)", page.url)
    assert found, page.url
    return found[1]


async def vote_as_a_reader(browser: Browser, address: str, label: str) -> None:
    """Somebody reads an article in a browser of their own, and votes."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(address)
    await page.get_by_label(label).check()
    await page.locator("pollsvc-poll [part=vote]").first.click()
    await expect(page.locator("pollsvc-poll form.result").first).to_be_visible()
    await context.close()


def from_the_page(message: ConsoleMessage) -> bool:
    """Whether an error is of the page, not of what the test runs in it (axe-core), which has no address."""
    return message.type == "error" and bool(message.location["url"])


async def test_from_signing_in_to_the_export(browser: Browser, served: Service, publisher: Publisher) -> None:
    password = (await served.cli("editor", "add", "anna", "--role", "admin"))["password"]
    english = publisher.put(article(served, "<pollsvc-poll></pollsvc-poll>"), "/en")
    arabic = publisher.put(
        article(served, "<pollsvc-poll></pollsvc-poll>", lang="ar", direction="rtl"), "/ar"
    )
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(10_000)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if from_the_page(message) else None)

    await page.goto(served.base_url + "/admin/polls")
    assert await axe(page) == []
    await page.get_by_label("Name").fill("anna")
    await page.get_by_label("Password").fill(password)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Polls", exact=True)).to_be_visible()

    first = await create(page, "en", "Who won?", ["Irna", "The United States", "Neither"], english)
    await page.goto(served.base_url + "/admin/polls")
    second = await create(page, "ar", "حداد أم احتفال؟", ["حداد", "احتفال"], arabic)
    assert first != second

    await page.goto(f"{served.base_url}/admin/polls/{first}")
    assert await axe(page) == []
    for label in ("Irna", "Irna", "Neither"):
        await vote_as_a_reader(browser, english, label)
    await vote_as_a_reader(browser, arabic, "حداد")
    results = page.locator(".chart.results")
    await expect(results).to_contain_text("67%")  # the page moved by itself
    await expect(page.locator(".chart.votes")).to_be_visible()
    assert await axe(page) == []

    await page.get_by_role("link", name="Edit", exact=True).click()
    await page.locator("[name='label:1:0']").fill("Iran")
    await page.get_by_role("button", name="Save").first.click()
    await expect(page.get_by_text("It is a correction")).to_be_visible()
    assert await axe(page) == []
    await page.get_by_text("It is a correction").click()
    await page.get_by_role("button", name="Save").first.click()
    await expect(page.get_by_role("heading", name="Who won?")).to_be_visible()
    await page.goto(f"{served.base_url}/admin/polls/{first}")
    await expect(page.locator(".chart.results")).to_contain_text("Iran")
    await expect(page.locator(".chart.results")).to_contain_text("67%")

    reader = await context.new_page()
    await reader.goto(f"{served.base_url}/p/{first}/history")
    await expect(reader.get_by_text("Irna")).to_be_visible()
    await reader.goto(english)
    await expect(reader.get_by_label("Iran")).to_be_visible()
    await reader.close()

    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Close").first.click()
    await page.get_by_role("dialog").get_by_role("button", name="Close").click()
    await expect(page.locator(".badge.closed").first).to_be_visible()

    await page.get_by_role("link", name="Export").click()
    assert await axe(page) == []
    async with page.expect_download() as started:
        await page.get_by_role("button", name="Download").click()
    content = Path(await (await started.value).path()).read_text(encoding="utf-8-sig")
    assert "Iran" in content
    assert ",2" in content
    await context.close()
    assert wrong == []
    await served.assert_clean()
