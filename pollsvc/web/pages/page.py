"""`/p/{poll}`: the public page of a poll, which works without JavaScript, and the page of its changes."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.poll import direction
from pollsvc.services.public_history import PublicHistory
from pollsvc.services.snapshots import Snapshot
from pollsvc.services.strings import Strings
from pollsvc.services.tallies import Tallies
from pollsvc.services.voting import VoteRequest, Voting
from pollsvc.web.errors import STATUS
from pollsvc.web.history import CACHE_CONTROL
from pollsvc.web.http import Addresses, read_body
from pollsvc.web.pages.ballot_form import read_form, selection_of
from pollsvc.web.pages.history_view import changes_of
from pollsvc.web.pages.poll_view import PollViews, Sent
from pollsvc.web.pages.poll_words import TOLD
from pollsvc.web.pages.result_view import Text
from pollsvc.web.pages.words import Words
from pollsvc.web.results import parse_query, wanted_lang

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "cache-control": "no-store",  # each form holds an idempotency key of its own
    "referrer-policy": "strict-origin-when-cross-origin",
    "x-content-type-options": "nosniff",
}


class PollPage:
    """Shows a poll, takes a vote from its form, and shows what has changed."""

    def __init__(
        self,
        voting: Voting,
        tallies: Tallies,
        views: PollViews,
        history: PublicHistory,
        addresses: Addresses,
        strings: Strings,
        base_url: str,
        own_origin: str,
    ) -> None:
        self._voting = voting
        self._tallies = tallies
        self._views = views
        self._history = history
        self._addresses = addresses
        self._strings = strings
        self._base_url = base_url
        self._own_origin = own_origin
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    async def show(self, request: Request) -> Response:
        """`GET /p/{poll}`: the form or, when the poll is not open, its result."""
        snapshot = await self._find(request)
        return self._missing(request) if snapshot is None else await self._page(request, snapshot, Sent())

    async def vote(self, request: Request) -> Response:
        """`POST /p/{poll}`: a vote from the form; the answer is the page with the result."""
        origin = request.headers.get("origin")
        if origin is not None and origin != self._own_origin:
            raise PollError(Code.ORIGIN_NOT_ALLOWED, "Vote on the poll's own page or with the widget.")
        snapshot = await self._find(request)
        if snapshot is None:
            return self._missing(request)
        fields = parse_query(await read_body(request.receive))
        filled, key = read_form(fields), fields.get("idempotency_key", [None])[0]
        if key is None:
            raise PollError(Code.BAD_REQUEST, "Send the form of the poll's page.")
        try:
            wanted = VoteRequest(selection_of(snapshot.poll, filled), idempotency_key=key)
            vote = await self._voting.cast(snapshot, wanted, self._addresses.of(request.scope))
        except PollError as error:
            if error.code not in TOLD:
                raise
            return await self._page(request, snapshot, Sent(filled, key, error=error))
        return await self._page(request, vote.snapshot, Sent(filled, key, vote=vote))

    async def history(self, request: Request) -> Response:
        """`GET /p/{poll}/history`: what has changed in a poll, in sentences."""
        snapshot = await self._find(request)
        if snapshot is None:
            return self._missing(request)
        poll, wanted = snapshot.poll, _wanted(request)
        langs = snapshot.langs(wanted)
        words, lang = Words(self._strings.for_pages[langs.words]), langs.texts
        content = self._templates.get_template("poll/history.html").render(
            base_url=self._base_url,
            words=words,
            lang=lang,
            poll=poll,
            question=Text(poll.question[lang], lang, direction(lang)),
            poll_url=self._views.url(poll.id, wanted),
            links=await self._views.links(poll, words, wanted),
            changes=changes_of(snapshot, await self._history.of(poll.id), words, lang),
        )
        return HTMLResponse(content, 200, {**_HEADERS, "cache-control": CACHE_CONTROL})

    async def _find(self, request: Request) -> Snapshot | None:
        try:
            return await self._tallies.get(request.path_params["poll"])
        except PollError as error:
            if error.code is not Code.NO_SUCH_POLL:
                raise
            return None

    def _missing(self, request: Request) -> Response:
        words = Words(self._strings.for_pages[self._strings.choose(_wanted(request) or "")])
        content = self._templates.get_template("poll/missing.html").render(
            base_url=self._base_url, words=words
        )
        return HTMLResponse(content, 404, _HEADERS)

    async def _page(self, request: Request, snapshot: Snapshot, sent: Sent) -> Response:
        wanted = _wanted(request)
        langs = snapshot.langs(wanted)
        words = Words(self._strings.for_pages[langs.words])
        content = self._templates.get_template("poll.html").render(
            base_url=self._base_url,
            words=words,
            lang=langs.texts,
            view=await self._views.of(snapshot, words, wanted, sent),
        )
        return HTMLResponse(content, STATUS[sent.error.code] if sent.error else 200, _HEADERS)


def _wanted(request: Request) -> str | None:
    return wanted_lang(parse_query(request.scope["query_string"]))
