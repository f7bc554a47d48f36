"""Fixtures of the editors' poll pages: an editor who sends forms, and one in a real browser."""

import time
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import (
    Browser,
)

from pollsvc.domain.editor import Role
from pollsvc.services.editing.sites import Sites
from tests.support.admin_browser import ARABIC, Admin
from tests.support.desk import Desk
from tests.support.editors import add_editor, add_session, signed_in
from tests.support.server import Service, open_connection, run_service


@pytest.fixture
async def desk(shared: Service) -> AsyncIterator[Desk]:
    async with signed_in(shared.base_url, shared.database_url, Role.EDITOR) as http:
        yield Desk(shared, http)


@pytest.fixture(scope="session")
async def desk_service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    async with run_service(tmp_path_factory.mktemp("admin"), site=True) as service:
        async with open_connection(service.database_url) as connection:
            await Sites(connection, time.time).add(
                ARABIC, ["https://sahifa.example"], locale="ar", time_zone="Asia/Tehran"
            )
        yield service


@pytest.fixture
async def admin(desk_service: Service, browser: Browser) -> AsyncIterator[Admin]:
    url = desk_service.database_url
    secret = await add_session(url, await add_editor(url, Role.ADMIN))
    admin = Admin(desk_service, browser, secret)
    yield admin
    await admin.close()
