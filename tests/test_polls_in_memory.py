"""What polls in memory cost: a commit what it changes, a load a few queries, and only so many are kept."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from pollsvc.domain import tally as tally_module
from pollsvc.domain.poll import Kind, Option, OptionState
from pollsvc.domain.selection import folded
from pollsvc.domain.tally import Key, Tally, results_of
from pollsvc.services import tallies as tallies_module
from pollsvc.services.editing.definitions import define
from pollsvc.services.editing.new_poll import NewPoll
from tests.support.newsroom import Newsroom, newsroom_on


@pytest.fixture
async def room(database_url: str) -> AsyncIterator[Newsroom]:
    async with newsroom_on(database_url) as room:
        yield room


def count_queries(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The queries of the connection that polls are loaded on, from now on."""
    reading, asked = room.tallies._connection, list[object]()

    def counting(ask: Any) -> Any:
        def counted(query: object, **values: object) -> Any:
            asked.append(query)
            return ask(query, **values)

        return counted

    monkeypatch.setattr(reading, "rows", counting(reading.rows))
    monkeypatch.setattr(reading, "fetch", counting(reading.fetch))
    return asked


@pytest.mark.parametrize("kind", [Kind.RANKED, Kind.MULTIPLE, Kind.SINGLE])
async def test_a_tally_moved_on_is_as_if_counted_anew(kind: Kind, room: Newsroom) -> None:
    chance = random.Random(1)
    most = {} if kind is Kind.SINGLE else {"max_picks": 3}
    base = define(NewPoll("Who?", ("A", "B", "C"), kind=kind, write_in=True, **most), room.site, None, 0)  # type: ignore[arg-type]
    written = (
        Option(4, {"en": "a"}, OptionState.MERGED, write_in="a", merged_into=1),
        Option(5, {"en": "?"}, OptionState.PENDING, write_in="?"),
    )
    poll = replace(base, options=(*base.options, *written))
    moved, ballots = Tally(poll), list[Key]()
    for version in range(1, 300):
        picks = chance.sample(range(1, 6), chance.randint(0, poll.max_picks))
        joined = ">" if kind is Kind.RANKED else ","
        standings = [("counted", ""), ("counted", ""), ("held", "pace"), ("excluded", "test")]
        key = joined.join(map(str, picks)), *chance.choice(standings)
        difference = {key: 1}
        if ballots and chance.random() < 0.6:
            gone = ballots.pop(chance.randrange(len(ballots)))
            difference[gone] = difference.get(gone, 0) - 1
        ballots.append(key)
        moved.add(version, difference)
        totals = {key: ballots.count(key) for key in ballots}
        assert moved.totals == totals
        assert moved.results() == results_of(poll, version, totals)


async def test_a_commit_counts_what_it_changes(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    options = tuple("ABCDEFGH")
    poll = await room.poll(*options, kind=Kind.RANKED, max_picks=8)
    for number in range(50):
        picks = random.Random(number).sample(range(1, 9), 8)
        await room.vote(poll, ">".join(map(str, picks)), 29_000_000)
    before = await room.tallies.get(poll.id)
    counted = list[str]()

    def count(selection: str, folds: Any) -> list[int]:
        counted.append(selection)
        return folded(selection, folds)

    monkeypatch.setattr(tally_module, "folded", count)
    await room.vote(poll, "2>1", 29_000_000)
    after = await room.tallies.get(poll.id)
    assert (before.results.voters, after.results.voters) == (50, 51)  # what was published stays
    assert len(counted) == 1


async def test_polls_are_loaded_together(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    polls = [await room.poll() for _ in range(8)]
    await room.vote(polls[3], "2", 29_000_000, times=3)
    asked = count_queries(room, monkeypatch)
    ids = [poll.id for poll in polls]
    both = await asyncio.gather(room.tallies.of_ids(["none", *ids, "?"]), room.tallies.of_ids(ids[:2]))
    assert [[snapshot.poll.id for snapshot in found] for found in both] == [ids, ids[:2]]
    assert both[0][3].results.options == {1: 0, 2: 3}
    assert len(asked) <= 4
    asked.clear()
    assert await room.tallies.of_ids(["none", "no1", "no2", "?", ids[0]]) == both[0][:1]
    assert len(asked) == 1


async def test_polls_that_nobody_wants_any_more_are_forgotten(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls = [await room.poll(closes_at=int(room.now) + 600) for _ in range(5)]
    ids, tallies = [poll.id for poll in polls], room.tallies
    monkeypatch.setattr(tallies_module, "KEPT", 3)
    monkeypatch.setattr(tallies, "_watched", lambda poll: poll == ids[0])
    await tallies.of_ids(ids[:3])
    tallies.peek(ids[1])
    await tallies.of_ids(ids[3:])
    assert [tallies.peek(poll) is not None for poll in ids] == [True, False, False, True, True]
    assert tallies._timers.keys() == {ids[0], ids[3], ids[4]}
    await room.vote(polls[1], "1", 29_000_000)
    tallies.on_change({ids[1]: 9})
    assert (await tallies.get(ids[1])).results.voters == 1


async def test_nothing_runs_on_when_tallies_have_stopped(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def stuck(*_: object) -> list[str]:
        begun.set()
        try:
            return await asyncio.Future()
        finally:
            ended.set()

    monkeypatch.setattr(tallies_module, "polls_of_article", stuck)
    request = asyncio.create_task(room.tallies.of_article("https://news.example/story"))
    await begun.wait()
    await room.tallies.stop()
    assert ended.is_set()
    await asyncio.gather(request, return_exceptions=True)
