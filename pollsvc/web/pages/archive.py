"""`/s/{site}`: a site's polls as a page and as a feed, the newest first, which need no JavaScript."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from pollsvc.domain.errors import Code, PollError, bad
from pollsvc.domain.place import place_of
from pollsvc.domain.poll import State
from pollsvc.domain.text import canonical_lang
from pollsvc.services.archive import Archive, Asked, Part, keep, searched_words, shown_text
from pollsvc.services.languages import is_lang
from pollsvc.services.strings import Strings
from pollsvc.web.environment import environment
from pollsvc.web.errors import STATUS, as_poll_error, headers_of
from pollsvc.web.http import not_modified, respond
from pollsvc.web.pages.archive_feed import feed_of
from pollsvc.web.pages.archive_view import Wanted, view_of
from pollsvc.web.results import parse_query, wanted_lang

MAX_AGE = 60
"""Seconds for which a page may be kept."""

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_SAFE = {
    "content-security-policy": _POLICY,
    "referrer-policy": "strict-origin-when-cross-origin",
    "x-content-type-options": "nosniff",
}
_HTML, _ATOM = "text/html; charset=utf-8", "application/atom+xml; charset=utf-8"
_KEPT = 256  # pages that were made


class Made(NamedTuple):
    """A page or a feed: the part of the list that it was made of, its bytes and their strong validator."""

    part: Part
    content: bytes
    etag: str


class _Address(NamedTuple):
    """What a page depends on beside its part of the list."""

    asked: Asked
    wanted: Wanted
    kind: str


class ArchivePages:
    """Shows the polls of sites. A page is made once for all who ask for it while its part is kept."""

    def __init__(self, archive: Archive, strings: Strings, base_url: str) -> None:
        self._archive = archive
        self._strings = strings
        self._base_url = base_url
        self._templates = environment()
        self._made = OrderedDict[_Address, Made]()

    def routes(self) -> Sequence[BaseRoute]:
        """The routes of `/s/`; what goes wrong there is told on a page too."""
        return [
            Route("/s/{site}.atom", _Page(self, self.feed), methods=["GET"]),
            Route("/s/{site}", _Page(self, self.show), methods=["GET"]),
            Route("/s/{rest:path}", _Page(self, self.missing), methods=["GET"]),
        ]

    async def show(self, request: Request) -> "Made | Response":
        """`GET /s/{site}`: a page of the list; `?q=` looks for words, `?state=` for open or closed polls."""
        query = parse_query(request.scope["query_string"])

        def field(name: str) -> str:
            return query.get(name, [""])[0]

        text = shown_text(field("q"))
        wanted = Wanted(text, _state(field("state")), _lang(query))
        before, after = field("before"), field("after")
        place = place_of(before or after) if before or after else None
        site: str = request.path_params["site"]
        asked = Asked(site, searched_words(text), wanted.state, place, newer=bool(after and not before))
        return await self._make(_Address(asked, wanted, _HTML))

    async def feed(self, request: Request) -> "Made | Response":
        """`GET /s/{site}.atom`: the newest polls as a feed (RFC 4287)."""
        wanted = Wanted("", None, _lang(parse_query(request.scope["query_string"])))
        return await self._make(_Address(Asked(request.path_params["site"]), wanted, _ATOM))

    async def missing(self, request: Request) -> "Made | Response":
        """`GET /s/…`: the address without the slash at its end, or that there is no such page."""
        path: str = request.scope["path"]
        if path.rstrip("/").count("/") == 2 and path.endswith("/"):
            query = request.url.query
            there = self._base_url + quote(path.rstrip("/")) + (f"?{query}" if query else "")
            return RedirectResponse(there, 301, _SAFE)
        raise PollError(Code.NOT_FOUND, "There is nothing here; check the address.")

    def told(self, request: Request, error: PollError) -> Response:
        """An error as a page."""
        try:
            wanted = _lang(parse_query(request.scope["query_string"]))
        except PollError:  # that very error has a page too
            wanted = None
        words, status = self._strings.words(self._strings.choose(wanted or "")), STATUS[error.code]
        name = "poll/no_site.html" if status == 404 else "poll/error.html"
        content = self._templates.get_template(name).render(
            base_url=self._base_url, words=words, status=status, error=error, path=request.scope["path"]
        )
        return HTMLResponse(content, status, {**_SAFE, "cache-control": "no-store", **headers_of(error)})

    async def _make(self, address: _Address) -> Made:
        part = await self._archive.part(address.asked)
        made = self._made.get(address)
        if made is None or made.part is not part:
            content = self._content(address, part)
            made = Made(part, content, f'"{blake2b(content, digest_size=12).hexdigest()}"')
        keep(self._made, address, made, _KEPT)
        return made

    def _content(self, address: _Address, part: Part) -> bytes:
        asked, wanted, kind = address
        words = self._strings.words(self._strings.choose(wanted.lang or "", part.site.locale))
        if kind == _ATOM:
            return feed_of(part, wanted.lang, words, self._base_url)
        view = view_of(part, wanted, None if asked.newer else asked.place, words, self._base_url)
        template = self._templates.get_template("poll/archive.html")
        page = template.render(base_url=self._base_url, words=words, site=part.site, view=view)
        return page.encode("utf-8", "replace")


class _Page:
    """One address of `/s/`: what answers GET."""

    def __init__(self, pages: ArchivePages, handler: Callable[[Request], Awaitable[Made | Response]]) -> None:
        self._pages = pages
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self._handler(request)
        except Exception as error:
            answer = self._pages.told(request, as_poll_error(error, scope))
        if isinstance(answer, Response):
            await answer(scope, receive, send)
            return
        headers = {**_SAFE, "cache-control": f"public, max-age={MAX_AGE}", "etag": answer.etag}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        if not await not_modified(scope, send, raw, answer.etag):
            kind = _ATOM if answer.content.startswith(b"<?xml") else _HTML
            await respond(send, 200, [*raw, (b"content-type", kind.encode())], answer.content)


def _lang(query: dict[str, list[str]]) -> str | None:
    lang = wanted_lang(query)
    return canonical_lang(lang) if lang and is_lang(lang) else None


def _state(text: str) -> State | None:
    if text in ("", State.OPEN, State.CLOSED):
        return State(text) if text else None
    raise bad("Ask for open or closed polls, or for all.", "state")
