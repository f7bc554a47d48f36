"""The page with a poll's form, and the two questions that saving it can raise."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import PollError
from pollsvc.domain.log import Entry
from pollsvc.domain.poll import Poll, Site
from pollsvc.services.editing.describing import state_of
from pollsvc.services.editing.new_poll import as_new
from pollsvc.web.admin.polls.asked import field_errors
from pollsvc.web.admin.polls.buttons import press
from pollsvc.web.admin.polls.conflict import editors_since, lines_of
from pollsvc.web.admin.polls.form import PollForm, Row
from pollsvc.web.admin.polls.languages import choices, language
from pollsvc.web.admin.polls.merge import Clash, merge
from pollsvc.web.admin.polls.preview import Previews
from pollsvc.web.admin.polls.upload import SentForm
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.errors import STATUS

_SOON = 10
"""Seconds before it opens from which a poll counts as open (`services.editing`)."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What is being edited: `mode` is `new`, `edit` or `version`, `poll` the one that is there.

    `revision` is the one that the form was made of; `typed` says that the form holds what is not saved.
    """

    mode: str
    site: Site
    form: PollForm
    poll: Poll | None = None
    revision: int = 0
    typed: bool = False
    preview_lang: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    focus: str = ""
    status: int = 200

    @classmethod
    def sent(cls, mode: str, site: Site, sent: SentForm, poll: Poll | None = None) -> "Edited":
        """What a browser sent, after the press of a button inside the form if it was one."""
        form, focus = press(sent.form, sent.do, sent.new_lang) or (sent.form, "")
        return cls(
            mode=mode,
            site=site,
            form=form,
            poll=poll,
            revision=sent.revision,
            typed=True,
            preview_lang=sent.preview_lang,
            errors=sent.failed,
            focus=focus,
            status=400 if sent.failed else 200,
        )


class FormPage:
    """Shows the form of a poll."""

    def __init__(self, render: Renderer, previews: Previews, clock: Clock, langs: Sequence[str]) -> None:
        """`langs` are those whose words readers can be shown; they stand on top of the list of languages."""
        self._render = render
        self._previews = previews
        self._clock = clock
        self._langs = langs

    async def show(
        self,
        request: Request,
        visit: Visit,
        edited: Edited,
        *,
        clashes: Sequence[Clash] | None = None,
        since: Sequence[Entry] = (),
    ) -> Response:
        """The form; with `clashes`, what another editor has changed meanwhile, and who that was."""
        now, form, poll = self._clock(), edited.form, edited.poll
        before = poll if edited.mode == "edit" else None
        preview_lang = edited.preview_lang if edited.preview_lang in form.langs else form.langs[0]
        near, others = choices([*form.langs, *(site.locale for site in visit.sites), *self._langs])
        return self._render(
            "admin/poll_edit.html",
            visit,
            request,
            active="polls",
            status=edited.status,
            edited=edited,
            form=form,
            base=json.dumps(dict(form.base), ensure_ascii=False),
            poll=poll,
            state=state_of(poll, now) if poll else "",
            locked=before is not None and _opened(before, now),
            langs=[language(tag) for tag in form.langs],
            near=near,
            others=others,
            blank=Row("__key__", ("",) * len(form.langs), alts=("",) * len(form.langs)),
            clashes=None if clashes is None else lines_of(clashes, form),
            since=since,
            preview=await self._previews.of(form, edited.site, before, preview_lang),
            preview_lang=preview_lang,
        )

    async def refused(self, request: Request, visit: Visit, edited: Edited, error: PollError) -> Response:
        """The form again, with what was wrong at its fields."""
        errors = {**edited.errors, **field_errors(edited.form, error)}
        return await self.show(request, visit, replace(edited, errors=errors, status=STATUS[error.code]))

    async def conflict(self, request: Request, visit: Visit, edited: Edited) -> Response:
        """The form with what somebody else has saved meanwhile, and all that they changed beside it."""
        poll = await visit.work.editing.poll(request.path_params["poll"])
        log = await visit.work.log.page(subject=f"poll:{poll.id}")
        merged = merge(edited.form, PollForm.of(as_new(poll), poll.site))
        both = replace(edited, form=merged.form, poll=poll, revision=poll.revision, status=412)
        since = editors_since(log.entries, edited.revision)
        return await self.show(request, visit, both, clashes=merged.clashes, since=since)

    def ask(self, request: Request, visit: Visit, edited: Edited, error: PollError) -> Response:
        """The question whether new texts mean what the old ones meant: `error` has the changes."""
        return self._render(
            "admin/poll_confirm.html",
            visit,
            request,
            active="polls",
            poll=edited.poll,
            state=state_of(edited.poll, self._clock()) if edited.poll else "",
            changes=error.details["changes"],
            names={tag: language(tag).name for tag in edited.form.langs},
            several=len(edited.form.langs) > 1,
            fields=[*edited.form.fields(), ("revision", str(edited.revision))],
        )


def _opened(poll: Poll, now: float) -> bool:
    return not poll.draft and (poll.opens_at is None or poll.opens_at <= now + _SOON)
