"""A poll as a file: definition, results and the whole tally, as JSON or CSV."""

import csv
import io
import json
from collections.abc import Mapping

from pollsvc.domain.clock import rfc3339
from pollsvc.domain.errors import no_such_poll
from pollsvc.domain.poll import Poll, say
from pollsvc.domain.tally import Cell, Results, results_of
from pollsvc.services.describing import describe
from pollsvc.storage.audit import all_cells
from pollsvc.storage.database import Connection
from pollsvc.storage.polls import load_poll
from pollsvc.storage.tallies import load_totals

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula (OWASP, CSV injection)."""


async def load_tally(connection: Connection, poll_id: str) -> tuple[Poll, Results, Mapping[Cell, int]]:
    """A poll with its results and its tally, of one moment. Raises PollError `no_such_poll`."""
    async with connection.reading():
        poll, results = await _load(connection, poll_id)
        return poll, results, await all_cells(connection, poll_id)


async def load_results(connection: Connection, poll_id: str) -> tuple[Poll, Results]:
    """A poll with its results, of one moment. Raises PollError `no_such_poll`."""
    async with connection.reading():
        return await _load(connection, poll_id)


async def _load(connection: Connection, poll_id: str) -> tuple[Poll, Results]:
    poll = await load_poll(connection, poll_id)
    if poll is None:
        raise no_such_poll()
    version, totals = await load_totals(connection, poll_id)
    return poll, results_of(poll, version, totals)


def as_json(poll: Poll, results: Results, cells: Mapping[Cell, int], now: float) -> dict[str, object]:
    """The export as JSON values; the tally is a list of rows with the number of ballots in each."""
    urls = {number: url for url, number in poll.placements.items()}
    rows = [
        {
            "article": urls.get(cell.article),
            "minute": rfc3339(cell.minute * 60),
            "selection": cell.selection,
            "status": cell.status,
            "count": count,
        }
        for cell, count in cells.items()
        if count
    ]
    return {"poll": describe(poll, now), "results": results.as_json(), "tally": rows}


def as_csv(poll: Poll, cells: Mapping[Cell, int]) -> str:
    """The tally as CSV (RFC 4180), with labels; cells that a spreadsheet would run are neutralised."""
    urls = {number: url for url, number in poll.placements.items()}
    labels = {str(option.id): say(option.label, poll.lang, poll.lang) for option in poll.options}
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["article", "minute", "selection", "labels", "status", "count"])
    for cell, count in cells.items():
        if count:
            names = " | ".join(labels.get(part, part) for part in cell.selection.split(",") if part)
            minute = rfc3339(cell.minute * 60)
            texts = (urls.get(cell.article, ""), minute, cell.selection, names, cell.status)
            writer.writerow([*map(harmless, texts), count])
    return out.getvalue()


def harmless(cell: str) -> str:
    """The cell's text, kept from being run as a formula."""
    return "'" + cell if cell.startswith(FORMULA_STARTS) else cell


def dump_pretty(value: object) -> str:
    """JSON for a file that people may read."""
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
