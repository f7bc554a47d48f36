"""What the watch page shows of a poll: its drawings, and the rows and columns of its tables."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from markupsafe import Markup

from pollsvc.domain.poll import Kind, direction
from pollsvc.services.watching.counting import Votes, total
from pollsvc.services.watching.timeline import Bucket
from pollsvc.services.watching.watch import Line, Span, Timeline, Watch
from pollsvc.web.admin.polls.terms import VISIBILITIES
from pollsvc.web.admin.watching.axes import cut, number_of, plain
from pollsvc.web.admin.watching.charts import (
    Bar,
    Point,
    Series,
    bars_chart,
    shares_chart,
    sparkline,
    votes_chart,
)

MOST_COLUMNS = 4
"""Options with a column of their own in a table; of more, those that lead. A rating has all its values."""
BRIEF = 20
"""Letters of a label that a column has room for."""
MOST_ROWS = 120
"""Buckets of time in the table, the latest."""
MOST_PLACES = 50
"""Articles in the table, those with the most votes."""

ELSEWHERE = "The poll’s own page, and pages it is not attached to"

BUCKETS = {
    Bucket.MINUTE: "Minute",
    Bucket.QUARTER: "15 minutes",
    Bucket.HOUR: "Hour",
    Bucket.DAY: "Day",
}


class Charts(NamedTuple):
    """The drawings of the page; `title` is the heading of the votes over time."""

    title: str
    pace: Markup
    results: Markup
    votes: Markup
    shares: Markup


class Column(NamedTuple):
    """An option's column in a table, with its label as long as there is room."""

    id: int
    label: str
    brief: str


class Row(NamedTuple):
    """An article in the table, with a link to it, or several that go by a `name`."""

    name: str
    link: str | None
    detached: bool
    votes: Votes


@dataclass(frozen=True, slots=True)
class View:
    """A poll that is watched, as the templates need it.

    `lines` are the options and other answers, `columns` those of them that have a column in the tables, and
    `ranked` those of a ranked poll, the ones that stayed longest first. `standing` says how its winners stand
    (Leads, Won or Tied), `outcome` also after how many rounds. `buckets` are tabs, `spans` the buckets of
    time with votes in them.
    """

    watch: Watch
    lines: Sequence[Line]
    columns: Sequence[Column]
    ranked: Sequence[Line]
    standing: str
    outcome: str
    charts: Charts
    picks: str
    seen: str
    of_what: str
    buckets: Sequence[tuple[str, str, str]]
    spans: Sequence[Span]
    places: Sequence[Row]


def view_of(watch: Watch, site: str | None) -> View:
    """What to show of a poll; `site` is the id of the one whose pages are being looked at."""
    lines = [*watch.lines, *([watch.other] if watch.other else [])]
    query = f"&site={site}" if site else ""
    return View(
        watch=watch,
        lines=lines,
        columns=columns_of(lines, len(lines) if watch.poll.kind is Kind.RATING else MOST_COLUMNS),
        ranked=_ranked(watch),
        standing=_standing(watch),
        outcome=_outcome(watch),
        charts=charts_of(watch, lines),
        picks=number_of(watch.results.picks, "pick") if watch.shows_picks else "",
        seen=VISIBILITIES[watch.poll.visibility].sentence,
        of_what=_of_what(watch),
        buckets=[(bucket, name, f"?bucket={bucket}{query}#time") for bucket, name in BUCKETS.items()],
        spans=[span for span in watch.timeline.spans if _any(span)][-MOST_ROWS:],
        places=_rows(watch),
    )


def columns_of(lines: Sequence[Line], most: int) -> list[Column]:
    """The options that get a column: all, or the `most` that lead, in the poll's order."""
    leading = sorted(lines, key=lambda line: -line.votes)[:most]
    return [Column(line.id, line.label, cut(plain(line.label), BRIEF)) for line in lines if line in leading]


def charts_of(watch: Watch, lines: Sequence[Line]) -> Charts:
    """The page's drawings."""
    results, timeline, zone = watch.results, watch.timeline, ZoneInfo(watch.poll.site.time_zone)
    times, so_far = _course(timeline, watch.now)
    each = BUCKETS[timeline.bucket].lower()
    return Charts(
        title=f"Votes each {each}" if timeline.bucket is not Bucket.QUARTER else f"Votes every {each}",
        pace=sparkline(watch.pace.minutes, title="Votes in each of the last 60 minutes", id="pace"),
        results=bars_chart(
            [Bar(line.label, line.votes, _note(line)) for line in lines],
            total=results.voters,
            rtl=direction(watch.poll.lang) == "rtl",
            id="results-chart",
        ),
        votes=votes_over_time(timeline if results.voters else replace(timeline, spans=()), zone),
        shares=shares_chart(
            [Series(line.label, [votes.options.get(line.id, 0) for votes in so_far]) for line in lines],
            times=times,
            totals=[votes.counted for votes in so_far],
            bucket=timeline.bucket.minutes * 60,
            zone=zone,
            title="Share of voters over time",
        ),
    )


def votes_over_time(timeline: Timeline, zone: ZoneInfo) -> Markup:
    """Votes in each bucket."""
    points = [Point(span.begins, span.votes.counted) for span in timeline.spans]
    return votes_chart(points, bucket=timeline.bucket.minutes * 60, zone=zone, title="Votes over time")


def _course(timeline: Timeline, now: float) -> tuple[list[int], list[Votes]]:
    """All votes until certain times: before the first span, and at the end of each, the last ending now."""
    spans = timeline.spans
    if not spans:
        return [], []
    end = spans[-1].begins + timeline.bucket.minutes * 60
    ends = [*(span.begins for span in spans[1:]), max(min(int(now), end), spans[-1].begins + 1)]
    before = spans[0].so_far.less(spans[0].votes)
    return [spans[0].begins, *ends], [before, *(span.so_far for span in spans)]


def _note(line: Line) -> str:
    return "retired" if line.retired else ""


def _of_what(watch: Watch) -> str:
    """What the shares are shares of."""
    voters = number_of(watch.results.voters, "voter")
    if watch.shows_picks:
        return (
            f"In percent of {voters}; who could pick several options, so the shares add up to more than 100%."
        )
    if watch.poll.kind is Kind.RANKED:
        return f"First preferences, in percent of {voters}."
    return f"In percent of {voters}."


def _rows(watch: Watch) -> list[Row]:
    """The articles with the most votes, and the others together; none when the poll stands on no article."""
    rows = [
        Row(readable(place.url) if place.url else ELSEWHERE, place.link, place.detached, place.votes)
        for place in watch.places[:MOST_PLACES]
    ]
    rest = watch.places[MOST_PLACES:]
    if rest:
        rows.append(Row(f"{len(rest):,} more", None, False, total(place.votes for place in rest)))
    return rows if any(place.url for place in watch.places) else []


def readable(url: str) -> str:
    """A canonical URL as people read it: without its scheme, percent-encoded letters as letters."""
    return plain(unquote(url.removeprefix("https://")))


def _ranked(watch: Watch) -> list[Line]:
    """A ranked poll's options, those that stayed longest first."""
    if watch.count is None:
        return []
    rounds = watch.count.runoff.rounds
    stayed = {option: (n, votes) for n, each in enumerate(rounds) for option, votes in each.counts.items()}
    return sorted(
        (line for line in watch.lines if line.id in stayed),
        key=lambda line: stayed[line.id],
        reverse=True,
    )


def _standing(watch: Watch) -> str:
    """What is said of each winner of a ranked poll."""
    if watch.count is not None and len(watch.count.runoff.winners) > 1:
        return "Tied"
    return "Won" if watch.state in ("closed", "archived") else "Leads"


def _outcome(watch: Watch) -> str:
    if watch.count is None:
        return ""
    names = [line.label for line in watch.lines if line.id in watch.count.runoff.winners]
    after = f"{_standing(watch)} after {number_of(len(watch.count.runoff.rounds), 'round')}: "
    return after + ", ".join(f"\u2068{name}\u2069" for name in names) if names else ""


def _any(span: Span) -> bool:
    return bool(span.votes.counted or span.votes.held or span.votes.excluded)
