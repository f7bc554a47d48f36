"""The rows: their goals, the table that people read, and the file that programs read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """What a row should reach: its `ours`, or its `ratio` of ours to the reference."""

    of: Literal["ours", "ratio"]
    sign: Literal["≥", "≤"]
    limit: float

    def met(self, ours: float, ratio: float | None) -> bool | None:
        value = ours if self.of == "ours" else ratio
        if value is None:
            return None
        return value >= self.limit if self.sign == "≥" else value <= self.limit

    def __str__(self) -> str:
        return f"{self.sign} {self.limit:g}"


GOALS = {
    "votes_per_s_vs_noop_post": Goal("ratio", "≥", 0.5),
    "votes_per_s_vs_naive": Goal("ratio", "≥", 20),
    "votes_per_s_vs_before": Goal("ratio", "≥", 0.8),
    "idle_vote_p50_vs_floor": Goal("ratio", "≤", 2.5),
    "get_per_s_vs_bare": Goal("ratio", "≥", 0.75),
    "postgres_votes_per_s": Goal("ratio", "≥", 0.4),
    "postgres_us_per_vote": Goal("ours", "≤", 100),
    "fsyncs_per_vote": Goal("ours", "≤", 0.02),
    "rss_per_stream_vs_lib": Goal("ratio", "≤", 0.5),
    "fanout_vs_socket": Goal("ratio", "≥", 0.5),
    "fanout_vs_nchan": Goal("ratio", "≥", 1.0),
    "vote_p99_with_streams": Goal("ratio", "≤", 2),
    "healthy_p99_with_stalled": Goal("ratio", "≤", 1.3),
    "flash_crowd_s": Goal("ours", "≤", 65),
    "flash_crowd_vote_p50_ms": Goal("ours", "≤", 100),
    "flash_crowd_vote_p99_ms": Goal("ours", "≤", 1_000),
    "flash_crowd_live_p50_ms": Goal("ours", "≤", 500),
    "flash_crowd_live_p99_ms": Goal("ours", "≤", 1_000),
    "flash_crowd_mb": Goal("ours", "≤", 500),
    "flash_crowd_votes_per_s": Goal("ours", "≥", 1_167),
    "start_to_ready_s": Goal("ours", "≤", 2),
    "storage_bytes_per_ballot": Goal("ours", "≤", 160),
    "upgrade_of_a_million_s": Goal("ours", "≤", 60),
    "upgrade_of_a_million_mb": Goal("ours", "≤", 300),
    "audit_of_a_million_s": Goal("ours", "≤", 60),
    "audit_of_a_million_mb": Goal("ours", "≤", 300),
    "proof_of_inclusion_ms": Goal("ours", "≤", 5),
    "lighthouse_points_lost": Goal("ours", "≤", 1),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a figure of ours and of the reference for each run, taken in turns."""

    name: str
    unit: str
    how: str
    ours: Sequence[float]
    reference: Sequence[float] = ()
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        return median(self.ours) / median(self.reference) if self.reference and self.ours else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where it cannot be told."""
        return GOALS[self.name].met(median(self.ours), self.ratio) if self.ours else None

    def as_json(self) -> dict[str, Any]:
        goal = GOALS[self.name]
        return {
            "name": self.name,
            "ours": _rounded(median(self.ours)) if self.ours else None,
            "reference": _rounded(median(self.reference)) if self.reference else None,
            "ratio": None if self.ratio is None else _rounded(self.ratio),
            "unit": self.unit,
            "goal": str(goal),
            "goal_is_for": goal.of,
            "met": self.met,
            "runs": {"ours": [*map(_rounded, self.ours)], "reference": [*map(_rounded, self.reference)]},
            "how": self.how,
            **self.more,
        }


def write(rows: Sequence[Row], path: Path) -> None:
    """Write the rows for programs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([row.as_json() for row in rows], ensure_ascii=False, indent=1) + "\n")


def table(rows: Sequence[Row]) -> str:
    """The rows for people: medians, and the spread of the runs in brackets."""
    lines = [("row", "ours", "reference", "ratio", "goal", "unit")]
    for row in rows:
        goal, mark = GOALS[row.name], {True: "✓", False: "✗ missed", None: "?"}[row.met]
        ratio = "–" if row.ratio is None else f"{row.ratio:.3g}"
        shown = f"{goal} {mark}" if goal.of == "ratio" else f"ours {goal} {mark}"
        lines.append((row.name, _spread(row.ours), _spread(row.reference), ratio, shown, row.unit))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    notes = [f"{row.name}: {row.more['note']}" for row in rows if "note" in row.more]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:], *([""] if notes else []), *notes])


def _spread(runs: Sequence[float]) -> str:
    if not runs:
        return "–"
    if len(runs) == 1:
        return _short(runs[0])
    return f"{_short(median(runs))} [{_short(min(runs))}–{_short(max(runs))}]"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")
