"""`python -m tests.bench [ROW …]`: measure the rows, print the table, write build/bench.json."""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tests.bench import (
    calm,
    crowd,
    delays,
    earlier,
    fanout,
    lighthouse,
    million,
    postgres,
    reading,
    upgrade,
    voting,
)
from tests.bench.harness import BUILD, Bench, Cores, say
from tests.bench.report import GOALS, Row, table, write

Measure = Callable[[Bench], Awaitable[list[Row]]]

MEASURES: dict[Measure, Sequence[str]] = {
    voting.throughput: ("votes_per_s_vs_noop_post", "votes_per_s_vs_naive"),
    earlier.votes: ("votes_per_s_vs_before",),
    postgres.votes: ("postgres_votes_per_s", "postgres_us_per_vote"),
    voting.fsyncs: ("fsyncs_per_vote",),
    calm.idle_vote: ("idle_vote_p50_vs_floor",),
    reading.results: ("get_per_s_vs_bare",),
    fanout.resident: ("rss_per_stream_vs_lib",),
    fanout.frames: ("fanout_vs_socket", "fanout_vs_nchan"),
    delays.votes_while_watched: ("vote_p99_with_streams",),
    delays.frames_beside_stalled: ("healthy_p99_with_stalled",),
    crowd.flash_crowd: (
        *("flash_crowd_s", "flash_crowd_vote_p50_ms", "flash_crowd_vote_p99_ms", "flash_crowd_live_p50_ms"),
        *("flash_crowd_live_p99_ms", "flash_crowd_mb", "flash_crowd_votes_per_s"),
    ),
    million.million: (
        *("start_to_ready_s", "storage_bytes_per_ballot", "audit_of_a_million_s", "audit_of_a_million_mb"),
        "proof_of_inclusion_ms",
    ),
    upgrade.upgrade: ("upgrade_of_a_million_s", "upgrade_of_a_million_mb"),
    lighthouse.points: ("lighthouse_points_lost",),
}


def main() -> int:
    """Measure; 1 when a row could not be measured, else 0: a goal that is missed is only shown."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help=f"rows, or parts of their names: {', '.join(GOALS)}"
    )
    wanted = parser.parse_args().rows
    chosen = {
        measure: names
        for measure, names in MEASURES.items()
        if not wanted or any(word in name for word in wanted for name in names)
    }
    if not chosen:
        parser.error(f"no row is named so; there are {', '.join(GOALS)}")
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # so that servers are ended
    started = time.monotonic()
    rows, failures = asyncio.run(_measure(chosen))
    path = BUILD / "bench.json"
    write(rows, path)
    print(f"\n{table(rows)}\n\n{path} written after {time.monotonic() - started:.0f} s")
    for failure in failures:
        print(f"Not measured: {failure}", file=sys.stderr)
    return 1 if failures else 0


async def _measure(chosen: dict[Measure, Sequence[str]]) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    failures: list[str] = []
    BUILD.mkdir(exist_ok=True)
    cores = Cores.take()
    for measure, names in chosen.items():
        with tempfile.TemporaryDirectory(prefix="bench-", dir=BUILD) as folder:
            say(f"{', '.join(names)} …")
            try:
                rows += await measure(Bench(cores, Path(folder)))
            except Exception as error:  # whatever it is, the other rows can be measured
                failures.append(f"{', '.join(names)}: {error!r}")
    return rows, failures


if __name__ == "__main__":
    sys.exit(main())
