"""`/admin/keys`: API keys, for programs."""

from collections.abc import Collection, Mapping

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.editor import ApiKey, Scope
from pollsvc.domain.errors import PollError
from pollsvc.web.admin.forms import errors_of, read_form
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.errors import STATUS

_SCOPES = {
    Scope.POLLS_READ: "Read polls, drafts included",
    Scope.POLLS_WRITE: "Create and change polls and their articles",
    Scope.POLLS_IMPORT: "Import polls with their votes, which nobody verifies",
    Scope.RESULTS_READ: "Read and export results, hidden ones included",
    Scope.SITES_READ: "Read sites",
    Scope.SITES_WRITE: "Create and change sites",
    Scope.WEBHOOKS_WRITE: "Create and change webhooks",
    Scope.LOG_READ: "Read the log",
}


class KeyPages:
    """What admins do to API keys."""

    def __init__(self, render: Renderer) -> None:
        self._render = render

    async def show(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/keys`."""
        return await self._page(request, visit)

    async def create(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/keys`: make a key, and show it once."""
        form = await read_form(request)
        name, site = form.text("name"), form.text("for")
        scopes = [scope for scope in Scope if f"scope:{scope}" in form]
        try:
            chosen = visit.site_of(site, "for") if site else None
            key, text = await visit.work.api_keys.create(name, scopes, chosen)
        except PollError as error:
            return await self._page(
                request,
                visit,
                given={"name": name, "for": site},
                scopes=scopes,
                errors=errors_of(error),
                status=STATUS[error.code],
            )
        return await self._page(request, visit, made=key, text=text)

    async def revoke(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/keys/{key}/revoke`."""
        await visit.work.api_keys.revoke(request.path_params["key"])
        return self._render.redirect("/admin/keys", done="key_revoked")

    async def _page(
        self,
        request: Request,
        visit: Visit,
        *,
        made: ApiKey | None = None,
        text: str = "",
        given: Mapping[str, str] | None = None,
        scopes: Collection[Scope] = (),
        errors: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        """The list; with `made`, a new key, whose text is to be shown once."""
        return self._render(
            "admin/keys.html",
            visit,
            request,
            active="settings",
            status=status,
            keys=await visit.work.api_keys.all(),
            names={site.id: site.name for site in visit.sites},
            choices=[("", "All sites"), *((site.id, site.name) for site in visit.sites)],
            all_scopes=_SCOPES.items(),
            scopes=scopes,
            made=made,
            text=text,
            given=given or {"name": "", "for": ""},
            errors=errors or {},
        )
