"""Sites in the editors' interface."""

from http import HTTPStatus

from starlette.responses import Response

from pollsvc.domain.errors import bad
from pollsvc.services.editing.sites import describe_site
from pollsvc.web.api.bodies import SiteBody, given
from pollsvc.web.api.gate import Call, answer


class ApiSites:
    """Answers calls about sites."""

    async def all(self, call: Call) -> Response:
        """`GET /sites`."""
        sites = [site for site in await call.work.sites.all() if call.key.site in (None, site.id)]
        return answer({"sites": [describe_site(site) for site in sites]})

    async def add(self, call: Call) -> Response:
        """`POST /sites`."""
        call.all_sites()
        fields = given(await call.body(SiteBody))
        for name in ("name", "origins"):
            if name not in fields:
                raise bad(f"Send the site's {name}.", name)
        return answer(describe_site(await call.work.sites.add(**fields)), HTTPStatus.CREATED)

    async def get(self, call: Call) -> Response:
        """`GET /sites/{site}`."""
        return answer(describe_site(await call.site(call.request.path_params["site"])))

    async def change(self, call: Call) -> Response:
        """`PATCH /sites/{site}`."""
        site = await call.site(call.request.path_params["site"])
        changes = given(await call.body(SiteBody))
        return answer(describe_site(await call.work.sites.change(site.id, **changes)))
