"""The log in the editors' interface."""

import json

from starlette.responses import Response

from pollsvc.domain.clock import rfc3339
from pollsvc.domain.log import Entry
from pollsvc.web.api.gate import Call, answer


async def log(call: Call) -> Response:
    """`GET /log`: who changed what, the newest first."""
    call.all_sites()
    page = await call.work.log.page(subject=call.query("subject"), before=call.number("before"))
    return answer({"entries": [_entry_json(entry) for entry in page.entries], "next": page.older})


def _entry_json(entry: Entry) -> dict[str, object]:
    return {
        **entry._asdict(),
        "at": rfc3339(entry.at),
        "before": json.loads(entry.before),
        "after": json.loads(entry.after),
    }
