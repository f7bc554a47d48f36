"""`/admin/sign-in`: the one page of the admin that anybody may open."""

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.errors import PollError
from pollsvc.services.accounts.sign_in import SignIn
from pollsvc.services.desk import Desk
from pollsvc.web.admin.forms import read_form
from pollsvc.web.admin.guard import local_path
from pollsvc.web.admin.people.cookie import SessionCookie
from pollsvc.web.admin.render import Renderer
from pollsvc.web.errors import STATUS, headers_of
from pollsvc.web.http import Addresses


class SignInPage:
    """Asks for name and password, and begins a session."""

    def __init__(
        self, sign_in: SignIn, desk: Desk, render: Renderer, cookie: SessionCookie, addresses: Addresses
    ) -> None:
        self._sign_in = sign_in
        self._desk = desk
        self._render = render
        self._cookie = cookie
        self._addresses = addresses

    async def show(self, request: Request) -> Response:
        """`GET /admin/sign-in?next=PATH`; who is signed in goes on."""
        wanted = local_path(request.query_params.get("next", ""))
        secret = self._cookie.read(request)
        if secret:
            async with self._desk.open() as work:
                session = await work.sessions.session(secret)
            if session is not None:
                return self._render.redirect(wanted)
        return self._page(request, wanted)

    async def sign_in(self, request: Request) -> Response:
        """`POST /admin/sign-in`: to the page that was wanted, with a new session in the cookie."""
        form = await read_form(request)
        name, wanted = form.text("name"), local_path(form.text("next"))
        address, old = self._addresses.of(request.scope), self._cookie.read(request)
        try:
            signed_in = await self._sign_in.sign_in(name, form.text("password"), address, old)
        except PollError as error:
            return self._page(request, wanted, name, error)
        response = self._render.redirect(wanted)
        self._cookie.write(response, signed_in.secret)
        return response

    def _page(
        self, request: Request, wanted: str, name: str = "", error: PollError | None = None
    ) -> Response:
        response = self._render(
            "admin/sign_in.html",
            None,
            request,
            status=STATUS[error.code] if error else 200,
            notice={"kind": "error", "text": error.message} if error else None,
            wanted=wanted,
            name=name,
        )
        if error is not None:
            response.headers.update(headers_of(error))
        return response
