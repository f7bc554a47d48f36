"""An address of the readers' pages: what answers each method, and the page that tells what goes wrong."""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pollsvc.domain.errors import PollError
from pollsvc.web.errors import as_poll_error, method_not_allowed
from pollsvc.web.results import parse_query, wanted_lang

Handler = Callable[[Request], Awaitable[ASGIApp]]
"""Answers one method, or raises a PollError."""


class Address:
    """The ASGI application of an address; `told` makes a page of an error, and GET answers HEAD too.

    `handlers` are by method.
    """

    def __init__(self, told: Callable[[Request, PollError], Response], **handlers: Handler) -> None:
        self._told = told
        self.handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        answer: ASGIApp
        try:
            handler = self.handlers.get("GET" if request.method == "HEAD" else request.method)
            if handler is None:
                raise method_not_allowed(self.handlers)
            answer = await handler(request)
        except Exception as error:
            answer = self._told(request, as_poll_error(error, scope))
        await answer(scope, receive, send)


def query_of(request: Request) -> dict[str, list[str]]:
    """The request's parameters. Raises PollError `bad_request` when there are far too many."""
    return parse_query(request.scope["query_string"])


def lang_told(request: Request) -> str | None:
    """The language that an error is told in: the one asked for, if any."""
    try:
        return wanted_lang(query_of(request))
    except PollError:  # the page of that very error has a language too
        return None


def without_slash(request: Request, base_url: str, headers: Mapping[str, str]) -> Response | None:
    """The way to the address without slashes at its end; None where it has none."""
    path: str = request.scope["path"]
    place = path.rstrip("/")
    if place == path or place.count("/") < 2:  # the pages themselves are one below, such as `/p/ID`
        return None
    query = request.scope["query_string"].decode("latin-1")
    return RedirectResponse(f"{base_url}{quote(place)}" + (f"?{query}" if query else ""), 301, headers)
