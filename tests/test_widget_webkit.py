"""The widget in WebKit, the engine of Safari: what would break there first."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.support.browser import PERCENT_FROM, ROOM, Publisher, article, embed, strict_csp
from tests.support.reader import Http, Reader
from tests.support.server import OPTIONS, Service
from tests.support.webkit import WebKit, run_webkit

pytest_plugins = ("tests.support.browser_fixtures",)
MINE = "[...root.querySelectorAll('b')].filter((mark) => mark.checkVisibility()).length == 1"
STATUS = "root.querySelector('[role=status]').textContent"


@pytest.fixture(scope="module")
async def webkit() -> AsyncIterator[WebKit]:
    async with run_webkit() as webkit:
        yield webkit


class Desk:
    """A publisher, and one reader of theirs."""

    def __init__(self, webkit: WebKit, service: Service, publisher: Publisher, http: Http) -> None:
        self.webkit, self.service, self.publisher, self.http = webkit, service, publisher, http

    async def open(
        self,
        question: str = "Who won?",
        options: Sequence[str] = OPTIONS,
        csp: str | None = None,
        **more: Any,
    ) -> str:
        """Open a page with a poll of its own; `more` are fields of NewPoll. Returns the poll's id."""
        poll = await self.service.add_poll(question, options, site=self.publisher.origin, **more)
        lang = more.get("lang", "en")
        html = article(
            self.service,
            embed(self.service, poll),
            lang,
            "rtl" if lang == "ar" else "ltr",
            "" if csp else ROOM,
        )
        await self.webkit.open(self.publisher.put(html, f"/{poll}", csp))
        await self.webkit.shows(
            "root.querySelector('form') && !root.querySelector('[part=box]').style.maxBlockSize"
        )
        return poll

    async def vote(self, option: int) -> None:
        await self.webkit.click(f"input[value='{option}']")
        await self.webkit.click("[part=vote]")


@pytest.fixture
def desk(webkit: WebKit, newsroom: tuple[Service, Publisher, Http]) -> Desk:
    return Desk(webkit, *newsroom)


async def test_a_vote_shows_the_result_and_a_reload_shows_the_vote(desk: Desk, webkit: WebKit) -> None:
    poll = await desk.open()
    await desk.vote(2)
    await webkit.shows(f"{STATUS} == 'Thank you. Your vote is recorded.'")
    await webkit.shows(MINE)
    assert await webkit.focused() == "ul"
    assert await desk.http.counts(poll) == [0, 1, 0]
    await webkit.reload()
    await webkit.shows("root.querySelector('form.result')")
    await webkit.shows(f"{MINE} && root.querySelector('.mine').textContent.includes('The United States')")


async def test_others_votes_come_by_the_stream(desk: Desk, webkit: WebKit) -> None:
    poll = await desk.open()
    await desk.vote(1)
    for voters in (2, 3):
        assert (await Reader(desk.http).vote(poll, 2)).status == 201
        await webkit.shows(f"root.querySelector('[part=voters]').textContent.includes('{voters} voters')")
    asked = "performance.getEntriesByType('resource').filter(({name}) => name.includes('/polls?')).length"
    assert await webkit.value(asked) == 1


async def test_an_arabic_page_runs_from_right_to_left(desk: Desk, webkit: WebKit) -> None:
    await desk.open("من انتصر؟", ["إيران", "لا أحد"], lang="ar")
    await webkit.shows("root.querySelector('form').dir == 'rtl'")
    await webkit.shows("root.querySelector('[part=vote]').textContent == 'تصويت'")
    left = "getBoundingClientRect().left"
    await webkit.shows(f"root.querySelector('li bdi').{left} < root.querySelector('input').{left}")
    await desk.vote(1)
    await webkit.shows(MINE)
    right = "getBoundingClientRect().right"
    await webkit.shows(f"root.querySelector('i').{right} > root.querySelector('li bdi').{right}")


async def test_ranking_by_buttons(desk: Desk, webkit: WebKit) -> None:
    poll = await desk.open(kind="ranked")
    for name in ("Rank next: Neither", "Rank next: Iran", "Move up: Iran"):
        await webkit.click(f"[aria-label={json.dumps(name)}]")
    assert await webkit.focused() == "Move down: Iran"
    await webkit.click("[part=vote]")
    await webkit.shows(f"{STATUS} == 'Thank you. Your vote is recorded.'")
    assert [ballot.selection for ballot in await desk.service.ballots(poll)] == ["1>3"]


async def test_the_strictest_policy_leaves_style_and_vote(desk: Desk, webkit: WebKit) -> None:
    poll = await desk.open(csp=strict_csp(desk.service))
    await webkit.shows("getComputedStyle(root.querySelector('form')).display == 'grid'")
    await desk.vote(3)
    await webkit.shows(MINE)
    async with Http(desk.service.base_url) as http:
        for _ in range(PERCENT_FROM):  # fewer have no bars
            await Reader(http).vote(poll, 3)
    await webkit.shows("root.querySelector('.mine i').offsetWidth > root.querySelector('i').offsetWidth")
    assert await desk.http.counts(poll) == [0, 0, 1 + PERCENT_FROM]
