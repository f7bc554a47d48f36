"""`python -m tests.bench.scale`: what a crowd needs, computed from the figures in build/bench.json.

Each figure is of one process on one core. What is said here and not measured is an argument with its default;
prices have none, and without them no money is shown.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from tests.bench.harness import BUILD

NEEDED = (
    *("postgres_votes_per_s", "get_per_s_vs_bare", "fanout_vs_socket", "rss_per_stream_vs_lib"),
    *("flash_crowd_s", "flash_crowd_mb", "storage_bytes_per_ballot", "postgres_us_per_vote"),
)
MONTH = 730  # hours


@dataclass(frozen=True, slots=True)
class Measured:
    """What one process on one core does, and how large things are; of rows of the bench."""

    votes: float  # a second
    gets: float  # a second
    frames: float  # a second
    stream: float  # bytes of memory
    peak: float  # bytes of memory of a process with 10,000 streams
    ballot: float  # bytes on the disk
    database: float  # seconds of PostgreSQL's core for a vote
    sizes: Mapping[str, int]  # bytes of the answers to a `get` and a `vote`, of a `frame`, of a `request`

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> "Measured":
        """Raises KeyError for a row that is not there."""
        row = {one["name"]: one for one in rows}
        votes, gets, frames, stream, crowd, peak, ballot, database = (row[name] for name in NEEDED)
        return cls(
            votes["ours"],
            gets["ours"],
            frames["ours"],
            stream["ours"] * 1e3,
            peak["ours"] * 1e6,
            ballot["ours"],
            database["ours"] / 1e6,
            crowd["bytes"],
        )


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who comes: viewers at one time, votes a minute, and what a viewer and a network in front do."""

    viewers: int
    votes_per_minute: int
    streams: float  # the share of viewers with a live stream; the others ask for the result
    every: float  # seconds between two questions of a viewer without one
    polls: int  # that are asked for
    shields: int  # caches that ask the service, each once a second and poll
    frames: float  # a second to each stream; the service sends at most 4
    use: float  # the share of a core that is to be used
    per_process: int  # streams that a process may hold
    connections: int  # of a process to the database


@dataclass(frozen=True, slots=True)
class Need:
    """What that takes. Bandwidths are in bytes a second."""

    votes: float  # cores, before `use`
    gets: float
    frames: float
    database: int  # cores of PostgreSQL
    processes: int
    memory: float  # bytes
    connections: int
    at_cdn: float
    at_service: float
    per_hour: float  # bytes of ballots

    def monthly(self, core: float, gigabyte_hour: float, gigabyte: float, hours: float) -> float:
        """The money for a month: cores and memory all the time, traffic in so many hours of such a crowd."""
        kept = MONTH * ((self.processes + self.database) * core + self.memory / 1e9 * gigabyte_hour)
        return kept + hours * 3600 * (self.at_cdn + self.at_service) / 1e9 * gigabyte


def need(crowd: Crowd, measured: Measured) -> Need:
    """What the crowd needs, by figures of one process."""
    size = measured.sizes
    streams, votes = crowd.viewers * crowd.streams, crowd.votes_per_minute / 60
    gets, frames = crowd.polls * crowd.shields, streams * crowd.frames
    cores = votes / measured.votes, gets / measured.gets, frames / measured.frames
    database = ceil(votes * measured.database / crowd.use)
    processes = max(ceil(sum(cores) / crowd.use), ceil(streams / crowd.per_process), 1)
    empty = measured.peak - 10_000 * measured.stream
    return Need(
        *cores,
        database,
        processes,
        memory=processes * empty + streams * measured.stream,
        connections=processes * crowd.connections,
        at_cdn=(crowd.viewers - streams) / crowd.every * size["get"],
        at_service=gets * size["get"] + votes * (size["vote"] + size["request"]) + frames * size["frame"],
        per_hour=crowd.votes_per_minute * 60 * measured.ballot,
    )


def table(needs: Mapping[str, Need]) -> str:
    """The needs side by side, as Markdown."""
    rows = {
        "cores: votes": lambda one: f"{one.votes:.2f}",
        "cores: GETs past the CDN": lambda one: f"{one.gets:.3f}",
        "cores: frames": lambda one: f"{one.frames:.1f}",
        "**processes**, each on a core": lambda one: f"**{one.processes:,}**",
        "cores for PostgreSQL": lambda one: f"{one.database:,}",
        "memory, GB": lambda one: f"{one.memory / 1e9:.1f}",
        "connections to the database": lambda one: f"{one.connections:,}",
        "the CDN sends, Mbit/s": lambda one: f"{one.at_cdn * 8 / 1e6:,.0f}",
        "the service sends and takes, Mbit/s": lambda one: f"{one.at_service * 8 / 1e6:,.0f}",
        "ballots on the disk, MB an hour": lambda one: f"{one.per_hour / 1e6:,.0f}",
    }
    head = ["", *needs]
    lines = [head, ["---"] * len(head)]
    lines += [[name, *map(show, needs.values())] for name, show in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scale", description=__doc__)
    parser.add_argument("--rows", type=Path, default=BUILD / "bench.json")
    for name, usual, what in (
        ("viewers", 1_000_000, "at one time"),
        ("votes-per-minute", 100_000, ""),
        ("polls", 10, "that are asked for"),
        ("shields", 5, "caches of the CDN that ask the service, each once a second and poll"),
        ("per-process", 10_000, "streams that a process may hold (POLLSVC_STREAMS_LIMIT)"),
        ("connections", 20, "of a process to the database, at most"),
    ):
        parser.add_argument(f"--{name}", type=int, default=usual, help=f"{what} ({usual:,})".strip())
    parser.add_argument("--every", type=float, default=8, help="seconds between two questions (8)")
    parser.add_argument("--frames", type=float, default=4, help="a second to each stream, at most 4 (4)")
    parser.add_argument("--use", type=float, default=0.5, help="the share of a core that is to be used (0.5)")
    money = parser.add_argument_group("prices, in any money; all four, or none")
    money.add_argument("--core-hour", type=float)
    money.add_argument("--gigabyte-hour", type=float, help="of memory")
    money.add_argument("--gigabyte", type=float, help="of traffic")
    money.add_argument("--hours", type=float, help="of such a crowd a month")
    given = vars(parser.parse_args())
    prices = [given.pop(name) for name in ("core_hour", "gigabyte_hour", "gigabyte", "hours")]
    rows = given.pop("rows")
    try:
        measured = Measured.of(json.loads(rows.read_text()))
    except (OSError, KeyError) as error:
        print(f"{rows} lacks {error}: run `make bench`, or its rows {' '.join(NEEDED)}", file=sys.stderr)
        return 1
    needs = {
        f"{share:.0%} watch live": need(Crowd(streams=share, **given), measured) for share in (0.0, 0.1, 1.0)
    }
    print(f"One process on one core: {measured}\n\n{table(needs)}")
    if None not in prices:
        costs = ", ".join(f"{name} {one.monthly(*prices):,.0f}" for name, one in needs.items())
        print(f"\nA month, at these prices: {costs}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
