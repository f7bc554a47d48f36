"""The one table of routes."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pollsvc.web.ballots import FILE
from pollsvc.web.embed import EmbedPage
from pollsvc.web.health import GetReadiness, healthz
from pollsvc.web.log import GetLog
from pollsvc.web.pages.archive import ArchivePages
from pollsvc.web.pages.page import PollPage

_POLLS = "/api/v1/polls/"
_VOTES = "/votes"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What answers each route; made by `create_app`."""

    home: ASGIApp
    vote: ASGIApp
    poll: ASGIApp
    polls: ASGIApp
    voted_results: ASGIApp
    rounds: ASGIApp
    history: ASGIApp
    article: ASGIApp
    live: ASGIApp
    openapi: ASGIApp
    assets: ASGIApp
    image: ASGIApp
    ballots: ASGIApp
    card: ASGIApp
    drawing: ASGIApp
    page: PollPage
    archive: ArchivePages
    embed: EmbedPage
    oembed: ASGIApp
    log: GetLog
    readiness: GetReadiness
    metrics: ASGIApp
    admin_assets: ASGIApp
    admin: Sequence[BaseRoute]
    api: Sequence[BaseRoute]


# so that the log knows where they went
_VOTE = Route(f"{_POLLS}{{poll}}{_VOTES}", lambda _: None)
_POLL = Route(f"{_POLLS}{{poll}}", lambda _: None)


class FastLane:
    """Finds the routes of a vote and of a poll's result by comparing strings; the router finds all others.

    The router matches one regular expression after another, which costs a vote more than its signature.
    """

    def __init__(self, vote: ASGIApp, poll: ASGIApp, router: ASGIApp) -> None:
        self._fast = {("POST", _VOTES): (vote, _VOTE), ("GET", ""): (poll, _POLL)}
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if path.startswith(_POLLS):
            poll, slash, rest = path[len(_POLLS) :].partition("/")
            found = self._fast.get((scope["method"], slash + rest))
            if found and poll:
                scope["path_params"], scope["route"] = {"poll": poll}, found[1]
                await found[0](scope, receive, send)
                return
        scope["app"] = self  # or the router answers 404 and 405 itself, in plain text, instead of raising
        await self._router(scope, receive, send)


def routes(to: Endpoints) -> Sequence[BaseRoute]:
    """The routes, the busiest first: they are tried in this order."""
    return [
        Route("/api/v1/polls/{poll}/votes", to.vote, methods=["POST", "OPTIONS"]),
        Route("/api/v1/polls/{poll}", to.poll, methods=["GET"]),
        Route("/api/v1/live", to.live, methods=["GET"]),
        Route("/api/v1/polls", to.polls, methods=["GET"]),
        Route("/api/v1/articles", to.article, methods=["GET"]),
        Route("/w/{name}", to.assets, methods=["GET"]),
        Route("/i/{image}", to.image, methods=["GET"]),
        Route("/p/{poll}/card.png", to.card, methods=["GET"]),
        Route("/p/{poll}/results.svg", to.drawing, methods=["GET"]),
        Route(f"/p/{{poll}}/{FILE}", to.ballots, methods=["GET"]),
        *to.page.routes(),
        *to.archive.routes(),
        *to.embed.routes(),
        Route("/oembed", to.oembed, methods=["GET"]),
        Route("/api/v1/polls/{poll}/results/{key}", to.voted_results, methods=["GET"]),
        Route("/api/v1/polls/{poll}/rounds", to.rounds, methods=["GET"]),
        Route("/api/v1/polls/{poll}/history", to.history, methods=["GET"]),
        Route("/api/v1/log/checkpoint", to.log.checkpoint, methods=["GET"]),
        Route("/api/v1/log/keys", to.log.keys, methods=["GET"]),
        Route("/api/v1/log/inclusion", to.log.inclusion, methods=["GET"]),
        Route("/api/v1/log/standing", to.log.standing, methods=["GET"]),
        Route("/api/v1/log/tile/{level:int}/{index:path}", to.log.tile, methods=["GET"]),
        Route("/api/v1/log/consistency", to.log.consistency, methods=["GET"]),
        Route("/api/v1/openapi.json", to.openapi, methods=["GET"]),
        Route("/", to.home, methods=["GET"]),
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", to.readiness.show, methods=["GET"]),
        Route("/metrics", to.metrics, methods=["GET"]),
        Route("/admin/static/{name}", to.admin_assets, methods=["GET"]),
        *to.api,
        *to.admin,
    ]
