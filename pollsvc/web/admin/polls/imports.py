"""`/admin/polls/import`: polls out of files, of another pollsvc or of WordPress."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.errors import PollError, bad
from pollsvc.services.imports.importing import MAX_UPLOAD, WpFiles, WpWanted
from pollsvc.services.imports.intake import Imported
from pollsvc.web.admin.forms import MAX_FORM, Form, errors_of, read_form
from pollsvc.web.admin.polls.languages import choices
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.sites import time_zones
from pollsvc.web.admin.visit import Visit
from pollsvc.web.errors import STATUS

MAX_BODY = MAX_UPLOAD + MAX_FORM
"""Bytes of a form with the files that are to be imported."""

_TABLES = ("questions", "answers", "log")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a form: `do` is the button that sent it."""

    do: str = ""
    made: Sequence[Imported] = ()
    typed: Mapping[str, str] = field(default_factory=dict)
    error: PollError | None = None


class ImportPages:
    """Lets admins bring polls in, with their votes."""

    def __init__(self, render: Renderer, langs: Sequence[str]) -> None:
        self._render = render
        self._langs = langs

    async def show(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/import`."""
        return self._page(request, visit, _Outcome())

    async def take(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/polls/import`, with `do` poll, or for WP-Polls check or wp_polls."""
        form = await read_form(request, max_files=4)
        do = form.text("do")
        typed = {name: form.text(name) for name in form.names()}
        try:
            made = await (_poll(visit, form) if do == "poll" else _wp_polls(visit, form, do))
        except PollError as error:
            return self._page(request, visit, _Outcome(do, typed=typed, error=error))
        return self._page(request, visit, _Outcome(do, made, typed))

    def _page(self, request: Request, visit: Visit, outcome: _Outcome) -> Response:
        near, others = choices([*(site.locale for site in visit.sites), *self._langs])
        made, error = outcome.made, outcome.error
        return self._render(
            "admin/poll_import.html",
            visit,
            request,
            active="polls",
            status=STATUS[error.code] if error else 200,
            do=outcome.do,
            made=made,
            polls=sum(each.poll is not None for each in made),
            votes=sum(each.ballots for each in made),
            typed=outcome.typed,
            errors=errors_of(error) if error else {},
            site_choices=[(site.id, site.name) for site in visit.sites],
            near=near,
            others=others,
            zones=time_zones(),
            limit=f"{MAX_UPLOAD >> 20} MiB",
        )


async def _poll(visit: Visit, form: Form) -> Sequence[Imported]:
    file = _file(form, "file")
    if file is None:
        raise bad("Choose the file that was exported.", "file")
    return [
        await visit.work.importing.poll(visit.site_of(form.text("for"), "for"), file, attach="attach" in form)
    ]


async def _wp_polls(visit: Visit, form: Form, do: str) -> Sequence[Imported]:
    files = WpFiles(_file(form, "dump"), *(_file(form, name) for name in _TABLES))
    wanted = WpWanted(
        time_zone=form.text("time_zone").strip(),
        lang=form.text("lang"),
        keep_open="keep_open" in form,
        dry_run=do != "wp_polls",
    )
    return await visit.work.importing.wp_polls(visit.site_of(form.text("wp_for"), "wp_for"), files, wanted)


def _file(form: Form, name: str) -> BinaryIO | None:
    upload = form.file(name)
    return upload.file if upload else None
