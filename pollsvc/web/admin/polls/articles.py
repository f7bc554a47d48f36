"""Which polls stand on which articles: `/admin/polls/{poll}/articles` and `/admin/articles`."""

from itertools import pairwise
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.article import canonical_url
from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import PollError
from pollsvc.services.editing.describing import state_of
from pollsvc.web.admin.forms import Form, errors_of, read_form
from pollsvc.web.admin.polls.conflict import KINDS
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.errors import STATUS


class ArticlePages:
    """Attaches polls to articles, and orders those of an article."""

    def __init__(self, render: Renderer, clock: Clock) -> None:
        self._render = render
        self._clock = clock

    async def of_poll(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/{poll}/articles`."""
        return await self._of_poll(request, visit)

    async def place(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/polls/{poll}/articles`: attach to each line of `articles`, or detach from `detach`."""
        poll = await visit.work.editing.poll(request.path_params["poll"])
        form = await read_form(request)
        path = f"/admin/polls/{poll.id}/articles"
        if form.text("detach"):
            await visit.work.placing.detach(poll.id, form.text("detach"))
            return self._render.redirect(path, done="detached")
        lines = [line.strip() for line in form.text("articles").splitlines() if line.strip()]
        wrong = [line for line in lines if canonical_url(line) is None]
        try:
            for line in wrong or lines:  # all of them or none
                await visit.work.placing.attach(poll.id, line)
        except PollError as error:
            message = next(iter(errors_of(error).values()))
            return await self._of_poll(request, visit, form.text("articles"), message, STATUS[error.code])
        if not lines:
            return await self._of_poll(request, visit, "", "Give the address of an article.", 400)
        return self._render.redirect(path, done="attached")

    async def all(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/articles`: all, or with `?q=TEXT` those that have it; with `?url=` the polls of one."""
        url = request.query_params.get("url", "")
        if url:
            return await self._article(request, visit, url)
        text, after = request.query_params.get("q", "").strip(), request.query_params.get("after")
        site = visit.site.id if visit.site else None
        page = await visit.work.articles.find(text=text, site=site, after=after or None)
        query = {"q": text, "site": site or "", "after": page.after or ""}
        return self._render(
            "admin/articles.html",
            visit,
            request,
            active="articles",
            articles=page.articles,
            text=text,
            zone=visit.site.time_zone if visit.site else "UTC",
            next_url="?" + urlencode({name: value for name, value in query.items() if value})
            if page.after
            else "",
        )

    async def change(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/articles`, of the field `url`: with `do` up:POLL or down:POLL move one of its polls,
        with detach:POLL take it off, with attach put the one of the field `poll` there."""
        form = await read_form(request)
        url, (action, _, poll) = form.text("url"), form.text("do").partition(":")
        placing = visit.work.placing
        try:
            if action == "detach":
                await placing.detach(poll, url)
            elif action == "attach":
                poll = _poll_in(form)
                await placing.attach(poll, url)
            else:
                await placing.reorder(
                    url, moved([one.poll for one in await placing.of_article(url)], poll, action)
                )
        except PollError as error:
            if action != "attach":
                raise
            return await self._article(request, visit, url, form.text("poll"), error)
        return self._render.redirect("/admin/articles", url=url, done=_DONE.get(action, "reordered"))

    async def _of_poll(
        self, request: Request, visit: Visit, typed: str = "", error: str = "", status: int = 200
    ) -> Response:
        poll = await visit.work.editing.poll(request.path_params["poll"])
        return self._render(
            "admin/poll_articles.html",
            visit,
            request,
            active="polls",
            status=status,
            poll=poll,
            state=state_of(poll, self._clock()),
            places=await visit.work.placing.of_poll(poll.id),
            typed=typed,
            errors={"articles": error} if error else {},
        )

    async def _article(
        self, request: Request, visit: Visit, url: str, typed: str = "", error: PollError | None = None
    ) -> Response:
        places = await visit.work.placing.of_article(url)
        now = self._clock()
        polls = [await visit.work.editing.poll(place.poll) for place in places]
        return self._render(
            "admin/article.html",
            visit,
            request,
            active="articles",
            status=STATUS[error.code] if error else 200,
            url=canonical_url(url) or url,
            link=places[0].link if places else url,
            rows=[(poll, state_of(poll, now)) for poll in polls],
            kinds=KINDS,
            typed=typed,
            errors={"poll": error.message} if error else {},
        )


_DONE = {"attach": "attached", "detach": "detached"}


def moved(polls: list[str], poll: str, way: str) -> list[str]:
    """The polls with one of them a place further up or down, if there is such a place."""
    place = polls.index(poll) if poll in polls else -1
    to = place + {"up": -1, "down": 1}.get(way, 0)
    if place >= 0 and 0 <= to < len(polls):
        polls = list(polls)
        polls[place], polls[to] = polls[to], polls[place]
    return polls


def _poll_in(form: Form) -> str:
    """The id in what was given as a poll: an id, or the address of one of its pages."""
    parts = form.text("poll").strip().partition("?")[0].rstrip("/").split("/")
    for before, after in pairwise(parts):
        if before in ("p", "polls", "embed"):
            return after
    return parts[-1]
