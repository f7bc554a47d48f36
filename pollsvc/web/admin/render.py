"""Pages of the admin, made of templates."""

from datetime import UTC, datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pollsvc.domain.clock import rfc3339
from pollsvc.services.editing.definitions import MAX_OPTIONS, MAX_RANKED
from pollsvc.services.editing.images import MAX_UPLOAD
from pollsvc.web.admin.notices import DONE
from pollsvc.web.admin.polls.terms import KINDS, VISIBILITIES
from pollsvc.web.admin.visit import Visit
from pollsvc.web.environment import environment

LIMITS = {"options": MAX_OPTIONS, "ranked": MAX_RANKED, "image": MAX_UPLOAD}
"""What the templates tell of limits: how many options, also of a ranking, and the bytes of an image."""


class Renderer:
    """Renders the templates of `templates/admin`, whose frame is `admin/base.html`."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._environment = environment()
        self._environment.filters.update(when=when, rfc3339=rfc3339)
        self._environment.globals.update(limits=LIMITS, kinds=KINDS, visibilities=VISIBILITIES)

    def __call__(
        self,
        template: str,
        visit: Visit | None,
        request: Request,
        *,
        active: str | None = None,
        notice: dict[str, str] | None = None,
        status: int = 200,
        **context: object,
    ) -> Response:
        """A page. `active` is the frame's entry that it belongs to, `notice` its `kind` and `text`.

        The frame gets what it needs of the visit; None where nobody is signed in. The template's `query` at
        the end of a link keeps the site that is chosen. Without `notice` the page says what `?done=KEY`
        stands for.
        """
        done = DONE.get(request.query_params.get("done", ""))
        content = self._environment.get_template(template).render(
            base_url=self._base_url,
            me=visit.editor if visit else None,
            sites=visit.sites if visit else (),
            site=visit.site if visit else None,
            query=query_of(site=_site(visit)),
            active=active,
            notice=notice or ({"kind": "success", "text": done} if done else None),
            **context,
        )
        return HTMLResponse(content, status)

    def redirect(self, path: str, visit: Visit | None = None, **query: str | None) -> Response:
        """303 See Other to a path of ours, such as `/admin/log`; `done` is a key of DONE.

        The site that is chosen in a `visit` stays chosen.
        """
        return RedirectResponse(self._base_url + path + query_of(**query, site=_site(visit)), 303)


def query_of(**given: str | int | None) -> str:
    """The end of an address, such as `?site=ID`, with what is not empty of this."""
    query = urlencode({name: value for name, value in given.items() if value})
    return f"?{query}" if query else ""


def _site(visit: Visit | None) -> str | None:
    return visit.site.id if visit and visit.site else None


def when(seconds: float, zone: str = "UTC") -> str:
    """A time as editors read it, such as `22 Nov 2026, 14:05`, in a time zone that the page names."""
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(zone)):%-d %b %Y, %H:%M}"
