"""Polls are found by the article they stand in, under every spelling of its address."""

from urllib.parse import quote

import pytest

from pollsvc.domain.article import MAX_URL, canonical_origin, canonical_url
from tests.support.reader import Http, Reader
from tests.support.server import Service, until

CANONICAL = "https://news.example/world/story"


@pytest.mark.parametrize(
    "spelling",
    [
        CANONICAL,
        CANONICAL + "/",
        CANONICAL + "#comments",
        " " + CANONICAL + " ",
        "HTTPS://NEWS.EXAMPLE/world/story",
        "https://news.example:443/world/story",
        "https://user:secret@news.example/world/story",
        CANONICAL + "?utm_source=a&utm_medium=b",
        CANONICAL + "?fbclid=x&gclid=y#top",
        CANONICAL + "?",
    ],
)
def test_spellings_of_one_article(spelling: str) -> None:
    assert canonical_url(spelling) == CANONICAL


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("http://news.example", "http://news.example/"),
        ("http://news.example:8080/a", "http://news.example:8080/a"),
        ("http://news.example:443/a", "http://news.example:443/a"),
        ("https://news.example/A?id=2&page=1", "https://news.example/A?id=2&page=1"),
        ("https://news.example/a?x=", "https://news.example/a?x="),
        ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
        ("https://[2001:DB8::1]:443/a", "https://[2001:db8::1]/a"),
        ("https://news.example/%D9%85", "https://news.example/%D9%85"),
    ],
)
def test_what_tells_articles_apart_is_kept(text: str, canonical: str) -> None:
    assert canonical_url(text) == canonical
    assert canonical_url(canonical) == canonical


@pytest.mark.parametrize(
    "text",
    [
        *("", "/story", "news.example/a", "//news.example/a", "ftp://news.example/a", "javascript:alert(1)"),
        *(
            "http://",
            "http:///a",
            "http://[::1",
            "http://a:99999/",
            "http://a:x/",
            "mailto:a@b",
            "data:text/html,x",
        ),
        *("https://a/" + "b" * MAX_URL, "https://a/\0", "https://a/\ud800", "https://" + "é" * 300 + "/"),
    ],
)
def test_what_is_no_article(text: str) -> None:
    assert canonical_url(text) is None


@pytest.mark.parametrize("origin", ["https://a.example", "HTTPS://A.example:443", "https://a.example/"])
def test_spellings_of_one_origin(origin: str) -> None:
    assert canonical_origin(origin) == "https://a.example"


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "*",
        "https://*.example",
        "https://a b",
        "https://a/b",
        "https://a?x",
        "https://a#x",
        "a.example",
        "",
    ],
)
def test_what_is_no_origin(text: str) -> None:
    assert canonical_origin(text) is None


async def test_the_polls_of_an_article_in_their_order(shared: Service, http: Http) -> None:
    """As they were attached; drafts and other articles' polls are left out."""
    url, other = "https://news.example/ordered", "https://news.example/other"
    first = await shared.add_poll("First?", articles=[url])
    both = await shared.add_poll("Second?", articles=[other, url])
    await shared.add_poll("Draft?", articles=[url], draft=True)
    await shared.add_poll("Elsewhere?", articles=[other])
    found = await http.get(f"/api/v1/articles?url={quote(url + '/?utm_source=x#y', safe='')}")
    assert found.status == 200
    assert found.json["article"] == url
    assert [poll["id"] for poll in found.json["polls"]] == [first, both]
    one = (await http.get(f"/api/v1/polls/{first}")).json
    assert {**found.json["polls"][0], "now": ""} == {**one, "now": ""}


async def test_an_article_without_polls(shared: Service, http: Http) -> None:
    found = await http.get("/api/v1/articles?url=https://news.example/nothing")
    assert (found.status, found.json["polls"]) == (200, [])


@pytest.mark.parametrize(
    "query", ["", "?url=", "?url=story", "?url=javascript:alert(1)", "?url=%00", "?uri=http://a"]
)
async def test_no_article_is_asked_for(http: Http, query: str) -> None:
    answer = await http.get(f"/api/v1/articles{query}")
    assert (answer.status, answer.code) == (400, "bad_request")


async def test_a_poll_attached_later_is_found_soon(shared: Service, http: Http) -> None:
    path = "/api/v1/articles?url=https://news.example/later"
    before = await http.get(path)
    poll = await shared.add_poll(articles=["https://news.example/later"])

    async def found() -> bool:
        answer = await http.get(path, If_None_Match=before.headers["etag"])
        return answer.status == 200 and [one["id"] for one in answer.json["polls"]] == [poll]

    await until(found, seconds=2)


async def test_several_polls_in_one_call(shared: Service, http: Http) -> None:
    """In the order asked for, each once; unknown ones and drafts are left out."""
    polls = [await shared.add_poll() for _ in range(3)]
    draft = await shared.add_poll(draft=True)
    await Reader(http).vote(polls[1], 1)
    ids = [polls[2], "nosuchpoll", polls[1], draft, polls[0], polls[2]]
    answer = await http.get("/api/v1/polls?" + "&".join(f"id={id_}" for id_ in ids))
    assert [poll["id"] for poll in answer.json["polls"]] == [polls[2], polls[1], polls[0]]
    assert [poll["results"]["voters"] for poll in answer.json["polls"]] == [0, 1, 0]
    for query in ("", "?id=", "?" + "&".join(f"id=p{number}" for number in range(101))):
        assert (await http.get("/api/v1/polls" + query)).code == "bad_request"


async def test_a_poll_has_the_keys_that_others_rely_on(shared: Service, http: Http) -> None:
    poll = await shared.add_poll("من انتصر؟", ["إيران", "أمريكا"], lang="ar", closes_at=4_000_000_000)
    found = (await http.get(f"/api/v1/polls/{poll}")).json
    assert set(found) >= {
        *("id", "site", "kind", "state", "question", "options", "picks", "opens_at", "closes_at", "now"),
        *("results", "live", "strings"),
    }
    assert found["question"] == {"text": "من انتصر؟", "lang": "ar", "dir": "rtl"}
    assert found["options"] == [{"id": 1, "label": "إيران"}, {"id": 2, "label": "أمريكا"}]
    assert (found["picks"], found["kind"], found["state"]) == ({"min": 1, "max": 1}, "single", "open")
    assert (found["opens_at"], found["closes_at"]) == (None, "2096-10-02T07:06:40Z")
    assert found["live"] == f"{shared.base_url}/api/v1/live?poll={poll}"
    assert found["strings"]["lang"] == "ar"
    assert (await http.get(f"/api/v1/polls/{poll}?lang=en-GB")).json["strings"]["lang"] == "en"
    assert (await http.get(f"/api/v1/polls/{poll}?lang=xx")).json["strings"]["lang"] == "ar"
    assert (await http.get(f"/api/v1/polls/{poll}?lang=en_US")).json["strings"]["lang"] == "en"


async def test_an_article_in_any_script_is_found_as_browsers_spell_it(shared: Service, http: Http) -> None:
    url = "https://news.example/أخبار/قصة"
    poll = await shared.add_poll(articles=[url])
    for spelling in (url, quote(url, safe=":/"), quote(url, safe=":/").lower()):
        answer = (await http.get(f"/api/v1/articles?url={quote(spelling, safe='')}")).json
        assert [found["id"] for found in answer["polls"]] == [poll]
        assert answer["article"].isascii()


@pytest.mark.parametrize("lang", ["x-default", "", "%00", "zz", "<b>"])
async def test_an_odd_language_is_the_polls_own(shared: Service, http: Http, lang: str) -> None:
    poll = await shared.add_poll(lang="ar")
    for path in (f"/api/v1/polls/{poll}", f"/api/v1/polls?id={poll}", f"/p/{poll}"):
        answer = await http.get(f"{path}{'&' if '?' in path else '?'}lang={lang}")
        assert answer.status == 200
        assert "القرّاء" in answer.body.decode()
