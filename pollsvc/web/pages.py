"""`/p/{poll}`: the public page of a poll, which works without JavaScript."""

import secrets
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.poll import Kind, State, direction, say
from pollsvc.domain.selection import picked
from pollsvc.services.mac import encode
from pollsvc.services.snapshots import Snapshot
from pollsvc.services.strings import Strings
from pollsvc.services.tallies import Tallies
from pollsvc.services.voting import Vote, VoteRequest, Voting
from pollsvc.web.errors import STATUS
from pollsvc.web.http import Addresses, read_body
from pollsvc.web.results import parse_query, wanted_lang
from pollsvc.web.words import Words

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
_MESSAGES = {
    Code.INVALID_SELECTION: "pick",
    Code.BAD_READER_TOKEN: "refused",
    Code.POLL_NOT_OPEN: "late",
    Code.ALREADY_VOTED: "already",
    Code.BUSY: "busy",
    Code.SLOW_DOWN: "busy",
}


class Line(NamedTuple):
    """One option's line in the result; `share` is None below the least number of voters."""

    label: str
    votes: str
    share: str | None
    percent: int
    mine: bool


class PollPage:
    """Shows a poll, and takes a vote from its form."""

    def __init__(
        self,
        voting: Voting,
        tallies: Tallies,
        addresses: Addresses,
        strings: Strings,
        base_url: str,
        own_origin: str,
    ) -> None:
        self._voting = voting
        self._tallies = tallies
        self._addresses = addresses
        self._strings = strings
        self._base_url = base_url
        self._own_origin = own_origin
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("poll.html")

    async def show(self, request: Request) -> Response:
        """`GET /p/{poll}`: the form or, when the poll is not open, its result."""
        try:
            snapshot = await self._tallies.get(request.path_params["poll"])
        except PollError as error:
            if error.code is not Code.NO_SUCH_POLL:
                raise
            return HTMLResponse("<!doctype html><title>404</title><p>There is no such poll.", 404, _HEADERS)
        return self._page(request, snapshot)

    async def vote(self, request: Request) -> Response:
        """`POST /p/{poll}`: a vote from the form; the answer is the page with the result."""
        origin = request.headers.get("origin")
        if origin is not None and origin != self._own_origin:
            raise PollError(Code.ORIGIN_NOT_ALLOWED, "Vote on the poll's own page or with the widget.")
        snapshot = await self._tallies.get(request.path_params["poll"])
        fields = parse_query(await read_body(request.receive))
        sent = fields.get("selection", [])
        selection = [int(pick) for pick in sent if pick.isascii() and pick.isdigit() and len(pick) < 6]
        vote = VoteRequest(selection, idempotency_key=fields.get("idempotency_key", [None])[0])
        if vote.idempotency_key is None or len(selection) != len(sent):
            raise PollError(Code.BAD_REQUEST, "Send the form of the poll's page.")
        try:
            cast = await self._voting.cast(snapshot, vote, self._addresses.of(request.scope))
        except PollError as error:
            if error.code not in _MESSAGES:
                raise
            return self._page(request, snapshot, error=error, selection=selection, key=vote.idempotency_key)
        return self._page(request, cast.snapshot, vote=cast, key=vote.idempotency_key)

    def _page(
        self,
        request: Request,
        snapshot: Snapshot,
        *,
        vote: Vote | None = None,
        error: PollError | None = None,
        selection: list[int] | None = None,
        key: str | None = None,
    ) -> Response:
        poll = snapshot.poll
        langs = snapshot.langs(wanted_lang(parse_query(request.scope["query_string"])))
        words, lang = Words(self._strings.by_lang[langs.words]), langs.texts
        has_voted = vote is not None or (error is not None and error.code is Code.ALREADY_VOTED)
        if vote is not None:
            selection = picked(vote.ballot.selection)
        elif error is not None and error.code is Code.ALREADY_VOTED:
            selection = list(error.details["selection"])  # type: ignore[call-overload]
        content = self._template.render(
            words=words,
            poll=poll,
            lang=lang,
            question=poll.question[lang],
            options=[(option.id, say(option.label, lang, poll.lang)) for option in poll.active_options],
            base_url=self._base_url,
            direction=direction(lang),
            form=snapshot.state is State.OPEN and not has_voted,
            multiple=poll.kind is Kind.MULTIPLE,
            hint=_hint(snapshot, words),
            message=_message(snapshot, words, vote, error),
            failed=error is not None,
            selection=selection or [],
            lines=_lines(snapshot, words, lang, selection or [], voted=has_voted),
            voters=_voters(snapshot, words, voted=has_voted),
            schedule=_schedule(snapshot, words),
            idempotency_key=key or encode(secrets.token_bytes(16)),
        )
        return HTMLResponse(content, STATUS[error.code] if error else 200, _HEADERS)


def _hint(snapshot: Snapshot, words: Words) -> str:
    least, most = snapshot.poll.min_picks, snapshot.poll.max_picks
    if least == most:
        return words.count("pick", least)
    if least == 1:
        return words.count("pick_max", most)
    return words.say("pick_range", min=least, max=most)


def _message(snapshot: Snapshot, words: Words, vote: Vote | None, error: PollError | None) -> str | None:
    if error is not None:
        key = _MESSAGES[error.code]
        if key == "pick":
            return _hint(snapshot, words)
        return words.say("early" if key == "late" and snapshot.state is State.SCHEDULED else key)
    if vote is not None:
        return words.say("thanks" if vote.ballot.status == "counted" else "held")
    return None


def _lines(
    snapshot: Snapshot, words: Words, lang: str, selection: list[int], *, voted: bool
) -> list[Line] | None:
    """The result by option, or None where it is hidden."""
    poll, results = snapshot.poll, snapshot.results
    if not poll.shows_results(snapshot.state, voted=voted):
        return None
    shown = results.voters >= max(poll.site.percent_from, 1)
    lines = []
    for option in poll.shown_options:
        if option.id not in results.options:
            continue
        count = results.options[option.id]
        share = count / results.voters if shown else 0.0
        lines.append(
            Line(
                label=say(option.label, lang, poll.lang),
                votes=words.count("votes", count),
                share=words.percent(share) if shown else None,
                percent=round(100 * share),
                mine=option.id in selection,
            )
        )
    return lines


def _voters(snapshot: Snapshot, words: Words, *, voted: bool) -> str:
    if snapshot.poll.shows_results(snapshot.state, voted=voted):
        return words.count("voters", snapshot.results.voters)
    return words.say(snapshot.poll.visibility)


def _schedule(snapshot: Snapshot, words: Words) -> str:
    poll = snapshot.poll
    zone = poll.site.time_zone
    if snapshot.state is State.SCHEDULED and poll.opens_at is not None:
        return words.say("opens", time=words.time(poll.opens_at, zone))
    if poll.closes_at is None:
        return words.say("open")
    key = "closed" if snapshot.state is State.CLOSED else "closes"
    return words.say(key, time=words.time(poll.closes_at, zone))
