"""The capacity model: what a crowd needs follows from what one process does."""

from dataclasses import replace

from tests.bench.scale import Crowd, Measured, need, table

ONE = Measured(
    votes=1_000,
    gets=10_000,
    frames=50_000,
    stream=10e3,
    peak=200e6,
    ballot=100,
    database=50e-6,
    sizes={"get": 2_000, "vote": 1_000, "request": 500, "frame": 400},
)
CROWD = Crowd(
    viewers=100_000,
    votes_per_minute=60_000,
    streams=0.5,
    every=8,
    polls=10,
    shields=5,
    frames=4,
    use=0.5,
    per_process=10_000,
    connections=20,
)


def test_what_a_crowd_needs() -> None:
    found = need(CROWD, ONE)
    assert (found.votes, found.gets, found.frames) == (1, 0.005, 4)
    assert found.processes == 11  # 5.005 cores, half used
    assert found.database == 1
    assert found.connections == 220
    assert found.memory == 11 * 100e6 + 50_000 * 10e3
    assert found.at_cdn == 50_000 / 8 * 2_000
    assert found.at_service == 50 * 2_000 + 1_000 * 1_500 + 200_000 * 400
    assert found.per_hour == 3_600_000 * 100
    assert found.monthly(1, 0, 0, 10) == 730 * 12
    assert found.monthly(0, 1, 0, 10) == 730 * 1.6
    assert found.monthly(0, 0, 1, 10) == 36_000 * (12.5e6 + 81.6e6) / 1e9


def test_streams_are_held_by_as_many_processes_as_may_hold_them() -> None:
    """However rarely a frame is sent to them."""
    assert need(replace(CROWD, frames=0, streams=1), ONE).processes == 10
    assert need(replace(CROWD, viewers=0, votes_per_minute=0), ONE).processes == 1


def test_the_table_has_a_column_for_each_need() -> None:
    lines = table({"some": need(CROWD, ONE), "none": need(replace(CROWD, streams=0), ONE)}).splitlines()
    assert {line.count("|") for line in lines} == {4}
    assert lines[0] == "|  | some | none |"
