"""The sign-in page: the cookie, the way back, what is said of failures, and that votes go on meanwhile."""

import asyncio
import io
import time

import pytest
from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.editor import Editor, Role
from pollsvc.services.accounts.editors import Accounts
from pollsvc.services.accounts.passwords import Passwords
from pollsvc.web.admin.guard import local_path
from pollsvc.web.admin.people.cookie import SessionCookie
from tests.support.editors import PASSWORD, EditorHttp, signed_in
from tests.support.reader import Http, Reader
from tests.support.server import Service, open_connection

WRONG = "not the password"


async def test_the_cookie_and_the_way_back(service: Service) -> None:
    await add_jane(service)
    async with EditorHttp(service.base_url) as http:
        away = await http.get("/admin/log?subject=site:x")
        assert away.status == 303
        assert (await http.get("/admin")).headers["location"] == f"{service.base_url}/admin/sign-in"
        page = await http.request("GET", away.headers["location"].removeprefix(service.base_url))
        assert 'name="next" value="/admin/log?subject=site:x"' in page.body.decode()
        answer = await http.sign_in("jane", next="/admin/log?subject=site:x")
        assert answer.headers["location"] == f"{service.base_url}/admin/log?subject=site:x"
        assert answer.headers["set-cookie"].split("; ")[1:] == ["HttpOnly", "Path=/admin", "SameSite=lax"]
        again = await http.get("/admin/sign-in?next=/admin/account")
        assert again.headers["location"] == f"{service.base_url}/admin/account"
        first = http.secret
        await http.sign_in("jane")
        assert http.secret not in ("", first)
        out = await http.send("/admin/sign-out")
        assert out.headers["location"] == f"{service.base_url}/admin/sign-in?done=signed_out"
        assert "Max-Age=0" in out.headers["set-cookie"]
    async with EditorHttp(service.base_url) as http:
        http.secret = first
        assert (await http.get("/admin/account")).status == 303


def test_the_cookie_over_https() -> None:
    cookie, response = SessionCookie("https://polls.example/base"), Response()
    cookie.write(response, "secret")
    sent = response.headers["set-cookie"].split("; ")
    assert sent == [
        "__Secure-pollsvc=secret",
        "HttpOnly",
        "Path=/base/admin",
        "SameSite=lax",
        "Secure",
    ]
    scope = {"type": "http", "headers": [(b"cookie", b"pollsvc=x; __Secure-pollsvc=secret")]}
    assert cookie.read(Request(scope)) == "secret"


@pytest.mark.parametrize(
    "wanted",
    [
        *("", "https://evil.example", "//evil.example", "/\\evil.example", "/p/x", "/administration"),
        *(
            "/admin//evil.example",
            "/admin/../p/x",
            "/admin/%2e%2e/p",
            "/admin/sign-out",
            "/admin\nx",
            "admin",
        ),
        *("/admin/sign-in?next=/admin", "/admin/x#y", "/admin?x=\r\ny", "/admin@evil.example"),
    ],
)
def test_the_way_leads_to_pages_of_the_admin_only(wanted: str) -> None:
    assert local_path(wanted) == "/admin"


@pytest.mark.parametrize("wanted", ["/admin/polls", "/admin/polls/abc?lang=fa&x=%D8%A7", "/admin?site=abc"])
def test_the_way_leads_to_them(wanted: str) -> None:
    assert local_path(wanted) == wanted


async def test_what_the_page_says_of_failures(service: Service) -> None:
    await add_jane(service)
    async with EditorHttp(service.base_url) as http:
        wrong = await http.sign_in('"><b>', WRONG, next="/admin/log")
        assert wrong.status == 401
        assert "Name or password is wrong" in wrong.body.decode()
        assert "&#34;&gt;&lt;b&gt;" in wrong.body.decode()
        assert WRONG not in wrong.body.decode()
        assert "set-cookie" not in wrong.headers
        for _ in range(5):
            await http.sign_in("jane", WRONG)
        slow = await http.sign_in("jane", PASSWORD)
        assert slow.status == 429
        assert 25 <= int(slow.headers["retry-after"]) <= 30
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        body = io.BytesIO(b"name=" + b"x" * 2**21)
        large = await http.request("POST", "/admin/sign-in", data=body, headers=form)
        assert large.status == 413
        form = {"Content-Type": "multipart/form-data; boundary=x"}
        strange = await http.request("POST", "/admin/sign-in", data=b"garbage", headers=form)
        assert strange.status == 400
        assert (await http.sign_in("jane\0")).status == 400
        assert (await http.get("/admin/sign-in?next=%00")).status == 404
        assert (await http.get("/admin/%00")).status == 404


async def test_a_session_of_another_service_or_a_made_up_one_is_none(service: Service) -> None:
    async with EditorHttp(service.base_url) as http:
        for secret in ("x" * 43, "%00", "a;b", "é"):
            http.secret = secret
            assert (await http.get("/admin/account")).status == 303


async def test_sign_ins_hold_no_vote_up(service: Service) -> None:
    """30 at once from two networks, while 60 readers vote one after the other."""
    poll = await service.add_poll()
    await add_jane(service)
    async with (
        EditorHttp(service.base_url, "127.0.0.2") as one,
        EditorHttp(service.base_url, "127.0.0.3") as two,
        Http(service.base_url) as http,
        signed_in(service.base_url, service.database_url, Role.VIEWER) as viewer,
    ):
        attempts = [asyncio.create_task(way.sign_in(f"nobody{n}")) for n in range(15) for way in (one, two)]
        delays = []
        for _ in range(60):
            began = time.perf_counter()
            assert (await Reader(http).vote(poll, 1)).status == 201
            delays.append(time.perf_counter() - began)
        assert (await viewer.get("/admin/log")).status == 200
        assert {answer.status for answer in await asyncio.gather(*attempts)} == {401}
    assert sorted(delays)[30] < 0.2
    await service.assert_clean()


async def add_jane(service: Service) -> Editor:
    """Add the editor jane with PASSWORD."""
    async with open_connection(service.database_url) as connection:
        return (await Accounts(connection, time.time, Passwords()).add_editor("jane", Role.EDITOR, PASSWORD))[
            0
        ]
