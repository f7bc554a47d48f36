"""What tests are given: databases of both engines, and serving pollsvcs on them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.postgres import create_database, drop_database, postgres_server
from tests.support.server import Service, run_service


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server's maintenance database."""
    with postgres_server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of an empty database; a test that takes it runs once on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/pollsvc.db"
        return
    server = request.getfixturevalue("postgres")
    url = await create_database(server)
    yield url
    await drop_database(server, url)


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
