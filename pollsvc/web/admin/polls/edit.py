"""Making polls and changing them: `/admin/polls/new`, `/admin/polls/{poll}/edit` and `…/version`."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import Code, PollError, bad
from pollsvc.domain.poll import Poll, State
from pollsvc.services.editing.new_poll import NewPoll, as_new
from pollsvc.web.admin.forms import read_form
from pollsvc.web.admin.polls.asked import anew, asked
from pollsvc.web.admin.polls.form import PollForm
from pollsvc.web.admin.polls.form_page import Edited, FormPage
from pollsvc.web.admin.polls.preview import Previews
from pollsvc.web.admin.polls.upload import add_image, read_poll_form
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit


class EditPages:
    """What editors do with the form of a poll."""

    def __init__(self, render: Renderer, page: FormPage, previews: Previews, clock: Clock) -> None:
        self._render = render
        self._page = page
        self._previews = previews
        self._clock = clock

    async def new(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/new`: the form, once it is known for which site."""
        site = visit.site or (visit.sites[0] if len(visit.sites) == 1 else None)
        if site is None:
            return self._render("admin/poll_site.html", visit, request, active="polls")
        return await self._page.show(request, visit, Edited("new", site, PollForm.empty(site.locale)))

    async def create(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/polls/new`, with `do` draft or publish."""
        sent = await read_poll_form(request, visit.work.images, "en")
        edited = Edited.sent("new", visit.site_of(sent.site, "site"), sent)
        if sent.do not in ("draft", "publish"):
            return await self._page.show(request, visit, edited)
        try:
            new = self._asked(edited, None, draft=sent.do == "draft")
            poll = await visit.work.editing.create_poll(edited.site, new)
        except PollError as error:
            return await self._page.refused(request, visit, edited, error)
        return self._saved(visit, poll, published=not poll.draft)

    async def edit(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/{poll}/edit`."""
        poll = await visit.work.editing.poll(request.path_params["poll"])
        form = PollForm.of(as_new(poll), poll.site)
        return await self._page.show(
            request, visit, Edited("edit", poll.site, form, poll, revision=poll.revision)
        )

    async def save(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/polls/{poll}/edit`, with `do` draft or publish for a draft, else save or correct."""
        poll = await visit.work.editing.poll(request.path_params["poll"])
        sent = await read_poll_form(request, visit.work.images, poll.lang)
        edited = Edited.sent("edit", poll.site, sent, poll)
        if sent.do not in ("draft", "publish", "save", "correct"):
            return await self._page.show(request, visit, edited)
        if sent.revision != poll.revision:
            return await self._page.conflict(request, visit, edited)
        try:
            new = self._asked(edited, poll, draft=poll.draft and sent.do != "publish")
            saved = await visit.work.editing.edit_poll(
                poll.id, new, revision=sent.revision, correction=sent.do == "correct"
            )
        except PollError as error:
            if error.code is Code.EDIT_CONFLICT:
                return await self._page.conflict(request, visit, edited)
            if error.code is Code.NEEDS_CONFIRMATION:
                return self._page.ask(request, visit, edited, error)
            return await self._page.refused(request, visit, edited, error)
        return self._saved(visit, saved, published=poll.draft and not saved.draft)

    async def version(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/{poll}/version`: the form of a poll that is to take this one's place."""
        poll = await visit.work.editing.poll(request.path_params["poll"])
        if poll.draft or poll.replaced_by is not None:
            raise PollError(
                Code.NOT_POSSIBLE_NOW,
                "Only a published poll that was not replaced yet can get a new version.",
            )
        form = PollForm.of(as_new(poll), poll.site)
        over = poll.closes_at is None or poll.closes_at <= self._clock()
        form = replace(anew(form), opens_at="", closes_at="" if over else form.closes_at, base={})
        return await self._page.show(
            request, visit, Edited("version", poll.site, form, poll, revision=poll.revision)
        )

    async def replace(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/polls/{poll}/version`, with `do` version."""
        poll = await visit.work.editing.poll(request.path_params["poll"])
        sent = await read_poll_form(request, visit.work.images, poll.lang)
        edited = Edited.sent("version", poll.site, sent, poll)
        edited = replace(edited, form=anew(edited.form))
        if sent.do != "version":
            return await self._page.show(request, visit, edited)
        try:
            new = self._asked(edited, None, draft=False)
            if new.opens_at is not None and new.opens_at <= self._clock():
                new = replace(new, opens_at=None)  # that was the old one's opening
            made = await visit.work.editing.new_version(poll.id, new, sent.revision)
        except PollError as error:
            if error.code is Code.EDIT_CONFLICT:  # it is told of once, and may then be meant
                edited = replace(edited, revision=(await visit.work.editing.poll(poll.id)).revision)
            return await self._page.refused(request, visit, edited, error)
        return self._render.redirect(f"/admin/polls/{made.id}", visit, done="new_version")

    async def preview(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/preview`: the preview of a form, as a fragment; `?poll=ID` for one that is there."""
        sent = await read_poll_form(request, visit.work.images, "en")
        id_ = request.query_params.get("poll")
        poll = await visit.work.editing.poll(id_) if id_ else None
        preview = await self._previews.of(
            sent.form, visit.site_of(sent.site, "site"), poll, sent.preview_lang
        )
        return self._render("admin/poll_preview.html", visit, request, preview=preview)

    async def upload(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/images`: keep the image in the field `file`; a fragment with its id or the problem."""
        image, problem = None, "Choose an image."
        try:
            fields = await read_form(request, max_files=1)
            image = await add_image(visit.work.images, fields, "file")
        except PollError as error:
            problem = error.message
        return self._render(
            "admin/poll_image.html", visit, request, image=image, problem="" if image else problem
        )

    def _asked(self, edited: Edited, before: Poll | None, *, draft: bool) -> NewPoll:
        """What the form asks for. Raises PollError for what is wrong with it or its images."""
        new = asked(edited.form, edited.site, before, self._clock(), draft=draft)
        for name, message in edited.errors.items():
            raise bad(message, name)
        return new

    def _saved(self, visit: Visit, poll: Poll, *, published: bool) -> Response:
        """On to what comes next: a draft is worked on, a published poll put into an article."""
        place = f"/admin/polls/{poll.id}"
        if poll.draft:
            return self._render.redirect(f"{place}/edit", visit, done="draft_saved")
        if not published:
            return self._render.redirect(place, visit, done="poll_saved")
        done = {State.SCHEDULED: "scheduled", State.OPEN: "published", State.CLOSED: "published_closed"}
        return self._render.redirect(f"{place}/embed", visit, done=done[poll.state(self._clock())])
