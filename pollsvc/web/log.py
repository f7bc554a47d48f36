"""`GET /api/v1/log/…`: what anybody needs to check the log of ballots."""

import re
from collections.abc import Mapping

from msgspec.json import Encoder
from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.errors import bad
from pollsvc.domain.tiles import WIDTH, Place
from pollsvc.services.ballot_log.proofs import Proofs
from pollsvc.web.numbers import whole
from pollsvc.web.results import parse_query

_encode = Encoder().encode
_SOON = "public, max-age=1, s-maxage=1, stale-while-revalidate=5"
_LONG = "public, max-age=86400"
_DIGITS = 15
_INDEX = re.compile(r"((?:x[0-9]{3}/){0,4}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_LEVELS = 7  # of tiles at most, for a tree of 2^63 leaves


class GetLog:
    """The head, the keys, and proofs; what is proven of a tree of a given size may be kept for a day."""

    def __init__(self, proofs: Proofs) -> None:
        self._proofs = proofs

    async def checkpoint(self, _request: Request) -> Response:
        """`GET /api/v1/log/checkpoint`: a C2SP tlog-checkpoint."""
        head = await self._proofs.head()
        return _answer(head.note.encode(), _SOON, "text/plain; charset=utf-8")

    async def keys(self, _request: Request) -> Response:
        """`GET /api/v1/log/keys`: oldest first."""
        return _answer(_encode(await self._proofs.keys()), _SOON)

    async def inclusion(self, request: Request) -> Response:
        """`GET /api/v1/log/inclusion?poll=…&number=…`, and `size` if not of the newest tree."""
        query = parse_query(request.scope["query_string"])
        (poll, number), size = _leaf(query), _whole(query, "size")
        proof = await self._proofs.inclusion(poll, number, size)
        return _answer(_encode(proof), _SOON if size is None else _LONG)

    async def standing(self, request: Request) -> Response:
        """`GET /api/v1/log/standing?poll=…&number=…`: whether no later leaf has taken its place."""
        stands = await self._proofs.stands(*_leaf(parse_query(request.scope["query_string"])))
        return _answer(_encode({"stands": stands}), _SOON)

    async def tile(self, request: Request) -> Response:
        """`GET /api/v1/log/tile/L/N` and `…/N.p/W`: a C2SP tlog-tiles tile of hashes, which never changes."""
        level, found = request.path_params["level"], _INDEX.fullmatch(request.path_params["index"])
        width = int(found[2] or 0) if found else 0
        if found is None or level > _LEVELS or width >= WIDTH:
            raise bad("Name a tile as https://c2sp.org/tlog-tiles does: tile/0/x001/067, or tile/0/000.p/7.")
        number = int(found[1].replace("x", "").replace("/", ""))
        tile = await self._proofs.tile(Place(level, number), width or WIDTH)
        return _answer(tile, _LONG, "application/octet-stream")

    async def consistency(self, request: Request) -> Response:
        """`GET /api/v1/log/consistency?from=…`, and `size` if not of the newest tree."""
        query = parse_query(request.scope["query_string"])
        old, size = _whole(query, "from"), _whole(query, "size")
        if old is None:
            raise bad('Name the size of the older tree as "from".', "from")
        proof = await self._proofs.consistency(old, size)
        return _answer(_encode(proof), _SOON if size is None else _LONG)


def _leaf(query: Mapping[str, list[str]]) -> tuple[str, int]:
    """The poll and number of a leaf that a query names. Raises PollError `bad_request`."""
    poll, number = query.get("poll", [""])[-1], _whole(query, "number")
    if not poll or not number:
        raise bad('Name the leaf as a receipt does: "poll" and "number".', "number")
    return poll, number


def _whole(query: Mapping[str, list[str]], name: str) -> int | None:
    """A number of the query, None where there is none. Raises PollError `bad_request`."""
    text = query.get(name, [""])[-1]
    number = whole(text, _DIGITS)
    if text and number is None:
        raise bad(f'Send "{name}" as a whole number of at most {_DIGITS} digits.', name)
    return number


def _answer(body: bytes, cache_control: str, media_type: str = "application/json") -> Response:
    headers = {"cache-control": cache_control, "access-control-allow-origin": "*"}
    return Response(body, media_type=media_type, headers=headers)
