"""What editors see of a poll while it runs: shares, time in the site's zone, articles, rounds."""

import asyncio
import json
from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

import pytest

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.poll import Kind, OptionState, Visibility
from pollsvc.services.editing.placing import Placing
from pollsvc.services.editing.sites import Sites
from pollsvc.services.watching.lookout import KEEP, Memory
from pollsvc.services.watching.timeline import Bucket
from tests.support.newsroom import Newsroom, minute, newsroom_on, spans


@pytest.fixture
async def room(database_url: str) -> AsyncIterator[Newsroom]:
    async with newsroom_on(database_url) as room:
        yield room


async def test_hours_and_days_are_those_of_the_site_when_its_clocks_change(room: Newsroom) -> None:
    room.at("2026-10-24T10:00")
    poll = await room.poll()
    first_two = minute("2026-10-25T02:30")  # which comes twice
    for at, times in (
        (minute("2026-10-24T23:59"), 1),
        (minute("2026-10-25T00:00"), 2),
        (first_two, 3),
        (first_two + 60, 4),
        (minute("2026-10-25T23:59"), 5),
        (minute("2026-10-26T00:00"), 6),
    ):
        await room.vote(poll, "1", at, times)
    room.at("2026-10-26T09:00")
    assert spans(await room.watch(poll, Bucket.DAY)) == [("24 00:00", 1), ("25 00:00", 14), ("26 00:00", 6)]
    hours = spans(await room.watch(poll, Bucket.HOUR))
    assert hours == [
        ("24 23:00", 1),
        ("25 00:00", 2),
        ("25 02:00", 3),
        ("25 02:00", 4),
        ("25 23:00", 5),
        ("26 00:00", 6),
    ]


async def test_a_zone_of_three_quarters_of_an_hour(room: Newsroom) -> None:
    kathmandu = ZoneInfo("Asia/Kathmandu")
    site = await Sites(room.connection, room.clock).add(
        "Post", ["https://post.example"], time_zone="Asia/Kathmandu"
    )
    room.at("2026-11-22T08:00", kathmandu)
    poll = await room.poll(site=site)
    for text in ("09:00", "09:14", "09:59", "10:00"):
        await room.vote(poll, "1", minute(f"2026-11-22T{text}", kathmandu))
    room.at("2026-11-22T10:30", kathmandu)
    assert spans(await room.watch(poll, Bucket.HOUR), kathmandu) == [("22 09:00", 3), ("22 10:00", 1)]
    quarters = spans(await room.watch(poll, Bucket.QUARTER), kathmandu)
    assert quarters == [("22 09:00", 2), ("22 09:45", 1), ("22 10:00", 1)]


async def test_shares_are_of_voters_and_add_up_over_time(room: Newsroom) -> None:
    poll = await room.poll("Iran", "The United States", "Neither", kind=Kind.MULTIPLE)
    start = minute("2026-11-22T12:00")
    await room.vote(poll, "1,2", start, 3)
    await room.vote(poll, "2", start + 60, 1)
    await room.vote(poll, "3", start + 60, 2, status="held")
    await room.vote(poll, "3", start + 61, 1, status="excluded")
    room.at("2026-11-22T14:00")
    watch = await room.watch(poll)
    assert [(line.votes, line.share) for line in watch.lines] == [(3, 0.75), (4, 1.0), (0, 0.0)]
    assert (watch.results.voters, watch.results.picks, watch.shows_picks) == (4, 7, True)
    assert (watch.results.held, watch.results.excluded) == (2, 1)
    first, second, third = watch.timeline.spans
    assert [first.so_far.share(option) for option in (1, 2, 3)] == [1.0, 1.0, 0.0]
    assert [second.so_far.share(option) for option in (1, 2, 3)] == [0.75, 1.0, 0.0]
    assert (second.votes.held, second.votes.excluded) == (2, 1)
    assert (third.votes.counted, third.so_far.counted) == (0, 4)
    assert watch.settled


async def test_a_poll_without_votes_has_no_shares(room: Newsroom) -> None:
    watch = await room.watch(await room.poll())
    assert [(line.votes, line.share) for line in watch.lines] == [(0, None), (0, None)]
    assert not any(span.votes.counted for span in watch.timeline.spans)


async def test_a_changed_vote_counts_when_it_changed_and_a_withdrawn_one_nowhere(room: Newsroom) -> None:
    poll = await room.poll(allow_change=True)
    start = minute("2026-11-22T12:00")
    for voter in ("a" * 22, "b" * 22):
        await room.vote(poll, "1", start, voter=voter)
    await room.vote(poll, "2", start + 120, voter="a" * 22)
    await room.vote(poll, "", start + 121, voter="b" * 22)
    room.at("2026-11-22T15:00")
    watch = await room.watch(poll)
    assert spans(watch) == [("22 14:00", 1)]
    assert watch.timeline.spans[-1].so_far.options == {0: 0, 1: 0, 2: 1}


async def test_what_was_cast_before_the_window_is_in_the_sums(room: Newsroom) -> None:
    room.at("2026-11-20T12:00")
    poll = await room.poll()
    await room.vote(poll, "1", minute("2026-11-20T13:00"), 5)
    for at in ("10:24", "10:25"):
        await room.vote(poll, "1", minute(f"2026-11-22T{at}"))
    await room.vote(poll, "2", minute("2026-11-22T11:30"), 3)
    room.at("2026-11-22T12:00")
    watch = await room.watch(poll, Bucket.MINUTE)
    assert watch.timeline.earlier == 6
    assert [span.so_far.counted for span in watch.timeline.spans[:2]] == [7, 7]
    assert watch.timeline.spans[-1].so_far.counted == 10
    assert len(watch.timeline.spans) == 96
    assert (watch.pace.hour, watch.pace.lately) == (3, 0)


async def test_a_closed_poll_ends_when_it_closed(room: Newsroom) -> None:
    room.at("2026-11-01T12:00")
    poll = await room.poll(closes_at=minute("2026-11-01T14:00") * 60)
    await room.vote(poll, "1", minute("2026-11-01T13:59"))
    room.at("2026-11-22T12:00")
    watch = await room.watch(poll, room.lookout.bucket(poll, None))
    assert watch.timeline.bucket is Bucket.QUARTER
    assert spans(watch) == [("01 13:45", 1)]
    assert watch.timeline.spans[-1].begins == minute("2026-11-01T13:45") * 60


async def test_votes_by_article_and_by_site(room: Newsroom) -> None:
    poll = await room.poll(
        articles=["https://news.example/a", "https://news.example/b", "https://www.gazette.example/c?x=1"]
    )
    await Placing(room.connection, room.clock).detach(poll.id, "https://news.example/b")
    now = minute("2026-11-22T12:00")
    await room.vote(poll, "1", now, 2, article=1)
    await room.vote(poll, "2", now - 60, 5, article=2)
    await room.vote(poll, "1", now, 1, article=3)
    await room.vote(poll, "1", now, 1, article=3, status="held")
    await room.vote(poll, "2", now, 4)
    watch = await room.watch(poll)
    found = [(place.url, place.detached, place.votes.counted, place.votes.held) for place in watch.places]
    assert found == [
        ("https://news.example/b", True, 5, 0),
        (None, False, 4, 0),
        ("https://news.example/a", False, 2, 0),
        ("https://gazette.example/c?x=1", False, 1, 1),
    ]
    assert watch.places[3].link == "https://www.gazette.example/c?x=1"
    assert [place.votes.share(1) for place in watch.places] == [0, 0, 1, 1]
    hosts = [(host.name, host.articles, host.votes.counted) for host in watch.hosts]
    assert hosts == [("news.example", 2, 7), (None, 1, 4), ("gazette.example", 1, 1)]


@pytest.mark.parametrize("visibility", Visibility)
async def test_editors_see_results_that_readers_do_not(room: Newsroom, visibility: Visibility) -> None:
    poll = await room.poll(visibility=visibility)
    await room.vote(poll, "2", minute("2026-11-22T12:00"), 2)
    watch = await room.watch(poll)
    assert [line.votes for line in watch.lines] == [0, 2]


async def test_drafts_can_be_watched_and_unknown_polls_not(room: Newsroom) -> None:
    poll = await room.poll(draft=True)
    watch = await room.watch(poll)
    assert (watch.state, watch.results.voters) == ("draft", 0)
    with pytest.raises(PollError) as caught:
        await room.lookout.snapshot("nosuchpoll")
    assert caught.value.code is Code.NO_SUCH_POLL


async def test_retired_options_and_other_answers(room: Newsroom) -> None:
    poll = await room.poll("Iran", "The United States", "Neither", write_in=True)
    now = minute("2026-11-22T12:00")
    await room.connection.rows(
        "UPDATE options SET state = 'retired' WHERE poll_id = :poll AND id = 2", poll=poll.id
    )
    for option, state, into in ((7, "pending", None), (8, "merged", 1)):
        await room.connection.rows(
            "INSERT INTO options VALUES (:poll, :id, :id, :label, :state, '', '', '{}', :text, :target)",
            poll=poll.id,
            id=option,
            label=json.dumps({"en": f"Written {option}"}),
            state=state,
            text=f"written {option}",
            target=into,
        )
    for selection, times in (("1", 1), ("2", 2), ("7", 3), ("8", 4)):
        await room.vote(poll, selection, now, times)
    watch = await room.watch(poll)
    assert [(line.id, line.votes, line.retired) for line in watch.lines] == [
        (1, 5, False),
        (2, 2, True),
        (3, 0, False),
    ]
    assert watch.other is not None
    assert (watch.other.votes, watch.pending) == (3, 1)
    assert {option.id for option in watch.poll.options if option.state is OptionState.PENDING} == {7}
    assert watch.timeline.spans[-1].votes.options == {0: 3, 1: 5, 2: 2}


async def test_a_ranked_poll_has_first_preferences_rounds_and_points(room: Newsroom) -> None:
    poll = await room.poll("A", "B", "C", kind=Kind.RANKED)
    now = minute("2026-11-22T12:00")
    for selection, times in (("1>2", 4), ("2>3", 3), ("3>2>1", 2)):
        await room.vote(poll, selection, now, times)
    watch = await room.watch(poll)
    assert [line.votes for line in watch.lines] == [4, 3, 2]
    assert watch.count is not None
    assert watch.count.runoff.winners == (2,)
    assert [each.counts for each in watch.count.runoff.rounds] == [{1: 4, 2: 3, 3: 2}, {1: 4, 2: 5}]
    assert watch.count.borda == {1: 8, 2: 12, 3: 7}
    assert watch.timeline.spans[-1].votes.options == {1: 4, 2: 3, 3: 2}
    assert spans(watch) == [("22 12:00", 9)]


async def test_a_rating_has_its_mean(room: Newsroom) -> None:
    poll = await room.poll(kind=Kind.RATING, scale=5)
    for selection, times in (("1", 1), ("5", 3)):
        await room.vote(poll, selection, minute("2026-11-22T12:00"), times)
    assert (await room.watch(poll)).results.mean == 4.0


async def test_what_came_since_the_last_reading_stands_in_the_latest_bucket(room: Newsroom) -> None:
    poll = await room.poll()
    start = minute("2026-11-22T12:00")
    await room.vote(poll, "1", start, 2)
    room.at("2026-11-22T14:30")
    room.takes = 1
    await room.watch(poll)  # as if it had taken very long
    room.takes = 0
    await room.vote(poll, "2", minute("2026-11-22T14:29"), 3)
    watch = await room.watch(poll)
    assert spans(watch) == [("22 12:00", 2), ("22 14:00", 3)]
    assert watch.timeline.spans[-1].so_far.options == {0: 0, 1: 2, 2: 3}
    assert not watch.settled
    room.watched += 100
    watch = await room.watch(poll)
    assert spans(watch) == [("22 12:00", 2), ("22 14:00", 3)]
    assert watch.settled


async def test_reading_takes_a_tenth_of_the_time_at_most_and_makes_nobody_wait() -> None:
    now, read = 0.0, 0
    memory: Memory[int] = Memory(lambda: now)
    gate = asyncio.Event()
    gate.set()

    async def slow() -> int:
        nonlocal now, read
        await gate.wait()
        now += 2
        read += 1
        return read

    async def get(version: int) -> int:
        return (await memory.get("poll", version, slow, lambda _: True)).value

    assert [await get(1), await get(1), await get(2)] == [1, 1, 1]
    now += 2 * KEEP
    gate.clear()
    first = asyncio.create_task(get(3))
    await asyncio.sleep(0)
    assert await asyncio.wait_for(get(3), 5) == 1  # somebody else is reading
    gate.set()
    assert await first == 2
    assert (await memory.get("poll", 3, slow, lambda _: False)).value == 3  # nothing usable: read at once
