"""Polls and results, as caches may keep them: the same bytes for every reader."""

import hmac
import re
from collections.abc import Callable, Sequence
from hashlib import blake2b
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from pollsvc.domain.article import canonical_url
from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import Code, PollError, no_such_poll
from pollsvc.services.snapshots import Snapshot, dump
from pollsvc.services.tallies import Tallies
from pollsvc.web.http import not_modified, respond

MAX_POLLS = 100
"""How many polls one call may ask for."""

_LANG = re.compile(r"(?=.{2,35}$)[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
"""The shape of a BCP 47 tag; all registered ones have at most 35 characters (RFC 5646, section 4.4.1)."""
_RESULTS = b"public, max-age=1, s-maxage=1, stale-while-revalidate=5"
_HEADERS = (
    (b"content-type", b"application/json"),
    (b"access-control-allow-origin", b"*"),
)


class GetPoll:
    """`GET /api/v1/polls/{poll}`: definition, state, public results, and the words around them."""

    def __init__(self, tallies: Tallies, clock: Clock) -> None:
        self._tallies = tallies
        self._clock = clock

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        poll = scope["path_params"]["poll"]
        snapshot = self._tallies.peek(poll)
        if snapshot is None or snapshot.poll.draft:
            snapshot = await self._tallies.get(poll)
        query = scope["query_string"]
        body = snapshot.body(snapshot.langs(wanted_lang(parse_query(query)) if query else None))
        await cached(scope, send, body.etag, lambda: body.at(self._clock()))


class GetPolls:
    """`GET /api/v1/polls?id=a&id=b`; polls that are unknown are left out."""

    def __init__(self, tallies: Tallies, clock: Clock) -> None:
        self._tallies = tallies
        self._clock = clock

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        query = parse_query(scope["query_string"])
        ids = list(dict.fromkeys(query.get("id", ())))
        if not 1 <= len(ids) <= MAX_POLLS:
            raise PollError(Code.BAD_REQUEST, f'Name 1 to {MAX_POLLS} polls, each as "id".')
        snapshots = await self._tallies.of_ids(ids)
        await several(scope, send, b"{", snapshots, wanted_lang(query), self._clock())


class GetArticle:
    """`GET /api/v1/articles?url=…`: the polls attached to an article, in order."""

    def __init__(self, tallies: Tallies, clock: Clock) -> None:
        self._tallies = tallies
        self._clock = clock

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        query = parse_query(scope["query_string"])
        url = canonical_url(query.get("url", [""])[0])
        if url is None:
            raise PollError(Code.BAD_REQUEST, 'Send the article\'s http(s) URL as "url".')
        snapshots = (await self._tallies.of_article(url))[:MAX_POLLS]
        start = dump({"article": url})[:-1] + b","
        await several(scope, send, start, snapshots, wanted_lang(query), self._clock())


class GetVotedResults:
    """`GET /api/v1/polls/{poll}/results/{key}`: the results as those who voted see them."""

    def __init__(self, tallies: Tallies, clock: Clock) -> None:
        self._tallies = tallies
        self._clock = clock

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        params = scope["path_params"]
        snapshot = await self._tallies.get(params["poll"])
        if not hmac.compare_digest(params["key"].encode(), snapshot.poll.results_key.encode()):
            raise no_such_poll()
        body = snapshot.voted_body
        await cached(scope, send, body.etag, lambda: body.at(self._clock()))


async def several(
    scope: Scope, send: Send, start: bytes, snapshots: Sequence[Snapshot], lang: str | None, now: float
) -> None:
    """Answer with a list of polls after a JSON object's `start`."""
    bodies = [snapshot.body(snapshot.langs(lang)) for snapshot in snapshots]
    tags = "".join(body.etag for body in bodies)
    etag = f'W/"{blake2b(tags.encode(), digest_size=12).hexdigest()}"'
    polls = (body.at(now) for body in bodies)
    await cached(scope, send, etag, lambda: start + b'"polls":[' + b",".join(polls) + b"]}")


async def cached(
    scope: Scope, send: Send, etag: str, body: Callable[[], bytes], cache_control: bytes = _RESULTS
) -> None:
    """Answer with the body, or with 304 when the client has this version (RFC 9110, section 13.1.2)."""
    headers = [*_HEADERS, (b"cache-control", cache_control), (b"etag", etag.encode())]
    if not await not_modified(scope, send, headers, etag):
        await respond(send, 200, headers, body())


def parse_query(query: bytes) -> dict[str, list[str]]:
    """The parameters of a query string or the fields of a form.

    Raises PollError `bad_request` when there are far too many.
    """
    try:
        return parse_qs(query.decode("latin-1"), max_num_fields=2 * MAX_POLLS)
    except ValueError:
        raise PollError(Code.BAD_REQUEST, "Send fewer parameters.") from None


def wanted_lang(query: dict[str, list[str]]) -> str | None:
    """The language asked for; None where there is none, or it is no language tag: pages have odd ones."""
    lang = query.get("lang", [""])[0].replace("_", "-")
    return lang if _LANG.fullmatch(lang) else None
