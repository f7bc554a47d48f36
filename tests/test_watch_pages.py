"""The dashboard and the results for editors: who may look, and what moves without a reload."""

import itertools
import re
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, expect

from pollsvc.domain.ballot import COUNTS, Ballot, Cast
from pollsvc.domain.editor import Role
from pollsvc.domain.poll import Kind
from pollsvc.services.watching.counting import Votes
from pollsvc.services.watching.timeline import Bucket, starts
from pollsvc.services.watching.watch import Span, Timeline
from pollsvc.storage.ballots import record
from pollsvc.web.admin.watching.view import votes_over_time
from tests.support.browser import News, axe, sticking_out
from tests.support.editors import COOKIE, EditorHttp, add_editor, add_session, signed_in
from tests.support.newsroom import minute
from tests.support.reader import Reader
from tests.support.server import Service, add_site, open_connection, until

pytest_plugins = ("tests.support.browser_fixtures",)

HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture
async def viewer(shared: Service) -> AsyncIterator[EditorHttp]:
    """A viewer who is signed in to the shared service."""
    async with signed_in(shared.base_url, shared.database_url, Role.VIEWER) as http:
        yield http


async def cast(service: Service, poll: str, selections: Sequence[str], back: int = 0) -> None:
    """One ballot each of so many minutes back, written beside the service, which hears of them."""
    minute = int(time.time()) // 60 - back
    casts = [
        Cast(
            Ballot.of(poll, secrets.token_urlsafe(16), selection, minute),
            allow_change=False,
            admit=lambda: COUNTS,
        )
        for selection in selections
    ]
    async with open_connection(service.database_url) as connection:
        await record(connection, casts, 0)


async def test_a_viewer_watches_and_nobody_else_does(shared: Service, viewer: EditorHttp) -> None:
    poll = await shared.add_poll(visibility="never")
    await cast(shared, poll, ["1"] * 1234 + ["3"])
    page = await viewer.get(f"/admin/polls/{poll}")
    text = page.body.decode()
    assert (page.status, page.headers["cache-control"]) == (200, "no-store")
    assert "Readers never see the results." in text
    assert "Iran: 99.9% (1,234)" in text
    assert "/close" not in text
    assert f"/admin/polls/{poll}/edit" not in text
    viewer.secret = ""
    for path in (f"/admin/polls/{poll}", f"/admin/polls/{poll}/live", "/admin/live", "/admin"):
        assert (await viewer.get(path)).status == 303


async def test_the_fragment_is_sent_again_only_when_something_moved(
    shared: Service, viewer: EditorHttp
) -> None:
    poll = await shared.add_poll()
    path = f"/admin/polls/{poll}/live?bucket=minute"
    await _away_from_the_minutes_end()
    answers = [await viewer.get(path)]
    etag = answers[0].headers["etag"]
    again = await viewer.get(path, If_None_Match=etag)
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    await Reader(viewer).vote(poll, 2)

    async def moved() -> bool:
        answers.append(await viewer.get(path, If_None_Match=etag))
        return answers[-1].status == 200

    await until(moved)
    assert "United States: 100% (1)" in answers[-1].body.decode()
    assert answers[-1].headers.get("etag") != etag
    other = await viewer.get(f"/admin/polls/{poll}/live?bucket=day", If_None_Match=etag)
    assert other.status == 200


async def test_the_dashboard_of_a_site_and_its_fragment(shared: Service, viewer: EditorHttp) -> None:
    name = secrets.token_hex(4)  # a site without other polls
    await add_site(shared.database_url, name)
    here, there = await shared.add_poll(f"Here {HOSTILE}?", site=name), await shared.add_poll("There?")
    everything = (await viewer.get("/admin")).body.decode()
    assert HOSTILE not in everything
    [site] = re.findall(rf'site=(\w+)"[^>]*><bdi>{name}</bdi>', everything)
    of_site = (await viewer.get(f"/admin?site={site}")).body.decode()
    assert "&lt;script&gt;" in of_site
    assert here in _ids(of_site)
    assert there not in _ids(of_site)
    await _away_from_the_minutes_end()
    path = f"/admin/live?site={site}"
    live = await viewer.get(path)
    assert (await viewer.get(path, If_None_Match=live.headers["etag"])).status == 304
    await cast(shared, here, ["1"])

    async def moved() -> bool:
        return (await viewer.get(path, If_None_Match=live.headers["etag"])).status == 200

    await until(moved)


async def test_the_page_says_when_the_poll_around_it_has_changed(shared: Service, viewer: EditorHttp) -> None:
    poll = await shared.add_poll()
    page = (await viewer.get(f"/admin/polls/{poll}")).body.decode()
    [path] = re.findall(r'data-live="[^"]*(/admin/polls/[^"]*)"', page)
    path = path.replace("&amp;", "&")
    assert "has changed" not in (await viewer.get(path)).body.decode()
    async with shared.editor() as editor:
        await editor.close_poll(poll)
    page = (await viewer.get(f"/admin/polls/{poll}")).body.decode()
    assert "Closed" in page  # at once, whatever the snapshot in memory says

    async def told() -> bool:
        return "The poll has changed since" in (await viewer.get(path)).body.decode()

    await until(told)


async def test_what_editors_can_do_is_sent_with_the_revision(shared: Service) -> None:
    drafted, opened = await shared.add_poll(draft=True), await shared.add_poll()
    planned = await shared.add_poll(draft=True, opens_at=int(time.time()) + 9999)
    async with signed_in(shared.base_url, shared.database_url, Role.EDITOR) as http:
        for poll, action in (
            (drafted, "open"),
            (planned, "publish"),
            (opened, "close"),
            (opened, "duplicate"),
        ):
            page = (await http.get(f"/admin/polls/{poll}")).body.decode()
            form = rf'action="[^"]*/polls/{poll}/{action}">\s*<input type="hidden" name="revision" value="1">'
            assert re.search(form, page), action
        assert "/embed" not in (await http.get(f"/admin/polls/{drafted}")).body.decode()


@pytest.mark.parametrize(
    "path", ["/admin/polls/nosuchpoll", "/admin/polls/nosuchpoll/live", "/admin/polls/%00"]
)
async def test_unknown_polls_are_not_found(viewer: EditorHttp, path: str) -> None:
    assert (await viewer.get(path)).status == 404


async def test_texts_keep_their_language_and_stay_text(shared: Service, viewer: EditorHttp) -> None:
    articles = ["https://news.example/خبر"]
    poll = await shared.add_poll("من انتصر؟", ["إيران", HOSTILE], lang="ar", articles=articles)
    await cast(shared, poll, ["1", "2"])
    page = (await viewer.get(f"/admin/polls/{poll}?bucket={HOSTILE}")).body.decode()
    assert '<h1 lang="ar"><bdi>من انتصر؟</bdi></h1>' in page
    assert '<bdi lang="ar" dir="auto">إيران</bdi>' in page
    assert "news.example/خبر" in page
    assert HOSTILE not in page


async def test_every_kind_has_its_page(shared: Service, viewer: EditorHttp) -> None:
    ranked = await shared.add_poll(kind=Kind.RANKED)
    rating = await shared.add_poll(options=(), kind=Kind.RATING, scale=5)
    several = await shared.add_poll(kind=Kind.MULTIPLE)
    await cast(shared, ranked, ["1>2", "2>1", "3>2"])
    await cast(shared, rating, ["2", "5", "5"])
    await cast(shared, several, ["1,2", "2"])
    for poll, words in (
        (ranked, ["Instant runoff", "Round 2", "Leads after 2 rounds", "First preferences"]),
        (rating, ["4.00", "of 5"]),
        (several, ["3 picks", "add up to more than 100%"]),
    ):
        for bucket in ("", "?bucket=minute", "?bucket=quarter", "?bucket=hour", "?bucket=day"):
            page = (await viewer.get(f"/admin/polls/{poll}{bucket}")).body.decode()
            assert [word for word in words if word not in page] == []


async def test_the_page_says_when_the_schedule_has_opened_the_poll(
    shared: Service, viewer: EditorHttp
) -> None:
    await _away_from_the_minutes_end()
    poll = await shared.add_poll(opens_at=int(time.time()) + 2)
    page = (await viewer.get(f"/admin/polls/{poll}")).body.decode()
    path = re.findall(r'data-live="[^"]*(/admin/polls/[^"]*)"', page)[0].replace("&amp;", "&")
    before = await viewer.get(path)
    assert "The poll is now" not in before.body.decode()

    async def told() -> bool:
        answer = await viewer.get(path, If_None_Match=before.headers["etag"])
        return "The poll is now open." in answer.body.decode()

    await until(told, 8)


@pytest.mark.parametrize("day", ["2026-03-27", "2026-10-23"])
def test_days_are_drawn_as_days_when_the_clocks_change(day: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = minute(f"{day}T00:00")
    days = [*starts(Bucket.DAY, first, first + 5 * 1440 + 60, berlin)]
    timeline = Timeline(Bucket.DAY, [Span(start * 60, Votes(counted=7), Votes()) for start in days], 0)
    drawn = re.findall(r"<title>(\d+) \w+: 7</title>", votes_over_time(timeline, berlin))
    dates = (datetime.fromisoformat(day) + timedelta(days=number) for number in range(6))
    assert drawn == [str(date.day) for date in dates]


async def look(news: News, path: str, **options: object) -> Page:
    """A page of the admin in an editor's browser."""
    service = news.service
    secret = await add_session(service.database_url, await add_editor(service.database_url, Role.EDITOR))
    context = await news.context(**options)
    await context.add_cookies([{"name": COOKIE, "value": secret, "url": f"{service.base_url}/admin"}])
    page = await news.blank(context)
    await page.goto(service.base_url + path)
    return page


async def test_a_vote_moves_the_page_without_a_reload(news: News) -> None:
    poll = await news.poll(allow_change=True)
    page = await look(news, f"/admin/polls/{poll}", viewport={"width": 1280, "height": 2400})
    shares = page.locator(".results .strong")
    bars = page.locator(".votes rect.bar")
    await expect(page.get_by_role("img", name="Results")).to_have_count(1)
    await expect(bars).to_have_count(0)
    await page.evaluate("window.untouched = true")
    await news.others_vote(poll, [1], [1], [3])
    await expect(shares).to_have_text(["67%", "0%", "33%"])
    await expect(bars).not_to_have_count(0)
    await page.get_by_text("The results as a table").click()
    await expect(page.get_by_role("row", name="Iran 2 67%")).to_be_visible()
    await news.others_vote(poll, [3])
    await expect(page.get_by_role("row", name="Neither 2 50%")).to_be_visible()  # the table stays open
    assert await page.evaluate("window.untouched")


async def test_a_vote_moves_the_dashboard_without_a_reload(news: News) -> None:
    poll = await news.poll("Will it move?")
    await news.others_vote(poll, *[[1]] * 30)  # among the busiest of all polls here, which have cards
    page = await look(news, "/admin", viewport={"width": 1280, "height": 2400})
    await news.others_vote(poll, [1], [2])
    card = page.get_by_role("article").filter(has_text="Will it move?")
    await expect(card.get_by_text("32 votes, 32 today")).to_be_visible()
    await page.get_by_role("link", name="Will it move?").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Will it move?")


async def test_axe_finds_nothing(news: News) -> None:
    empty = await news.poll()
    arabic = await news.poll(
        "من انتصر؟", ["إيران", "لا أحد"], lang="ar", kind=Kind.MULTIPLE, articles=["https://news.example/a"]
    )
    ranked = await news.poll(kind=Kind.RANKED)
    await news.others_vote(arabic, [1], [1, 2])
    await news.others_vote(ranked, [1, 2], [2], [3, 2])
    schemes: list[Literal["light", "dark"]] = ["light", "dark"]
    for path in ("/admin", *(f"/admin/polls/{poll}" for poll in (empty, arabic, ranked))):
        page = await look(news, path, reduced_motion="reduce")
        await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        for width, scheme in itertools.product((360, 1280), schemes):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.emulate_media(color_scheme=scheme)
            assert await axe(page) == [], (path, width, scheme)
            assert await sticking_out(page) == [], (path, width)
        assert await page.evaluate("window.violations") == []


def _ids(page: str) -> set[str]:
    """The polls that a page leads to."""
    return set(re.findall(r"/admin/polls/(\w+)[\"?]", page))


async def _away_from_the_minutes_end() -> None:
    """Wait until what is asked next falls into one minute."""

    async def early() -> bool:
        return time.time() % 60 < 50

    await until(early, 15)
