"""Fixtures of the tests that need a browser: one of each engine, and one service, for all of them."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.support.browser import News, Publisher, run_newsroom
from tests.support.engines import CHROMIUM, Browsers, run_browsers
from tests.support.reader import Http
from tests.support.server import Service


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of `news` once in each engine that its nearest mark names."""
    mark = metafunc.definition.get_closest_marker("engines")
    if mark and "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", mark.args)


@pytest.fixture
def engine() -> str:
    """The engine of a test without the mark `engines`."""
    return CHROMIUM


@pytest.fixture(scope="session")
async def browsers() -> AsyncIterator[Browsers]:
    async with run_browsers() as browsers:
        yield browsers


@pytest.fixture(scope="session")
async def browser(browsers: Browsers) -> Browser:
    return await browsers.get(CHROMIUM)


@pytest.fixture(scope="session")
async def newsroom(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Service, Publisher, Http]]:
    """A service and a publisher for all tests that only add polls of their own."""
    async with run_newsroom(tmp_path_factory.mktemp("widget")) as found:
        yield found


@pytest.fixture
async def news(
    newsroom: tuple[Service, Publisher, Http], browsers: Browsers, engine: str
) -> AsyncIterator[News]:
    service, publisher, http = newsroom
    news = News(service, publisher, await browsers.get(engine), http, browsers)
    yield news
    await news.close()
