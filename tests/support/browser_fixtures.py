"""Fixtures of the tests that need a browser: one Chromium and one service for all of them."""

import time
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

from pollsvc.services.editing.sites import Sites
from tests.support.browser import PERCENT_FROM, News, Publisher, launch, run_publisher
from tests.support.reader import Http
from tests.support.server import Service, open_connection, run_service


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def newsroom(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Service, Publisher, Browser, Http]]:
    """A service and a publisher for all tests that only add polls of their own."""
    async with run_publisher() as publisher, run_service(tmp_path_factory.mktemp("widget")) as service:
        async with open_connection(service.database_url) as connection:
            await Sites(connection, time.time).add(
                publisher.origin, [publisher.origin], percent_from=PERCENT_FROM
            )
        async with Http(service.base_url) as http:
            yield service, publisher, browser, http


@pytest.fixture
async def news(newsroom: tuple[Service, Publisher, Browser, Http]) -> AsyncIterator[News]:
    news = News(*newsroom)
    yield news
    await news.close()
