"""Building and wiring the service; the only place that knows all its parts."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp

from pollsvc.domain.clock import Clock
from pollsvc.domain.poll import Policy
from pollsvc.services.accounts.passwords import Passwords
from pollsvc.services.accounts.sign_in import SignIn
from pollsvc.services.admission import Admission
from pollsvc.services.archive import Archive
from pollsvc.services.ballot_log.downloads import Downloads
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ballot_log.pinning import Pinning
from pollsvc.services.ballot_log.proofs import Proofs
from pollsvc.services.ballot_writer import BallotWriter
from pollsvc.services.clock_steps import ClockSteps
from pollsvc.services.desk import Desk, Means
from pollsvc.services.fellows import Fellows
from pollsvc.services.image_cache import ImageCache
from pollsvc.services.live_hub import LiveHub
from pollsvc.services.meters import VoteMeters
from pollsvc.services.metrics import Metrics
from pollsvc.services.networks import Networks
from pollsvc.services.pictures.pictures import Look, Pictures
from pollsvc.services.proof_of_work import ProofOfWork
from pollsvc.services.public_history import PublicHistory
from pollsvc.services.purging import DAY, Purging
from pollsvc.services.readers import Readers
from pollsvc.services.readiness import Readiness
from pollsvc.services.rounds import Rounds
from pollsvc.services.snapshots import Publisher
from pollsvc.services.strings import Strings
from pollsvc.services.tallies import Tallies
from pollsvc.services.voting import Voting
from pollsvc.services.watching.alarm import Alarm
from pollsvc.services.watching.lookout import Lookout
from pollsvc.services.webhooks.outbox import Outbox
from pollsvc.services.write_ins import WriteIns
from pollsvc.settings import Settings
from pollsvc.storage.changes import ChangeListener
from pollsvc.storage.database import TIMEOUT, Connection
from pollsvc.storage.pool import Pool
from pollsvc.storage.shared_paces import SharedPaces
from pollsvc.web.admin.pages import admin_pages
from pollsvc.web.admin.static import AdminAssets
from pollsvc.web.api.articles import ApiArticles
from pollsvc.web.api.gate import Gate
from pollsvc.web.api.imports import ApiImports
from pollsvc.web.api.polls import ApiPolls
from pollsvc.web.api.routes import Answerers, api_routes
from pollsvc.web.api.sites import ApiSites
from pollsvc.web.api.webhooks import ApiWebhooks
from pollsvc.web.ballots import GetBallots
from pollsvc.web.embed import EmbedPage
from pollsvc.web.errors import ErrorBoundary
from pollsvc.web.health import GetReadiness
from pollsvc.web.history import GetHistory
from pollsvc.web.hosts import LOOPBACK, KnownHosts
from pollsvc.web.http import Addresses
from pollsvc.web.images import GetImage
from pollsvc.web.live import Live
from pollsvc.web.log import GetLog
from pollsvc.web.metrics import GetMetrics
from pollsvc.web.oembed import OEmbed
from pollsvc.web.openapi import OpenApi
from pollsvc.web.pages.archive import ArchivePages
from pollsvc.web.pages.page import PollPage
from pollsvc.web.pages.poll_view import PollViews
from pollsvc.web.pictures import GetPicture, drawers
from pollsvc.web.requests import Requests
from pollsvc.web.results import GetArticle, GetPoll, GetPolls, GetVotedResults
from pollsvc.web.rounds import GetRounds
from pollsvc.web.routes import Endpoints, FastLane, routes
from pollsvc.web.votes import CastVote
from pollsvc.web.widget import Assets

EDITORS_CONNECTIONS = 8
"""Connections to the database for editors and API keys, opened when they are first wanted."""


DOWNLOADS = 2
"""Connections for what is published of ballots."""


class App(Requests):
    """The ASGI application; its lifespan opens and closes everything it holds.

    `table` has all that it answers. For a server that is to end, `readiness` can be made to say so, and `hub`
    is to be closed before it waits for its connections. `reload` takes settings that may change meanwhile.
    """

    def __init__(
        self,
        app: ASGIApp,
        addresses: Addresses,
        metrics: Metrics,
        table: Sequence[BaseRoute],
        hub: LiveHub,
        readiness: Readiness,
        reload: Callable[[Settings], None],
    ) -> None:
        super().__init__(ErrorBoundary(app), addresses, metrics.answers)
        self.table = table
        self.hub = hub
        self.readiness = readiness
        self.reload = reload


def create_app(settings: Settings, clock: Clock = time.time, fellows: Fellows | None = None) -> App:  # noqa: PLR0915
    """Build and wire the service; `fellows` are the other workers of this `serve`, if there are any.

    Raises PollError when the settings cannot work.
    """
    settings.require_secrets()
    url, base_url = settings.database_url, settings.base_url
    own_origin, fellows, meters = settings.origin, fellows or Fellows(), VoteMeters()
    publisher = Publisher(base_url, Strings())
    reading = Connection(url, reconnects=True, timeout=TIMEOUT)
    hub = LiveHub(clock, lambda: writer.is_busy)
    tallies = Tallies(reading, publisher, clock, on_changed=hub.publish, watched=hub.watched)
    log_keys = LogKeys(settings.secret_keys)
    shared = SharedPaces(settings.redis_url) if settings.redis_url else None
    admission = Admission(settings.admission, time.monotonic, shared)
    ahead = admission.ask_ahead if shared else None
    writer = BallotWriter(url, log_keys, tallies.apply, settings.queue_limit, clock, meters, ahead)
    listener = ChangeListener(url, tallies.on_change)
    outbox = Outbox(url, clock, base_url, settings.webhook_origins, log_keys.stamp)
    write_ins = WriteIns(Pool(url, 1), reading, settings.admission is not Policy.OPEN, time.monotonic)
    networks = Networks(Pool(url, 1), settings.secret_keys, clock)
    pinning = Pinning(Pool(url, 1), settings.pin_file)
    purging = Purging(Pool(url, 1, log_keys.stamp), clock, settings.appeal_days * DAY)
    alarm = Alarm(url, clock)
    steps = ClockSteps(clock, tallies.on_clock_step)
    voting = Voting(
        readers=Readers(settings.secret_keys),
        admission=admission,
        networks=networks,
        proofs=ProofOfWork(settings.secret_keys, clock),
        writer=writer,
        write_ins=write_ins,
        tallies=tallies,
        connection=reading,
        key=log_keys.current,
        clock=clock,
        meters=meters,
    )
    metrics, readiness = Metrics(meters, writer, hub, tallies, reading, url), Readiness(url, reading, writer)
    rounds, history, images = Rounds(), PublicHistory(reading), ImageCache(reading)
    archive = Archive(Pool(url, 1), clock)
    downloads = Downloads(Pool(url, DOWNLOADS))
    pictures = Pictures(publisher.strings, drawers(), clock)
    views = PollViews(admission, tallies, rounds, images, base_url)
    addresses = Addresses(settings.trusted_proxies)
    scrape = GetMetrics(metrics, fellows, addresses, settings.metrics_from)
    live = Live(
        tallies,
        hub,
        addresses,
        clock,
        metrics.streams_refused,
        limit=settings.streams_limit,
        limit_per_network=settings.streams_per_network,
    )
    pool, passwords = Pool(url, EDITORS_CONNECTIONS, log_keys.stamp), Passwords()
    desk = Desk(pool, Means(clock, passwords, log_keys, settings.webhook_origins))
    api = api_routes(
        Answerers(ApiPolls(base_url, clock), ApiImports(), ApiArticles(), ApiSites(), ApiWebhooks())
    )
    endpoints = Endpoints(
        # who types the service's address is an editor
        home=RedirectResponse(f"{base_url}/admin", 302, {"cache-control": "no-store"}),
        vote=CastVote(voting, tallies, addresses, own_origin),
        poll=GetPoll(tallies, clock),
        polls=GetPolls(tallies, clock),
        voted_results=GetVotedResults(tallies, clock),
        article=GetArticle(tallies, clock),
        live=live,
        openapi=OpenApi(base_url, api),
        assets=Assets(),
        rounds=GetRounds(tallies, rounds),
        history=GetHistory(tallies, history),
        image=GetImage(images),
        ballots=GetBallots(tallies, downloads),
        card=GetPicture(tallies, pictures, Look.LIGHT),
        drawing=GetPicture(tallies, pictures, Look.DRAWING),
        page=PollPage(
            voting, tallies, views, history, downloads, addresses, publisher.strings, base_url, own_origin
        ),
        archive=ArchivePages(archive, publisher.strings, base_url),
        embed=EmbedPage(tallies, publisher.strings, base_url, own_origin),
        oembed=OEmbed(tallies, publisher.strings, base_url),
        log=GetLog(Proofs(reading)),
        readiness=GetReadiness(readiness),
        metrics=scrape,
        admin_assets=AdminAssets(),
        admin=admin_pages(
            SignIn(pool, passwords, clock, time.monotonic),
            desk,
            Lookout(tallies, rounds, clock),
            publisher,
            views,
            own_origin,
            addresses,
            clock,
        ),
        api=Gate(desk).routes(api),
    )

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(pool.stop)
            stack.push_async_callback(reading.close)
            await reading.open()
            for task in (archive, write_ins, rounds, history, downloads, pictures):
                stack.push_async_callback(task.stop)
            stack.push_async_callback(tallies.stop)
            # stopped in the opposite order; the writer's last seal is pinned
            shares = (shared,) if shared else ()
            parts = (pinning, *shares, networks, writer, listener, hub, purging, alarm, steps, metrics)
            for part in parts:
                await part.start()
                stack.push_async_callback(part.stop)
            stack.push_async_callback(fellows.stop)
            await fellows.start(scrape.families)
            if settings.webhook_origins:  # else nothing is ever sent
                await outbox.start()
                stack.push_async_callback(outbox.stop)
            yield

    table = routes(endpoints)
    router = Router(table, redirect_slashes=False, lifespan=lifespan)
    hosts = KnownHosts(FastLane(endpoints.vote, endpoints.poll, router), (*LOOPBACK, *settings.hosts))

    def reload(new: Settings) -> None:
        admission.policy, write_ins.paced = new.admission, new.admission is not Policy.OPEN
        addresses.trust(new.trusted_proxies)
        hosts.answer_for((*LOOPBACK, *new.hosts))
        live.limit, live.limit_per_network = new.streams_limit, new.streams_per_network
        scrape.allowed = new.metrics_from
        writer.queue_limit = new.queue_limit

    return App(hosts, addresses, metrics, table, hub, readiness, reload)
