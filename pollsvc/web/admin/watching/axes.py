"""What charts stand on: the figure around them, the plot with its grid and times, round scales, labels cut to
their room."""

import math
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import NamedTuple, TypeVar

from markupsafe import Markup, escape

TimeLabel = Callable[[int, int], str]
"""(Unix seconds, seconds between ticks) → what to write at the tick."""

WIDTH = 1000  # units across the plot
TOP = 12  # px above the plot
FOOT = 26  # px below it, for the times
DAY = 86_400
STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)
"""Round lengths of time below a day, in seconds."""
DAYS = (1, 2, 7, 14, 30, 91, 182, 365, 1826, 3652)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
T = TypeVar("T")
_UNITS = ((DAY, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clock(zone: tzinfo) -> TimeLabel:
    """Time labels in a zone: `14:00`; at midnight and for days `3 Jan`; for years `2026`."""

    def label(at: int, step: int) -> str:
        local = datetime.fromtimestamp(at, zone)
        if step >= 365 * DAY:
            return str(local.year)
        if step >= DAY or (local.hour, local.minute) == (0, 0):
            return f"{local.day} {MONTHS[local.month - 1]}"
        return f"{local:%H:%M}"

    return label


def moment(at: int, label: TimeLabel, step: int) -> str:
    """A time in full, `3 Jan, 14:05`; for steps of days the day alone."""
    day, time = label(at, DAY), label(at, 60)
    return day if step >= DAY or day == time else f"{day}, {time}"


def span(seconds: int) -> str:
    """A length of time in words: `15 minutes`."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return number_of(seconds // size, unit)


def number_of(count: int, noun: str) -> str:
    """So many of something: `1 vote`, `1,204 votes`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def offset(at: int, zone: tzinfo) -> int:
    """The zone's seconds east of UTC at a time."""
    east = datetime.fromtimestamp(at, zone).utcoffset()
    return int(east.total_seconds()) if east else 0


def bucket_for(length: int, bucket: int, most: int) -> int:
    """The shortest round multiple of `bucket` (seconds) of which fewer than `most` cover a length of time."""
    lengths = (bucket, *STEPS, *(days * DAY for days in DAYS))
    round_ones = (one for one in lengths if one % bucket == 0 and length < most * one)
    return next(round_ones, bucket * (length // (most * bucket) + 1))


class TimeAxis(NamedTuple):
    """The times across a chart, from `first` to `last`, in places of `zone`; a bucket is `bucket` seconds.

    A place is a Unix time, or for buckets of days the local time as if it were UTC: on the calendar days are
    of one length, also when the clocks change.
    """

    first: int
    last: int
    bucket: int
    zone: tzinfo
    east: int = 0
    """The seconds east of UTC by which buckets below a day are round."""

    @property
    def days(self) -> bool:
        """Whether places are local time."""
        return self.bucket >= DAY

    def place(self, at: int) -> int:
        """The place of a Unix time."""
        return at + offset(at, self.zone) if self.days else at

    def start(self, at: int) -> int:
        """The place at which the bucket begins that a Unix time lies in."""
        east = 0 if self.days else self.east
        return (self.place(at) + east) // self.bucket * self.bucket - east

    def x(self, place: float) -> float:
        """How far across the chart a place is, of WIDTH."""
        return WIDTH * (place - self.first) / (self.last - self.first)


def axis_of(times: Sequence[int], bucket: int, most: int, zone: tzinfo) -> TimeAxis:
    """The axis of ascending times at which buckets begin, merged into fewer than about `most`."""
    width = bucket_for(times[-1] - times[0], bucket, most)
    axis = TimeAxis(0, 1, width, zone, offset(times[0], zone))
    first, last = axis.start(times[0]), axis.start(times[-1]) + width
    return axis._replace(first=first, last=max(last, first + 12 * width))  # a lone bar is no wall


def round_times(first: int, last: int, zone: tzinfo) -> tuple[int, list[int]]:
    """The step, and the at most 7 round local times of a span. Days are counted on the calendar: with summer
    time, midnight stays midnight."""
    lengths = (*STEPS, *(days * DAY for days in DAYS))
    step = next((one for one in lengths if last - first <= 6 * one), lengths[-1])
    if step < DAY:
        east = offset(first, zone)
        return step, list(range(-(-(first + east) // step) * step - east, last + 1, step))
    midnight = datetime.fromtimestamp(first, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    days = (int((midnight + timedelta(days=k * (step // DAY))).timestamp()) for k in range(8))
    return step, [at for at in days if first <= at <= last]


def scale(most: float) -> tuple[float, float]:
    """An axis from 0 that holds `most`: its top and its step, at most 5 of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(max(most, 1)))
    step = max(1.0, next(one for one in (power / 5, power / 2, power, power * 2) if most <= 5 * one))
    return step * max(math.ceil(most / step), 1), step


def apart(places: Sequence[float], gap: float, limit: float) -> list[float]:
    """The places moved as little as needed so that neighbours are `gap` apart and none is over `limit`."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + gap)
    for i in reversed(order):
        moved[i] = min(moved[i], limit)
        limit = moved[i] - gap
    return moved


def short(value: float) -> str:
    """A number for an axis: `5,000`, `20k`, `1.5M`."""
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size and (value >= 10_000 or unit != "k"):
            return f"{value / size:,g}{unit}"
    return f"{value:,g}"


def percent(count: int, total: int) -> str:
    """A share in percent, from a total of 1,000 on with one decimal; a dash where there is no total.

    Halves are rounded up, as readers see them.
    """
    if total <= 0:
        return "–"
    ten = 10 if total >= 1000 else 1
    rounded = (200 * ten * count + total) // (2 * total)
    return f"{rounded / 10:.1f}%" if ten == 10 else f"{rounded}%"


def plain(text: str) -> str:
    """A text without what XML cannot hold and without marks that would turn its surroundings around."""
    kept = (" " if c.isspace() else c for c in text if c not in _BIDI and c not in "\ufffe\uffff")
    return "".join(c for c in kept if unicodedata.category(c) not in {"Cc", "Cs"})


def cut(text: str, room: int) -> str:
    """A text of at most `room` letters' width, a wide letter being two, with an ellipsis where it was cut."""
    used = 0
    for i, c in enumerate(text):
        used += 0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        if used > room:
            end = i - 1
            while end > 0 and (unicodedata.combining(text[end]) or text[end] in "\u200d\ufe0f"):
                end -= 1
            return text[:end].rstrip("\u200d ") + "…"
    return text


def shown(text: str, room: int | None = None) -> Markup:
    """A label, escaped, cut to `room` and kept apart from the direction of what surrounds it."""
    clean = plain(text)
    return escape(f"\u2068{clean if room is None else cut(clean, room)}\u2069")


def spread(all_of_it: Sequence[T], most: int) -> list[T]:
    """At most `most` of a sequence, evenly, with the first and the last."""
    last = len(all_of_it) - 1
    if last < most:
        return list(all_of_it)
    return [all_of_it[round(k * last / (most - 1))] for k in range(most)]


def both(text: str, wide: int, narrow: int) -> Markup:
    """A label as a wide and as a narrow screen has room for it."""
    long, brief = shown(text, wide), shown(text, narrow)
    if long == brief:
        return long
    return Markup('<tspan class="wide">{}</tspan><tspan class="narrow">{}</tspan>').format(long, brief)


def units(value: float) -> str:
    """A length or place in a drawing."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def plot(height: int, body: str) -> str:
    """Where the data is drawn; the numbers beside it and the times below lie outside, in the margins."""
    return f'<svg y="{TOP}" width="100%" height="{height}" overflow="visible">{body}</svg>'


def stretched(height: int, body: str) -> str:
    """Shapes that are drawn 1,000 units wide and shown as wide as the plot."""
    box = f'viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" overflow="visible"'
    return f'<svg width="100%" height="{height}" {box}>{body}</svg>'


def rules(top: float, step: float, height: int, unit: str = "") -> str:
    """The grid: a line and its number at each step from 0 to `top`."""
    drawn = []
    for k in range(round(top / step) + 1):
        y = units(height - height * k * step / top)
        drawn.append(
            f'<line class="{"grid" if k else "base"}" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
            f'<text class="tick" x="-8" y="{y}" dy="4" text-anchor="end">{short(k * step)}{unit}</text>'
        )
    return "".join(drawn)


def times_axis(axis: TimeAxis, label: TimeLabel | None, height: int) -> str:
    """The time axis; a narrow screen leaves out every other time."""
    zone = UTC if axis.days else axis.zone
    label = label or clock(zone)
    step, times = round_times(axis.first, axis.last, zone)
    drawn = []
    for k, at in enumerate(times):
        x, css = units(axis.x(at) / 10), " wide" if k % 2 else ""
        drawn.append(
            f'<line class="base{css}" x1="{x}%" x2="{x}%" y1="{height}" y2="{height + 5}"/>'
            f'<text class="tick{css}" x="{x}%" y="{height + 20}" text-anchor="middle">'
            f"{escape(plain(label(at, step)))}</text>"
        )
    return "".join(drawn)


def svg(attributes: str, title: str, desc: str, id: str, body: str) -> Markup:
    """A drawing, with its title and description."""
    name = escape(id)
    return Markup(  # noqa: S704 - every text in it is escaped
        f'<svg {attributes} direction="ltr" role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(plain(title))}</title>'
        f'<desc id="{name}-desc">{escape(plain(desc))}</desc>{body}</svg>'
    )


def figure(title: str, desc: str, id: str, height: int, body: str, css: str, after: str = "") -> Markup:
    """A drawing of a height in px that is as wide as its room, with what stands `after` it."""
    drawn = svg(f'width="100%" height="{height}" overflow="visible"', title, desc, id, body)
    return Markup(f'<div class="chart {css}">{drawn}{after}</div>')  # noqa: S704 - as above


def empty(title: str, id: str, height: int, text: str = "No votes yet") -> Markup:
    """A figure that says why there is nothing in it."""
    height = min(height, 120)
    body = (
        f'<line class="base" x1="0" x2="100%" y1="{height}" y2="{height}"/>'
        f'<text class="quiet" x="50%" y="{height // 2}" text-anchor="middle">{text}</text>'
    )
    return figure(title, f"{text}.", id, height + 2, body, "none")
