"""`/admin/polls/{poll}/export`: a poll as a file."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.poll import Poll
from pollsvc.services.editing.describing import state_of
from pollsvc.services.exports.formats import Format
from pollsvc.services.exports.sections import What
from pollsvc.services.watching.timeline import Bucket
from pollsvc.web.admin.forms import errors_of
from pollsvc.web.admin.polls.languages import language
from pollsvc.web.admin.render import Renderer
from pollsvc.web.admin.visit import Visit
from pollsvc.web.admin.watching.view import BUCKETS
from pollsvc.web.downloads import sent, wanted_of
from pollsvc.web.errors import STATUS

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
        return self._page(request, visit, await visit.work.editing.poll(request.path_params["poll"]))

    async def file(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/{poll}/export/file`, with `what`, `format`, `bucket` and `lang`."""
        poll, given = await visit.work.editing.poll(request.path_params["poll"]), request.query_params
        if given.get("what") == What.ALL and given.get("format") == Format.CSV:
            problem = "A spreadsheet holds one table; choose JSON or NDJSON for all of it."
            return self._page(request, visit, poll, {"format": problem})
        try:
            wanted = wanted_of(given.get)
        except PollError as error:
            return self._page(request, visit, poll, dict.fromkeys(errors_of(error), "Choose one of these."))
        return sent(await visit.work.exporting.download(poll.id, wanted))

    def _page(
        self, request: Request, visit: Visit, poll: Poll, errors: Mapping[str, str] | None = None
    ) -> Response:
        """What can be chosen, and what was."""
        chosen = {"what": What.TOTALS, "format": Format.CSV, "bucket": Bucket.HOUR, "lang": poll.lang}
        return self._render(
            "admin/export.html",
            visit,
            request,
            active="polls",
            status=STATUS[Code.BAD_REQUEST] if errors else 200,
            poll=poll,
            state=state_of(poll, self._clock()),
            whats=_WHATS,
            formats=_FORMATS,
            buckets=BUCKETS.items(),
            langs=[(tag, language(tag).label) for tag in poll.langs],
            chosen={**chosen, **request.query_params},
            errors=errors or {},
        )
