"""Which polls stand on which articles: `/admin/polls/{poll}/articles` and `/admin/articles`."""

from itertools import pairwise

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.article import canonical_url
from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import PollError, bad
from pollsvc.services.editing.describing import state_of
from pollsvc.web.admin.forms import Form, read_form
from pollsvc.web.admin.render import Renderer, query_of
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
            return self._render.redirect(path, visit, done="detached")
        lines = [line.strip() for line in form.text("articles").splitlines() if line.strip()]
        try:
            if not lines:
                raise bad("Give the address of an article.")
            await visit.work.placing.attach_all(poll.id, lines)
        except PollError as error:
            return await self._of_poll(request, visit, form.text("articles"), error)
        return self._render.redirect(path, visit, done="attached")

    async def all(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/articles`: all, or with `?q=TEXT` those that have it; with `?url=` the polls of one."""
        url = request.query_params.get("url", "")
        if url:
            return await self._article(request, visit, url)
        text, after = request.query_params.get("q", "").strip(), request.query_params.get("after")
        site = visit.site.id if visit.site else None
        page = await visit.work.articles.find(text=text, site=site, after=after or None)
        return self._render(
            "admin/articles.html",
            visit,
            request,
            active="articles",
            articles=page.articles,
            text=text,
            zone=visit.site.time_zone if visit.site else "UTC",
            next_url=query_of(q=text, site=site, after=page.after) if page.after else "",
            first_url=query_of(q=text, site=site) or "?" if after else "",
        )

    async def change(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/articles`, of the field `url`: with `do` up:POLL or down:POLL move one of its polls,
        with detach:POLL take it off, with attach put the one of the field `poll` there."""
        form = await read_form(request)
        url, (action, _, poll) = form.text("url"), form.text("do").partition(":")
        placing = visit.work.placing
        match action:
            case "up" | "down":
                before = [one.poll for one in await placing.of_article(url)]
                after = moved(before, poll, -1 if action == "up" else 1)
                await placing.reorder(url, after)
                done = "reordered" if after != before else None
            case "detach":
                await placing.detach(poll, url)
                done = "detached"
            case "attach":
                try:
                    await placing.attach(_poll_in(form), url)
                except PollError as error:
                    return await self._article(request, visit, url, form.text("poll"), error)
                done = "attached"
            case _:
                raise bad("Attach a poll, move it up or down, or take it off.", "do")
        return self._render.redirect("/admin/articles", visit, url=url, done=done)

    async def _of_poll(
        self, request: Request, visit: Visit, typed: str = "", error: PollError | None = None
    ) -> Response:
        poll = await visit.work.editing.poll(request.path_params["poll"])
        return self._render(
            "admin/poll_articles.html",
            visit,
            request,
            active="polls",
            status=STATUS[error.code] if error else 200,
            poll=poll,
            state=state_of(poll, self._clock()),
            places=await visit.work.placing.of_poll(poll.id),
            typed=typed,
            errors={"articles": error.message} if error else {},
        )

    async def _article(
        self, request: Request, visit: Visit, url: str, typed: str = "", error: PollError | None = None
    ) -> Response:
        places = await visit.work.placing.of_article(url)
        now = self._clock()
        polls = await visit.work.placing.polls_of_article(url)
        return self._render(
            "admin/article.html",
            visit,
            request,
            active="articles",
            status=STATUS[error.code] if error else 200,
            url=canonical_url(url) or url,
            link=places[0].link if places else url,
            rows=[(poll, state_of(poll, now)) for poll in polls],
            typed=typed,
            errors={"poll": error.message} if error else {},
        )


def moved(polls: list[str], poll: str, by: int) -> list[str]:
    """The polls with one of them so many places further down, if there is such a place."""
    place = polls.index(poll) if poll in polls else -1
    to = place + by
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
