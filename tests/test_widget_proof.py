"""The widget where many votes come from one network: it does the work, and asks nothing of the reader."""

import json
import time
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, Route, expect

from pollsvc.domain.paces import CALM
from tests.support.answers import VOTES
from tests.support.browser import News, Publisher, embed, last_body, mine, run_newsroom, strict_csp, vote
from tests.support.engines import in_both_engines
from tests.support.reader import Http, new_key
from tests.support.server import Service

pytest_plugins = ("tests.support.browser_fixtures",)
pytestmark = in_both_engines


@pytest.fixture(scope="module")
async def newsroom(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Service, Publisher, Http]]:
    """A service that paces each address that a proxy tells it of."""
    env = {"POLLSVC_ADMISSION": "standard", "POLLSVC_TRUSTED_PROXIES": "127.0.0.1"}
    async with run_newsroom(tmp_path_factory.mktemp("paced"), **env) as found:
        yield found


async def busy_poll(news: News, address: str, votes: int = CALM.narrow.burst) -> str:
    """A poll in which so many votes came from an address."""
    poll = await news.poll()
    for _ in range(votes):
        sent = {"selection": [1], "idempotency_key": new_key(), "proof": ""}
        assert (await news.http.post_vote(poll, sent, X_Forwarded_For=address)).status == 201
    return poll


async def behind(page: Page, address: str) -> list[dict[str, object]]:
    """Let a page's votes come from an address; returns the list that gets their bodies."""
    sent: list[dict[str, object]] = []

    async def forward(route: Route) -> None:
        sent.append(json.loads(await last_body(page)))
        await route.continue_(headers=await route.request.all_headers() | {"x-forwarded-for": address})

    await page.route(VOTES, forward)
    return sent


async def test_a_vote_above_the_calm_pace_counts_after_some_work(news: News) -> None:
    address = f"192.0.2.{len(news.engine)}"
    poll = await busy_poll(news, address)
    page = await news.blank(reduced_motion="reduce")
    sent = await behind(page, address)
    await news.open(page, embed(news.service, poll), csp=strict_csp(news.service))
    started = time.monotonic()
    await vote(page, "Neither")
    await expect(page.get_by_role("status")).to_have_text("Thank you. Your vote is recorded.", timeout=20_000)
    print(f"{news.engine}: the first proof took {time.monotonic() - started:.2f} s")
    await expect(mine(page)).to_have_count(1)
    assert await news.http.counts(poll) == [CALM.narrow.burst, 0, 1]
    assert [bool(body.get("proof")) for body in sent] == [False, True]
    assert len({str(body["idempotency_key"]) for body in sent}) == 1


async def test_a_browser_that_can_prove_nothing_has_its_vote_held(news: News) -> None:
    address = f"198.51.{len(news.engine)}.1"
    poll = await busy_poll(news, address)
    page = await news.blank()
    await page.add_init_script("Object.defineProperty(crypto, 'subtle', {value: undefined})")
    await behind(page, address)
    await news.open(page, embed(news.service, poll))
    await vote(page, "Iran")
    await expect(page.get_by_role("status")).to_contain_text("held for review")
    results = await news.http.results(poll)
    assert results["reasons"] == [{"status": "held", "reason": "unproven", "count": 1}]


async def test_work_that_cannot_be_fetched_is_fetched_again(news: News) -> None:
    address = f"203.0.{len(news.engine)}.1"
    poll = await busy_poll(news, address)
    page = await news.blank()
    sent = await behind(page, address)
    await page.route("**/w/1.proof.js*", lambda route: route.abort())
    await news.open(page, embed(news.service, poll))
    await vote(page, "Iran")
    await expect(page.get_by_role("status")).to_contain_text("Your choice is kept")
    await page.unroute("**/w/1.proof.js*")
    await expect(page.get_by_role("status")).to_have_text("Thank you. Your vote is recorded.", timeout=20_000)
    assert [bool(body.get("proof")) for body in sent].count(True) == 1
    assert await news.http.counts(poll) == [CALM.narrow.burst + 1, 0, 0]
