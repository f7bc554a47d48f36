"""What a poll's pages show beside its results: its history, and the code that puts it into articles."""

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.clock import Clock
from pollsvc.domain.tally import Tally
from pollsvc.services.editing.describing import state_of
from pollsvc.services.embed import embed_code
from pollsvc.services.snapshots import Publisher, Snapshot
from pollsvc.web.admin.deeds import before_of, deed_of
from pollsvc.web.admin.render import Renderer, query_of, when
from pollsvc.web.admin.visit import Visit
from pollsvc.web.pages.history_view import changes_of
from pollsvc.web.pages.words import Words


class _Words(Words):
    """What readers are told, in English, with times as editors read them on the rest of the page."""

    def time(self, seconds: int, zone: str) -> str:
        """Unix seconds as a date and time in a time zone that the page names."""
        return when(seconds, zone)


class RecordPages:
    """Pages on which nothing is changed."""

    def __init__(self, render: Renderer, publisher: Publisher, clock: Clock) -> None:
        self._render = render
        self._publisher = publisher
        self._clock = clock

    async def history(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/{poll}/history?before=NUMBER`: what readers can see changed, and who did what."""
        poll = await visit.work.editing.poll(request.path_params["poll"])
        before, site = before_of(request), visit.site.id if visit.site else None
        log = await visit.work.log.page(subject=f"poll:{poll.id}", before=before)
        snapshot = Snapshot(Tally(poll), self._clock(), self._publisher)
        words = _Words(self._publisher.strings.for_pages["en"])
        return self._render(
            "admin/poll_history.html",
            visit,
            request,
            active="polls",
            poll=poll,
            state=state_of(poll, self._clock()),
            changes=changes_of(snapshot, await visit.work.finding.history(poll.id), words, poll.lang),
            deeds=[deed_of(entry, poll.site.time_zone) for entry in log.entries],
            older=query_of(before=log.older, site=site) if log.older else "",
            newest=query_of(site=site) or "?" if before else "",
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
