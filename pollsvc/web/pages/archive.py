"""`/s/{site}`: a site's polls as a page and as a feed, the newest first, which need no JavaScript."""

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pollsvc.domain.errors import Code, PollError, bad
from pollsvc.domain.place import place_of
from pollsvc.domain.poll import State
from pollsvc.domain.text import canonical_lang
from pollsvc.services.archive import MAX_TEXT, Archive, Asked, Part, searched_words, shown_text
from pollsvc.services.languages import is_lang
from pollsvc.services.latest import keep
from pollsvc.services.strings import Strings
from pollsvc.web.environment import environment
from pollsvc.web.errors import STATUS, headers_of
from pollsvc.web.http import not_modified, respond
from pollsvc.web.pages.address import Address, lang_told, query_of, without_slash
from pollsvc.web.pages.archive_feed import feed_of
from pollsvc.web.pages.archive_view import Wanted, view_of
from pollsvc.web.results import wanted_lang

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


class _Key(NamedTuple):
    """What a page or a feed is of; `type` is its media type."""

    asked: Asked
    wanted: Wanted
    type: str


class _Made:
    """A page or a feed that was made of a part of the list, as an ASGI application that answers with it."""

    def __init__(self, part: Part, content: bytes, type_: str) -> None:
        self.part = part
        self._content = content
        self._type = (b"content-type", type_.encode())
        self._etag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
        headers = {**_SAFE, "cache-control": f"public, max-age={MAX_AGE}", "etag": self._etag}
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if not await not_modified(scope, send, self._headers, self._etag):
            await respond(send, 200, [*self._headers, self._type], self._content)


class ArchivePages:
    """Shows the polls of sites. A page is made once for all who ask for it while its part is kept."""

    def __init__(self, archive: Archive, strings: Strings, base_url: str) -> None:
        self._archive = archive
        self._strings = strings
        self._base_url = base_url
        self._templates = environment()
        self._made = OrderedDict[_Key, _Made]()

    def routes(self) -> Sequence[BaseRoute]:
        """The routes of `/s/`; what goes wrong there is told on a page too."""
        return [
            Route("/s/{site}.atom", Address(self.told, GET=self.feed)),
            Route("/s/{site}", Address(self.told, GET=self.show)),
            Route("/s/{rest:path}", Address(self.told, GET=self.missing)),
        ]

    async def show(self, request: Request) -> ASGIApp:
        """`GET /s/{site}`: a page of the list; `?q=` looks for words, `?state=` for open or closed polls."""
        query = query_of(request)

        def field(name: str) -> str:
            return query.get(name, [""])[0]

        text = shown_text(field("q"))
        wanted = Wanted(text, _state(field("state")), _lang(query))
        before, after = field("before"), field("after")
        place = place_of(before or after) if before or after else None
        site: str = request.path_params["site"]
        asked = Asked(site, searched_words(text), wanted.state, place, newer=bool(after and not before))
        return await self._make(_Key(asked, wanted, _HTML))

    async def feed(self, request: Request) -> ASGIApp:
        """`GET /s/{site}.atom`: the newest polls as a feed (RFC 4287)."""
        wanted = Wanted("", None, _lang(query_of(request)))
        return await self._make(_Key(Asked(request.path_params["site"]), wanted, _ATOM))

    async def missing(self, request: Request) -> ASGIApp:
        """`GET /s/…`: the address without the slash at its end, or that there is no such page."""
        if moved := without_slash(request, self._base_url, _SAFE):
            return moved
        raise PollError(Code.NOT_FOUND, "There is nothing here; check the address.")

    def told(self, request: Request, error: PollError) -> Response:
        """An error as a page."""
        words = self._strings.words(self._strings.choose(lang_told(request) or ""))
        status = STATUS[error.code]
        name = "poll/no_site.html" if status == 404 else "poll/error.html"
        content = self._templates.get_template(name).render(
            base_url=self._base_url, words=words, status=status, error=error, path=request.scope["path"]
        )
        return HTMLResponse(content, status, {**_SAFE, "cache-control": "no-store", **headers_of(error)})

    async def _make(self, key: _Key) -> _Made:
        part = await self._archive.part(key.asked)
        made = self._made.get(key)
        if made is None or made.part is not part:
            made = _Made(part, self._content(key, part), key.type)
        keep(self._made, key, made, _KEPT)
        return made

    def _content(self, key: _Key, part: Part) -> bytes:
        asked, wanted, type_ = key
        words = self._strings.words(self._strings.choose(wanted.lang or "", part.site.locale))
        if type_ == _ATOM:
            return feed_of(part, wanted.lang, words, self._base_url)
        view = view_of(part, wanted, None if asked.newer else asked.place, words, self._base_url)
        template = self._templates.get_template("poll/archive.html")
        page = template.render(
            base_url=self._base_url, words=words, site=part.site, view=view, max_text=MAX_TEXT
        )
        return page.encode("utf-8", "replace")


def _lang(query: dict[str, list[str]]) -> str | None:
    lang = wanted_lang(query)
    return canonical_lang(lang) if lang and is_lang(lang) else None


def _state(text: str) -> State | None:
    if text in ("", State.OPEN, State.CLOSED):
        return State(text) if text else None
    raise bad("Ask for open or closed polls, or for all.", "state")
