"""What tests are given: databases of both engines, and serving pollsvcs on them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.forks import Forks
from tests.support.postgres import drop_database, postgres_server
from tests.support.reader import Http
from tests.support.server import Service, add_site, run_service
from tests.support.tables import create_with_tables, make_tables

LONGEST = (
    "hosts",
    *("web_security_scripts", "widget_kinds", "verify_page", "widget_failures", "gallery", "widget_races"),
    *("verify_log", "editors_api", "memory_cap", "demo_hosts", "wordpress_editors", "widget_looks"),
    *(
        "admin_accessibility",
        "widget_accessibility",
        "shared_paces",
        "widget_voting",
        "import",
        "widget_schedule",
        "fuzzed_input",
    ),
    *("several_processes", "web_security_requests", "webhook_processes", "page_accessibility", "review"),
    *("crash_and_restart", "watch_pages", "one_vote_per_reader", "widget_costs", "admin_browser"),
    *("wp_polls_import", "command_line", "widget_proof", "export", "privacy", "pins", "editors_day"),
)
"""The files that take longest, longest first: begun last, one of them would leave the other workers idle."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; a file's own tests keep their order."""
    ranks = {f"test_{name}": rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))


@pytest.fixture(scope="session", autouse=True)
def forks() -> Iterator[None]:
    """Has commands start as forks, without the second that loading the program takes."""
    Service.forks = Forks()
    yield
    Service.forks.stop()
    Service.forks = None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server's maintenance database."""
    with postgres_server() as url:
        yield url


@asynccontextmanager
async def engine_url(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[str]:
    """The URL of a database with the tables, of the engine that a fixture's parameter names."""
    if request.param == "sqlite":
        url = f"sqlite:///{folder}/pollsvc.db"
        await make_tables(url)
        yield url
        return
    server = request.getfixturevalue("postgres")
    url = await create_with_tables(server)
    yield url
    await drop_database(server, url)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a database with the tables; a test that takes it runs once on each engine."""
    async with engine_url(request, tmp_path) as url:
        yield url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
async def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """A serving pollsvc on each engine, with the site News, for all tests that only add polls of their own.

    It counts every vote; the site Gazette is there too.
    """
    folder = tmp_path_factory.mktemp(f"shared-{request.param}")
    async with engine_url(request, folder) as url:
        await add_site(url, "Gazette", ["https://gazette.example"])
        async with run_service(folder, url, site=True) as running:
            yield running


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
async def two_workers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """The same in two processes on each engine; a test may kill one, and waits until it is replaced."""
    folder = tmp_path_factory.mktemp(f"workers-{request.param}")
    async with engine_url(request, folder) as url, run_service(folder, url, workers=2, site=True) as running:
        yield running


@pytest.fixture
async def http(shared: Service) -> AsyncIterator[Http]:
    """A client of the shared service."""
    async with Http(shared.base_url) as client:
        yield client


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A serving pollsvc on SQLite that counts every vote; the site News is there."""
    async with run_service(tmp_path, site=True) as running:
        yield running


@pytest.fixture
async def service_on(tmp_path: Path, database_url: str) -> AsyncIterator[Service]:
    """The same on each engine."""
    async with run_service(tmp_path, database_url, site=True) as running:
        yield running
