"""What a poll's pages show beside its results: its history, and the code that puts it into articles."""

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.clock import Clock
from pollsvc.services.editing.describing import state_of
from pollsvc.services.embed import embed_code
from pollsvc.services.snapshots import Publisher, Snapshot
from pollsvc.web.admin.deeds import deed_of
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.pages.history_view import changes_of
from pollsvc.web.pages.words import Words


class RecordPages:
    """Pages on which nothing is changed."""

    def __init__(self, render: Renderer, publisher: Publisher, clock: Clock) -> None:
        self._render = render
        self._publisher = publisher
        self._clock = clock

    async def history(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/{poll}/history?before=NUMBER`: what readers can see changed, and who did what."""
        poll = await visit.work.editing.poll(request.path_params["poll"])
        before = request.query_params.get("before", "")
        number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
        log = await visit.work.log.page(subject=f"poll:{poll.id}", before=number)
        snapshot = Snapshot(poll, 0, {}, self._clock(), self._publisher)
        words = Words(self._publisher.strings.for_pages["en"])
        return self._render(
            "admin/poll_history.html",
            visit,
            request,
            active="polls",
            poll=poll,
            state=state_of(poll, self._clock()),
            changes=changes_of(snapshot, await visit.work.finding.history(poll.id), words, poll.lang),
            deeds=[deed_of(entry, poll.site.time_zone) for entry in log.entries],
            older=f"?before={log.older}" if log.older else "",
        )

    async def embed(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/{poll}/embed`: what goes into an article, and the poll's own address."""
        poll = await visit.work.editing.poll(request.path_params["poll"])
        base_url = self._publisher.base_url
        return self._render(
            "admin/poll_embed.html",
            visit,
            request,
            active="polls",
            poll=poll,
            state=state_of(poll, self._clock()),
            code=embed_code(base_url, poll),
            article_code=f'<script async src="{base_url}/w/1.js"></script>\n<pollsvc-poll></pollsvc-poll>',
            room="pollsvc-poll { min-block-size: 24rem }",
            page_url=f"{base_url}/p/{poll.id}",
        )
