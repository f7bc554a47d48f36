"""Exports in the editors' interface."""

from starlette.responses import Response

from pollsvc.web.api.gate import Call
from pollsvc.web.downloads import sent, wanted_of


async def export(call: Call) -> Response:
    """`GET /polls/{poll}/export`: a file."""
    poll = await call.poll()
    wanted = wanted_of(call.query)
    return sent(await call.work.exporting.download(poll.id, wanted))
