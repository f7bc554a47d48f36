"""`/admin/sites`: the publishers, and from where their readers vote."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypedDict
from zoneinfo import available_timezones

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.errors import PollError, bad
from pollsvc.domain.paces import NAMES, STANDARD, Pace, paces_of, read_pace
from pollsvc.domain.poll import Policy, Site
from pollsvc.web.admin.forms import Form, errors_of, read_form
from pollsvc.web.admin.polls.languages import choices
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.errors import STATUS
from pollsvc.web.numbers import digits, whole


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

    async def admit(self, request: Request, visit: Visit) -> Response:
        """`POST /admin/sites/{site}/admission`: how readily votes count."""
        site = visit.site_of(request.path_params["site"])
        form = await read_form(request)
        typed = {name: form.text(name) for name in _admission(site)}
        try:
            usual = form.text("do") == "usual"
            paces = paces_of({name: _pace(name, typed) for name in NAMES}) if not usual else None
            await visit.work.sites.change(
                site.id, policy=_policy(typed["policy"]), paces=None if paces == STANDARD else paces
            )
        except PollError as error:
            return self._page(request, visit, site, _fields(site), error, typed)
        return self._render.redirect(f"{_PATH}/{site.id}", done="site_admission")

    def _page(
        self,
        request: Request,
        visit: Visit,
        of_site: Site | None,
        typed: Mapping[str, str],
        error: PollError | None = None,
        admission: Mapping[str, str] | None = None,
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
            errors=_errors(error) if error else {},
            admission=admission or (_admission(of_site) if of_site else {}),
            meaning=(of_site.paces or STANDARD).meaning() if of_site else "",
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


def _admission(site: Site) -> dict[str, str]:
    """The fields that say how readily votes count."""
    paces = (site.paces or STANDARD).named().items()
    bursts = {f"{name}_burst": str(pace.burst) for name, pace in paces}
    seconds = {f"{name}_seconds": pace.every() for name, pace in paces}
    return {"policy": site.policy.value if site.policy else "", **bursts, **seconds}


def _pace(name: str, typed: Mapping[str, str]) -> Pace:
    burst, seconds = (digits(typed[f"{name}_{part}"].strip()) for part in ("burst", "seconds"))
    return read_pace(name, f"{burst}/{seconds}")


def _policy(text: str) -> Policy | None:
    try:
        return Policy(text) if text else None
    except ValueError:
        raise bad("Choose one of the policies.", "policy") from None


def _errors(error: PollError) -> dict[str, str]:
    """What was wrong, by field; what is wrong with a pace is said at its first field."""
    found = errors_of(error).items()
    return {f"{name}_burst" if name in NAMES else name: said for name, said in found}


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
