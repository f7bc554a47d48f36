"""When the rounds of a ranking are counted: not twice at once, once a second, and beside the votes."""

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

import pollsvc.services.rounds as rounds_module
from pollsvc.domain.poll import Kind, Site
from pollsvc.domain.tally import Tally, Totals
from pollsvc.services.editing.definitions import define
from pollsvc.services.editing.new_poll import NewPoll
from pollsvc.services.rounds import Count, Rounds, count_of
from pollsvc.services.snapshots import Publisher, Snapshot
from pollsvc.services.strings import Strings

FIVE = ("Doha", "Muscat", "Geneva", "Oslo", "Ankara")


def snapshot(version: int, totals: Totals) -> Snapshot:
    """A ranked poll at a version."""
    site = Site("s", "News", frozenset(), "en", "UTC", b"", 10)
    poll = define(NewPoll("Who?", FIVE, kind=Kind.RANKED, lang="en"), site, None, 0)
    tally = Tally(replace(poll, id="poll"), version, totals)
    return Snapshot(tally, 1.0, Publisher("http://x", Strings()))


async def test_a_poll_is_counted_once_a_second_and_never_twice_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, running, versions = 100.0, 0, list[int]()
    began, may_end = threading.Event(), threading.Event()

    def slow(poll: Any, version: int, totals: Any) -> Count:
        nonlocal running
        running += 1
        assert running == 1
        began.set()
        assert may_end.wait(5)
        versions.append(version)
        running -= 1
        return count_of(poll, version, totals)

    monkeypatch.setattr(rounds_module, "count_of", slow)
    monkeypatch.setattr(rounds_module, "FEW", 0)
    rounds = Rounds(lambda: now)
    first = [asyncio.create_task(rounds.of(snapshot(version, {}))) for version in (1, 2, 3)]
    assert await asyncio.to_thread(began.wait, 5)
    may_end.set()
    assert [count.version for count in await asyncio.gather(*first)] == [1, 1, 1]
    now += 0.9
    assert (await rounds.of(snapshot(4, {("1>2", "counted", ""): 1}))).version == 1
    now += 0.2
    may_end.clear()
    began.clear()
    next_ = asyncio.create_task(rounds.of(snapshot(5, {("1>2", "counted", ""): 2})))
    assert await asyncio.to_thread(began.wait, 5)
    now += 5
    assert (
        await rounds.of(snapshot(6, {("1>2", "counted", ""): 3}))
    ).version == 1  # meanwhile the one before
    may_end.set()
    found = await next_
    assert (found.version, found.voters) == (5, 2)
    now += 44
    assert await rounds.of(snapshot(7, {})) is found  # it took 5 s, and that may be a tenth of the time
    now += 2
    assert (await rounds.of(snapshot(8, {}))).version == 8
    found = await rounds.of(snapshot(8, {}))
    now += 99
    assert await rounds.of(snapshot(8, {})) is found
    assert versions == [1, 5, 8]
    await rounds.stop()


async def test_few_rankings_are_counted_for_each_version() -> None:
    rounds = Rounds(lambda: 100.0)
    for version in (1, 2, 3):
        count = await rounds.of(snapshot(version, {("1>2", "counted", ""): version}))
        assert (count.version, count.voters) == (version, version)
    assert await rounds.of(snapshot(3, {})) is count


async def test_a_count_that_nobody_waits_for_any_more_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds_module, "FEW", 0)
    rounds = Rounds()
    task = asyncio.create_task(rounds.of(snapshot(1, {("1>2", "counted", ""): 1})))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await rounds.of(snapshot(2, {}))).version == 1
    await rounds.stop()
