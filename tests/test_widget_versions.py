"""The widget's names: a short one that follows the releases, and immutable ones that stay for ever."""

import hashlib
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from pollsvc.web.widget import VERSION, Assets, static_folder
from tests.freeze_widget import freeze
from tests.support.browser import News, mine, vote
from tests.support.reader import Http
from tests.support.server import Service

pytest_plugins = ("tests.support.browser_fixtures",)
PAGE = Path(__file__).parent / "data" / "pages" / "1.0.html"
RELEASED = sorted((static_folder() / "released").glob("*.js"))


def _pinned(content: bytes, url: str) -> str:
    integrity = "sha384-" + b64encode(hashlib.sha384(content).digest()).decode()
    return f'<script async src="{url}" integrity="{integrity}" crossorigin="anonymous"></script>'


def _script_of(name: str) -> str:
    """The tag of a page for a file of the widget; the short name is not pinned."""
    if name == "1.js":
        return '<script async src="{{service}}/w/1.js"></script>'
    return _pinned((static_folder() / "released" / name).read_bytes(), "{{service}}/w/" + name)


def _firsts() -> list[str]:
    """The first file of each release: the one that asks for another."""
    return [path.name for path in RELEASED if b"customElements.define" in path.read_bytes()]


@pytest.mark.parametrize("name", ["1.js", *_firsts()])
async def test_a_page_written_against_1_0_keeps_working(news: News, name: str) -> None:
    poll, ranked = await news.poll(), await news.poll("Which first?", kind="ranked")
    html = PAGE.read_text().replace("{{script}}", _script_of(name))
    for key, value in {"service": news.service.base_url, "poll": poll, "ranked": ranked}.items():
        html = html.replace("{{" + key + "}}", value)
    page = await news.blank(viewport={"width": 700, "height": 2600})
    await page.goto(news.publisher.put(html))
    await expect(page.locator("[part=poll]")).to_have_count(4)
    first = page.locator("#first")
    for number, part in enumerate(
        ("box", "poll", "voters", "question", "option", "bar", "number", "vote", "status"), 1
    ):
        colour = await first.locator(f"[part={part}]").first.evaluate(
            "(e) => getComputedStyle(e).outlineColor"
        )
        assert colour == f"rgb({number}, 0, 0)"
    style = await first.locator("[part=poll]").evaluate(
        "(e) => { const s = getComputedStyle(e); return [s.color, s.backgroundColor, s.borderRadius]; }"
    )
    assert style == ["rgb(10, 10, 10)", "rgb(250, 250, 240)", "3px"]
    await expect(page.locator("#second").get_by_role("button", name="تصويت")).to_be_visible()
    await expect(page.locator("#fourth").get_by_role("button", name="Rank next: Iran")).to_be_visible()
    await vote(page, "Iran", first)
    await expect(mine(first.page).first).to_be_visible()
    await expect(page.locator("#third form.result")).to_be_visible()
    [detail] = await _told(page, "vote")
    assert (detail["poll"], detail["selection"]) == (poll, [1])
    assert detail["receipt"]["poll"] == poll
    assert detail["results"]["voters"] == 1
    assert len(await _told(page, "ready")) == 4
    assert await _told(page, "results")


async def _told(page: Page, type_: str) -> list[Any]:
    found = await page.evaluate("(type) => told.filter(([kind]) => kind == type).map((one) => one[2])", type_)
    return list(found)


async def test_the_names_and_what_comes_with_them(news: News) -> None:
    short = await news.http.get("/w/1.js")
    assert short.headers["cache-control"] == "public, max-age=300, stale-while-revalidate=86400"
    [rare] = set(re.findall(rb"/w/(1\.[0-9.]+\.[0-9a-f]{16}\.js)", short.body))
    for name in (*Assets().release, rare.decode(), *(path.name for path in RELEASED)):
        answer = await news.http.get(f"/w/{name}")
        assert answer.status == 200
        assert hashlib.sha384(answer.body).hexdigest()[:16] == name.split(".")[-2]
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert "set-cookie" not in answer.headers
    assert (await news.http.get("/w/1.0.0.0123456789abcdef.js")).status == 404


async def test_a_browser_refuses_a_pinned_file_that_is_another(news: News) -> None:
    name = Assets().immutable_name
    page = await news.blank()
    tag = _pinned(b"another", f"{news.service.base_url}/w/{name}")
    await page.goto(news.publisher.put(f"<!doctype html><title>News</title>{tag}"))
    assert await page.evaluate("!!customElements.get('pollsvc-poll')") is False


def test_what_is_released_stays_as_it_is() -> None:
    """Its name holds its hash; a widget that has changed since its release needs another version."""
    assert RELEASED
    for path in RELEASED:
        assert hashlib.sha384(path.read_bytes()).hexdigest()[:16] == path.name.split(".")[-2]
    names = {path.name for path in RELEASED}
    if any(name.startswith(f"{VERSION}.") for name in names):
        assert set(Assets().release) <= names, "change VERSION in pollsvc/web/widget.py"


def test_freezing_writes_what_is_served(tmp_path: Path) -> None:
    freeze(tmp_path)
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert found == {name: asset.content for name, asset in Assets().release.items()}


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip, br", True),
        ("GZIP", True),
        ("br, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("identity, gzip; q=0.0", False),
        ("notgzip", False),
    ],
)
async def test_it_is_packed_for_those_who_take_that(
    shared: Service, http: Http, accepted: str, packed: bool
) -> None:
    answer = await http.get("/w/1.js", Accept_Encoding=accepted)
    assert ("content-encoding" in answer.headers) == packed
