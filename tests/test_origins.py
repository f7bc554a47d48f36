"""Which pages may send votes: the site's, and the poll's own; every answer says that it depends."""

import re

import pytest

from pollsvc.domain.article import canonical_origin
from tests.support.reader import Answer, Http, new_key
from tests.support.server import ORIGIN, Service

VOTE = {"selection": [1]}
FOREIGN = (
    "https://evil.example",
    "null",
    "",
    "http://news.example.evil.example",
    "https://news.example",  # another scheme
    "http://news.example:81",
    "http://NEWS.example",
    "http://news.example/",
    "http://evil.example, http://news.example",
    "*",
    "https://gazette.example",  # another site's
)


def allowed_origin(answer: Answer) -> str | None:
    return answer.headers.get("access-control-allow-origin")


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        *(
            (text, "https://a.example")
            for text in ("https://a.example", "HTTPS://A.example:443", "https://a.example/")
        ),
        (" https://a.example ", "https://a.example"),
        ("https://a.example:0443", "https://a.example"),
        ("http://a.example:80", "http://a.example"),
        ("https://BÜCHER.example", "https://xn--bcher-kva.example"),
        ("https://faß.example", "https://xn--fa-hia.example"),
        ("http://مثال.example:8080", "http://xn--mgbh0fb.example:8080"),
        ("http://[2001:DB8:0::1]:8080", "http://[2001:db8::1]:8080"),
    ],
)
def test_spellings_of_one_origin(text: str, origin: str) -> None:
    assert canonical_origin(text) == origin


@pytest.mark.parametrize(
    "origin",
    [
        *("https://a.example", "http://a.example", "https://www.a.example", "https://a.example."),
        *("https://a.example:80", "http://a.example:443", "https://a.example:8443", "http://127.0.0.1:8001"),
        *("https://m.a.example", "https://xn--fa-hia.example", "https://fass.example", "http://[::1]"),
    ],
)
def test_what_tells_origins_apart_is_kept(origin: str) -> None:
    """All that the canonical URL of an article folds together: scheme, `www` and ports."""
    assert canonical_origin(origin) == origin


@pytest.mark.parametrize(
    "text",
    [
        *("null", "*", "https://*.example", "https://a b", "a.example", "", "ftp://a.example", "https://"),
        *("https://a/b", "https://a?x", "https://a#x", "https://a//", "https://a/?utm_source=x", "https://."),
        *("https://a:99999", "https://[v1.x]", "https://[::1", "https://a[::1]", "https://[::1]a"),
        *("https://good.example\\@evil.example", "https://a\n.example", "https://\ud800", "https://a/\ud800"),
    ],
)
def test_what_is_no_origin(text: str) -> None:
    assert canonical_origin(text) is None


async def test_a_page_of_the_site_may_vote(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    vote = await http.post_vote(poll, VOTE, Origin=ORIGIN)
    assert (vote.status, allowed_origin(vote)) == (201, ORIGIN)
    assert vote.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in vote.headers


async def test_the_services_own_page_may_vote(shared: Service, http: Http) -> None:
    vote = await http.post_vote(await shared.add_poll(), VOTE, Origin=shared.base_url)
    assert (vote.status, allowed_origin(vote)) == (201, shared.base_url)


async def test_a_program_without_an_origin_may_vote(shared: Service, http: Http) -> None:
    vote = await http.post_vote(await shared.add_poll(), VOTE)
    assert (vote.status, vote.headers["vary"], allowed_origin(vote)) == (201, "Origin", None)


@pytest.mark.parametrize("origin", FOREIGN)
async def test_any_other_page_may_not(shared: Service, http: Http, origin: str) -> None:
    poll = await shared.add_poll()
    vote = await http.post_vote(poll, VOTE, Origin=origin)
    assert (vote.status, vote.code, allowed_origin(vote)) == (403, "origin_not_allowed", None)
    assert vote.headers["vary"] == "Origin"
    assert await shared.ballots(poll) == []


async def test_every_refusal_can_be_read_by_the_page_and_varies(shared: Service, http: Http) -> None:
    poll, key = await shared.add_poll(), new_key()
    await http.post_vote(poll, {"selection": [1], "idempotency_key": key})
    refused = [
        (400, b"{"),
        (401, {"selection": [1], "reader": "forged"}),
        (409, {"selection": [2], "idempotency_key": key}),
        (413, b" " * 5000),
        (422, {"selection": [7]}),
    ]
    for status, body in refused:
        answer = await http.post_vote(poll, body, Origin=ORIGIN)
        assert (answer.status, answer.headers["vary"], allowed_origin(answer)) == (status, "Origin", ORIGIN)
    missing = await http.post_vote("nosuchpoll", VOTE, Origin=ORIGIN)
    assert (missing.status, missing.headers["vary"]) == (404, "Origin")


async def test_a_preflight_is_answered_for_the_site_only(shared: Service, http: Http) -> None:
    path = f"/api/v1/polls/{await shared.add_poll()}/votes"
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = await http.request("OPTIONS", path, headers={**ask, "Origin": ORIGIN})
    assert (answer.status, answer.headers["vary"], allowed_origin(answer)) == (204, "Origin", ORIGIN)
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-allow-headers"] == "content-type"
    foreign = await http.request("OPTIONS", path, headers={**ask, "Origin": "https://evil.example"})
    assert (foreign.status, foreign.headers["vary"], allowed_origin(foreign)) == (403, "Origin", None)


async def test_results_are_for_every_page_and_every_cache(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(articles=["https://news.example/a"])
    for path in (
        f"/api/v1/polls/{poll}",
        f"/api/v1/polls?id={poll}",
        "/api/v1/articles?url=https://news.example/a",
    ):
        plain = await http.get(path)
        from_page = await http.get(path, Origin=ORIGIN, Cookie="a=b", Accept_Language="ar", User_Agent="x")
        assert allowed_origin(plain) == allowed_origin(from_page) == "*"
        assert plain.headers.get("vary", "Accept-Encoding") == "Accept-Encoding"
        assert "set-cookie" not in from_page.headers
        assert "public" in plain.headers["cache-control"]
        assert plain.headers["etag"] == from_page.headers["etag"]
        assert re.sub(rb'"now":"[^"]+"', b"", plain.body) == re.sub(rb'"now":"[^"]+"', b"", from_page.body)
