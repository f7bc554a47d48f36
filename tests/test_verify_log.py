"""The page that checks receipts, when the log is late, away, rewritten, or signed by other keys."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Route, expect

from pollsvc.domain.checkpoint import Signature, key_id, note, read_note
from pollsvc.services.ballot_log.keys import SigningKey
from tests.support.browser import News, run_newsroom
from tests.support.engines import Browsers, in_both_engines
from tests.support.reader import Http
from tests.support.server import SECRET, Service
from tests.support.verifying import FIRST, HURRIED, address, answer, checked, receipt_of, told, until_sealed

pytest_plugins = ("tests.support.browser_fixtures",)
pytestmark = in_both_engines

NEWER = "a-newer-secret-for-tests-of-more-than-32-characters"


@pytest.fixture
async def own(tmp_path: Path, browsers: Browsers, engine: str) -> AsyncIterator[News]:
    """A service for one test, which stops it and changes its data."""
    async with run_newsroom(tmp_path) as (service, publisher, http):
        news = News(service, publisher, await browsers.get(engine), http, browsers)
        yield news
        await news.close()


async def cast(service: Service, poll: str, pick: int = 1) -> dict[str, Any]:
    """The receipt of a vote that the log has taken in, while the service may have been started anew."""
    async with Http(service.base_url) as http:
        receipt = await receipt_of(http, poll, pick)
        await until_sealed(http, receipt)
        return receipt


async def test_a_log_that_was_rewritten_is_told(own: News, tmp_path: Path) -> None:
    """An older state of the database is put back, and fewer, as many, or more votes are recorded on it."""
    service, poll, kept = own.service, await own.poll(), tmp_path / "kept"
    receipt = await cast(service, poll)
    before = await checked(own, poll, receipt, init=HURRIED)
    assert await told(before) == ("proven", FIRST)
    await service.stop()
    kept.mkdir()
    for file in tmp_path.glob("pollsvc.db*"):
        shutil.copy(file, kept)
    await service.start()
    grown = await checked(own, poll, await cast(service, poll, 2), before.context, HURRIED)
    assert await told(grown) == ("proven", ["proven"] * 4)
    for more in (0, 1, 3):
        await service.stop()
        for file in tmp_path.glob("pollsvc.db*"):
            file.unlink()
        for file in kept.iterdir():
            shutil.copy(file, tmp_path)
        await service.start()
        last = receipt
        for _ in range(more):
            last = await cast(service, poll, 1)
        for _ in range(2):  # what was seen first is kept
            page = await checked(own, poll, last, before.context, HURRIED)
            assert await told(page) == ("not", ["proven", "proven", "proven", "not"])
            row = page.locator("[data-check=grown]")
            await expect(row).to_contain_text("not the one that you were shown before")
            heads = row.locator("pre")
            await expect(heads).to_be_visible()
            seen, now = map(int, re.findall(r"^\d+$", await heads.inner_text(), re.M))
            assert now - seen == more - 1
            await page.close()


async def test_keys_change_only_by_a_hand_over_and_retired_ones_sign_nothing_new(own: News) -> None:
    service, poll = own.service, await own.poll()
    old = await cast(service, poll)
    page = await checked(own, poll, old, init=HURRIED)
    assert await told(page) == ("proven", FIRST)
    await service.stop()
    service.env["POLLSVC_SECRET_KEYS"] = f"{SECRET},{NEWER}"
    await service.start()
    new = await cast(service, poll, 2)
    for receipt in (new, old):
        again = await checked(own, poll, receipt, page.context, HURRIED)
        assert await told(again) == ("proven", ["proven"] * 4)
    assert old["key"] != new["key"]
    async with Http(service.base_url) as http:
        keys = (await http.get("/api/v1/log/keys")).json
        head, _ = read_note((await http.get("/api/v1/log/checkpoint")).body.decode())
    retired = SigningKey(SECRET)
    signature = retired.sign(head.text().encode())
    forged = note(head, [Signature(head.origin, key_id(head.origin, retired.public), signature)])

    async def visit(receipt: object, answers: dict[str, object]) -> tuple[str, list[str]]:
        there = await own.blank(page.context)
        await there.add_init_script(HURRIED)
        for path, body in answers.items():
            await answer(there, path, body)
        await there.goto(address(own, poll, receipt))
        return await told(there)

    first, second = keys["keys"]
    assert await visit(old, {"checkpoint": forged}) == ("not", ["proven", "proven", "not", "proven"])
    hidden = {"checkpoint": forged, "keys": keys | {"keys": [first]}}
    assert await visit(old, hidden) == ("not", ["proven", "proven", "proven", "not"])
    broken = {"keys": keys | {"keys": [first, second | {"signature": first["key"][-88:]}]}}
    assert await visit(new, broken) == ("not", ["proven", "not", "not", "not"])
    other = {"keys": keys | {"keys": [second | {"since": 0, "signature": None}]}}
    assert await visit(new, other) == ("not", ["proven", "proven", "proven", "not"])
    assert await visit(new, {}) == ("proven", ["proven"] * 4)


async def test_a_vote_that_is_not_sealed_yet_is_waited_for(news: News) -> None:
    poll, left = await news.poll(), [2]
    page = await news.blank()
    waited = page.locator("[data-check=log]", has_text="The log takes it in within seconds.")

    async def refuse(route: Route) -> None:
        if left[0]:
            left[0] -= 1
            await route.fulfill(status=404, headers={"retry-after": "2"}, body="{}")
        else:
            await expect(waited).to_be_visible()
            await route.continue_()

    await page.route("**/api/v1/log/inclusion*", refuse)
    await page.goto(address(news, poll, await receipt_of(news.http, poll)))
    assert await told(page) == ("proven", FIRST)
    assert left == [0]


async def test_a_vote_that_is_never_sealed_is_told(news: News) -> None:
    poll = await news.poll()
    page = await news.blank()
    await page.add_init_script(HURRIED)
    await answer(page, "inclusion", {}, 404)
    receipt = await receipt_of(news.http, poll)
    await until_sealed(news.http, receipt)
    await page.goto(address(news, poll, receipt))
    assert await told(page) == ("not", ["proven", "proven", "not", "base"])
    await expect(page.locator("[data-check=log]")).to_contain_text("The log does not have it.")


async def test_a_log_that_does_not_answer_proves_nothing(news: News) -> None:
    poll = await news.poll()
    page = await news.blank()
    await answer(page, "", "<!doctype html>", 503)
    await page.goto(address(news, poll, await receipt_of(news.http, poll)))
    assert await told(page) == ("unknown", ["proven", "unknown", "unknown", "unknown"])
    await expect(page.locator("[data-check=log]")).to_contain_text("The log did not answer.")
    await expect(page.get_by_role("status")).to_contain_text("Not everything could be checked")
