"""Where a poll allows it, a reader changes and withdraws the vote; tally and results follow."""

import asyncio
from collections import Counter

from tests.support.reader import Http, Reader
from tests.support.server import Service, open_connection


async def tally(service: Service, poll: str) -> Counter[str]:
    """The ballots of a poll by selection, from the tally's rows."""
    return Counter({row["selection"]: row["count"] for row in (await service.export(poll))["tally"]})


async def test_a_change_moves_the_vote(shared: Service, http: Http) -> None:
    poll, reader = await shared.add_poll(allow_change=True), Reader(http)
    first = await reader.vote(poll, 1)
    changed = await reader.vote(poll, 2)
    assert (first.status, changed.status) == (201, 200)
    assert changed.json["selection"] == [2]
    assert changed.receipt != first.receipt
    assert changed.json["results"]["version"] > first.json["results"]["version"]
    assert [option["count"] for option in changed.json["results"]["options"]] == [0, 1, 0]
    assert changed.json["results"]["voters"] == 1
    assert await http.counts(poll) == [0, 1, 0]
    assert await tally(shared, poll) == {"2": 1}
    await shared.assert_clean(poll)


async def test_a_changed_vote_repeats_like_any_other(shared: Service, http: Http) -> None:
    poll, reader = await shared.add_poll(allow_change=True), Reader(http)
    await reader.vote(poll, 1)
    changed = await reader.vote(poll, 2)
    again = await reader.vote(poll, 2)
    assert (again.status, again.receipt) == (200, changed.receipt)
    assert again.json["results"] == changed.json["results"]


async def test_changing_back_is_a_new_vote_with_a_receipt_of_its_own(shared: Service, http: Http) -> None:
    poll, reader = await shared.add_poll(allow_change=True), Reader(http)
    receipts = [(await reader.vote(poll, pick)).receipt for pick in (1, 2, 1)]
    assert len(set(receipts)) == 3
    [ballot] = await shared.ballots(poll)
    assert (ballot.selection, ballot.number) == ("1", 3)
    await shared.assert_clean(poll)


async def test_a_vote_is_withdrawn_and_cast_anew(shared: Service, http: Http) -> None:
    poll, reader, other = await shared.add_poll(allow_change=True), Reader(http), Reader(http)
    await other.vote(poll, 3)
    await reader.vote(poll, 1)
    gone = await reader.vote(poll)
    assert (gone.status, gone.json["selection"]) == (200, [])
    assert gone.json["results"]["voters"] == 1
    assert await http.counts(poll) == [0, 0, 1]
    assert (await reader.vote(poll)).receipt == gone.receipt
    back = await reader.vote(poll, 3)
    assert back.status == 200
    assert back.json["results"]["voters"] == 2
    assert await http.counts(poll) == [0, 0, 2]
    assert await tally(shared, poll) == {"3": 2}
    assert len(await shared.ballots(poll)) == 2
    await shared.assert_clean(poll)


async def test_who_has_not_voted_has_nothing_to_withdraw(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(allow_change=True)
    answer = await Reader(http).vote(poll)
    assert (answer.status, answer.code) == (422, "invalid_selection")
    assert await shared.ballots(poll) == []


async def test_a_final_vote_cannot_be_withdrawn(shared: Service, http: Http) -> None:
    poll, reader = await shared.add_poll(), Reader(http)
    await reader.vote(poll, 1)
    answer = await reader.vote(poll)
    assert (answer.status, answer.code) == (422, "invalid_selection")
    assert await http.counts(poll) == [1, 0, 0]


async def test_a_set_is_changed_as_a_whole(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(kind="multiple", allow_change=True)
    reader = Reader(http)
    await reader.vote(poll, 1, 2)
    changed = await reader.vote(poll, 3, 2)
    assert changed.json["selection"] == [2, 3]
    assert changed.json["results"]["picks"] == 2
    assert await http.counts(poll) == [0, 1, 1]
    assert await tally(shared, poll) == {"2,3": 1}


async def test_changes_at_once_leave_one_vote_and_a_true_tally(shared: Service, http: Http) -> None:
    """One reader changes in many windows at once; the votes of others are not touched."""
    poll, reader = await shared.add_poll(allow_change=True), Reader(http)
    for pick in (1, 2, 3):
        await Reader(http).vote(poll, pick)
    await reader.vote(poll, 1)
    picks = [[], [1], [2], [3]] * 25
    answers = await asyncio.gather(*(reader.vote(poll, *pick) for pick in picks))
    assert {answer.status for answer in answers} == {200}
    results = await http.results(poll)
    [standing] = [ballot for ballot in await shared.ballots(poll) if ballot.number > 4]
    assert results["voters"] == 3 + bool(standing.selection)
    assert await http.counts(poll) == [1 + (standing.selection == str(option)) for option in (1, 2, 3)]
    await shared.assert_clean(poll)


async def test_a_change_follows_the_article_it_is_made_on(shared: Service, http: Http) -> None:
    stories = ["https://news.example/one", "https://news.example/two"]
    poll = await shared.add_poll(allow_change=True, articles=stories)
    reader = Reader(http)
    await reader.vote(poll, 1, article=stories[0])
    await reader.vote(poll, 2, article=stories[1])
    rows = (await shared.export(poll))["tally"]
    assert [(row["article"], row["selection"], row["count"]) for row in rows] == [(stories[1], "2", 1)]


async def test_a_vote_that_is_changed_often_leaves_nothing_behind(shared: Service, http: Http) -> None:
    """An emptied cell goes, that of a withdrawn vote too."""
    poll, reader = await shared.add_poll(kind="ranked", allow_change=True), Reader(http)
    for picks in ([1], [1, 2], [2, 1], [], [3], [3, 2, 1]):
        await reader.vote(poll, *picks)
    async with open_connection(shared.database_url) as connection:
        cells = await connection.rows("SELECT selection, count FROM tally WHERE poll_id = :poll", poll=poll)
    assert list(map(tuple, cells)) == [("3>2>1", 1)]
    await shared.assert_clean(poll)
