"""A page elsewhere cannot change anything through an editor's browser: each changing route is tried."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping

import pytest

from pollsvc.domain.editor import Role
from tests.support.editors import add_editor, add_session
from tests.support.furnished import Furnished, furnished
from tests.support.reader import Answer, Http
from tests.support.routes import PROGRAMS, Call, all_calls

BASE = "https://polls.example"
COOKIE = "__Secure-pollsvc"
CALLS = all_calls()
ADMIN = [call for call in CALLS if call.changes and call.door]
KEYED = [call for call in CALLS if call.path.startswith(PROGRAMS)]
OPEN = [call for call in CALLS if call.changes and not call.door and call not in KEYED]
READS = [call for call in CALLS if not call.changes and call.method != "OPTIONS"]

FOREIGN: tuple[Mapping[str, str], ...] = (
    *(
        {"Origin": origin}
        for origin in (
            *("https://evil.example", "null", "", "https://polls.example.evil.example", "https://example"),
            *("https://www.polls.example", "https://cms.polls.example", "https://xpolls.example"),  # siblings
            *("https://polls.example:8443", "https://polls.example:443", "http://polls.example"),
            *(
                "https://POLLS.example",
                "https://polls.example/",
                "https://polls.example https://evil.example",
            ),
            *("https://polls.example, https://evil.example", "http://127.0.0.1", "*"),
        )
    ),
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
)
UNSAID: tuple[Mapping[str, str], ...] = (
    {},
    *({"Sec-Fetch-Site": site} for site in ("cross-site", "same-site", "none", "", "SAME-ORIGIN", "x")),
    {"Referer": f"{BASE}/admin"},
    {"X-Requested-With": "XMLHttpRequest"},
)
"""Without an Origin, which no browser sends a change without."""
BODIES: tuple[tuple[str | None, bytes], ...] = (
    ("application/x-www-form-urlencoded", b"name=x&role=admin&question=x&option=a&option=b"),
    ("multipart/form-data; boundary=b", b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\nb\r\n--b--'),
    ("text/plain", b"name=x&role=admin"),
    ("application/json", b'{"question": "x"}'),
    (None, b""),
)


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Furnished]:
    folder = tmp_path_factory.mktemp("changes")
    async with furnished(folder, POLLSVC_BASE_URL=BASE) as place:
        yield place


@pytest.fixture(scope="module")
async def cookie(place: Furnished) -> str:
    """The Cookie header of an admin who is signed in."""
    url = place.service.database_url
    return f"{COOKIE}={await add_session(url, await add_editor(url, Role.ADMIN))}"


@pytest.fixture
async def http(place: Furnished) -> AsyncIterator[Http]:
    async with Http(place.service.base_url) as http:
        yield http


async def send(http: Http, call: Call, path: str, body: tuple[str | None, bytes], **headers: str) -> Answer:
    content_type, data = body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    skipped = None if content_type else ["Content-Type"]
    typed = {"Content-Type": content_type} if content_type else {}
    return await http.request(
        call.method, path, data=data, headers={**named, **typed}, skip_auto_headers=skipped
    )


def test_every_route_that_changes_something_is_one_of_three_sorts() -> None:
    """Of the admin, behind its guard; for programs, behind a key; or a vote. A fourth needs a test here."""
    assert [str(call) for call in OPEN] == ["POST /api/v1/polls/{poll}/votes", "POST /p/{poll}"]
    assert len(ADMIN) > 30
    assert len([call for call in KEYED if call.changes]) > 15


@pytest.mark.parametrize("call", ADMIN, ids=str)
async def test_an_editors_cookie_is_no_leave_for_other_pages(
    place: Furnished, http: Http, cookie: str, call: Call
) -> None:
    before, path = place.state(), call.to(place.ids)
    matrix = list(itertools.product((*FOREIGN, *UNSAID), BODIES))
    answers = await asyncio.gather(
        *(send(http, call, path, body, Cookie=cookie, **headers) for headers, body in matrix)
    )
    let_in = [case for case, answer in zip(matrix, answers, strict=True) if answer.status != 403]
    assert let_in == []
    assert all("Not from there" in answer.body.decode() for answer in answers)
    assert not any("access-control-allow-origin" in answer.headers for answer in answers)
    assert place.state() == before


@pytest.mark.parametrize("call", ADMIN, ids=str)
@pytest.mark.parametrize("headers", [{"Origin": BASE}, {"Sec-Fetch-Site": "same-origin"}], ids=str)
async def test_pages_of_our_own_are_let_in(
    place: Furnished, http: Http, call: Call, headers: dict[str, str]
) -> None:
    """Else the test above would show nothing; nobody is signed in here, so that nothing changes."""
    answer = await send(http, call, call.to(place.ids), BODIES[0], **headers)
    assert answer.status == (401 if call.door and call.door.role else answer.status)
    assert "Not from there" not in answer.body.decode()


@pytest.mark.parametrize("call", KEYED, ids=str)
async def test_the_interface_for_programs_knows_no_credential_that_a_browser_adds(
    place: Furnished, http: Http, cookie: str, call: Call
) -> None:
    before, path = place.state(), call.to(place.ids)
    query = f"?key={place.api_key}&api_key={place.api_key}&access_token={place.api_key}"
    for headers in ({"Origin": BASE}, {"Authorization": "Basic YTpi"}, {"X-API-Key": place.api_key}):
        for body in BODIES:
            answer = await send(http, call, path + query, body, Cookie=cookie, **headers)
            assert (answer.status, answer.code) == (401, "bad_api_key"), (headers, body)
            assert "access-control-allow-credentials" not in answer.headers
    assert place.state() == before


@pytest.mark.parametrize("call", KEYED, ids=str)
async def test_no_page_may_send_a_key_either(place: Furnished, http: Http, call: Call) -> None:
    """A key's header takes a preflight, which no origin passes."""
    answer = await http.request(
        "OPTIONS",
        call.to(place.ids),
        headers={
            "Origin": "https://news.example",
            "Access-Control-Request-Method": call.method,
            "Access-Control-Request-Headers": "authorization",
        },
    )
    assert answer.status == 405
    assert not {
        name
        for name in answer.headers
        if name.startswith("access-control-allow-") and name[21:] in ("methods", "headers", "credentials")
    }


@pytest.mark.parametrize("call", OPEN, ids=str)
async def test_votes_come_from_the_sites_pages_and_our_own(place: Furnished, http: Http, call: Call) -> None:
    """Without an Origin they do too: of programs, which could make up any; a vote rests on no credential."""
    before, path = place.state(), call.to(place.ids)
    vote = ("text/plain", b'{"selection": [1], "idempotency_key": "aaaaaaaaaaaaaaaaaaaaaa"}')
    form = ("application/x-www-form-urlencoded", b"selection=1&idempotency_key=aaaaaaaaaaaaaaaaaaaaaa")
    for headers, body in itertools.product(FOREIGN, (vote, form)):
        answer = await send(http, call, path, body, **headers)
        assert answer.status == 403, (headers, body)
        assert "access-control-allow-origin" not in answer.headers or call.path.startswith("/p/")
    assert place.state() == before


@pytest.mark.parametrize("call", READS, ids=str)
async def test_reading_changes_nothing(place: Furnished, http: Http, cookie: str, call: Call) -> None:
    """Of what an editor's browser asks for by itself when any page has a link or a picture of it."""
    if call.path == "/api/v1/live":
        return  # which never ends
    before = place.state()
    named = {"Cookie": cookie, "Authorization": f"Bearer {place.api_key}"}
    query = "?done=archived&action=close&_method=POST&role=admin&name=x&url=https://news.example/story"
    for method in (call.method, "HEAD"):
        answer = await http.request(method, call.to(place.ids) + query, headers=named)
        assert answer.status < 500, answer
        override = {**named, "X-HTTP-Method-Override": "POST", "X-Method-Override": "DELETE"}
        assert (await http.request(method, call.to(place.ids), headers=override)).status < 500
    assert place.state() == before
