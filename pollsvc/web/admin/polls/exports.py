"""`/admin/polls/{poll}/export`: a poll as a file."""

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.clock import Clock
from pollsvc.services.editing.describing import state_of
from pollsvc.services.exports.formats import Format
from pollsvc.services.exports.sections import What
from pollsvc.services.watching.timeline import Bucket
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.downloads import sent, wanted_of

_WHATS = (
    (What.TOTALS, "Totals", "The count of each option, and its denominator."),
    (What.SERIES, "Over time", "Votes and counts by minute, hour or day."),
    (What.ARTICLES, "By article", "Counts on each article that the poll stands on."),
    (What.BALLOTS, "Ballots", "One by one, without anything that tells who voted."),
    (What.TALLY, "Tally", "How many ballots are alike: article, minute, selection, status."),
    (What.DEFINITION, "Definition", "Question, options and rules in all languages."),
    (What.ALL, "All of it", "To import it into another pollsvc; JSON or NDJSON."),
)
_FORMATS = (
    (Format.CSV, "CSV", "For a spreadsheet."),
    (Format.JSON, "JSON", "For programs."),
    (Format.NDJSON, "NDJSON", "For programs that read line by line."),
)


class ExportPages:
    """Lets every editor download what a poll has."""

    def __init__(self, render: Renderer, clock: Clock) -> None:
        self._render = render
        self._clock = clock

    async def show(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/{poll}/export`."""
        poll = await visit.work.editing.poll(request.path_params["poll"])
        return self._render(
            "admin/export.html",
            visit,
            request,
            active="polls",
            poll=poll,
            state=state_of(poll, self._clock()),
            whats=_WHATS,
            formats=_FORMATS,
            buckets=[(bucket.value, bucket.value.capitalize()) for bucket in Bucket],
            langs=[(lang, lang) for lang in poll.langs],
        )

    async def file(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/{poll}/export/file`, with `what`, `format`, `bucket` and `lang`."""
        poll = await visit.work.editing.poll(request.path_params["poll"])
        wanted = wanted_of(dict(request.query_params))
        return sent(await visit.work.exporting.download(poll.id, wanted))
