"""`/p/{poll}`: the public page of a poll, which works without JavaScript, and the page of its changes."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from pollsvc.domain.errors import Code, PollError, no_such_poll
from pollsvc.domain.poll import Kind
from pollsvc.services.ballot_log.downloads import Downloads
from pollsvc.services.public_history import PublicHistory
from pollsvc.services.result_words import question_of
from pollsvc.services.snapshots import Snapshot
from pollsvc.services.strings import Strings
from pollsvc.services.tallies import Tallies
from pollsvc.services.voting import VoteRequest, Voting
from pollsvc.web.ballots import FILE
from pollsvc.web.environment import environment
from pollsvc.web.errors import STATUS, headers_of
from pollsvc.web.history import CACHE_CONTROL
from pollsvc.web.http import Addresses, read_body
from pollsvc.web.numbers import whole
from pollsvc.web.pages.address import Address, lang_told, query_of, without_slash
from pollsvc.web.pages.ballot_form import Filled, read_form, selection_of
from pollsvc.web.pages.history_view import changes_of
from pollsvc.web.pages.poll_view import PollViews, Sent
from pollsvc.web.pages.poll_words import TOLD
from pollsvc.web.pages.verify_view import CHAIN, CHECKS, verify_data
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
        downloads: Downloads,
        addresses: Addresses,
        strings: Strings,
        base_url: str,
        own_origin: str,
    ) -> None:
        self._voting = voting
        self._tallies = tallies
        self._views = views
        self._history = history
        self._downloads = downloads
        self._addresses = addresses
        self._strings = strings
        self._base_url = base_url
        self._own_origin = own_origin
        self._templates = environment()

    def routes(self) -> Sequence[BaseRoute]:
        """The routes of `/p/`; what goes wrong there is told on a page too."""
        return [
            Route("/p/{poll}", Address(self.told, GET=self.show, POST=self.vote)),
            Route("/p/{poll}/history", Address(self.told, GET=self.history)),
            Route("/p/{poll}/verify", Address(self.told, GET=self.verify)),
            Route("/p/{rest:path}", Address(self.told, GET=self.missing)),
        ]

    async def show(self, request: Request) -> Response:
        """`GET /p/{poll}`: the form or, when the poll is not open, its result.

        `?pick=2` chooses an option beforehand, as links in newsletters do, but none of a ranking; only the
        form casts a vote.
        """
        snapshot = await self._tallies.get(request.path_params["poll"])
        poll, pick = snapshot.poll, whole(query_of(request).get("pick", [""])[0], 5)
        options = () if poll.kind is Kind.RANKED else poll.active_options
        picks = [pick] if pick in {option.id for option in options} else []
        return await self._page(request, snapshot, Sent(Filled(picks)))

    async def vote(self, request: Request) -> Response:
        """`POST /p/{poll}`: a vote from the form; the answer is the page with the result."""
        origin = request.headers.get("origin")
        if origin is not None and origin != self._own_origin:
            raise PollError(Code.ORIGIN_NOT_ALLOWED, "Vote on the poll's own page or with the widget.")
        snapshot = await self._tallies.get(request.path_params["poll"])
        fields = parse_query(await read_body(request.receive))
        filled, key = read_form(fields), fields.get("idempotency_key", [None])[0]
        if key is None:
            raise PollError(Code.BAD_REQUEST, "Send the form of the poll's page.")
        try:
            # A form can solve no challenge: above the calm pace its vote waits for review.
            wanted = VoteRequest(selection_of(snapshot.poll, filled), idempotency_key=key, proof="")
            vote = await self._voting.cast(snapshot, wanted, self._addresses.of(request.scope))
        except PollError as error:
            if error.code not in TOLD:
                raise
            return await self._page(request, snapshot, Sent(filled, key, error=error))
        return await self._page(request, vote.snapshot, Sent(filled, key, vote=vote))

    async def history(self, request: Request) -> Response:
        """`GET /p/{poll}/history`: what has changed in a poll, in sentences."""
        snapshot = await self._tallies.get(request.path_params["poll"])
        poll, wanted = snapshot.poll, wanted_lang(query_of(request))
        langs = snapshot.langs(wanted)
        words, lang = self._strings.words(langs.words), langs.texts
        content = self._templates.get_template("poll/history.html").render(
            base_url=self._base_url,
            words=words,
            lang=lang,
            poll=poll,
            question=question_of(poll, lang),
            poll_url=self._views.url(poll.id, wanted),
            canonical=self._views.canonical(poll, lang, "/history"),
            links=await self._views.links(poll, words, wanted),
            changes=changes_of(snapshot, await self._history.of(poll.id), words, lang),
        )
        return HTMLResponse(content, 200, {**_HEADERS, "cache-control": CACHE_CONTROL})

    async def verify(self, request: Request) -> Response:
        """`GET /p/{poll}/verify`: where readers check the receipt of their vote, in their own browser."""
        snapshot = await self._tallies.get(request.path_params["poll"])
        poll, wanted = snapshot.poll, wanted_lang(query_of(request))
        langs = snapshot.langs(wanted)
        words, lang = self._strings.words(langs.words), langs.texts
        content = self._templates.get_template("poll/verify.html").render(
            base_url=self._base_url,
            words=words,
            poll=poll,
            question=question_of(poll, lang),
            poll_url=self._views.url(poll.id, wanted),
            canonical=self._views.canonical(poll, lang, "/verify"),
            checks=CHECKS,
            chain=CHAIN,
            ballots=await self._downloads.of(poll.id),
            ballots_url=f"{self._base_url}/p/{poll.id}/{FILE}",
            data=verify_data(poll, self._base_url, words, lang),
        )
        headers = {**_HEADERS, "cache-control": CACHE_CONTROL, "referrer-policy": "no-referrer"}
        return HTMLResponse(content, 200, headers)

    async def missing(self, request: Request) -> Response:
        """`GET /p/…`: the address without the slash at its end, or that there is no such page."""
        if moved := without_slash(request, self._base_url, _HEADERS):
            return moved
        raise no_such_poll()

    def told(self, request: Request, error: PollError) -> Response:
        """An error as a page."""
        words = self._strings.words(self._strings.choose(lang_told(request) or ""))
        status = STATUS[error.code]
        content = self._templates.get_template("poll/error.html").render(
            base_url=self._base_url, words=words, status=status, error=error, path=request.scope["path"]
        )
        return HTMLResponse(content, status, _HEADERS | headers_of(error))

    async def _page(self, request: Request, snapshot: Snapshot, sent: Sent) -> Response:
        wanted = wanted_lang(query_of(request))
        langs = snapshot.langs(wanted)
        words = self._strings.words(langs.words)
        content = self._templates.get_template("poll.html").render(
            base_url=self._base_url,
            words=words,
            lang=langs.texts,
            view=await self._views.of(snapshot, words, wanted, sent),
        )
        if sent.error is None:
            return HTMLResponse(content, 200, _HEADERS)
        return HTMLResponse(content, STATUS[sent.error.code], _HEADERS | headers_of(sent.error))
