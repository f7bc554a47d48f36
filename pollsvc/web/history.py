"""`GET /api/v1/polls/{poll}/history`: what readers could notice of a poll's changes."""

from starlette.types import Receive, Scope, Send

from pollsvc.services.public_history import PublicHistory, history_body
from pollsvc.services.tallies import Tallies
from pollsvc.web.results import cached

CACHE_CONTROL = "public, max-age=10, s-maxage=10, stale-while-revalidate=60"
"""How long a history may be kept."""


class GetHistory:
    """A published poll's changes, the oldest first."""

    def __init__(self, tallies: Tallies, history: PublicHistory) -> None:
        self._tallies = tallies
        self._history = history

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        poll = (await self._tallies.get(scope["path_params"]["poll"])).poll.id
        body = history_body(poll, await self._history.of(poll))
        await cached(scope, send, body.etag, lambda: body.json, CACHE_CONTROL.encode())
