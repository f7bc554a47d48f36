"""A newspaper whose site is the tests' WordPress: its readers, and those who work there."""

from playwright.async_api import Browser, BrowserContext

from tests.support.browser import News, Publisher
from tests.support.reader import Http
from tests.support.server import Service
from tests.support.wordpress import NAME, WordPress


class Courier(News):
    """The newspaper, and the browsers that are open on its site; `close` ends them."""

    def __init__(self, service: Service, wordpress: WordPress, browser: Browser, http: Http) -> None:
        super().__init__(service, Publisher(wordpress.port), browser, http)
        self.wordpress = wordpress

    async def signed_in(self, name: str = NAME) -> BrowserContext:
        """A browser of somebody who works there; by default of the administrator."""
        context = await self.context(viewport={"width": 1280, "height": 900})
        await self.wordpress.sign_in(context, name)
        return context
