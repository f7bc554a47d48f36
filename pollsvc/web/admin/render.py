"""Pages of the admin, made of templates."""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pollsvc.domain.clock import rfc3339
from pollsvc.web.admin.notices import DONE
from pollsvc.web.admin.visit import Visit


class Renderer:
    """Renders the templates of `templates/admin`, whose frame is `admin/base.html`."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(when=when, rfc3339=rfc3339)

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

        The frame gets what it needs of the visit; None where nobody is signed in. Without `notice` the page
        says what `?done=KEY` stands for.
        """
        done = DONE.get(request.query_params.get("done", ""))
        content = self._environment.get_template(template).render(
            base_url=self._base_url,
            me=visit.editor if visit else None,
            sites=visit.sites if visit else (),
            site=visit.site if visit else None,
            active=active,
            notice=notice or ({"kind": "success", "text": done} if done else None),
            **context,
        )
        return HTMLResponse(content, status)

    def redirect(self, path: str, **query: str | None) -> Response:
        """303 See Other to a path of ours, such as `/admin/log`; `done` is a key of DONE."""
        given = {name: value for name, value in query.items() if value}
        url = self._base_url + path
        return RedirectResponse(f"{url}?{urlencode(given)}" if given else url, 303)


def when(seconds: float, zone: str = "UTC") -> str:
    """A time as editors read it, such as `22 Nov 2026, 14:05`, in a time zone that the page names."""
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(zone)):%-d %b %Y, %H:%M}"
