"""Receipts of votes, and the page on which readers check them."""

import json
import re
from typing import Any
from urllib.parse import quote

from playwright.async_api import BrowserContext, Page, Route, expect

from tests.support.browser import News
from tests.support.reader import Http, Reader
from tests.support.server import until

CHECKS = ("choice", "signature", "log", "grown")
FIRST = ["proven", "proven", "proven", "base"]
"""What the checks find on the first visit; later ones compare the log with that one."""
HURRIED = "window.setTimeout = ((real) => (run, ms) => real(run, ms / 20))(setTimeout)"
"""A script by which the page waits a twentieth of its time; what it shall find has to be there before."""


async def receipt_of(http: Http, poll: str, pick: int = 1) -> dict[str, Any]:
    """The receipt of a vote by a reader elsewhere."""
    found: dict[str, Any] = (await Reader(http).vote(poll, pick)).json["receipt"]
    return found


async def until_sealed(http: Http, receipt: dict[str, Any]) -> None:
    path = f"/api/v1/log/inclusion?poll={receipt['poll']}&number={receipt['number']}"

    async def found() -> bool:
        return (await http.get(path)).status == 200

    await until(found)


def address(news: News, poll: str, receipt: object, query: str = "") -> str:
    text = receipt if isinstance(receipt, str) else json.dumps(receipt)
    return f"{news.service.base_url}/p/{poll}/verify{query}#{quote(text)}"


async def checked(
    news: News, poll: str, receipt: object, context: BrowserContext | None = None, init: str = ""
) -> Page:
    """The page, opened with a receipt; `init` is a script that runs before its own."""
    page = await news.blank(context)
    if init:
        await page.add_init_script(init)
    await page.goto(address(news, poll, receipt))
    return page


async def answer(page: Page, path: str, body: object = None, status: int = 200) -> None:
    """Let the log answer with this instead."""

    async def fulfill(route: Route) -> None:
        await route.fulfill(status=status, body=body if isinstance(body, str) else json.dumps(body))

    await page.route(f"**/api/v1/log/{path}*", fulfill)


async def told(page: Page) -> tuple[str, list[str]]:
    """What the page has found out: in all, and by check."""
    place = page.locator("#verify")
    await expect(place).to_have_attribute("data-checked", re.compile("."), timeout=20_000)
    whole = await place.get_attribute("data-checked")
    rows = [await page.locator(f"[data-check={name}]").get_attribute("data-verdict") for name in CHECKS]
    return str(whole), [str(row) for row in rows]
