"""Who may open which page of the admin: each route is tried."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from pollsvc.domain.editor import Editor, Role
from pollsvc.web.admin.guard import HEADERS, AdminRoute, OpenRoute
from tests.support.editors import EditorHttp, add_editor, add_session
from tests.support.reader import Answer
from tests.support.routes import all_calls
from tests.support.server import Service, run_service

CALLS = [(call.door, call.method) for call in all_calls() if call.door is not None]
CHANGES = [(route, method) for route, method in CALLS if method not in ("GET", "HEAD")]


def _name(value: object) -> str:
    return value.path if isinstance(value, AdminRoute | OpenRoute) else str(value)


class Doors:
    """A service with an editor of each role, who signs in anew for each request."""

    def __init__(self, service: Service, http: EditorHttp, editors: dict[Role, Editor]) -> None:
        self._service = service
        self._http = http
        self._editors = editors

    async def knock(
        self,
        route: AdminRoute | OpenRoute,
        method: str,
        role: Role | None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """A request, with made-up ids in its path and an empty form."""
        self._http.secret = ""
        if role is not None:
            self._http.secret = await add_session(self._service.database_url, self._editors[role])
        path = re.sub(r"{[^}]+}", "dummy", route.path)
        return await self._http.request(method, path, headers=headers or {})


@pytest.fixture(scope="module")
async def doors(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Doors]:
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(run_service(tmp_path_factory.mktemp("doors"), site=True))
        http = await stack.enter_async_context(EditorHttp(service.base_url))
        await add_editor(service.database_url, Role.ADMIN)  # so that no other one is the last
        yield Doors(service, http, {role: await add_editor(service.database_url, role) for role in Role})


def test_viewers_change_their_own_account_only() -> None:
    own = {"/admin/sign-out", "/admin/account/password", "/admin/account/sessions", "/admin/{rest:path}"}
    assert {route.path for route, _ in CHANGES if route.role is Role.VIEWER} == own


def test_people_and_keys_are_for_admins() -> None:
    guarded = [route for route, _ in CALLS if route.path.startswith(("/admin/people", "/admin/keys"))]
    assert {route.path for route in guarded} >= {"/admin/people", "/admin/keys/{key}/revoke"}
    assert {route.role for route in guarded} == {Role.ADMIN}


def test_the_table_is_there() -> None:
    assert len(CALLS) > 15
    assert [route.path for route, _ in CALLS if isinstance(route, OpenRoute)] == ["/admin/sign-in"] * 2
    assert all(route.path == "/admin" or route.path.startswith("/admin/") for route, _ in CALLS)


@pytest.mark.parametrize(("route", "method"), CALLS, ids=_name)
async def test_each_role_at_each_door(doors: Doors, route: AdminRoute | OpenRoute, method: str) -> None:
    nobody = await doors.knock(route, method, None)
    check_headers(nobody)
    if isinstance(route, OpenRoute):
        assert nobody.status in (200, 401)
        return
    if method == "GET":
        assert nobody.status == 303
        assert "/admin/sign-in" in nobody.headers["location"]
    else:
        assert nobody.status == 401
    for role in Role:
        answer = await doors.knock(route, method, role)
        check_headers(answer)
        if role.may(route.role):
            assert answer.status < 500, answer
            assert answer.status not in (401, 403), answer
            away = "/admin/sign-in" in answer.headers.get("location", "")
            assert away is (route.path == "/admin/sign-out")
        else:
            assert answer.status == 403
            assert "Not for your role" in answer.body.decode()


def check_headers(answer: Answer) -> None:
    """Each answer has the admin's headers, and what is refused is a page."""
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "access-control-allow-origin" not in answer.headers
    assert answer.status < 400 or answer.headers["content-type"].startswith("text/html")


async def test_the_styles_are_for_everybody(doors: Doors) -> None:
    http = doors._http
    http.secret = ""
    style = await http.get("/admin/static/admin.css")
    assert (style.status, style.headers["cache-control"]) == (200, "no-cache")
    again = await http.get("/admin/static/admin.css", If_None_Match=style.headers["etag"])
    assert again.status == 304
    assert (await http.get("/admin/static/..%2Fwidget.js")).status in (303, 404)
    assert (await http.get("/admin/static/nothing.css")).status == 404
