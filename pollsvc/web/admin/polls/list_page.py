"""`/admin/polls`: the list of polls, and the search in it."""

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.clock import Clock
from pollsvc.services.editing.describing import state_of
from pollsvc.web.admin.render import Renderer, query_of
from pollsvc.web.admin.visit import Visit

STATES = {
    "": "All",
    "open": "Open",
    "scheduled": "Scheduled",
    "draft": "Drafts",
    "closed": "Closed",
    "archived": "Archived",
}
"""The tabs of the list; the first leaves out the archive."""

PAGE = 50


class PollListPage:
    """Shows polls, the newest first."""

    def __init__(self, render: Renderer, clock: Clock) -> None:
        self._render = render
        self._clock = clock

    async def show(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls?q=TEXT&state=STATE&site=ID&after=PLACE`."""
        given = request.query_params
        text, state, after = given.get("q", "").strip(), given.get("state", ""), given.get("after")
        site = visit.site.id if visit.site else None
        polls, more = await visit.work.finding.polls(
            site=site, state=state or None, text=text, after=after or None, limit=PAGE
        )
        now = self._clock()

        def link(**changed: str | None) -> str:
            return query_of(**{"q": text, "state": state, "site": site} | changed) or "?"

        return self._render(
            "admin/polls.html",
            visit,
            request,
            active="polls",
            rows=[(poll, state_of(poll, now)) for poll in polls],
            tabs=[(key or "all", label, link(state=key)) for key, label in STATES.items()],
            state=state,
            text=text,
            next_url=link(after=more) if more else "",
            first_url=link() if after else "",
        )
