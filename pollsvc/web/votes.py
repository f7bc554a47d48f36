"""`POST /api/v1/polls/{poll}/votes`."""

import asyncio

from msgspec import DecodeError, ValidationError
from msgspec.json import Decoder
from starlette.types import Receive, Scope, Send

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.selection import as_json
from pollsvc.services.tallies import Tallies
from pollsvc.services.voting import Vote, VoteRequest, Voting
from pollsvc.web.errors import as_poll_error, problem
from pollsvc.web.http import Addresses, header, read_body, respond

_decode = Decoder(VoteRequest).decode
_BODY_TYPES = {"application/json", "text/plain"}
_VARY = (b"vary", b"Origin")
_PREFLIGHT = (
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", b"content-type"),
    (b"access-control-max-age", b"86400"),
)
_ANSWER = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
_EXPOSE = (b"access-control-expose-headers", b"Retry-After")


class CastVote:
    """Takes votes from the pages of a poll's site, and from programs that send no `Origin`."""

    def __init__(self, voting: Voting, tallies: Tallies, addresses: Addresses, own_origin: str) -> None:
        self._voting = voting
        self._tallies = tallies
        self._addresses = addresses
        self._own_origin = own_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [_VARY]
        try:
            poll = scope["path_params"]["poll"]
            snapshot = self._tallies.peek(poll)
            if snapshot is None or snapshot.poll.draft:
                snapshot = await self._tallies.get(poll)
            origin = header(scope, b"origin")
            if origin is not None:
                self._check_origin(origin, snapshot.poll.site.origins)
                headers += ((b"access-control-allow-origin", origin.encode()), _EXPOSE)
            if scope["method"] == "OPTIONS":
                await respond(send, 204, [*headers, *_PREFLIGHT])
                return
            request = parse_vote(header(scope, b"content-type"), await read_body(receive))
            vote = await self._voting.cast(snapshot, request, self._addresses.of(scope))
        except (Exception, asyncio.CancelledError) as error:  # answered here, since its headers are its own
            status, more, body = problem(as_poll_error(error, scope))
            await respond(send, status, [*headers, *more], body)
            return
        await respond(send, 201 if vote.new else 200, [*headers, *_ANSWER], vote_json(vote))

    def _check_origin(self, origin: str, allowed: frozenset[str]) -> None:
        if origin not in allowed and origin != self._own_origin:
            raise PollError(
                Code.ORIGIN_NOT_ALLOWED,
                "This page's origin may not send votes for this poll; add it to the site's origins.",
            )


def parse_vote(content_type: str | None, body: bytes) -> VoteRequest:
    """Read a vote's body. Raises PollError `bad_request`; the selection is checked later, with its poll."""
    if content_type and content_type.partition(";")[0].strip().lower() not in _BODY_TYPES:
        raise PollError(Code.BAD_REQUEST, "Send the vote as application/json or text/plain.")
    try:
        return _decode(body)
    except ValidationError as error:
        raise PollError(Code.BAD_REQUEST, f"Send a JSON object with the fields of a vote: {error}.") from None
    except (DecodeError, UnicodeDecodeError, RecursionError):
        raise PollError(Code.BAD_REQUEST, "Send the vote as a JSON object.") from None


def vote_json(vote: Vote) -> bytes:
    """The answer to a recorded vote; its end is the same for all who voted, and ready-made."""
    _, ballot, receipt, reader, snapshot = vote
    mine = (
        f'{{"receipt":{receipt},"status":"{ballot.status}",'
        f'"selection":{as_json(ballot.selection)},"reader":"{reader.token}",'
    )
    return mine.encode() + snapshot.voted_tail
