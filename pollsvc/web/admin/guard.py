"""The door of the admin: who may open which page, and from where a change may come."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from pollsvc.domain.editor import Role
from pollsvc.domain.errors import Code, PollError
from pollsvc.services.desk import Desk, Work
from pollsvc.web.admin.forms import MAX_FORM
from pollsvc.web.admin.people.cookie import SessionCookie
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.bodies import taken
from pollsvc.web.errors import STATUS, as_poll_error, headers_of, method_not_allowed

Handler = Callable[[Request, Visit], Awaitable[Response]]
OpenHandler = Callable[[Request], Awaitable[Response]]

HEADERS = {
    "content-security-policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    ),
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
}
"""Headers of every answer of the admin that does not set them itself."""

_SAFE = ("GET", "HEAD")
_NEXT = re.compile(r"/admin(/[\w.~:-]+)*(\?[\w.~:/?=&%+-]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class AdminRoute:
    """A page for those who are signed in and have the role, or one that may do as much.

    What is sent to it has at most `max_body` bytes.
    """

    path: str
    endpoint: Handler
    methods: Sequence[str] = ("GET",)
    role: Role = Role.VIEWER
    max_body: int = MAX_FORM


@dataclass(frozen=True, slots=True)
class OpenRoute:
    """A page for everybody: signing in."""

    path: str
    endpoint: OpenHandler
    methods: Sequence[str] = ("GET",)
    role: None = None
    max_body: int = MAX_FORM


class Guard:
    """Lets requests in, each with a connection of its own, and makes pages of what goes wrong."""

    def __init__(
        self, desk: Desk, render: Renderer, cookie: SessionCookie, base_url: str, own_origin: str
    ) -> None:
        self.desk = desk
        self.cookie = cookie
        self._render = render
        self._base_url = base_url
        self._own_origin = own_origin

    def routes(self, table: Sequence[AdminRoute | OpenRoute]) -> list[BaseRoute]:
        """The routes of a table, and one for all other addresses below `/admin`."""
        unknown = AdminRoute("/admin/{rest:path}", self._nothing_here, ("GET", "POST"))
        paths: dict[str, dict[str, AdminRoute | OpenRoute]] = {}
        for route in (*table, unknown):
            paths.setdefault(route.path, {}).update(dict.fromkeys(route.methods, route))
        return [Route(path, Guarded(self, by_method)) for path, by_method in paths.items()]

    def check_origin(self, request: Request) -> None:
        """Raises PollError `origin_not_allowed` for a change that no page of ours asks for.

        What a browser sends with every POST: `Origin` (RFC 6454, section 7), or at least `Sec-Fetch-Site`
        (W3C Fetch Metadata).
        """
        if request.method in _SAFE:
            return
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        if origin != self._own_origin and not (origin is None and site == "same-origin"):
            raise PollError(
                Code.ORIGIN_NOT_ALLOWED, f"Changes are taken from the pages at {self._base_url}/admin only."
            )

    async def visit(self, request: Request, work: Work) -> Visit | None:
        """The visit of whoever is signed in, None when nobody is."""
        secret = self.cookie.read(request)
        session = await work.sessions.session(secret) if secret else None
        if session is None:
            return None
        sites = await work.sites.all()
        chosen = [site for site in sites if site.id == request.query_params.get("site")]
        return Visit(session, work.by(session.editor.actor), sites, chosen[0] if chosen else None)

    def turn_away(self, request: Request) -> Response:
        """What those who are not signed in get: the way to sign in, and back to the page they wanted."""
        if request.method not in _SAFE:
            raise _signed_out()
        path, query = request.scope["path"], request.url.query
        wanted = quote(path) + (f"?{query}" if query else "")
        return self._render.redirect("/admin/sign-in", next=None if path == "/admin" else wanted)

    def error_page(self, request: Request, visit: Visit | None, error: PollError) -> Response:
        """An error as a page, with its status."""
        status = STATUS[error.code]
        response = self._render("admin/error.html", visit, request, status=status, error=error)
        response.headers.update(headers_of(error))
        return response

    async def _nothing_here(self, request: Request, _visit: Visit) -> Response:
        path: str = request.scope["path"]
        if path.endswith("/"):
            return self._render.redirect(quote(path.rstrip("/")))
        raise PollError(Code.NOT_FOUND, "There is no such page; check the address.")


class Guarded:
    """What answers one address, by method, behind the guard."""

    def __init__(self, guard: Guard, by_method: Mapping[str, AdminRoute | OpenRoute]) -> None:
        self._guard = guard
        self.by_method = by_method

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        guard, request = self._guard, Request(scope, receive)
        visit: Visit | None = None
        try:
            guard.check_origin(request)
            if "\0" in scope["path"] or b"%00" in scope["query_string"]:
                raise PollError(Code.NOT_FOUND, "There is no such page; check the address.")
            route = self._route(request)
            async with AsyncExitStack() as stack:
                if request.method not in _SAFE:
                    visit = await self._sender(request, route)
                    body = await stack.enter_async_context(taken(receive, route.max_body))
                    request = Request(scope, body)
                if isinstance(route, OpenRoute):
                    response = await route.endpoint(request)
                else:
                    work = await stack.enter_async_context(guard.desk.open())
                    visit = await guard.visit(request, work)
                    response = await self._answer(request, visit, route)
        except Exception as error:
            response = guard.error_page(request, visit, as_poll_error(error, scope))
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        await response(scope, receive, send)

    def _route(self, request: Request) -> AdminRoute | OpenRoute:
        route = self.by_method.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            raise method_not_allowed(self.by_method)
        return route

    async def _sender(self, request: Request, route: AdminRoute | OpenRoute) -> Visit | None:
        """Who is about to send a body; None where everybody may. Raises PollError for whoever may not."""
        if isinstance(route, OpenRoute):
            return None
        async with self._guard.desk.open() as work:
            visit = await self._guard.visit(request, work)
        if visit is None:
            raise _signed_out()
        _require(visit, route.role)
        return visit

    async def _answer(self, request: Request, visit: Visit | None, route: AdminRoute) -> Response:
        if visit is None:
            return self._guard.turn_away(request)
        _require(visit, route.role)
        return await route.endpoint(request, visit)


def local_path(text: str) -> str:
    """The path and query of a page of the admin, if `text` is one, else `/admin`; never of another site."""
    path = text.partition("?")[0]
    if not _NEXT.fullmatch(text) or "/.." in path or path.startswith("/admin/sign-"):
        return "/admin"
    return text


def _require(visit: Visit, role: Role) -> None:
    if not visit.editor.role.may(role):
        raise PollError(Code.FORBIDDEN, f"This takes the role {role}; yours is {visit.editor.role}.")


def _signed_out() -> PollError:
    return PollError(Code.NOT_SIGNED_IN, "You are signed out; sign in and do it again.")
