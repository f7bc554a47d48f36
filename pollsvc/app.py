"""Building and wiring the service; the only place that knows all its parts."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.routing import Router
from starlette.types import ASGIApp

from pollsvc.domain.article import canonical_origin
from pollsvc.domain.clock import Clock
from pollsvc.services.admission import Admission
from pollsvc.services.ballot_writer import BallotWriter
from pollsvc.services.live_hub import LiveHub
from pollsvc.services.readers import Readers
from pollsvc.services.receipts import Receipts
from pollsvc.services.snapshots import Publisher
from pollsvc.services.strings import Strings
from pollsvc.services.tallies import Tallies
from pollsvc.services.voting import Voting
from pollsvc.settings import Settings
from pollsvc.storage.changes import ChangeListener
from pollsvc.storage.database import TIMEOUT, Connection
from pollsvc.web.errors import ErrorBoundary
from pollsvc.web.health import Readiness
from pollsvc.web.http import Addresses
from pollsvc.web.live import Live
from pollsvc.web.openapi import OpenApi
from pollsvc.web.pages import PollPage
from pollsvc.web.results import GetArticle, GetPoll, GetPolls, GetVotedResults
from pollsvc.web.routes import Endpoints, FastLane, routes
from pollsvc.web.votes import CastVote
from pollsvc.web.widget import Assets


class App(ErrorBoundary):
    """The ASGI application; its lifespan opens and closes everything it holds.

    `hub` is for a server to close before it waits for its connections.
    """

    def __init__(self, routed: ASGIApp, hub: LiveHub) -> None:
        super().__init__(routed)
        self.hub = hub


def create_app(settings: Settings, clock: Clock = time.time) -> App:
    """Build and wire the service. Raises PollError when the settings cannot work."""
    settings.require_secrets()
    url, base_url = settings.database_url, settings.base_url
    own_origin = canonical_origin("/".join(base_url.split("/")[:3])) or ""
    strings = Strings()
    reading = Connection(url, reconnects=True, timeout=TIMEOUT)
    hub = LiveHub(clock)
    tallies = Tallies(reading, Publisher(base_url, strings), clock, on_changed=hub.publish)
    receipts = Receipts(settings.secret_keys)
    writer = BallotWriter(url, receipts.seal, tallies.apply, settings.queue_limit)
    listener = ChangeListener(url, tallies.on_change)
    voting = Voting(
        readers=Readers(settings.secret_keys),
        admission=Admission(settings.admission, time.monotonic),
        writer=writer,
        tallies=tallies,
        connection=reading,
        clock=clock,
    )
    addresses = Addresses(settings.trusted_proxies)
    endpoints = Endpoints(
        vote=CastVote(voting, tallies, addresses, own_origin),
        poll=GetPoll(tallies, clock),
        polls=GetPolls(tallies, clock),
        voted_results=GetVotedResults(tallies, clock),
        article=GetArticle(tallies, clock),
        live=Live(
            tallies,
            hub,
            addresses,
            clock,
            limit=settings.streams_limit,
            limit_per_network=settings.streams_per_network,
        ),
        openapi=OpenApi(base_url),
        assets=Assets(),
        page=PollPage(voting, tallies, addresses, strings, base_url, own_origin),
        readiness=Readiness(tallies, writer),
    )

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(reading.close)
            await reading.open()
            stack.push_async_callback(tallies.stop)
            for part in (writer, listener, hub):  # stopped in the opposite order
                await part.start()
                stack.push_async_callback(part.stop)
            yield

    router = Router(routes(endpoints), redirect_slashes=False, lifespan=lifespan)
    return App(FastLane(endpoints.vote, router), hub)
