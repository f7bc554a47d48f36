"""The widget of readers who are signed in at the site, and of those who are not where that is asked for."""

import time
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from pollsvc.services.editing.sites import Sites
from pollsvc.services.vouching import secret_of
from tests.support.browser import News, Publisher, embed, mine, run_newsroom, vote
from tests.support.engines import in_both_engines
from tests.support.reader import Http
from tests.support.server import Service, open_connection
from tests.test_vouching import assertion

pytest_plugins = ("tests.support.browser_fixtures",)
pytestmark = in_both_engines


@pytest.fixture(scope="module")
async def newsroom(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Service, Publisher, Http]]:
    """A service under the policy `strict`."""
    async with run_newsroom(tmp_path_factory.mktemp("strict"), POLLSVC_ADMISSION="strict") as found:
        yield found


async def test_a_signed_in_reader_votes_once_in_all_browsers(news: News) -> None:
    poll = await news.poll()
    async with open_connection(news.service.database_url) as connection:
        secret = secret_of(await Sites(connection, time.time).get(news.publisher.origin))
    element = embed(news.service, poll).replace(
        "<pollsvc-poll", f'<pollsvc-poll reader-assertion="{assertion(secret, news.engine)}"'
    )
    phone, laptop = [await news.open(await news.blank(), element) for _ in range(2)]
    await vote(phone, "Iran")
    await expect(mine(phone)).to_have_count(1)
    await vote(laptop, "Neither")
    await expect(laptop.get_by_role("status")).to_have_text("You had voted before. That vote stands.")
    await expect(laptop.get_by_role("listitem").filter(has=mine(laptop))).to_contain_text("Iran")
    assert await news.http.counts(poll) == [1, 0, 0]


async def test_everybody_else_is_told_to_sign_in(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    await vote(page, "Iran")
    await expect(page.get_by_role("status")).to_have_text("Sign in on this site to vote.")
    assert await news.http.counts(poll) == [0, 0, 0]
