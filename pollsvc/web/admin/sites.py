"""`/admin/sites`: the publishers, and from where their readers vote."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypedDict
from zoneinfo import available_timezones

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.errors import PollError, bad
from pollsvc.domain.poll import Site
from pollsvc.web.admin.forms import Form, errors_of, read_form
from pollsvc.web.admin.polls.languages import choices
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.errors import STATUS
from pollsvc.web.numbers import whole


class _Asked(TypedDict):
    """What the form asks a site to be."""

    name: str
    origins: list[str]
    locale: str
    time_zone: str
    percent_from: int


_EMPTY = {"name": "", "origins": "", "locale": "en", "time_zone": "UTC", "percent_from": "10"}
_PATH = "/admin/sites"


class SitePages:
    """What admins do to sites."""

    def __init__(self, render: Renderer, langs: Sequence[str]) -> None:
        self._render = render
        self._langs = langs

    async def all(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/sites`."""
        return self._page(request, visit, None, _EMPTY)

    async def add(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/sites`."""
        typed = _typed(await read_form(request))
        try:
            await visit.work.sites.add(**_asked(typed))
        except PollError as error:
            return self._page(request, visit, None, typed, error)
        return self._render.redirect(_PATH, done="site_added")

    async def show(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/sites/{site}`."""
        site = visit.site_of(request.path_params["site"])
        return self._page(request, visit, site, _fields(site))

    async def change(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/sites/{site}`."""
        site = visit.site_of(request.path_params["site"])
        typed = _typed(await read_form(request))
        try:
            await visit.work.sites.change(site.id, **_asked(typed))
        except PollError as error:
            return self._page(request, visit, site, typed, error)
        return self._render.redirect(_PATH, done="site_changed")

    def _page(
        self,
        request: Request,
        visit: Visit,
        of_site: Site | None,
        typed: Mapping[str, str],
        error: PollError | None = None,
    ) -> Response:
        near, others = choices([typed["locale"], *(site.locale for site in visit.sites), *self._langs])
        return self._render(
            "admin/sites.html",
            visit,
            request,
            active="settings",
            status=STATUS[error.code] if error else 200,
            of_site=of_site,
            typed=typed,
            errors=errors_of(error) if error else {},
            near=near,
            others=others,
            zones=time_zones(),
        )


@cache
def time_zones() -> Sequence[str]:
    """The names of the time zones that people use, such as Asia/Tehran."""
    return sorted(name for name in available_timezones() if "/" in name or name == "UTC")


def _fields(site: Site) -> dict[str, str]:
    return {
        "name": site.name,
        "origins": "\n".join(sorted(site.origins)),
        "locale": site.locale,
        "time_zone": site.time_zone,
        "percent_from": str(site.percent_from),
    }


def _typed(form: Form) -> dict[str, str]:
    return {name: form.text(name) for name in _EMPTY}


def _asked(typed: Mapping[str, str]) -> _Asked:
    return {
        "name": typed["name"],
        "origins": _lines(typed["origins"]),
        "locale": typed["locale"],
        "time_zone": typed["time_zone"],
        "percent_from": _number(typed["percent_from"]),
    }


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _number(text: str) -> int:
    number = whole(text.strip(), 9, typed=True)
    if number is None:
        raise bad("Give a whole number of voters, such as 10.", "percent_from")
    return number
