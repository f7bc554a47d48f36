"""Charts as SVG: votes over time, each option's share over time, result bars, a line for the dashboard.

Pure functions. A chart has a fixed height and takes the width of its room: places across are percentages, and
what must stretch lies in an inner `<svg>` with a viewBox of 1,000 units, so that text keeps its size on every
screen. Colours come from `admin.css` by class. The time axis runs from left to right in every language.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo
from typing import NamedTuple

from markupsafe import Markup, escape

from pollsvc.web.admin.watching.axes import (
    FOOT,
    TOP,
    WIDTH,
    TimeAxis,
    TimeLabel,
    apart,
    axis_of,
    both,
    clock,
    empty,
    figure,
    moment,
    number_of,
    percent,
    plain,
    plot,
    rules,
    scale,
    shown,
    span,
    spread,
    stretched,
    svg,
    times_axis,
    units,
)

ROW = 50  # px of a result bar
MOST_BARS = 96
MOST_STEPS = 240  # of a line
DASHES = ("", "7 4", "2 4", "10 4 2 4", "14 5", "5 2 1 2", "2 2", "10 3 2 3 2 3", "16 4 4 4", "1 6")
MARKS = (
    "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",  # circle
    "M-3.2-3.2h6.4v6.4h-6.4z",  # square
    "M0-4.4L4 3.2H-4z",  # triangle
    "M0-4.6L4.6 0L0 4.6L-4.6 0z",  # diamond
    "M0 4.4L4-3.2H-4z",  # triangle, point down
    "M-1.4-4h2.8v2.6H4v2.8H1.4V4h-2.8V1.4H-4v-2.8h2.6z",  # plus
    "M-4-1.6h8v3.2h-8z",  # dash
    "M-1.6-4h3.2v8h-3.2z",  # post
    "M-4 3.2L-1.6-3.2H4L1.6 3.2z",  # slanted
    "M0-4.6L1.2-1.2L4.6 0L1.2 1.2L0 4.6L-1.2 1.2L-4.6 0L-1.2-1.2z",  # star
)
MOST_SERIES = len(MARKS)


class Point(NamedTuple):
    """How many votes came in the bucket of time that begins at `at` (Unix seconds)."""

    at: int
    votes: int


class Series(NamedTuple):
    """An option, and its votes so far at each of the chart's times."""

    label: str
    votes: Sequence[int]


class Bar(NamedTuple):
    """An option and its votes; `note` stands beside the label."""

    label: str
    votes: int
    note: str = ""


def votes_chart(
    points: Iterable[Point],
    *,
    bucket: int = 60,
    zone: tzinfo = UTC,
    label: TimeLabel | None = None,
    title: str = "Votes over time",
    id: str = "votes-chart",
    height: int = 180,
) -> Markup:
    """Votes in each bucket of `bucket` seconds as bars; a bucket without a point has none.

    More than about 100 buckets are merged into longer ones; the description says how long a bar is.
    """
    given = sorted(points)
    if not given:
        return empty(title, id, height)
    axis = axis_of([point.at for point in given], bucket, MOST_BARS, zone)
    width = axis.bucket
    label = label or clock(UTC if axis.days else zone)
    sums: dict[int, int] = {}
    for at, count in given:
        start = axis.start(at)
        sums[start] = sums.get(start, 0) + count
    top, step = scale(max(sums.values()))
    unit = WIDTH * width / (axis.last - axis.first)
    bars = []
    for at, count in sums.items():
        if count > 0:
            x, tall = axis.x(at), max(height * count / top, 1)
            bars.append(
                f'<rect class="bar" x="{units(x + unit * 0.09)}" y="{units(height - tall)}"'
                f' width="{units(unit * 0.82)}" height="{units(tall)}">'
                f"<title>{escape(plain(moment(at, label, width)))}: {count:,}</title></rect>"
            )
    peak = max(sums, key=lambda at: sums[at])
    desc = (
        f"{number_of(sum(sums.values()), 'vote')}; the most in {span(width)}: {sums[peak]:,},"
        f" {moment(peak, label, width)}. Each bar is {span(width)}."
    )
    drawn = rules(top, step, height) + stretched(height, "".join(bars)) + times_axis(axis, label, height)
    return figure(title, desc, id, height + TOP + FOOT, plot(height, drawn), "votes")


def shares_chart(
    series: Sequence[Series],
    *,
    times: Sequence[int],
    totals: Sequence[int],
    least: int = 20,
    bucket: int | None = None,
    zone: tzinfo = UTC,
    label: TimeLabel | None = None,
    title: str = "Shares over time",
    id: str = "shares-chart",
    height: int = 240,
) -> Markup:
    """Each option's share as a line with its name at the end, in percent of `totals` so far.

    `times` ascend; `totals` and each option's votes belong to them. Lines differ by colour, dashes and marks.
    Of more than 10 options the 10 that lead are drawn. The beginning, with totals under `least`, is left out,
    for it would jump about; so are times with a total of 0. With a `bucket`, times are where
    buckets begin and then the last one's end, and the time axis is that of these buckets' `votes_chart`.

    Raises:
        ValueError: Times, totals and votes differ in length.
    """
    if any(len(one.votes) != len(times) for one in [*series, Series("", totals)]):
        raise ValueError("times, totals and votes differ in length")
    known = [i for i, total in enumerate(totals) if total >= max(1, min(least, totals[-1]))]
    if not known or not series:
        return empty(title, id, height)
    known = spread(known, MOST_STEPS)
    now = known[-1]
    leading = sorted(range(len(series)), key=lambda n: -series[n].votes[now])[:MOST_SERIES]
    drawn = [series[n] for n in sorted(leading)]
    moments = [times[i] for i in known]
    if len(known) == 1:  # what is known of its bucket, or minute, is how that ended
        moments.insert(0, times[now - 1] if now else times[now] - 60)
        known *= 2
    axis = TimeAxis(moments[0], moments[-1], 1, zone)
    if bucket is not None:
        axis = axis_of(times[:-1], bucket, MOST_BARS, zone)
    top, step = scale(max(100 * one.votes[i] / totals[i] for one in drawn for i in known))
    if top > 60:
        top, step = 100, 25
    lines = [
        [
            (axis.x(axis.place(at)), height * (1 - 100 * one.votes[i] / totals[i] / top))
            for at, i in zip(moments, known, strict=True)
        ]
        for one in drawn
    ]
    facts = [_fact(one.label, one.votes[now], totals[now]) for one in drawn]
    body = plot(
        height,
        rules(top, step, height, "%")
        + times_axis(axis, label, height)
        + stretched(height, "".join(_line(n, line) for n, line in enumerate(lines)))
        + "".join(_lead(line[-1]) for line in lines)
        + "".join(
            f'<svg x="{units(x / 10)}%" y="{units(y)}" overflow="visible">{_mark(n)}</svg>'
            for n, line in enumerate(lines)
            for x, y in spread(line, 6)
        ),
    )
    names_at = apart([line[-1][1] for line in lines], 16, height)
    ends = "".join(
        f"<g><title>{escape(facts[n])}</title>"
        f'<path class="leader" d="M6 {units(lines[n][-1][1])}L14 {units(y)}" fill="none"/>'
        f'<svg x="20" y="{units(y)}" overflow="visible">{_mark(n)}</svg>'
        f'<text class="strong" x="29" y="{units(y + 4)}">{percent(drawn[n].votes[now], totals[now])}</text>'
        f'<text class="name" x="72" y="{units(y + 4)}">{both(drawn[n].label, 34, 18)}</text></g>'
        for n, y in enumerate(names_at)
    )
    body += f'<svg x="100%" y="{TOP}" overflow="visible">{ends}</svg>'
    legend = "".join(
        f'<li><svg width="32" height="12"><path {_stroke(n)} d="M0 6h32"/>'
        f'<svg x="16" y="6" overflow="visible">{_mark(n)}</svg></svg><bdi>{shown(one.label)}</bdi></li>'
        for n, one in enumerate(drawn)
    )
    left_out = f" {len(series) - len(drawn)} more are not drawn." if len(series) > len(drawn) else ""
    desc = f"Now, of {number_of(totals[now], 'voter')}: {'; '.join(facts)}.{left_out}"
    after = f'<ul class="legend" aria-hidden="true">{legend}</ul>'
    return figure(title, desc, id, height + TOP + FOOT, body, "shares", after)


def bars_chart(
    rows: Sequence[Bar],
    *,
    total: int,
    rtl: bool = False,
    title: str = "Results",
    id: str = "bars-chart",
) -> Markup:
    """The options with their votes and, in percent of `total`, shares; with `rtl` bars begin at the right."""
    if not rows:
        return empty(title, id, 80, "No options yet")
    near, far = 'x="0" text-anchor="start"', 'x="100%" text-anchor="end"'
    if rtl:
        near, far = far, near
    facts = [_fact(row.label, row.votes, total) for row in rows]
    drawn = []
    for number, row in enumerate(rows):
        y, full = number * ROW, 100 * min(row.votes / total, 1) if total > 0 else 0
        note = f' <tspan class="quiet">{shown(row.note)}</tspan>' if row.note else ""
        bar = f'y="{y + 25}" height="8" rx="4"'
        drawn.append(
            f"<g><title>{escape(facts[number])}</title>"
            f'<text class="label" {near} y="{y + 16}">{both(row.label, 60, 22)}{note}</text>'
            f'<text class="label" {far} y="{y + 16}">'
            f'<tspan class="strong">{percent(row.votes, total)}</tspan>'
            f' <tspan class="quiet" dx="4">{row.votes:,}</tspan></text>'
            f'<rect class="track" width="100%" {bar}/>'
            f'<rect class="bar" x="{units(100 - full) if rtl else 0}%" width="{units(full)}%" {bar}/></g>'
        )
    desc = f"Of {number_of(total, 'voter')}: {'; '.join(facts)}."
    return figure(title, desc, id, (len(rows) - 1) * ROW + 34, "".join(drawn), "results")


def sparkline(values: Sequence[int], *, title: str = "Votes lately", id: str = "spark") -> Markup:
    """A small line without axes; its description tells the sum, the highest and the last value."""
    count = min(len(values), 60)
    kept = [max(values[k * len(values) // count : (k + 1) * len(values) // count]) for k in range(count)]
    kept = kept * 2 if count == 1 else kept or [0, 0]
    top = max(*kept, 1)
    line = " ".join(
        f"{units(100 * k / (len(kept) - 1))},{units(26 - 24 * value / top)}" for k, value in enumerate(kept)
    )
    desc = (
        f"{number_of(sum(values), 'vote')}; highest {max(values):,}, last {values[-1]:,}."
        if values
        else "No votes yet."
    )
    return svg(
        'class="spark" viewBox="0 0 100 28" preserveAspectRatio="none"',
        *(title, desc, id),
        f'<polygon class="area" points="0,28 {line} 100,28"/><polyline class="line" points="{line}"'
        ' fill="none" stroke-width="2" vector-effect="non-scaling-stroke"/>',
    )


def _fact(label: str, votes: int, total: int) -> str:
    return f"{plain(label)}: {percent(votes, total)} ({votes:,})"


def _stroke(number: int) -> str:
    dash = f' stroke-dasharray="{DASHES[number]}"' if DASHES[number] else ""
    return f'class="series s{number + 1}" fill="none" stroke-width="2"{dash}'


def _line(number: int, places: Iterable[tuple[float, float]]) -> str:
    path = " ".join(f"{units(x)},{units(y)}" for x, y in places)
    return f'<polyline {_stroke(number)} points="{path}" vector-effect="non-scaling-stroke"/>'


def _lead(end: tuple[float, float]) -> str:
    """From a line's end to the plot's, where its name stands."""
    x, y = units(end[0] / 10), units(end[1])
    return f'<line class="leader" x1="{x}%" x2="100%" y1="{y}" y2="{y}" stroke-dasharray="1 3"/>'


def _mark(number: int) -> str:
    return f'<path class="point s{number + 1}" d="{MARKS[number]}"/>'
