"""`/admin`: all open polls with their pace, what moves, what opens next and what has closed."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.alert import Alert
from pollsvc.domain.poll import Poll, direction
from pollsvc.services.editing.alerts import NAMES, sentences
from pollsvc.services.watching.dashboard import Card, Dashboard, Dashboards
from pollsvc.services.watching.lookout import Lookout
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.admin.watching.axes import percent
from pollsvc.web.admin.watching.charts import Bar, bars_chart, sparkline
from pollsvc.web.admin.watching.page import etag_of

MOST_CARDS = 12
"""Open polls that are drawn; the others stand in a table."""


MOST_ALERTS = 20
"""Alerts that are listed."""


class Alarmed(NamedTuple):
    """A poll with an open alert, what it is called and what it says."""

    poll: Poll
    alert: Alert
    name: str
    told: str


class Drawn(NamedTuple):
    """An open poll with the result of its leaders and its votes of the last hour as drawings."""

    card: Card
    leaders: Markup
    pace: Markup


class DashboardPage:
    """Shows every editor how the polls of a site, or of all, are going."""

    def __init__(self, render: Renderer, lookout: Lookout) -> None:
        self._render = render
        self._lookout = lookout
        self._dashboards = Dashboards(lookout)

    async def show(self, request: Request, visit: Visit) -> Response:
        """`GET /admin`."""
        glance = await self._dashboards.glance(visit.work.readings, visit.site.id if visit.site else None)
        dashboard = await self._dashboards.show(visit.work.readings, glance)
        return self._page("dashboard", request, visit, dashboard, await self._alerts(visit))

    async def live(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/live`: what moves of the page, or 304 when it has not."""
        glance = await self._dashboards.glance(visit.work.readings, visit.site.id if visit.site else None)
        alerts = await self._alerts(visit)
        etag = etag_of(glance.stamp, [(one.poll.id, one.alert) for one in alerts])
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"etag": etag})
        dashboard = await self._dashboards.show(visit.work.readings, glance)
        response = self._page("dashboard_live", request, visit, dashboard, alerts)
        if dashboard.settled:
            response.headers["etag"] = etag
        return response

    async def _alerts(self, visit: Visit) -> list[Alarmed]:
        """The open alerts, the newest first; of polls that readers can see."""
        found = await visit.work.alerts.open(visit.site.id if visit.site else None, MOST_ALERTS)
        snapshots = await self._lookout.of_ids(list(dict.fromkeys(poll for poll, _ in found)))
        polls = {snapshot.poll.id: snapshot.poll for snapshot in snapshots}
        return [
            Alarmed(polls[poll], alert, NAMES[alert.finding.kind], sentences(alert.finding, polls[poll])[0])
            for poll, alert in found
            if poll in polls
        ]

    def _page(
        self, name: str, request: Request, visit: Visit, dashboard: Dashboard, alerts: Sequence[Alarmed]
    ) -> Response:
        return self._render(
            f"admin/{name}.html",
            visit,
            request,
            active="dashboard",
            dashboard=dashboard,
            alarmed=alerts,
            alerts_of=Counter(one.poll.id for one in alerts),
            drawn=drawn_of(dashboard.cards[:MOST_CARDS]),
            percent=percent,
            others=dashboard.cards[MOST_CARDS:],
            zone=_zone(visit),
        )


def drawn_of(cards: Sequence[Card]) -> list[Drawn]:
    """Cards with their drawings."""
    return [
        Drawn(
            card,
            bars_chart(
                [Bar(line.label, line.votes) for line in card.leaders],
                total=card.results.voters,
                rtl=direction(card.poll.lang) == "rtl",
                id=f"leaders-{card.poll.id}",
            ),
            sparkline(
                card.pace.minutes, title="Votes in each of the last 60 minutes", id=f"pace-{card.poll.id}"
            ),
        )
        for card in cards
    ]


def _zone(visit: Visit) -> str:
    """The time zone in which today began; empty where each site has its own."""
    if visit.site is not None:
        return visit.site.time_zone
    zones = {site.time_zone for site in visit.sites}
    return zones.pop() if len(zones) == 1 else ""
