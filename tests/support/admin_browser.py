"""An editor in a real browser, and the parts of a poll's form."""

import re
import time
from typing import Any

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
)

from pollsvc.domain.poll import Poll
from pollsvc.services.editing.sites import Sites
from tests.support.editors import COOKIE
from tests.support.server import SITE, Service, open_connection

_OBSERVE = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.violations.push(event.violatedDirective + ' ' + event.blockedURI);
});
"""


ARABIC = "الصحيفة"


class Admin:
    """An editor's browser."""

    def __init__(self, service: Service, browser: Browser, secret: str) -> None:
        self.service = service
        self._browser = browser
        self._secret = secret
        self._contexts: list[BrowserContext] = []
        self.errors: list[str] = []

    async def open(self, path: str, **options: Any) -> Page:
        """A page of the admin in a window of its own; `options` as of Playwright's new_context."""
        options = {"viewport": {"width": 1280, "height": 900}, **options}
        context = await self._browser.new_context(**options)
        context.set_default_timeout(10_000)
        self._contexts.append(context)
        await context.add_init_script(_OBSERVE)
        await self.sign_in(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._hear)
        await page.goto(self.service.base_url + path)
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        # A form with errors is answered with 400, a clash with 412: Chromium notes both. What axe does has no
        # address.
        if message.type == "error" and message.location["url"] and "status of 4" not in message.text:
            self.errors.append(message.text)

    async def sign_in(self, context: BrowserContext) -> None:
        await context.add_cookies(
            [{"name": COOKIE, "value": self._secret, "url": f"{self.service.base_url}/admin"}]
        )

    async def site(self, name: str = SITE) -> str:
        async with open_connection(self.service.database_url) as connection:
            return (await Sites(connection, time.time).get(name)).id

    async def poll(self, id_: str) -> Poll:
        async with self.service.editor() as editor:
            return await editor.poll(id_)

    async def close(self) -> None:
        """End all; nothing may have gone wrong in any page."""
        for context in self._contexts:
            for page in context.pages:
                if page.url.startswith("http"):
                    assert await page.evaluate("window.violations ?? []") == []
            await context.close()
        assert self.errors == []


def question(page: Page) -> Locator:
    return page.get_by_role("textbox", name=re.compile("^Question"))


def option(page: Page, name: str) -> Locator:
    return page.get_by_role("textbox", name=name, exact=True)


def preview(page: Page) -> Locator:
    """The readers' widget beside the form."""
    return page.locator("#preview pollsvc-poll:not(.coming)")
