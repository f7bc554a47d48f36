"""What is done to a poll as a whole: open, publish, close, archive, duplicate."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.poll import Poll
from pollsvc.web.admin.forms import Form, read_form
from pollsvc.web.admin.guard import local_path
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.numbers import whole


class StatePages:
    """Takes the buttons of a poll; each goes back to the page of the poll that it was pressed on."""

    def __init__(self, render: Renderer, base_url: str) -> None:
        self._render = render
        self._base_url = base_url

    async def open(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/polls/{poll}/open`: at once, also again."""
        id_, form = await _read(request)
        poll = await visit.work.editing.open_poll(id_, _revision(form))
        return self._back(request, visit, poll, "poll_opened")

    async def publish(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/polls/{poll}/publish`: a draft, with the schedule that it has."""
        id_, form = await _read(request)
        poll = await visit.work.editing.publish_poll(id_, _revision(form))
        return self._back(request, visit, poll, "poll_published")

    async def close(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/polls/{poll}/close`."""
        id_, form = await _read(request)
        poll = await visit.work.editing.close_poll(id_, _revision(form))
        return self._back(request, visit, poll, "poll_closed")

    async def archive(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/polls/{poll}/archive`."""
        id_, form = await _read(request)
        poll = await visit.work.editing.archive_poll(id_, revision=_revision(form))
        return self._back(request, visit, poll, "poll_archived")

    async def unarchive(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/polls/{poll}/unarchive`."""
        id_, form = await _read(request)
        poll = await visit.work.editing.archive_poll(id_, archived=False, revision=_revision(form))
        return self._back(request, visit, poll, "poll_unarchived")

    async def duplicate(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/polls/{poll}/duplicate`: on to the copy."""
        id_, _ = await _read(request)
        poll = await visit.work.editing.duplicate_poll(id_)
        return self._render.redirect(f"/admin/polls/{poll.id}/edit", visit, done="poll_duplicated")

    def _back(self, request: Request, visit: Visit, poll: Poll, done: str) -> Response:
        """To the page of the poll from which the button was pressed, else to its first one."""
        own = f"/admin/polls/{poll.id}"
        path = urlsplit(request.headers.get("referer", "")).path.removeprefix(urlsplit(self._base_url).path)
        below = path.startswith(own + "/") and not path.endswith("/version")
        return self._render.redirect(local_path(path) if below else own, visit, done=done)


def _revision(form: Form) -> int | None:
    """The revision that a form was made of; None where it does not say."""
    return whole(form.text("revision"), 9)


async def _read(request: Request) -> tuple[str, Form]:
    return request.path_params["poll"], await read_form(request)
