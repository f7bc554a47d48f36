"""What may be kept: each route says so; nothing of a person is, and what is public is the same for all."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pollsvc.domain.editor import Role
from tests.support.editors import COOKIE, add_editor, add_session
from tests.support.furnished import Furnished, furnished
from tests.support.reader import Answer, Http, new_key
from tests.support.routes import PROGRAMS, Call, all_calls

CALLS = all_calls()
READS = [call for call in CALLS if call.method == "GET"]
OF_EDITORS = [call for call in READS if call.door or call.path.startswith(PROGRAMS)]
PUBLIC = [call for call in READS if call not in OF_EDITORS]

SECOND = "public, max-age=1, s-maxage=1, stale-while-revalidate=5"
TEN_SECONDS = "public, max-age=10, s-maxage=10, stale-while-revalidate=60"
FOR_EVER = "public, max-age=31536000, immutable"
ROOT = Path(__file__).parent.parent

RULES = {
    **dict.fromkeys(("/api/v1/polls/{poll}", "/api/v1/polls", "/api/v1/articles"), SECOND),
    **dict.fromkeys(("/api/v1/log/checkpoint", "/api/v1/log/keys"), SECOND),
    **dict.fromkeys(("/api/v1/log/inclusion", "/api/v1/log/consistency", "/api/v1/log/standing"), SECOND),
    "/api/v1/log/tile/{level:int}/{index:path}": "public, max-age=86400",
    **dict.fromkeys(("/api/v1/polls/{poll}/history", "/p/{poll}/history", "/p/{poll}/verify"), TEN_SECONDS),
    **dict.fromkeys(("/p/{poll}/card.png", "/p/{poll}/results.svg"), TEN_SECONDS),
    **dict.fromkeys(("/s/{site}", "/s/{site}.atom", "/embed/{rest:path}"), "public, max-age=60"),
    **{"/w/{name}": "public, max-age=300, stale-while-revalidate=86400", "/i/{image}": FOR_EVER},
    **{"/oembed": "public, max-age=600", "/api/v1/openapi.json": "public, max-age=300"},
    "/admin/static/{name}": "no-cache",
}
"""What is public and the same for everybody; all else is `no-store`."""


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Furnished]:
    async with furnished(tmp_path_factory.mktemp("caches")) as place:
        yield place


@pytest.fixture
async def http(place: Furnished) -> AsyncIterator[Http]:
    async with Http(place.service.base_url) as http:
        yield http


@pytest.fixture(scope="module")
async def editor(place: Furnished) -> dict[str, str]:
    """The headers of an admin who is signed in and has a key."""
    url = place.service.database_url
    secret = await add_session(url, await add_editor(url, Role.ADMIN))
    return {"Cookie": f"{COOKIE}={secret}", "Authorization": f"Bearer {place.api_key}"}


async def ask(http: Http, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
    """The answer; of a live stream, which has no end, its head."""
    async with http.session.request(method, path, headers=headers, allow_redirects=False) as answer:
        named = {name.lower(): value for name, value in answer.headers.items()}
        stream = answer.content_type == "text/event-stream"
        return Answer(answer.status, named, b"" if stream else await answer.read())


def check_public(answer: Answer) -> None:
    """Nobody is told apart: no cookie, and the same for everybody."""
    assert "set-cookie" not in answer.headers
    assert answer.headers.get("vary", "Accept-Encoding") == "Accept-Encoding"


def test_the_rules_are_of_routes_that_there_are() -> None:
    assert set(RULES) <= {call.path for call in PUBLIC}


@pytest.mark.parametrize("call", PUBLIC, ids=str)
async def test_what_is_public_may_be_kept_and_knows_nobody(
    place: Furnished, http: Http, editor: dict[str, str], call: Call
) -> None:
    path = place.address(call)
    answer = await ask(http, path)
    assert answer.headers["cache-control"] == RULES.get(call.path, "no-store")
    check_public(answer)
    head = await ask(http, path, method="HEAD")
    assert (head.status, head.headers["cache-control"]) == (answer.status, answer.headers["cache-control"])
    if call.path in RULES:
        assert answer.status == 200
        known = {**editor, "Accept-Language": "ar", "User-Agent": "x", "Origin": "https://evil.example"}
        known |= {"Referer": "https://news.example/a", "X-Forwarded-For": "192.0.2.1", "Sec-GPC": "1"}
        other = await ask(http, path, known)
        moving = rb'"now":"[^"]+"'
        assert re.sub(moving, b"", other.body) == re.sub(moving, b"", answer.body)
        check_public(other)
        if etag := answer.headers.get("etag"):
            kept = await ask(http, path, {"If-None-Match": etag})
            assert (kept.status, kept.headers["cache-control"]) == (304, answer.headers["cache-control"])
            check_public(kept)


@pytest.mark.parametrize("call", OF_EDITORS, ids=str)
async def test_nothing_of_an_editor_is_kept(
    place: Furnished, http: Http, editor: dict[str, str], call: Call
) -> None:
    for headers in ({}, editor, {"Cookie": f"{COOKIE}=x", "Authorization": "Bearer x"}):
        for method in ("GET", "HEAD"):
            answer = await ask(http, place.address(call), headers, method)
            assert answer.headers["cache-control"] == "no-store", answer
            assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_no_error_is_kept(place: Furnished, http: Http, editor: dict[str, str], call: Call) -> None:
    """Of what is not there, what no method of it is, and what is asked for in a wrong way."""
    nowhere = call.to({})
    for method, path, headers in (
        ("GET", nowhere, {}),
        ("DELETE", nowhere, {}),
        ("POST", nowhere, editor),
        ("PROPFIND", nowhere, editor),
        ("GET", f"{nowhere}?" + "a=1&" * 300, {}),
        ("OPTIONS", nowhere, {"Origin": "https://evil.example"}),
    ):
        answer = await ask(http, path, headers, method)
        if answer.status >= 400:
            assert answer.headers["cache-control"] == "no-store", (method, path)
            assert "set-cookie" not in answer.headers
        assert answer.status < 500, (method, path)
        assert answer.headers["cache-control"], (method, path)


async def test_no_vote_is_kept(place: Furnished, http: Http) -> None:
    poll, key = place.ids["poll"], new_key()
    body = {"selection": [1], "idempotency_key": key}
    for _ in range(2):
        vote = await http.post_vote(poll, body, Origin="http://news.example")
        assert (vote.headers["cache-control"], vote.headers["vary"]) == ("no-store", "Origin")
        assert "set-cookie" not in vote.headers
    form = await http.request("POST", f"/p/{poll}", data={"selection": "1", "idempotency_key": new_key()})
    assert (form.status, form.headers["cache-control"]) == (200, "no-store")


async def test_signing_in_and_out_is_not_kept(place: Furnished, http: Http) -> None:
    here = {"Origin": place.service.base_url}
    for path in ("/admin/sign-in", "/admin/sign-out"):
        answer = await http.request("POST", path, data={"name": "x", "password": "y"}, headers=here)
        assert answer.headers["cache-control"] == "no-store"


async def test_results_that_voters_see_have_an_address_that_nobody_guesses(
    place: Furnished, http: Http
) -> None:
    """They may be kept too, since it is the same for all who voted."""
    poll = await place.service.add_poll(visibility="after_vote")
    vote = await http.post_vote(poll, {"selection": [1], "idempotency_key": new_key()})
    url = vote.json["results_url"].removeprefix(place.service.base_url)
    answer = await ask(http, url)
    assert (answer.status, answer.headers["cache-control"]) == (200, SECOND)
    check_public(answer)
    assert len(url.rpartition("/")[2]) >= 20
    assert (await ask(http, url[:-1] + ("a" if url[-1] != "a" else "b"))).status == 404


def test_the_rules_for_a_cdn_say_the_same() -> None:
    section = (ROOT / "docs" / "deploy.md").read_text().partition("## A CDN")[2].partition("\n## ")[0]
    told = {
        path: re.findall("`([^`]+)`", rule)[0]
        for paths, rule in re.findall(r"^\| (.*?) \| (.*?) \|$", section, re.MULTILINE)
        for path in re.findall("`(/[^`]+)`", paths)
    }
    assert told == {path: rule for path, rule in RULES.items() if path != "/admin/static/{name}"}
