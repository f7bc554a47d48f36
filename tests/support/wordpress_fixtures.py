"""Fixtures of the plugin's tests: one WordPress, and one service that knows it as the site of its readers."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser

from pollsvc.services.editing.sites import Sites
from tests.support.courier import Courier
from tests.support.reader import Http
from tests.support.server import Service, open_connection, run_service
from tests.support.wordpress import WordPress, run_wordpress


@pytest.fixture(scope="session")
async def offices(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Service, WordPress]]:
    """Both servers, for all tests that only add posts and polls of their own."""
    async with run_wordpress() as wordpress, run_service(tmp_path_factory.mktemp("courier")) as service:
        async with open_connection(service.database_url) as connection:
            await Sites(connection, time.time).add(wordpress.origin, [wordpress.origin], percent_from=1)
        yield service, wordpress


@asynccontextmanager
async def open_courier(
    offices: tuple[Service, WordPress], browser: Browser, every_post: bool
) -> AsyncIterator[Courier]:
    service, wordpress = offices
    await wordpress.set(service.base_url, every_post)
    async with Http(service.base_url) as http:
        courier = Courier(service, wordpress, browser, http)
        yield courier
        await courier.close()
    assert wordpress.complaints() == []


@pytest.fixture
async def courier(offices: tuple[Service, WordPress], browser: Browser) -> AsyncIterator[Courier]:
    """The plugin knows the service; polls are where editors put them."""
    async with open_courier(offices, browser, every_post=False) as courier:
        yield courier


@pytest.fixture
async def courier_with_polls_everywhere(
    offices: tuple[Service, WordPress], browser: Browser
) -> AsyncIterator[Courier]:
    """The same, with the article's polls at the end of each post."""
    async with open_courier(offices, browser, every_post=True) as courier:
        yield courier
