"""The service under a path of the publisher's own origin, behind a real nginx set up as documented."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.support.browser import ROOM
from tests.support.demo import reading
from tests.support.nginx import PREFIX, run_nginx
from tests.support.reader import Http, Reader
from tests.support.server import Service, add_site, free_port, run_service

pytest_plugins = ("tests.support.browser_fixtures",)

STREAMS = 5
"""How many live streams one network may hold open."""


class Courier(NamedTuple):
    """A publisher behind nginx: its origin, its folder of pages, and its service."""

    origin: str
    pages: Path
    service: Service

    def put(self, poll: str) -> str:
        """Publish an article with a poll; returns its address."""
        (self.pages / f"{poll}.html").write_text(
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>News</title>'
            f'<link rel="icon" href="data:,"><script async src="{PREFIX}/w/1.js"></script>{ROOM}</head>'
            f'<body><main><h1>News</h1><pollsvc-poll poll="{poll}">'
            f'<a href="{PREFIX}/p/{poll}">Vote</a></pollsvc-poll></main></body></html>'
        )
        return f"{self.origin}/{poll}.html"


@pytest.fixture
async def courier(tmp_path: Path) -> AsyncIterator[Courier]:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    env = {
        "POLLSVC_BASE_URL": origin + PREFIX,
        "POLLSVC_TRUSTED_PROXIES": "127.0.0.1",
        "POLLSVC_STREAMS_PER_NETWORK": str(STREAMS),
    }
    pages = tmp_path / "pages"
    pages.mkdir()
    url = f"sqlite:///{tmp_path}/pollsvc.db"
    await add_site(url, origins=[origin])
    async with (
        run_service(tmp_path, url, env) as service,
        run_nginx(tmp_path, port, f"http://127.0.0.1:{service.port}"),
    ):
        yield Courier(origin, pages, service)


async def cast(page: Page, label: str) -> Locator:
    """Vote for an answer; returns the numbers of the result."""
    poll = page.locator("pollsvc-poll")
    await poll.get_by_label(label).check()
    await poll.locator("[part=vote]").click()
    await expect(poll.get_by_role("img", name="Your vote")).to_have_count(1)
    return poll.locator("[part=number]")


async def test_a_vote_moves_the_result_of_others_and_no_other_origin_is_asked(
    courier: Courier, browser: Browser
) -> None:
    article = courier.put(await courier.service.add_poll())
    async with reading(browser) as voting, reading(browser) as watching:
        asked: list[str] = []
        for page in (voting, watching):
            page.on("request", lambda request: asked.append(request.url))
        async with watching.expect_response("**/api/v1/live?**") as live:
            await watching.goto(article)
        assert (await live.value).headers["content-type"] == "text/event-stream"
        seen = await cast(watching, "Iran")
        await expect(seen.first).to_have_text("1")
        await voting.goto(article)
        await cast(voting, "Iran")
        await expect(seen.first).to_have_text("2", timeout=3_000)  # a page without a stream asks each 8 s
        assert {url.split("/polls/")[0] for url in asked if "/polls/" in url} == {courier.origin}
        assert [url for url in asked if not url.startswith((courier.origin, "data:"))] == []


async def test_the_poll_s_own_page_and_its_frame_work_under_the_path(
    courier: Courier, browser: Browser
) -> None:
    poll = await courier.service.add_poll()
    async with reading(browser, java_script_enabled=False) as page:
        await page.goto(f"{courier.origin}{PREFIX}/p/{poll}")
        await page.get_by_label("Iran").check()
        await page.get_by_role("button", name="Vote").click()
        await expect(page.get_by_text("Thank you. Your vote is recorded.")).to_be_visible()
        assert page.url.startswith(f"{courier.origin}{PREFIX}/p/{poll}")
    async with reading(browser) as page:
        await page.goto(f"{courier.origin}{PREFIX}/embed/{poll}")
        await cast(page, "Neither")
    async with Http(f"http://127.0.0.1:{courier.service.port}") as service:
        assert await service.counts(poll) == [1, 0, 1]


async def test_streams_go_on_when_the_service_was_started_anew(courier: Courier, browser: Browser) -> None:
    poll = await courier.service.add_poll()
    async with await browser.new_context() as context:  # whose console tells of the broken streams
        page = await context.new_page()
        await page.goto(courier.put(poll))
        seen = await cast(page, "Iran")
        await courier.service.stop()
        await courier.service.start()
        async with page.expect_response(
            lambda answer: "/api/v1/live?" in answer.url and answer.status == 200, timeout=30_000
        ):
            pass
        async with Http(f"http://127.0.0.1:{courier.service.port}") as service:
            assert (await Reader(service).vote(poll, 1)).status == 201
        await expect(seen.first).to_have_text("2")


async def test_each_reader_s_own_address_is_known_and_a_forged_one_is_not_believed(courier: Courier) -> None:
    poll = await courier.service.add_poll()
    live = f"{PREFIX}/api/v1/live?poll={poll}"
    async with AsyncExitStack() as stack:
        many = await stack.enter_async_context(Http(courier.origin, "127.0.0.2"))
        other = await stack.enter_async_context(Http(courier.origin, "127.0.0.3"))
        timeout = aiohttp.ClientTimeout(total=5)
        for _ in range(STREAMS):
            answer = await stack.enter_async_context(many.session.get(live, timeout=timeout))
            assert answer.status == 200
        forged = {"X-Forwarded-For": "192.0.2.7"}
        async with many.session.get(live, headers=forged, timeout=timeout) as refused:
            assert refused.status == 429
        async with other.session.get(live, timeout=timeout) as taken:
            assert taken.status == 200
