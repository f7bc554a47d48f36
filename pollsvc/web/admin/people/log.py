"""`/admin/log`: who changed what."""

from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.errors import bad
from pollsvc.domain.log import Entry
from pollsvc.web.admin.deeds import deed_of
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit


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
        zone = visit.site.time_zone if visit.site else "UTC"
        return self._render(
            "admin/log.html",
            visit,
            request,
            active="log",
            deeds=[deed_of(entry, zone) for entry in page.entries],
            subject=subject,
            older=f"?{query}" if page.older else "",
            names=await _names(visit, page.entries),
            zone=zone,
        )


async def _names(visit: Visit, entries: Sequence[Entry]) -> dict[str, str]:
    """What the subjects of entries are called, where they have names."""
    editors, keys = await visit.work.accounts.all(), await visit.work.api_keys.all()
    kinds = (("site", visit.sites), ("editor", editors), ("key", keys))
    names = {f"{kind}:{one.id}": one.name for kind, found in kinds for one in found}
    polls = [entry.subject.removeprefix("poll:") for entry in entries if entry.subject.startswith("poll:")]
    questions = await visit.work.finding.questions(polls)
    return names | {f"poll:{poll}": question for poll, question in questions.items()}


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise bad("Follow the links between the log's pages.", name)
    return int(text)
