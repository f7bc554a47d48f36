"""`/s/{site}`: a site's polls, searchable, for readers without scripts."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from playwright.async_api import expect

from pollsvc.domain.errors import PollError
from pollsvc.domain.poll import State
from pollsvc.services import archive as archive_
from pollsvc.services.archive import Archive, Asked, Part
from pollsvc.services.editing.editing import Editing
from pollsvc.services.editing.new_poll import NewOption, NewPoll
from pollsvc.services.editing.sites import Sites
from pollsvc.storage import schema
from pollsvc.storage.archive import Listing, list_opened
from pollsvc.storage.database import Connection
from pollsvc.storage.pool import Pool
from tests.support.browser import News, axe, sticking_out
from tests.support.reader import Http, Reader
from tests.support.server import Service, open_connection
from tests.support.write_ins import write
from tests.test_public_history import edit
from tests.test_public_page import HOSTILE, Page

pytest_plugins = ("tests.support.browser_fixtures",)
ATOM = "{http://www.w3.org/2005/Atom}"


def in_two(lang: str, *labels: tuple[str, str]) -> list[NewOption]:
    """Answers in English and in another language."""
    return [NewOption({"en": english, lang: other}) for english, other in labels]


async def new_site(service: Service, name: str, **more: Any) -> str:
    """Add a site for one test; returns its id."""
    async with open_connection(service.database_url) as connection:
        return (await Sites(connection, time.time).add(name, ["http://news.example"], **more)).id


async def set_times(service: Service, poll: str, **times: int | None) -> None:
    """Move a poll's times, as if they had gone by."""
    async with open_connection(service.database_url) as connection, connection.transaction():
        await connection.execute(schema.polls.update().where(schema.polls.c.id == poll).values(**times))


async def see(http: Http, site: str, query: str = "") -> Page:
    answer = await http.get(f"/s/{site}{query}")
    assert answer.status == 200, answer
    return Page(answer)


def polls_on(page: Page) -> list[str]:
    """The ids of the polls that a page lists, in order."""
    links = [str(link["href"]) for link in page.all("a") if "/p/" in str(link["href"])]
    return [link.split("/p/")[1].partition("?")[0] for link in links]


def link_of(page: Page, rel: str) -> str:
    """The path of the page's link to the part before or after it; empty if there is none."""
    return next((str(link["href"]).partition("/s/")[2] for link in page.all("a", rel=rel)), "")


async def close(service: Service, *polls: str) -> None:
    async with service.editor() as editor:
        for poll in polls:
            await editor.close_poll(poll)


async def test_which_polls_are_listed(shared: Service, http: Http) -> None:
    now = int(time.time())
    site = await new_site(shared, "Listed")
    await shared.add_poll("Of another site?")

    async def add(question: str, **more: Any) -> str:
        return await shared.add_poll(question, site="Listed", **more)

    running, hidden = await add("Running?"), await add("Hidden?", visibility="never")
    archived, replaced = await add("Archived?"), await add("Replaced?")
    early = await add("Closed before it opened?", opens_at=now + 900)
    await add("Later?", opens_at=now + 900)
    await add("Draft?", draft=True)
    await close(shared, archived, early)
    async with shared.editor() as editor:
        await editor.archive_poll(archived)
        new = await editor.new_version(replaced, NewPoll("Replacing?", ["Iran", "Nobody"]))
        half = await editor.create_poll(
            (await editor.poll(running)).site, NewPoll("Half-imported?", ["Iran", "Nobody"], draft=True)
        )
        await editor.archive_poll(half.id)
    for number, poll in enumerate((running, hidden, archived, replaced, new.id)):
        await set_times(shared, poll, opens_at=now - 50 + number)
    page = await see(http, site)
    assert polls_on(page) == [new.id, replaced, archived, hidden, running]  # what opened last comes first
    assert polls_on(await see(http, site, "?state=open")) == [new.id, hidden, running]
    assert polls_on(await see(http, site, "?state=closed")) == [replaced, archived]
    for text in ("Later?", "Draft?", "another", "before it opened", "Half"):
        assert text not in page.text


async def test_what_is_said_of_a_poll(shared: Service, http: Http) -> None:
    site = await new_site(shared, "Told", percent_from=3, time_zone="Asia/Tehran")
    fields: dict[str, dict[str, Any]] = {
        "Public?": {},
        "After close?": {"visibility": "after_close"},
        "Never?": {"visibility": "never"},
        "Few?": {},
        "Several?": {"kind": "multiple", "max_picks": 3},
        "Rating?": {"kind": "rating", "options": []},
        "Ranked?": {"kind": "ranked"},
        "Tie?": {},
    }
    polls = {name: await shared.add_poll(name, site="Told", **more) for name, more in fields.items()}
    votes: dict[str, Sequence[Sequence[int]]] = {
        **{name: [(1,), (1,), (2,)] for name in polls},
        "Few?": [(1,), (1,)],
        "Several?": [(1, 2), (2, 3), (2,)],
        "Ranked?": [(1,), (1,), (2, 3), (3, 2), (3, 2), (2, 3), (2, 3)],
        "Tie?": [(1,), (1,), (2,), (2,)],
        "Rating?": [(5,), (4,), (4,)],
    }
    for name, selections in votes.items():
        for selection in selections:
            assert (await Reader(http).vote(polls[name], *selection)).status == 201
    running = (await see(http, site)).text
    assert running.count("Open without a closing date") == 8
    assert running.count("3 voters") == 3  # and neither of "After close?" nor of "Never?"
    assert "%" not in running  # who leads an open poll is seen on its own page
    await close(shared, *polls.values())
    await set_times(shared, polls["Public?"], closes_at=1_763_800_200)  # 2025-11-22T08:30Z, noon in Tehran
    page = await see(http, site, "?state=closed")
    said = " ".join(page.text.split())
    assert "Public? Iran 67% Percent of voters Closed Nov 22, 2025, 12:00" in said
    assert page.all("time", datetime="2025-11-22T08:30:00Z")
    assert "After close? Iran 67% Percent of voters Closed" in said
    assert "Several? The United States 100% Percent of voters; several answers each Closed" in said
    assert "Rating? 4.3 of 5 on average Closed" in said
    assert "Ranked? Winner: \u2068The United States\u2069 Closed" in said
    assert "Tie? It is a tie between \u2068Iran\u2069 and \u2068The United States\u2069. 50%" in said
    assert "Few? Closed" in said  # fewer voters than the site shows percentages from
    assert "2 voters" in said
    never = await see(http, site, "?q=never&state=closed")
    assert polls_on(never) == [polls["Never?"]]
    assert "%" not in never.text
    assert "voter" not in never.text


async def test_the_list_in_the_readers_language(shared: Service, http: Http) -> None:
    site = await new_site(shared, "Sprachen", locale="ar")
    both = await shared.add_poll(
        {"en": "Who won?", "ar": "من انتصر؟"},
        in_two("ar", ("Iran", "إيران"), ("Nobody", "لا أحد")),
        lang="en",
        site="Sprachen",
    )
    english = await shared.add_poll("Only English?", lang="en", site="Sprachen")
    page = await see(http, site)
    assert (page.all("html")[0]["lang"], page.all("html")[0]["dir"]) == ("ar", "rtl")
    assert "من انتصر؟" in page.text
    assert page.all("bdi", lang="en", dir="ltr")
    assert page.all("a", href=f"{shared.base_url}/p/{both}?lang=ar")
    assert page.all("a", href=f"{shared.base_url}/p/{english}")
    page = await see(http, site, "?lang=en-GB")
    assert page.all("html")[0]["lang"] == "en"
    assert "Who won?" in page.text
    assert page.all("a", href=f"{shared.base_url}/p/{both}?lang=en-GB")
    assert page.all("input", type="hidden", name="lang", value="en-GB")
    french = await see(http, site, "?lang=fr")
    assert "Rechercher" in french.text
    assert "Who won?" in french.text
    assert (await see(http, site, "?lang=<x>")).all("html")[0]["lang"] == "ar"


async def test_searching(shared: Service, http: Http) -> None:
    site = await new_site(shared, "Sought")
    final = await shared.add_poll("Who won the FINAL?", ["Iran 50%", "No_body"], site="Sought")
    street = await shared.add_poll(
        {"en": "Which road?", "de": "Welche STRASSE?"},
        in_two("de", ("Long", "Lang"), ("Short", "Kurz")),
        lang="en",
        site="Sought",
    )
    arabic = await shared.add_poll("من انتصر؟", ["إيران", "لا أحد"], lang="ar", site="Sought")
    everything = [arabic, street, final]
    cases: dict[str, list[str]] = {
        "final": [final],
        "iran WON": [final],  # a word of the question and one of an answer
        "iran road": [],
        "straße": [street],
        "إيران": [arabic],
        "50%": [final],
        "%": [final],
        "_": [final],
        "!": [],
        "\\": [],
        "\0": everything,
        "fi\0nal": [final],  # two words
        " ": everything,
        "\u202efinal\u202c": [final],
        "😀": [],
    }
    for text, found in cases.items():
        page = await see(http, site, f"?q={quote(text)}")
        assert sorted(polls_on(page)) == sorted(found), text
    page = await see(http, site, "?q=Final&state=open&lang=en")
    [field] = page.all("input", name="q")
    assert field["value"] == "Final"
    assert page.all("label", **{"for": str(field["id"])})
    [form] = page.all("form")
    assert (form["method"], form["action"]) == ("get", f"{shared.base_url}/s/{site}")
    assert {one["name"]: one["value"] for one in page.all("input", type="hidden")} == {
        "state": "open",
        "lang": "en",
    }
    assert page.all("a", href=f"{shared.base_url}/s/{site}?lang=en")
    assert "Show all polls" in page.text
    assert page.all("meta", name="robots", content="noindex")
    assert "No poll was found for these words." in (await see(http, site, "?q=zzz")).text
    nobody = await new_site(shared, "Nobody")
    assert "There are no polls here yet." in (await see(http, nobody)).text


async def test_answers_that_readers_do_not_see_are_not_searched(shared: Service, http: Http) -> None:
    site = await new_site(shared, "Written")
    polls = [await shared.add_poll("Who?", site="Written", write_in=True) for _ in range(2)]
    for poll in polls:
        await write(http, poll, "Scoundrels")
    for poll, question in zip(polls, ("Who, then?", "Who are they, scoundrels?"), strict=True):
        await edit(shared, poll, question=question)
    assert polls_on(await see(http, site, "?q=scoundrels")) == [polls[1]]


HOSTILE_QUERIES = [
    "q=" + "a" * 10_000,
    "q=" + quote(HOSTILE),
    "q=" + quote("\u202e<b>\u2066" * 50),
    "q=%00%ff%fe%ed%a0%80",
    "q=" + "%25" * 3_000,
    "q=a&q=b&lang=" + quote(HOSTILE),
    "lang=" + "x" * 5_000,
    "q=" + quote(" ".join(f"w{n}" for n in range(2_000))),
    "q=" + quote("ﷺ" * 200),
]


@pytest.mark.parametrize("query", HOSTILE_QUERIES, ids=lambda query: query[:20])
async def test_hostile_queries_are_text(shared: Service, http: Http, query: str) -> None:
    site = await new_site(shared, f"Hostile {time.monotonic()} {HOSTILE}"[:150])
    await shared.add_poll(HOSTILE, [HOSTILE, "Other"], site=site)
    answer = await http.get(f"/s/{site}?{query}")
    assert answer.status == 200
    page = Page(answer)
    assert not page.all("script")
    assert not page.all("img")
    assert len(page.all("input")[0]["value"] or "") <= 200
    assert ElementTree.fromstring((await http.get(f"/s/{site}.atom")).body) is not None


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nosuch", 404),
        ("no%00such", 404),
        ("<script>", 404),
        ("nosuch.atom", 404),
        ("a/b/c", 404),
        ("{}?before=1", 400),
        ("{}?before=x-y", 400),
        ("{}?after=99999999999999999999-a", 400),
        ("{}?before=1-%00", 400),
        ("{}?state=draft", 400),
        ("{}?" + "a=1&" * 300, 400),
    ],
)
async def test_what_goes_wrong_is_told_on_a_page(shared: Service, http: Http, path: str, status: int) -> None:
    site = await new_site(shared, f"Wrong {time.monotonic()}")
    answer = await http.get(f"/s/{path.format(site)}")
    assert answer.status == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert Page(answer).all("h1")
    assert not Page(answer).all("script")


async def test_a_slash_too_many_and_other_methods(shared: Service, http: Http) -> None:
    site = await new_site(shared, "Slashed")
    answer = await http.get(f"/s/{site}/?q=a")
    assert (answer.status, answer.headers["location"]) == (301, f"{shared.base_url}/s/{site}?q=a")
    assert (await http.request("POST", f"/s/{site}")).status == 405
    head = await http.request("HEAD", f"/s/{site}")
    assert (head.status, head.body) == (200, b"")


async def test_pages_of_twenty_stay_while_new_polls_come(shared: Service, http: Http) -> None:
    site = await new_site(shared, "Paged")
    now = int(time.time()) - 1  # what comes later opens in a later second
    polls = [await shared.add_poll(f"Poll {n}?", site="Paged", opens_at=now - n // 2) for n in range(45)]
    async with open_connection(shared.database_url) as connection:  # two each opened in the same second
        listed = await list_opened(connection, Listing(site, now, limit=100))
    order = [place.id for place, _ in listed]
    assert sorted(order) == sorted(polls)
    first = await see(http, site)
    assert polls_on(first) == order[:20]
    assert not link_of(first, "prev")
    await shared.add_poll("Came later?", site="Paged")
    second = await see(http, link_of(first, "next"))
    assert polls_on(second) == order[20:40]
    third = await see(http, link_of(second, "next"))
    assert polls_on(third) == order[40:]
    assert not link_of(third, "next")
    back = await see(http, link_of(third, "prev"))
    assert polls_on(back) == order[20:40]
    assert polls_on(await see(http, link_of(back, "next"))) == order[40:]
    newest = await see(http, link_of(back, "prev"))  # twenty again, and one that came: it is no full page
    assert polls_on(newest) == order[:20]
    assert polls_on(await see(http, link_of(newest, "prev")))[1:] == order[:19]
    [link] = second.all("link", rel="prev")
    assert str(link["href"]).endswith(link_of(second, "prev"))
    beyond = await see(http, f"{site}?before=1-a")
    assert "There are no polls here yet." in beyond.text
    assert beyond.all("a", href=f"{shared.base_url}/s/{site}")


async def test_headers_and_validators(shared: Service, http: Http) -> None:
    site = await new_site(shared, "Cached")
    poll = await shared.add_poll("Who won?", site="Cached")
    for path in (f"/s/{site}", f"/s/{site}.atom"):
        answer = await http.get(path)
        assert answer.headers["cache-control"] == "public, max-age=60"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "strict-origin-when-cross-origin"
        assert "script-src" not in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
        again = await http.get(path, If_None_Match=answer.headers["etag"])
        assert (again.status, again.body) == (304, b"")
    page = await see(http, site)
    url = f"{shared.base_url}/s/{site}"
    assert page.all("link", rel="canonical", href=url)
    assert page.all("meta", property="og:url", content=url)
    assert page.all("meta", name="description", content="Who won?")
    assert page.all("link", type="application/atom+xml", href=f"{url}.atom")
    assert "Polls of Cached" in page.text
    assert poll in polls_on(page)


async def test_the_feed(shared: Service, http: Http) -> None:
    now = int(time.time())
    site = await new_site(shared, "Fed")
    answers = in_two("ar", ("Iran", "إيران"), ("Nobody", "لا أحد"))
    first = await shared.add_poll("Who & why?", site="Fed", opens_at=now - 90)
    second = await shared.add_poll(
        {"en": "Who won?", "ar": "من انتصر؟"}, answers, lang="en", site="Fed", opens_at=now - 60
    )
    await set_times(shared, first, closes_at=now - 30)
    answer = await http.get(f"/s/{site}.atom?lang=ar")
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    feed = ElementTree.fromstring(answer.body)

    def text(parent: ElementTree.Element, name: str) -> str | None:
        return parent.findtext(ATOM + name)

    def when(seconds: int) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

    base = shared.base_url
    assert feed.tag == ATOM + "feed"
    assert (text(feed, "id"), text(feed, "updated")) == (f"{base}/s/{site}", when(now - 30))
    assert feed.findtext(f"{ATOM}author/{ATOM}name") == "Fed"
    links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
    assert links == {"self": f"{base}/s/{site}.atom?lang=ar", "alternate": f"{base}/s/{site}?lang=ar"}
    newest, older = feed.findall(f"{ATOM}entry")
    assert (text(newest, "id"), text(older, "id")) == (f"{base}/p/{second}", f"{base}/p/{first}")
    assert (text(newest, "title"), text(older, "title")) == ("من انتصر؟", "Who & why?")
    assert (text(newest, "published"), text(newest, "updated")) == (when(now - 60), when(now - 60))
    assert (text(older, "published"), text(older, "updated")) == (when(now - 90), when(now - 30))
    links = {link.get("rel"): link.get("href") for link in newest.findall(f"{ATOM}link")}
    assert links["alternate"] == f"{base}/p/{second}?lang=ar"
    picture = await http.get(str(links["enclosure"]).removeprefix(base))
    assert (picture.status, picture.headers["content-type"]) == (200, "image/png")
    empty = ElementTree.fromstring((await http.get(f"/s/{await new_site(shared, 'Fasting')}.atom")).body)
    assert text(empty, "updated")


async def test_a_crowd_causes_one_read_in_ten_seconds(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Asked] = []
    read = Archive._read

    async def counting(self: Archive, asked: Asked) -> Part:
        reads.append(asked)
        return await read(self, asked)

    monkeypatch.setattr(Archive, "_read", counting)
    now = 100.0
    monkeypatch.setattr(archive_, "monotonic", lambda: now)
    async with open_connection(database_url) as connection:
        site = await Sites(connection, time.time).add("News", ["http://news.example"])
        poll = await Editing(connection, time.time).create_poll(site, NewPoll("Who?", ["Iran", "Nobody"]))
    kept = Archive(Pool(database_url, 1), time.time)
    asked = Asked(site.id)
    try:
        parts = await asyncio.gather(*(kept.part(asked) for _ in range(500)))
        assert len(reads) == 1
        assert all(part is parts[0] for part in parts)
        assert [counted.poll.id for counted in parts[0].polls] == [poll.id]
        now += 9.9
        assert await kept.part(asked) is parts[0]
        await kept.part(asked._replace(state=State.OPEN))
        assert len(reads) == 2
        now += 0.2
        assert await kept.part(asked) is not parts[0]
        assert len(reads) == 3
        for n in range(300):
            await kept.part(asked._replace(words=(str(n),)))
        assert len(kept._parts) <= 256
        many = (kept.part(asked._replace(words=(f"x{n}",))) for n in range(100))
        answers = await asyncio.gather(*many, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, PollError)]
        assert len(refused) == 100 - archive_.MAX_WAITING
    finally:
        await kept.stop()


async def test_a_read_that_fails_is_not_kept(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_connection(database_url) as connection:
        site = await Sites(connection, time.time).add("News", ["http://news.example"])
    kept = Archive(Pool(database_url, 1), time.time)

    async def fail(*_: object) -> None:
        raise OSError

    with monkeypatch.context() as away:
        away.setattr(archive_, "load_site", fail)
        with pytest.raises(PollError, match="Too much"):
            await kept.part(Asked(site.id))
    try:
        assert (await kept.part(Asked(site.id))).polls == []
    finally:
        await kept.stop()


async def fill(connection: Connection, url: str, polls: int) -> str:
    """A site with so many closed polls that have votes; returns its id."""
    site = await Sites(connection, time.time).add("News", ["http://news.example"])
    poll = await Editing(connection, time.time).create_poll(site, NewPoll("Who won?", ["Iran", "Nobody"]))
    copied = ", ".join(column.name for column in schema.polls.c if column.name not in {"id", "opens_at"})
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many) "
    id_ = "'c' || CAST(n.i AS text)"
    async with connection.transaction():
        for insert in (
            f"INSERT INTO polls (id, opens_at, {copied}) {numbers} "
            f"SELECT {id_}, opens_at - n.i, {copied} FROM polls, n WHERE polls.id = :poll",
            f"INSERT INTO options {numbers} SELECT {id_}, "
            + ", ".join(f'"{column.name}"' for column in list(schema.options.c)[1:])
            + " FROM options, n WHERE poll_id = :poll",
            f"INSERT INTO poll_versions {numbers} SELECT {id_}, 1, 0 FROM poll_versions, n "
            "WHERE poll_id = :poll",
            f"INSERT INTO tally {numbers} SELECT {id_}, 0, 0, '1', 'counted', '', 9 FROM polls, n "
            "WHERE polls.id = :poll",
        ):
            await connection.rows(insert, poll=poll.id, many=polls)
    return site.id


async def test_ten_thousand_polls_are_listed_at_once(database_url: str) -> None:
    async with open_connection(database_url) as connection:
        site = await fill(connection, database_url, 10_000)
    kept = Archive(Pool(database_url, 1), time.time)
    try:
        place = (await kept.part(Asked(site))).older
        for asked in (
            Asked(site, ("won", "iran")),
            Asked(site, ("nothing",)),
            Asked(site, state=State.CLOSED),
            Asked(site, place=place),
            Asked(site, place=place, newer=True),
        ):
            took = []
            for _ in range(5):
                kept._parts.clear()
                kept._counted.clear()
                began = time.perf_counter()
                await kept.part(asked)
                took.append(time.perf_counter() - began)
            assert min(took) < 0.1, (asked, took)
    finally:
        await kept.stop()


async def test_the_page_in_a_browser(news: News) -> None:
    """No axe violations and no sideways scroll, wide and narrow, light and dark, in both directions."""
    ids: list[str] = []
    for n in range(23):
        texts = {"en": f"Who won match number {n}, and by how much?", "ar": f"من انتصر في المباراة {n}؟"}
        answers = in_two("ar", ("Iran", "إيران"), ("Nobody", "لا أحد"))
        ids.append(await news.poll(texts, answers, lang="en"))
    for picks in ((1,), (1,), (2,)):
        await news.others_vote(ids[22], picks)
    await close(news.service, *ids[15:])
    async with news.service.editor() as editor:
        site = (await editor.poll(ids[0])).site.id
    page = await news.blank()
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for lang, width in (("en", 360), ("en", 1000), ("ar", 360), ("ar", 1000)):
            await page.set_viewport_size({"width": width, "height": 800})
            await page.goto(f"{news.service.base_url}/s/{site}?lang={lang}")
            await expect(page.locator(".polls li")).to_have_count(20)
            assert await axe(page) == []
            assert await sticking_out(page) == []
            assert await page.evaluate("window.violations") == []
    await page.goto(f"{news.service.base_url}/s/{site}")
    await page.get_by_role("link", name="Older polls").click()
    await expect(page.get_by_role("link", name="Newer polls")).to_be_visible()
    await page.get_by_label("Search in questions and answers").fill("number 22")
    await page.keyboard.press("Enter")
    await expect(page.locator(".polls li")).to_have_count(1)
    assert await axe(page) == []
    await page.get_by_label("Search in questions and answers").fill("nothing of that kind")
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_role("status")).to_be_visible()
    assert await axe(page) == []
    await page.get_by_role("link", name="Show all polls").click()
    await expect(page.locator(".polls li")).to_have_count(20)
    await page.goto(f"{news.service.base_url}/s/nosuchsite")
    assert await axe(page) == []
