"""`/admin/log`: who changed what."""

import json
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.clock import rfc3339
from pollsvc.domain.errors import bad
from pollsvc.domain.log import Entry
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit


class Difference(NamedTuple):
    """What changed of one thing, in words; either side may be empty."""

    name: str
    old: str
    new: str


class Line(NamedTuple):
    """An entry of the log, to be read."""

    entry: Entry
    action: str
    differences: list[Difference]


class LogPage:
    """Shows the audit log."""

    def __init__(self, render: Renderer) -> None:
        self._render = render

    async def show(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/log?subject=poll:ID&before=NUMBER`: the newest first, in pages."""
        subject = request.query_params.get("subject", "").strip()
        page = await visit.work.log.page(subject=subject or None, before=_number(request, "before"))
        older = {"subject": subject, "before": page.older, "site": visit.site.id if visit.site else ""}
        query = urlencode({name: value for name, value in older.items() if value})
        return self._render(
            "admin/log.html",
            visit,
            request,
            active="log",
            lines=[Line(entry, _words(entry.action), differences(entry)) for entry in page.entries],
            subject=subject,
            older=f"?{query}" if page.older else "",
            names=await _names(visit),
            zone=visit.site.time_zone if visit.site else "UTC",
        )


def differences(entry: Entry) -> list[Difference]:
    """What an entry says was before and after, name by name."""
    before, after = json.loads(entry.before), json.loads(entry.after)
    names = dict.fromkeys((*before, *after))
    found = [
        Difference(_words(name), _text(name, before.get(name)), _text(name, after.get(name)))
        for name in names
    ]
    return [one for one in found if one.old or one.new]


async def _names(visit: Visit) -> dict[str, str]:
    """What the subjects of the log are called, where they have names."""
    editors, keys = await visit.work.accounts.all(), await visit.work.api_keys.all()
    kinds = (("site", visit.sites), ("editor", editors), ("key", keys))
    return {f"{kind}:{one.id}": one.name for kind, found in kinds for one in found}


def _text(name: str, value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() if name.endswith("_at"):
            return rfc3339(value)
        case str() | int() | float():
            return str(value)
        case [*items] if all(isinstance(item, str | int) for item in items):
            return ", ".join(map(str, items))
    return json.dumps(value, ensure_ascii=False)


def _words(name: str) -> str:
    return name.replace(".", ": ").replace("_", " ")


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise bad("Follow the links between the log's pages.", name)
    return int(text)
