"""`/admin/people`: who may sign in, and as what."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.editor import Role
from pollsvc.domain.errors import PollError, bad
from pollsvc.services.accounts.passwords import SHORTEST
from pollsvc.web.admin.forms import errors_of, read_form
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.errors import STATUS

_PATH = "/admin/people"


class PeoplePages:
    """What admins do to editors."""

    def __init__(self, render: Renderer) -> None:
        self._render = render

    async def show(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/people`."""
        return await self._page(request, visit)

    async def add(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/people`: add an editor; a password that was made up here is shown once."""
        form = await read_form(request)
        given = {"name": form.text("name"), "role": form.text("role")}
        try:
            password = form.text("password") or None
            editor, made = await visit.work.accounts.add_editor(given["name"], _role(given["role"]), password)
        except PollError as error:
            return await self._page(
                request, visit, given=given, errors=errors_of(error), status=STATUS[error.code]
            )
        return await self._page(request, visit, of=editor.name, password=None if password else made)

    async def set_role(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/people/{editor}/role`."""
        role = _role((await read_form(request)).text("role"))
        await visit.work.accounts.set_role(request.path_params["editor"], role)
        return self._render.redirect(_PATH, done="role_changed")

    async def set_password(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/people/{editor}/password`: make a new password and show it once."""
        editor, password = await visit.work.accounts.set_password(
            request.path_params["editor"], keep=visit.session.id
        )
        return await self._page(request, visit, of=editor.name, password=password)

    async def disable(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/people/{editor}/disable`."""
        await visit.work.accounts.disable(request.path_params["editor"])
        return self._render.redirect(_PATH, done="editor_disabled")

    async def enable(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/people/{editor}/enable`."""
        await visit.work.accounts.enable(request.path_params["editor"])
        return self._render.redirect(_PATH, done="editor_enabled")

    async def _page(
        self,
        request: Request,
        visit: Visit,
        *,
        of: str = "",
        password: str | None = None,
        given: Mapping[str, str] | None = None,
        errors: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        """The list; with `of`, whom something was done for, and the password to be shown once."""
        return self._render(
            "admin/editors.html",
            visit,
            request,
            active="settings",
            status=status,
            people=await visit.work.accounts.all(),
            roles=[role.value for role in Role],
            shortest=SHORTEST,
            of=of,
            password=password,
            given=given or {"name": "", "role": Role.EDITOR.value},
            errors=errors or {},
        )


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise bad("Choose a role: admin, editor or viewer.", "role") from None
