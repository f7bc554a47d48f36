"""`/admin/polls/{poll}`: a poll's results while it runs, and the part of the page that moves with them."""

from hashlib import blake2b

from starlette.requests import Request
from starlette.responses import Response

from pollsvc import __version__
from pollsvc.domain.clock import minute_of
from pollsvc.domain.poll import Poll
from pollsvc.services.editing.describing import state_of
from pollsvc.services.snapshots import Snapshot
from pollsvc.services.watching.lookout import Lookout
from pollsvc.services.watching.timeline import Bucket
from pollsvc.services.watching.watch import Watch
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.admin.watching.axes import percent
from pollsvc.web.admin.watching.view import ELSEWHERE, view_of
from pollsvc.web.numbers import whole


class WatchPages:
    """Shows a poll to every editor, whatever readers see of it."""

    def __init__(self, render: Renderer, lookout: Lookout) -> None:
        self._render = render
        self._lookout = lookout

    async def show(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/{poll}`, with `?bucket=` minute, quarter, hour or day."""
        id_ = request.path_params["poll"]
        poll = await visit.work.editing.poll(id_)  # what was just changed may not stand in the snapshot yet
        snapshot = await self._lookout.snapshot(id_)
        bucket = self._lookout.bucket(poll, request.query_params.get("bucket"))
        watch = await self._lookout.watch(visit.work.readings, snapshot, bucket, poll)
        alerts = await visit.work.alerts.count(poll)
        return self._page("watch", request, visit, watch, _seen_as(watch.poll, watch.now), alerts)

    async def live(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/{poll}/live`: what moves of the page, or 304 when it has not."""
        snapshot = await self._lookout.snapshot(request.path_params["poll"])
        bucket = self._lookout.bucket(snapshot.poll, request.query_params.get("bucket"))
        seen_as = request.query_params.get("seen", "")
        etag = self._etag(snapshot, bucket, seen_as, visit)
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"etag": etag})
        watch = await self._lookout.watch(visit.work.readings, snapshot, bucket)
        response = self._page("watch_live", request, visit, watch, seen_as)
        if watch.settled:
            response.headers["etag"] = etag
        return response

    def _etag(self, snapshot: Snapshot, bucket: Bucket, seen_as: str, visit: Visit) -> str:
        minute = minute_of(self._lookout.clock())
        site = visit.site.id if visit.site else None
        return etag_of(snapshot.poll.id, snapshot.version, snapshot.state, bucket, minute, seen_as, site)

    def _page(
        self, name: str, request: Request, visit: Visit, watch: Watch, seen_as: str, alerts: int = 0
    ) -> Response:
        return self._render(
            f"admin/{name}.html",
            visit,
            request,
            active="polls",
            view=view_of(watch, visit.site.id if visit.site else None),
            percent=percent,
            elsewhere=ELSEWHERE,
            seen_as=seen_as,
            changed=_changed(watch, seen_as),
            alerts=alerts,
        )


def etag_of(*parts: object) -> str:
    """A weak validator for a fragment that only these parts can change; with every release it is another."""
    return f'W/"{blake2b(repr((__version__, *parts)).encode(), digest_size=12).hexdigest()}"'


def _seen_as(poll: Poll, now: float) -> str:
    """What the page around the fragment shows of a poll."""
    return f"{poll.revision}-{state_of(poll, now)}"


def _changed(watch: Watch, seen_as: str) -> str:
    """What to say when the page around the fragment shows the poll as it was."""
    revision, _, state = seen_as.partition("-")
    now = _seen_as(watch.poll, watch.now)
    seen = whole(revision, 9)
    if seen is None or seen_as == now:
        return ""
    if seen > watch.poll.revision:  # this process has not heard of it yet
        return ""
    if seen == watch.poll.revision and state != watch.state:
        return f"The poll is now {watch.state}."
    return "The poll has changed since this page was opened."
