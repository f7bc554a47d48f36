"""The admin's charts: well-formed, escaped, true to every number, and unmoved by odd data."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from markupsafe import Markup

from pollsvc.web.admin.watching.axes import (
    apart,
    bucket_for,
    clock,
    cut,
    number_of,
    percent,
    round_times,
    scale,
    short,
    shown,
)
from pollsvc.web.admin.watching.charts import (
    Bar,
    Point,
    Series,
    bars_chart,
    shares_chart,
    sparkline,
    votes_chart,
)

NOON = int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp())
HOSTILE = "</title></svg><script>alert(1)</script>\"'&\x00\x1b\ud800\ufffe\u202e"
LABELS = [
    "Iran",
    "الولايات المتحدة",
    "👩‍👩‍👧 both",
    HOSTILE,
    "long " * 60,
    "",
    "日本語の長い選択肢" * 5,
    *"hij",
]


def parsed(chart: Markup) -> ET.Element:
    """The chart as XML: well-formed, an image with a name and a description, and no style or script in it."""
    chart.encode()
    root = ET.fromstring(chart)
    svg = root if root.tag == "svg" else root[0]
    assert svg.get("role") == "img"
    names = {element.get("id"): element.tag for element in svg.iter() if element.get("id")}
    assert [names[name] for name in (svg.get("aria-labelledby") or "").split()] == ["title", "desc"]
    for element in root.iter():
        assert element.tag in {
            *("div", "svg", "title", "desc", "g", "line", "rect", "path", "polyline", "polygon", "text"),
            *("tspan", "ul", "li", "bdi"),
        }
        assert not [name for name in element.attrib if name == "style" or name.startswith("on")]
        numbers = [element.get(name, "0") for name in ("x", "y", "width", "height", "points", "d")]
        assert not re.search(r"nan|inf|e[+-]?\d", " ".join(numbers))
    return root


def texts(root: ET.Element, tag: str) -> list[str]:
    return ["".join(element.itertext()).strip("\u2068\u2069") for element in root.iter(tag)]


def shares(series: Sequence[Series], totals: Sequence[int], *, least: int = 1) -> Markup:
    times = [NOON + 60 * k for k in range(len(totals))]
    return shares_chart(series, times=times, totals=totals, least=least)


def test_every_bucket_has_its_bar_and_its_number() -> None:
    root = parsed(votes_chart([Point(NOON, 3), Point(NOON + 120, 1204), Point(NOON + 60, 0)]))
    bars = [element for element in root.iter("rect") if element.get("class") == "bar"]
    assert ["".join(bar.itertext()) for bar in bars] == ["22 Nov, 12:00: 3", "22 Nov, 12:02: 1,204"]
    tall = [float(bar.get("height", "")) for bar in bars]
    assert tall[0] / tall[1] == pytest.approx(3 / 1204, abs=0.01)
    assert texts(root, "desc") == [
        "1,207 votes; the most in 1 minute: 1,204, 22 Nov, 12:02. Each bar is 1 minute."
    ]


def test_many_buckets_are_merged_and_no_vote_is_lost() -> None:
    points = [Point(NOON + 60 * k, k % 7) for k in range(10_000)]
    chart = votes_chart(points)
    root = parsed(chart)
    told = [int(text.rpartition(": ")[2].replace(",", "")) for text in texts(root, "title")[1:]]
    assert len(told) <= 100
    assert sum(told) == sum(point.votes for point in points)
    assert f"{sum(told):,} votes" in texts(root, "desc")[0]
    assert "Each bar is 2 hours" in texts(root, "desc")[0]
    assert len(chart) < 40_000


@pytest.mark.parametrize("votes", [0, 1, 10**15])
@pytest.mark.parametrize("count", [1, 2, 500])
def test_one_point_none_and_huge_counts_are_drawn(votes: int, count: int) -> None:
    root = parsed(votes_chart(Point(NOON + 60 * k, votes) for k in range(count)))
    said = "1 vote" if votes * count == 1 else f"{votes * count:,} votes"
    assert texts(root, "desc")[0].startswith(f"{said}; the most")


def test_without_data_a_chart_says_so() -> None:
    for chart in (votes_chart([]), shares([], []), shares([Series("Iran", [0])], [0])):
        assert "No votes yet" in texts(parsed(chart), "text")
    assert "No options yet" in texts(parsed(bars_chart([], total=0)), "text")
    assert texts(parsed(sparkline([])), "desc") == ["No votes yet."]


def test_a_share_is_of_its_own_moment_and_tells_the_last() -> None:
    root = parsed(shares([Series("Iran", [1, 20]), Series("Both", [1, 60])], [2, 80]))
    assert texts(root, "desc") == ["Now, of 80 voters: Iran: 25% (20); Both: 75% (60)."]
    ends = [line.get("points", "").split() for line in root.iter("polyline")]
    assert ends == [["0,120", "1000,180"], ["0,120", "1000,60"]]  # of a height of 240 for 100 %


def test_a_single_moment_stands_for_the_time_before_it() -> None:
    root = parsed(shares_chart([Series("Iran", [0, 3])], times=[NOON, NOON + 300], totals=[0, 4], least=1))
    assert [line.get("points") for line in root.iter("polyline")] == ["0,60 1000,60"]
    assert {"12:00", "12:05"} <= {*texts(root, "text")}


def test_votes_and_shares_stand_on_the_same_times() -> None:
    begins = [NOON + 60 * k for k in range(10)]
    votes = parsed(votes_chart([Point(at, 9) for at in begins], bucket=60))
    line = parsed(
        shares_chart(
            [Series("Iran", [9 * k for k in range(11)])],
            times=[*begins, NOON + 585],
            totals=[9 * k for k in range(11)],
            bucket=60,
        )
    )
    ticks = [
        [(text.get("x"), text.text) for text in root.iter("text") if ":" in (text.text or "")]
        for root in (votes, line)
    ]
    assert ticks[0] == ticks[1] != []


def test_hours_are_merged_into_the_days_of_the_calendar_when_the_clocks_change() -> None:
    first = int(datetime(2026, 9, 1, tzinfo=ZoneInfo("Europe/Berlin")).timestamp())
    hours = [Point(first + 3600 * k, 1) for k in range(24 * 80)]
    told = texts(parsed(votes_chart(hours, bucket=3600, zone=ZoneInfo("Europe/Berlin"))), "title")[1:]
    days = dict(text.split(": ") for text in told)
    assert len(days) == len(told) == 80
    assert {day for day, votes in days.items() if votes != "24"} == {"25 Oct", "19 Nov"}


def test_lines_differ_without_colour_and_their_names_do_not_touch() -> None:
    series = [Series(label, [0, 10 + (n == 3)]) for n, label in enumerate(LABELS)]
    root = parsed(shares(series, [1, 101]))
    lines = list(root.iter("polyline"))
    assert len({line.get("stroke-dasharray") for line in lines}) == len(LABELS) == 10
    assert len({path.get("d") for path in root.iter("path") if "point" in path.get("class", "")}) == 10
    places = sorted(float(text.get("y", "")) for text in root.iter("text") if text.get("class") == "name")
    assert min(below - above for above, below in pairwise(places)) >= 16
    assert places[0] >= 0
    assert places[-1] <= 250


def test_of_many_options_those_that_lead_are_drawn_and_the_rest_is_told() -> None:
    root = parsed(shares([Series(f"Option {n}", [n]) for n in range(12)], [66]))
    assert len(list(root.iter("polyline"))) == 10
    assert "Option 11" in texts(root, "desc")[0]
    assert "Option 1:" not in texts(root, "desc")[0]
    assert texts(root, "desc")[0].endswith("2 more are not drawn.")


def test_a_long_line_is_thinned_and_keeps_its_ends() -> None:
    totals = list(range(1, 10_001))
    chart = shares([Series("Iran", totals)], totals, least=50)
    points = next(parsed(chart).iter("polyline")).get("points", "").split()
    assert len(points) == 240
    assert points[-1].startswith("1000,")
    assert len(chart) < 10_000


def test_totals_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        shares([Series("Iran", [1, 2])], [2])


def test_result_bars_tell_every_count_and_share() -> None:
    root = parsed(bars_chart([Bar("Iran", 300), Bar("Both", 700, "retired"), Bar("Neither", 0)], total=1000))
    assert texts(root, "desc") == [
        "Of 1,000 voters: Iran: 30.0% (300); Both: 70.0% (700); Neither: 0.0% (0)."
    ]
    widths = [bar.get("width") for bar in root.iter("rect") if bar.get("class") == "bar"]
    assert widths == ["30%", "70%", "0%"]
    assert any("retired" in text for text in texts(root, "text"))


def test_result_bars_without_voters_and_from_the_right() -> None:
    assert "–" in "".join(texts(parsed(bars_chart([Bar("Iran", 0)], total=0)), "text"))
    root = parsed(bars_chart([Bar("إيران", 1)], total=4, rtl=True))
    bar = next(element for element in root.iter("rect") if element.get("class") == "bar")
    assert (bar.get("x"), bar.get("width")) == ("75%", "25%")


@pytest.mark.parametrize("label", LABELS)
def test_any_label_is_escaped_and_stands_in_full_in_the_description(label: str) -> None:
    for chart in (
        bars_chart([Bar(label, 1, label)], total=2, title=label, id='a"><b'),
        shares([Series(label, [1])], [2]),
        votes_chart([Point(NOON, 1)], label=lambda at, step: label, title=label),
        sparkline([1], title=label),
    ):
        parsed(chart)
        assert "<script" not in chart
    root = parsed(bars_chart([Bar(label, 1)], total=2))
    for sign in "\x00\x1b\ud800\ufffe\u202e":
        label = label.replace(sign, "")
    assert f"{label}: 50% (1)" in texts(root, "desc")[0]


@pytest.mark.parametrize("values", [[0], [7], [0, 0], [1, 5, 2], list(range(1000))])
def test_a_sparkline_tells_sum_peak_and_last(values: list[int]) -> None:
    said = f"{number_of(sum(values), 'vote')}; highest {max(values):,}, last {values[-1]:,}."
    assert texts(parsed(sparkline(values)), "desc") == [said]


@pytest.mark.parametrize("most", [0, 0.4, 1, 3, 7, 10, 99, 100, 101, 12_345, 10**15])
def test_an_axis_holds_its_highest_value_in_few_whole_steps(most: float) -> None:
    top, step = scale(most)
    assert top >= most
    assert step == int(step) >= 1
    assert 1 <= round(top / step) <= 5


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tehran", "America/New_York", "Asia/Kathmandu"])
@pytest.mark.parametrize("span", [60, 600, 7200, 86_400, 9 * 86_400, 400 * 86_400, 30 * 365 * 86_400])
def test_times_are_round_in_the_local_zone(zone: str, span: int) -> None:
    step, times = round_times(NOON, NOON + span, ZoneInfo(zone))
    assert 1 <= len(times) <= 7
    for at in times:
        assert NOON <= at <= NOON + span
        local = datetime.fromtimestamp(at, ZoneInfo(zone))
        assert (local.hour * 3600 + local.minute * 60 + local.second) % min(step, 86_400) == 0


def test_labels_of_times_name_the_day_at_midnight() -> None:
    label = clock(ZoneInfo("Asia/Tehran"))  # 3:30 ahead of UTC
    assert label(NOON, 3600) == "15:30"
    assert label(NOON + 30_600, 3600) == "23 Nov"
    assert label(NOON, 86_400) == "22 Nov"
    assert label(NOON, 365 * 86_400) == "2026"


def test_small_things() -> None:
    assert [short(n) for n in (0, 5000, 20_000, 1_500_000, 2e12)] == ["0", "5,000", "20k", "1.5M", "2T"]
    assert [percent(1, 3), percent(1, 3000), percent(0, 0)] == ["33%", "0.0%", "–"]
    assert [percent(1, 8), percent(1, 200), percent(25, 2000)] == ["13%", "1%", "1.3%"]
    assert bucket_for(95 * 60, 60, 96) == 60
    assert bucket_for(96 * 60, 60, 96) == 120
    assert bucket_for(10**9, 7, 96) % 7 == 0
    assert apart([5, 5, 100], 10, 100) == [5, 15, 100]
    assert apart([98, 99, 100], 10, 100) == [80, 90, 100]
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abcde…"
    assert not cut("ab👩‍👩‍👧cd", 5).endswith("\u200d…")
    assert shown("<b>") == "\u2068&lt;b&gt;\u2069"
