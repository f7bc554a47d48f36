"""The gate of the editors' interface: API keys, their scopes and sites, JSON in and out."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Literal, TypeVar, cast

from msgspec import DecodeError, ValidationError
from msgspec.json import decode
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pollsvc.domain.editor import ApiKey, Scope
from pollsvc.domain.errors import Code, PollError, bad, no_such_poll
from pollsvc.domain.poll import Poll, Site, is_id
from pollsvc.services.desk import Desk, Work
from pollsvc.services.snapshots import dump
from pollsvc.web.bodies import taken
from pollsvc.web.http import read_body
from pollsvc.web.numbers import whole

T = TypeVar("T")

MAX_JSON = 262_144
"""The longest JSON body that is read, in bytes."""

ROOT = "/api/v1/admin"
"""What every path of the interface begins with."""

COMMON_CODES = (Code.BAD_REQUEST, Code.BAD_API_KEY, Code.FORBIDDEN, Code.BUSY)
"""What may go wrong with every call."""

FILE: Literal["file"] = "file"
"""What a route gives, or takes, that is no JSON value but a file."""

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # as JSON writes it; else it is no JSON
_ETAG = re.compile(r'"(\d{1,9})"')


@dataclass(frozen=True, slots=True)
class Call:
    """A request with a key that may do it, and the work that it can ask for."""

    request: Request
    key: ApiKey
    work: Work

    async def body(self, type_: type[T]) -> T:
        """The request's body as a value of a type. Raises PollError `bad_request` or `body_too_large`."""
        data = await read_body(self.request.receive, MAX_JSON)
        if _NUL.search(data):
            raise bad("Send texts without the character U+0000.")  # PostgreSQL's texts cannot hold it
        try:
            return decode(data, type=type_)
        except ValidationError as error:
            raise bad(f"Send a JSON object with the fields that are documented: {error}.") from None
        except (DecodeError, UnicodeDecodeError, RecursionError):
            raise bad("Send a JSON object.") from None

    @asynccontextmanager
    async def file(self) -> AsyncIterator[BinaryIO]:
        """The request's body as a file."""
        with SpooledTemporaryFile(max_size=MAX_JSON) as file:
            async for part in self.request.stream():
                file.write(part)
            file.seek(0)
            yield cast("BinaryIO", file)

    def query(self, name: str) -> str | None:
        """A query parameter, None if it was not sent or is empty. Raises PollError `bad_request`."""
        values = self.request.query_params.getlist(name)
        if len(values) > 1:
            raise bad(f'Send "{name}" once.', name)
        return values[0] if values and values[0] else None

    def number(self, name: str, default: int | None = None) -> int | None:
        """A query parameter that is a whole number from 0 on. Raises PollError `bad_request`."""
        text = self.query(name)
        if text is None:
            return default
        number = whole(text, 15)
        if number is None:
            raise bad(f'Send "{name}" as a whole number.', name)
        return number

    def revision(self, *, needed: bool = False) -> int | None:
        """The revision of the poll that the caller knows (`If-Match`, RFC 9110, section 13.1.1).

        None for `*`, or without the header where it is not needed. Of a list, the newest: a poll has one
        revision at a time. Raises PollError `if_match_required`, or `edit_conflict` for what is no ETag of
        ours.
        """
        text = self.request.headers.get("if-match")
        if text is None and needed:
            raise PollError(
                Code.IF_MATCH_REQUIRED,
                "Send the ETag of the poll as you know it in If-Match, so that nobody's change is lost.",
            )
        if text is None or text.strip() == "*":
            return None
        found = [_ETAG.fullmatch(tag.strip()) for tag in text.split(",")]
        revisions = [int(match[1]) for match in found if match]
        if not revisions:  # some other validator: it is not the poll as it is now
            raise PollError(Code.EDIT_CONFLICT, "If-Match is not the poll's ETag; get the poll again.")
        return max(revisions)

    async def poll(self) -> Poll:
        """The poll in the path. Raises `no_such_poll`, also for a poll of a site that is not the key's."""
        id_ = str(self.request.path_params["poll"])
        if not is_id(id_):
            raise no_such_poll()
        poll = await self.work.editing.poll(id_)
        if self.key.site not in (None, poll.site.id):
            raise no_such_poll()
        return poll

    async def site(self, name: str | None) -> Site:
        """The site of a name or id, by default the key's. Raises PollError for one that is not the key's."""
        if name is None and self.key.site is None:
            raise bad('Say for which "site"; this key is for all of them.', "site")
        site = await self.work.sites.get(name or self.key.site or "")
        if self.key.site not in (None, site.id):
            raise PollError(Code.FORBIDDEN, "This key is for another site; use one that is for this site.")
        return site

    def all_sites(self) -> None:
        """Raises PollError `forbidden` when the key is for one site only."""
        if self.key.site is not None:
            raise PollError(Code.FORBIDDEN, "This key is for one site; use one that is for all sites.")


Endpoint = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """What answers a method of a path below ROOT, which scope a key needs for it, and how it is described.

    `takes` is the body's type, or FILE; `gives` the name of a schema of the answer (None: there is none),
    `query` the names of query parameters, `codes` what may go wrong beside COMMON_CODES.
    """

    method: str
    path: str
    endpoint: Endpoint
    scope: Scope
    summary: str
    gives: str | None
    takes: type | Literal["file"] | None = None
    status: int = 200
    query: tuple[str, ...] = ()
    if_match: str = ""  # "optional" or "required"
    codes: tuple[Code, ...] = ()
    max_body: int = MAX_JSON


class Gate:
    """Lets calls in."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self, table: Sequence[ApiRoute]) -> list[Route]:
        """Routes for Starlette, one for each path."""
        paths: dict[str, dict[str, ApiRoute]] = {}
        for route in table:
            paths.setdefault(route.path, {})[route.method] = route
        return [
            Route(ROOT + path, self._endpoint(by_method), methods=list(by_method))
            for path, by_method in paths.items()
        ]

    def _endpoint(self, by_method: dict[str, ApiRoute]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            route = by_method["GET" if request.method == "HEAD" else request.method]
            if "\0" in request.url.path or "%00" in f"{request.url.path}?{request.url.query}":
                raise bad("Send an address without the character U+0000.")
            if route.method == "GET":
                return await self._answer(request, route)
            async with self._desk.open() as work:
                await _key_of(request, work, route)  # who may not do it need not send the body
            async with taken(request.receive, route.max_body) as body:
                return await self._answer(Request(request.scope, body), route)

        return endpoint

    async def _answer(self, request: Request, route: ApiRoute) -> Response:
        async with self._desk.open() as work:
            key = await _key_of(request, work, route)
            return await route.endpoint(Call(request, key, work.by(key.actor)))


def answer(value: object, status: int = 200, **headers: str) -> Response:
    """A JSON answer that nobody keeps; an underscore in a header's name stands for a hyphen."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(dump(value), status, {"cache-control": "no-store", **named}, "application/json")


async def _key_of(request: Request, work: Work, route: ApiRoute) -> ApiKey:
    """The key of a request. Raises PollError `bad_api_key`, or `forbidden` when the route is not for it."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise PollError(Code.BAD_API_KEY, "Send an API key as `Authorization: Bearer KEY`.")
    key = await work.api_keys.authenticate(text.strip())
    if route.scope not in key.scopes:
        raise PollError(Code.FORBIDDEN, f"This key may not do that; it needs {route.scope}.")
    return key
