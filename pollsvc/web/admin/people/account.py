"""`/admin/account`: one's own password and sessions, and signing out."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.errors import PollError, bad
from pollsvc.services.accounts.passwords import SHORTEST
from pollsvc.web.admin.forms import errors_of, read_form
from pollsvc.web.admin.people.cookie import SessionCookie
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.errors import STATUS


class AccountPage:
    """What editors do to their own accounts."""

    def __init__(self, render: Renderer, cookie: SessionCookie) -> None:
        self._render = render
        self._cookie = cookie

    async def show(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/account`."""
        return await self._page(request, visit, {}, 200)

    async def change_password(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/account/password`: needs the old one; all other sessions end."""
        form = await read_form(request)
        try:
            new = form.text("password")
            if new != form.text("again"):
                raise bad("The two new passwords differ; enter the same twice.", "again")
            await visit.work.accounts.change_own_password(
                visit.editor, form.text("old"), new, keep=visit.session.id
            )
        except PollError as error:
            return await self._page(request, visit, errors_of(error), STATUS[error.code])
        return self._render.redirect("/admin/account", done="password_changed")

    async def end_sessions(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/account/sessions`: end the one of the field `session`, or all but this one."""
        form = await read_form(request)
        session = form.text("session")
        if session:
            await visit.work.sessions.end(visit.editor, session)
        else:
            await visit.work.sessions.end_all(visit.editor, but=visit.session.id)
        return self._render.redirect("/admin/account", done="session_ended" if session else "sessions_ended")

    async def sign_out(self, _request: Request, visit: Visit) -> Response:
        """`POST /admin/sign-out`."""
        await visit.work.sessions.end(visit.editor, visit.session.id)
        response = self._render.redirect("/admin/sign-in", done="signed_out")
        self._cookie.clear(response)
        return response

    async def _page(self, request: Request, visit: Visit, errors: Mapping[str, str], status: int) -> Response:
        return self._render(
            "admin/account.html",
            visit,
            request,
            status=status,
            errors=errors,
            shortest=SHORTEST,
            sessions=await visit.work.sessions.of(visit.editor),
            current=visit.session.id,
        )
