"""The picture of an alert: ballots minute by minute, the ordinary course, and what stands out."""

from zoneinfo import ZoneInfo

from markupsafe import Markup

from pollsvc.domain.alert import Finding
from pollsvc.web.admin.watching.axes import (
    FOOT,
    TOP,
    WIDTH,
    TimeAxis,
    clock,
    figure,
    moment,
    number_of,
    plot,
    rules,
    scale,
    stretched,
    times_axis,
    units,
)

HEIGHT = 120
_GAP = 0.12  # of a minute's room, between two bars
_BRACKET = 6  # px, above the plot


def alert_chart(finding: Finding, zone: str, *, title: str, id: str) -> Markup:
    """Bars of all ballots of each minute, in them those that stand out, a dashed line where these ordinarily
    were, and a bracket over the time that the alert is of."""
    first, every, part = finding.first, finding.every, finding.part
    axis = TimeAxis(first * 60, (first + len(every)) * 60, 60, ZoneInfo(zone))
    usual = [finding.usual if finding.steady else finding.usual * count for count in every]
    top, step = scale(max(*every, *usual, 1))
    room = WIDTH / len(every)
    drawn = []
    for css, counts in (("track", every), ("bar", part)):
        drawn += [
            f'<rect class="{css}" x="{units((place + _GAP / 2) * room)}" width="{units((1 - _GAP) * room)}"'
            f' y="{units(HEIGHT * (1 - count / top))}" height="{units(HEIGHT * count / top)}"/>'
            for place, count in enumerate(counts)
            if count
        ]
    points = " ".join(
        f"{units((place + 0.5) * room)},{units(HEIGHT * (1 - value / top))}"
        for place, value in enumerate(usual)
    )
    drawn.append(
        f'<polyline class="usual" points="{points}" fill="none" stroke-width="1.5" stroke-dasharray="4 3"'
        ' vector-effect="non-scaling-stroke"/>'
    )
    start, end = max(finding.since - first, 0) * room, (finding.until - first) * room
    drawn.append(
        f'<path class="bracket" d="M{units(start)} 0V-{_BRACKET}H{units(end)}V0" fill="none"'
        ' stroke-width="2" vector-effect="non-scaling-stroke"/>'
    )
    label = clock(ZoneInfo(zone))
    peak = max(range(len(part)), key=lambda place: part[place])
    desc = (
        f"{number_of(finding.ballots, 'ballot')} that stand out of {finding.of:,}, from "
        f"{moment(finding.since * 60, label, 60)} to {moment(finding.until * 60, label, 60)}; the most in a "
        f"minute: {part[peak]:,} of {every[peak]:,}, {moment((first + peak) * 60, label, 60)}, where "
        f"{usual[peak]:,.1f} are ordinary. Each bar is 1 minute."
    )
    body = rules(top, step, HEIGHT) + stretched(HEIGHT, "".join(drawn)) + times_axis(axis, label, HEIGHT)
    return figure(title, desc, id, HEIGHT + TOP + FOOT, plot(HEIGHT, body), "votes alert-chart")
