"""`/embed/{poll}`: a poll as a page for a publisher's frame."""

import re

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from pollsvc.domain.errors import PollError, no_such_poll
from pollsvc.services.embed import page_url
from pollsvc.services.result_words import question_of
from pollsvc.services.snapshots import Snapshot
from pollsvc.services.strings import Strings
from pollsvc.services.tallies import Tallies
from pollsvc.services.words import Words
from pollsvc.web.environment import environment
from pollsvc.web.errors import STATUS, headers_of
from pollsvc.web.pages.address import Address, lang_told, query_of, without_slash
from pollsvc.web.pages.poll_words import facts_of, uncounted_of
from pollsvc.web.pages.result_view import caption_of, lines_of
from pollsvc.web.results import wanted_lang

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
        return [Route("/embed/{rest:path}", Address(self._told, GET=self._show))]

    async def _show(self, request: Request) -> Response:
        """`GET /embed/{poll}`: the widget, and in it what there is without scripts."""
        rest: str = request.path_params["rest"]
        if moved := without_slash(request, self._base_url, _HEADERS):
            return moved
        if "/" in rest:
            raise no_such_poll()
        snapshot, query = await self._tallies.get(rest), query_of(request)
        wanted = wanted_lang(query)
        langs = snapshot.langs(wanted)
        words = self._strings.words(langs.words)
        content = self._content(snapshot, langs.texts, words, wanted, preset_in(query))
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
            question=question_of(poll, lang),
            url=page_url(self._base_url, poll, None if lang == poll.lang else lang),
            lines=lines_of(snapshot, words, lang, (), {}) if visible else (),
            facts=[
                *caption,
                *uncounted_of(snapshot, words, visible=visible),
                *facts_of(snapshot, words, visible=visible),
            ],
        )

    def _told(self, request: Request, error: PollError) -> Response:
        """An error as a page, which any page may have in its frame: nothing can be done on it."""
        words = self._strings.words(self._strings.choose(lang_told(request) or ""))
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
