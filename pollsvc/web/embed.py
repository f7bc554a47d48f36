"""`/embed/{poll}`: a poll as a page for a publisher's frame."""

import re
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from pollsvc.domain.errors import PollError, no_such_poll
from pollsvc.domain.poll import direction
from pollsvc.services.embed import page_url
from pollsvc.services.snapshots import Snapshot
from pollsvc.services.strings import Strings
from pollsvc.services.tallies import Tallies
from pollsvc.services.words import Words
from pollsvc.web.environment import environment
from pollsvc.web.errors import STATUS, as_poll_error, headers_of, method_not_allowed
from pollsvc.web.pages.poll_words import facts_of
from pollsvc.web.pages.result_view import Text, caption_of, lines_of
from pollsvc.web.results import parse_query, wanted_lang

_PRESET = re.compile(r"[a-z0-9-]{1,32}")
_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
)
_HEADERS = {
    "cache-control": "public, max-age=60",  # it holds nothing of a reader
    "referrer-policy": "strict-origin-when-cross-origin",
    "x-content-type-options": "nosniff",
}


class EmbedPage:
    """Shows a poll to readers of the pages that its site has; other pages get no frame of it."""

    def __init__(self, tallies: Tallies, strings: Strings, base_url: str, own_origin: str) -> None:
        self._tallies = tallies
        self._strings = strings
        self._base_url = base_url
        self._own_origin = own_origin
        self._templates = environment()

    def routes(self) -> list[BaseRoute]:
        """The routes of `/embed/`; what goes wrong there is told on a page too."""
        return [Route("/embed/{rest:path}", self)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            if request.method not in ("GET", "HEAD"):
                raise method_not_allowed(["GET"])
            response = await self._show(request)
        except Exception as error:
            response = self._told(request, as_poll_error(error, scope))
        await response(scope, receive, send)

    async def _show(self, request: Request) -> Response:
        """`GET /embed/{poll}`: the widget, and in it what there is without scripts."""
        rest: str = request.path_params["rest"]
        if rest.endswith("/") and rest.strip("/"):
            query = request.url.query
            place = f"{self._base_url}/embed/{quote(rest.rstrip('/'))}"
            return RedirectResponse(place + (f"?{query}" if query else ""), 301)
        if "/" in rest:
            raise no_such_poll()
        snapshot = await self._tallies.get(rest)
        query_of = parse_query(request.scope["query_string"])
        wanted = wanted_lang(query_of)
        langs = snapshot.langs(wanted)
        words = self._strings.words(langs.words)
        content = self._content(snapshot, langs.texts, words, wanted, preset_in(query_of))
        ancestors = " ".join(["frame-ancestors", "'self'", *sorted(snapshot.poll.site.origins)])
        return HTMLResponse(content, 200, _HEADERS | {"content-security-policy": _policy(ancestors)})

    def _content(
        self, snapshot: Snapshot, lang: str, words: Words, wanted: str | None, preset: str | None
    ) -> str:
        poll, visible = snapshot.poll, snapshot.public is not None
        caption = [text for text in (caption_of(snapshot, words),) if text and visible]
        return self._templates.get_template("embed/page.html").render(
            base_url=self._base_url,
            words=words,
            poll=poll,
            lang=lang,
            wanted=wanted or words.lang,
            preset=preset,
            origins=sorted({*poll.site.origins, self._own_origin}),
            question=Text(poll.question[lang], lang, direction(lang)),
            url=page_url(self._base_url, poll, None if lang == poll.lang else lang),
            lines=lines_of(snapshot, words, lang, (), {}) if visible else (),
            facts=[*caption, *facts_of(snapshot, words, visible=visible)],
        )

    def _told(self, request: Request, error: PollError) -> Response:
        """An error as a page, which any page may have in its frame: nothing can be done on it."""
        words = self._strings.words(self._strings.choose(_lang_in(request) or ""))
        status = STATUS[error.code]
        content = self._templates.get_template("embed/error.html").render(
            base_url=self._base_url, words=words, missing=status == 404, error=error
        )
        headers = {**_HEADERS, "cache-control": "no-store"}
        headers["content-security-policy"] = _policy("frame-ancestors *")
        return HTMLResponse(content, status, headers | headers_of(error))


def preset_in(query: dict[str, list[str]]) -> str | None:
    """The look that is asked for, a name in small letters; None where there is none or it is no name."""
    preset = query.get("preset", [""])[0]
    return preset if _PRESET.fullmatch(preset) else None


def _policy(ancestors: str) -> str:
    return "; ".join((*_POLICY, ancestors))


def _lang_in(request: Request) -> str | None:
    try:
        return wanted_lang(parse_query(request.scope["query_string"]))
    except PollError:  # the page of that very error has a language too
        return None
