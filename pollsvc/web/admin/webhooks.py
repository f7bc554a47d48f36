"""`/admin/webhooks`: what tells a site's own systems of its polls."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.errors import PollError
from pollsvc.domain.webhook import POLL_EVENTS, Event, Webhook
from pollsvc.web.admin.forms import errors_of, read_form
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.errors import STATUS

SHOWN = 50
"""How many of a webhook's messages are shown."""

_EVENTS = {
    Event.OPENED: "A poll has opened",
    Event.CLOSED: "A poll has closed",
    Event.MILESTONE: "A poll has reached 100, 1,000, 10,000 … voters",
    Event.ALERT: "Ballots came in so that an editor should look at them",
    Event.CHECKPOINT: "The log of ballots has a new signed head, to be kept elsewhere; at most one a minute",
}


class WebhookPages:
    """What admins do to webhooks."""

    def __init__(self, render: Renderer) -> None:
        self._render = render

    async def show(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/webhooks`."""
        return await self._page(request, visit)

    async def add(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/webhooks`: add one, and show its secret once."""
        form = await read_form(request)
        given = {"url": form.text("url"), "for": form.text("for")}
        events = [event for event in Event if f"event:{event}" in form]
        try:
            site = visit.site_of(given["for"], "for")
            hook, secret = await visit.work.webhooks.add(site, given["url"], events)
        except PollError as error:
            return await self._page(request, visit, given=given, events=events, error=error)
        return await self._page(request, visit, made=hook, secret=secret)

    async def rotate(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/webhooks/{webhook}/rotate`: a new secret, shown once."""
        hook, secret = await visit.work.webhooks.rotate(request.path_params["webhook"])
        return await self._page(request, visit, made=hook, secret=secret)

    async def remove(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/webhooks/{webhook}/remove`."""
        await visit.work.webhooks.remove(request.path_params["webhook"])
        return self._render.redirect("/admin/webhooks", done="webhook_removed")

    async def test(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/webhooks/{webhook}/test`: send a `ping`."""
        hook = await visit.work.webhooks.get(request.path_params["webhook"])
        await visit.work.webhooks.test(hook.id)
        return self._render.redirect(f"/admin/webhooks/{hook.id}", done="webhook_tested")

    async def deliveries(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/webhooks/{webhook}`: how its messages fare."""
        hook = await visit.work.webhooks.get(request.path_params["webhook"])
        return self._render(
            "admin/webhook.html",
            visit,
            request,
            active="settings",
            hook=hook,
            deliveries=await visit.work.webhooks.deliveries(hook.id, SHOWN),
        )

    async def _page(
        self,
        request: Request,
        visit: Visit,
        *,
        made: Webhook | None = None,
        secret: str = "",
        given: Mapping[str, str] | None = None,
        events: list[Event] | None = None,
        error: PollError | None = None,
    ) -> Response:
        """The list; with `made`, a webhook whose secret is to be shown once."""
        return self._render(
            "admin/webhooks.html",
            visit,
            request,
            active="settings",
            status=STATUS[error.code] if error else 200,
            hooks=await visit.work.webhooks.all(),
            names={site.id: site.name for site in visit.sites},
            choices=[(site.id, site.name) for site in visit.sites],
            all_events=_EVENTS.items(),
            events=list(POLL_EVENTS) if events is None else events,
            made=made,
            secret=secret,
            given=given or {"url": "", "for": visit.sites[0].id if visit.sites else ""},
            errors=errors_of(error) if error else {},
        )
