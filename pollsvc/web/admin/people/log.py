"""`/admin/log`: who changed what."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.log import Entry
from pollsvc.web.admin.deeds import before_of, deed_of
from pollsvc.web.admin.render import Renderer, query_of
from pollsvc.web.admin.visit import Visit


class LogPage:
    """Shows the audit log."""

    def __init__(self, render: Renderer) -> None:
        self._render = render

    async def show(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/log?subject=poll:ID&before=NUMBER`: the newest first, in pages."""
        subject = request.query_params.get("subject", "").strip()
        before, site = before_of(request), visit.site.id if visit.site else None
        page = await visit.work.log.page(subject=subject or None, before=before)
        zone = visit.site.time_zone if visit.site else "UTC"
        return self._render(
            "admin/log.html",
            visit,
            request,
            active="log",
            deeds=[deed_of(entry, zone) for entry in page.entries],
            subject=subject,
            older=query_of(subject=subject, before=page.older, site=site) if page.older else "",
            newest=query_of(subject=subject, site=site) or "?" if before else "",
            names=await _names(visit, page.entries),
            zone=zone,
        )


async def _names(visit: Visit, entries: Sequence[Entry]) -> dict[str, str]:
    """What the subjects of entries are called, where they have names: addresses, of webhooks and articles."""
    editors, keys = await visit.work.accounts.all(), await visit.work.api_keys.all()
    kinds = (("site", visit.sites), ("editor", editors), ("key", keys))
    names = {f"{kind}:{one.id}": one.name for kind, found in kinds for one in found}
    names |= {f"webhook:{hook.id}": hook.url for hook in await visit.work.webhooks.all()}
    subjects = {entry.subject.partition(":")[::2] for entry in entries}
    names |= {f"article:{url}": url for kind, url in subjects if kind == "article"}
    questions = await visit.work.finding.questions([id_ for kind, id_ in subjects if kind == "poll"])
    return names | {f"poll:{poll}": question for poll, question in questions.items()}
