"""A vote is recorded, answered and counted; the same vote again changes nothing; another one is refused."""

import time
from typing import Any

import pytest

from tests.support.reader import Http, Reader, new_key
from tests.support.server import ORIGIN, Service, until


async def test_a_vote_is_counted(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    vote = await Reader(http).vote(poll, 2)
    assert vote.status == 201
    assert vote.headers["cache-control"] == "no-store"
    assert set(vote.json) >= {"receipt", "reader", "results"}
    assert set(vote.json["receipt"]) >= {"poll", "id", "issued_at", "signature"}
    assert vote.json["receipt"]["poll"] == poll
    assert vote.json["selection"] == [2]
    assert vote.json["status"] == "counted"
    results = vote.json["results"]
    assert results["options"] == [{"id": 1, "count": 0}, {"id": 2, "count": 1}, {"id": 3, "count": 0}]
    assert (results["voters"], results["picks"], results["held"], results["excluded"]) == (1, 1, 0, 0)
    assert await http.results(poll) == results
    await shared.assert_clean(poll)


async def test_a_vote_needs_nothing_but_a_selection(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    first = await http.post_vote(poll, {"selection": [1]})
    second = await http.post_vote(poll, {"selection": [1]})
    assert (first.status, second.status) == (201, 201)
    assert first.json["reader"] != second.json["reader"]
    assert await http.counts(poll) == [2, 0, 0]


async def test_the_same_vote_again_gets_the_same_receipt(shared: Service, http: Http) -> None:
    """With the idempotency key (the first answer was lost) and with the token (a double click)."""
    poll, reader = await shared.add_poll(), Reader(http)
    first = await reader.vote(poll, 3)
    again = await http.post_vote(poll, {"selection": [3], "idempotency_key": reader.key})
    with_token = await reader.vote(poll, 3)
    assert (first.status, again.status, with_token.status) == (201, 200, 200)
    assert first.receipt == again.receipt == with_token.receipt
    assert first.json["reader"] == again.json["reader"] == with_token.json["reader"]
    assert first.json["results"] == again.json["results"] == with_token.json["results"]
    assert len(await shared.ballots(poll)) == 1


async def test_a_different_vote_is_refused_and_told_what_stands(shared: Service, http: Http) -> None:
    poll, reader = await shared.add_poll(), Reader(http)
    first = await reader.vote(poll, 1)
    other = await reader.vote(poll, 2)
    assert (other.status, other.code) == (409, "already_voted")
    assert other.json["selection"] == [1]
    assert other.json["results"] == first.json["results"]
    assert "results_url" in other.json
    assert await http.counts(poll) == [1, 0, 0]
    assert (await reader.vote(poll, 1)).receipt == first.receipt
    await shared.assert_clean(poll)


async def test_one_reader_votes_in_several_polls(shared: Service, http: Http) -> None:
    """The token serves every poll of the site, and no two polls' ballots can be tied to one reader."""
    polls, reader = [await shared.add_poll(), await shared.add_poll()], Reader(http)
    votes = [await reader.vote(poll, 1) for poll in polls]
    assert [vote.status for vote in votes] == [201, 201]
    assert votes[0].json["reader"] == votes[1].json["reader"]
    voters = {ballot.voter for poll in polls for ballot in await shared.ballots(poll)}
    assert len(voters) == 2


async def test_a_draft_is_not_there(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(draft=True)
    vote = await Reader(http).vote(poll, 1)
    unknown = await Reader(http).vote("nosuchpoll", 1)
    assert (vote.status, vote.code) == (404, "no_such_poll")
    assert vote.body == unknown.body
    assert (await http.get(f"/api/v1/polls/{poll}")).code == "no_such_poll"


@pytest.mark.parametrize("offset", [{"opens_at": 3600}, {"closes_at": -5}])
async def test_a_poll_that_is_not_open_takes_no_vote(
    shared: Service, http: Http, offset: dict[str, int]
) -> None:
    times: Any = {name: int(time.time()) + seconds for name, seconds in offset.items()}
    poll = await shared.add_poll(**times)
    vote = await Reader(http).vote(poll, 1)
    assert (vote.status, vote.code) == (409, "poll_not_open")
    assert await shared.ballots(poll) == []


async def test_after_the_close_only_a_repeat_still_gets_its_receipt(shared: Service, http: Http) -> None:
    poll, reader, late = await shared.add_poll(allow_change=True), Reader(http), Reader(http)
    first = await reader.vote(poll, 2)
    async with shared.editor() as editor:
        await editor.close_poll(poll)

    async def closed() -> bool:
        return bool((await http.get(f"/api/v1/polls/{poll}")).json["state"] == "closed")

    await until(closed)
    refused = await late.vote(poll, 2)
    assert (refused.status, refused.code) == (409, "poll_not_open")
    again = await reader.vote(poll, 2)
    assert (again.status, again.receipt) == (200, first.receipt)
    assert (await reader.vote(poll, 3)).code == "poll_not_open"
    assert (await reader.vote(poll)).code == "poll_not_open"
    assert await http.counts(poll) == [0, 1, 0]
    await shared.assert_clean(poll)


async def test_votes_are_attributed_to_the_articles_of_the_poll(shared: Service, http: Http) -> None:
    """Under any spelling of an article's URL; a vote from elsewhere belongs to none."""
    stories = ["https://news.example/one", "https://news.example/two?id=7"]
    poll = await shared.add_poll(articles=stories)
    sent = [
        "https://news.example/one",
        "HTTPS://NEWS.EXAMPLE:443/one/?utm_source=x#top",
        "https://news.example/two?id=7&fbclid=1",
        "https://other.example/three",
        "not an address",
    ]
    for article in sent:
        assert (await Reader(http).vote(poll, 1, article=article)).status == 201
    assert (await Reader(http).vote(poll, 1)).status == 201
    found: dict[str | None, int] = {}
    for row in (await shared.export(poll))["tally"]:
        found[row["article"]] = found.get(row["article"], 0) + row["count"]
    assert found == {stories[0]: 2, stories[1]: 1, None: 3}
    await shared.assert_clean(poll)


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "Text/Plain; charset=UTF-8", ""])
async def test_accepted_content_types(shared: Service, http: Http, content_type: str) -> None:
    poll = await shared.add_poll()
    vote = await http.post_vote(poll, {"selection": [1]}, Content_Type=content_type)
    assert vote.status == 201


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/html", "x"]
)
async def test_refused_content_types(shared: Service, http: Http, content_type: str) -> None:
    poll = await shared.add_poll()
    vote = await http.post_vote(poll, {"selection": [1]}, Content_Type=content_type)
    assert (vote.status, vote.code) == (400, "bad_request")
    assert await shared.ballots(poll) == []


@pytest.mark.parametrize("key", ["", "a" * 21, "a" * 87, "a" * 21 + "+", "a" * 21 + "é", "a" * 22 + "\n"])
async def test_an_idempotency_key_that_is_too_weak_or_malformed(
    shared: Service, http: Http, key: str
) -> None:
    poll = await shared.add_poll()
    vote = await http.post_vote(poll, {"selection": [1], "idempotency_key": key})
    assert (vote.status, vote.code) == (400, "bad_request")
    assert await shared.ballots(poll) == []


async def test_another_idempotency_key_is_another_reader_unless_there_is_a_token(
    shared: Service, http: Http
) -> None:
    poll, reader = await shared.add_poll(), Reader(http)
    await reader.vote(poll, 1)
    other = await http.post_vote(poll, {"selection": [2], "idempotency_key": "z" * 86})
    assert other.status == 201
    same = await reader.vote(poll, 1, idempotency_key=new_key())
    assert (same.status, same.json["reader"]) == (200, reader.token)
    assert await http.counts(poll) == [1, 1, 0]


async def test_a_vote_carries_no_cookie_and_no_trace_of_the_client(shared: Service, http: Http) -> None:
    """The ballot has nothing that is not listed here, and its network is a keyed hash."""
    poll = await shared.add_poll()
    vote = await Reader(http).vote(poll, 1)
    assert "set-cookie" not in vote.headers
    [ballot] = await shared.ballots(poll)
    assert ballot._fields == (
        *("poll", "voter", "number", "selection", "status", "reason"),
        *("article", "minute", "batch", "network", "fresh"),
    )
    assert abs(ballot.minute - time.time() / 60) < 2
    assert ORIGIN not in repr(ballot)
