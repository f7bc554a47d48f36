"""Rankings: ballots in order, counted in rounds and by Borda, in the interface and on the page."""

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import pytest

from pollsvc.domain.poll import OptionState
from pollsvc.domain.ranking import borda, runoff
from tests.support.reader import Answer, Http, Reader
from tests.support.server import Service, run_service, until
from tests.support.write_ins import decide, write
from tests.test_public_page import Page, send, show

FIVE = ("Doha", "Muscat", "Geneva", "Oslo", "Ankara")


async def cast(http: Http, poll: str, ballots: Mapping[Sequence[object], int]) -> None:
    """So many votes with each of these rankings."""
    for selection, number in ballots.items():
        for _ in range(number):
            assert (await write(http, poll, *selection)).status == 201


async def counted(http: Http, poll: str, voters: int) -> Answer:
    """The rounds, once they hold so many ballots: they are counted at most once a second."""
    answers: list[Answer] = []

    async def complete() -> bool:
        answers[:] = [await http.get(f"/api/v1/polls/{poll}/rounds")]
        return bool(answers[0].json["voters"] == voters)

    await until(complete)
    return answers[0]


async def test_a_ballot_is_an_order(shared: Service, http: Http) -> None:
    poll, reader = await shared.add_poll(kind="ranked", allow_change=True), Reader(http)
    assert (await reader.vote(poll, 3, 1)).json["selection"] == [3, 1]
    assert (await reader.vote(poll, 1, 3)).json["selection"] == [1, 3]
    assert [ballot.selection for ballot in await shared.ballots(poll)] == ["1>3"]
    assert await http.counts(poll) == [1, 0, 0]
    for selection in ([], [1, 1], [4], [0]):
        assert (await http.post_vote(poll, {"selection": selection})).code == "invalid_selection"
    await shared.assert_clean(poll)


async def test_the_rounds_of_a_poll(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(options=FIVE[:4], kind="ranked")
    await cast(http, poll, {(1, 2): 4, (2, 1): 3, (3, 2): 2, (4,): 1})
    answer = await counted(http, poll, 10)
    assert answer.json == {
        "id": poll,
        "version": (await http.results(poll))["version"],
        "voters": 10,
        "rounds": [
            {
                "counts": [{"id": n, "count": c} for n, c in ((1, 4), (2, 3), (3, 2), (4, 1))],
                "exhausted": 0,
                "eliminated": [4],
                "transfers": [{"from": 4, "to": None, "count": 1}],
                "tie": None,
            },
            {
                "counts": [{"id": n, "count": c} for n, c in ((1, 4), (2, 3), (3, 2))],
                "exhausted": 1,
                "eliminated": [3],
                "transfers": [{"from": 3, "to": 2, "count": 2}],
                "tie": None,
            },
            {
                "counts": [{"id": 1, "count": 4}, {"id": 2, "count": 5}],
                "exhausted": 1,
                "eliminated": [],
                "transfers": [],
                "tie": None,
            },
        ],
        "winners": [2],
        "borda": [{"id": n, "points": p} for n, p in ((1, 18), (2, 21), (3, 6), (4, 3))],
    }
    assert await http.counts(poll) == [4, 3, 2, 1]


async def test_rounds_are_cached_like_results(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(kind="ranked")
    first = await counted(http, poll, 0)
    results = await http.get(f"/api/v1/polls/{poll}")
    for name in ("cache-control", "access-control-allow-origin", "content-type"):
        assert first.headers[name] == results.headers[name]
    path = f"/api/v1/polls/{poll}/rounds"
    assert (await http.get(path, If_None_Match=first.headers["etag"])).status == 304
    assert (first.json["winners"], first.json["borda"][0]) == ([], {"id": 1, "points": 0})
    await cast(http, poll, {(2, 1): 1})
    again = await counted(http, poll, 1)
    assert again.headers["etag"] != first.headers["etag"]
    assert again.json["version"] > first.json["version"]


async def test_random_rankings_are_counted_as_the_rules_say(shared: Service, http: Http) -> None:
    chance, ballots = Random(5), dict[str, int]()
    poll = await shared.add_poll(options=FIVE, kind="ranked", max_picks=4)
    for _ in range(60):
        ranking = chance.sample(range(1, 6), chance.randint(1, 4))
        text = ">".join(map(str, ranking))
        ballots[text] = ballots.get(text, 0) + 1
        await Reader(http).vote(poll, *ranking)
    found = (await counted(http, poll, 60)).json
    expected = runoff(range(1, 6), ballots).as_json()
    assert {name: found[name] for name in expected} == expected
    points = borda(range(1, 6), ballots)
    assert {one["id"]: one["points"] for one in found["borda"]} == points


async def test_write_ins_are_skipped_until_they_count(shared: Service, http: Http) -> None:
    """A ballot's next choice moves up; a merged text counts at the better of its two places."""
    poll = await shared.add_poll(kind="ranked", write_in=True)
    await cast(http, poll, {("Egypt", 2, 1): 2, (1,): 1, ("Egypt",): 1})
    before = (await counted(http, poll, 4)).json
    assert [one["count"] for one in before["rounds"][0]["counts"]] == [1, 2, 0]
    assert before["rounds"][0]["exhausted"] == 1
    await decide(shared, poll, 4, state=OptionState.MERGED, merged_into=1)

    async def merged() -> bool:
        found = (await http.get(f"/api/v1/polls/{poll}/rounds")).json["rounds"][0]
        return [one["count"] for one in found["counts"]] == [4, 0, 0]

    await until(merged)
    await decide(shared, poll, 4, state=OptionState.ACTIVE, merged_into=None)

    async def approved() -> bool:
        found = (await http.get(f"/api/v1/polls/{poll}/rounds")).json["rounds"][0]
        return [(one["id"], one["count"]) for one in found["counts"]] == [(1, 1), (2, 0), (3, 0), (4, 3)]

    await until(approved)


async def test_only_counted_ballots_are_in_the_rounds(tmp_path: Path) -> None:
    async with (
        run_service(tmp_path, env={"POLLSVC_ADMISSION": "standard"}, site=True) as service,
        Http(service.base_url) as http,
    ):
        poll = await service.add_poll(kind="ranked")
        await cast(http, poll, {(1,): 30, (2,): 3})
        assert (await http.results(poll))["held"] == 3
        found = (await counted(http, poll, 30)).json
        assert found["rounds"][0]["counts"][:2] == [{"id": 1, "count": 30}, {"id": 2, "count": 0}]


@pytest.mark.parametrize("visibility", ["after_vote", "after_close", "never"])
async def test_hidden_results_have_hidden_rounds(shared: Service, http: Http, visibility: str) -> None:
    poll = await shared.add_poll(kind="ranked", visibility=visibility)
    before = await http.get(f"/api/v1/polls/{poll}/rounds")
    await cast(http, poll, {(2, 1): 3})
    after = await http.get(f"/api/v1/polls/{poll}/rounds")
    assert after.status == 200
    nothing = {"version": None, "voters": None, "rounds": None, "winners": None, "borda": None}
    assert after.json == {"id": poll, **nothing}
    assert after.headers["etag"] == before.headers["etag"]


async def test_only_published_rankings_have_rounds(shared: Service, http: Http) -> None:
    other = await http.get(f"/api/v1/polls/{await shared.add_poll(kind='multiple')}/rounds")
    draft = await http.get(f"/api/v1/polls/{await shared.add_poll(kind='ranked', draft=True)}/rounds")
    unknown = await http.get("/api/v1/polls/nosuchpoll/rounds")
    assert [other.code, draft.code, unknown.code] == ["not_found", "no_such_poll", "no_such_poll"]


async def ranks(http: Http, poll: str, page: Page, **given: str) -> Answer:
    return await send(http, poll, {"idempotency_key": page.key, **given})


async def test_ranking_by_the_form(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(options=FIVE, kind="ranked", max_picks=3)
    page = await show(http, poll)
    assert [select["name"] for select in page.all("select")] == [f"rank_{n}" for n in range(1, 6)]
    assert [one["value"] for one in page.all("option")] == ["", "1", "2", "3"] * 5
    answer = await ranks(http, poll, page, rank_4="1", rank_2="2", rank_1="")
    assert answer.status == 200
    assert [ballot.selection for ballot in await shared.ballots(poll)] == ["4>2"]
    voted = Page(answer)
    assert "Your choice no. 1" in voted.text
    assert "Your choice no. 2" in voted.text
    await shared.assert_clean(poll)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rank_1": "1", "rank_2": "1"}, "Rank 1 is there twice"),
        ({"rank_1": "1", "rank_2": "2", "rank_3": "2"}, "Rank 2 is there twice"),
        ({"rank_1": "2"}, "Rank 1 is missing"),
        ({"rank_1": "1", "rank_2": "3"}, "Rank 2 is missing"),
        ({}, "Rank 2 to 3 answers"),
        ({"rank_1": "1"}, "Rank 2 to 3 answers"),
        ({"rank_1": "1", "own": "Egypt"}, "gave it no rank"),
        ({"rank_1": "1", "rank_own": "2"}, "did not write it"),
    ],
)
async def test_a_ranking_that_is_none_is_explained(
    shared: Service, http: Http, given: Mapping[str, str], says: str
) -> None:
    poll = await shared.add_poll(options=FIVE, kind="ranked", min_picks=2, max_picks=3, write_in=True)
    page = await show(http, poll)
    answer = await ranks(http, poll, page, **given)
    again = Page(answer)
    assert (answer.status, again.key) == (422, page.key)
    assert again.all("p", role="alert")
    assert says in again.text
    chosen = re.findall(rb'<option value="(\d)" selected', answer.body)
    assert sorted(chosen) == sorted(value.encode() for name, value in given.items() if name != "own")
    assert await shared.ballots(poll) == []


async def test_a_text_in_a_ranking_by_the_form(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(kind="ranked", write_in=True)
    page = await show(http, poll)
    answer = await ranks(http, poll, page, rank_3="1", own="Egypt", rank_own="2", rank_1="3")
    assert answer.status == 200
    assert [ballot.selection for ballot in await shared.ballots(poll)] == ["3>4>1"]
    assert "Egypt" not in (await show(http, poll)).text


async def test_the_page_names_the_winner_and_shows_the_rounds(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(options=FIVE[:3], kind="ranked")
    await cast(http, poll, {(1, 2): 4, (2, 1): 3, (3, 2): 2})
    open_ = await show(http, poll)
    assert "Ahead now: \u2068Muscat\u2069" in open_.text
    assert "First choices" in open_.text
    assert len(open_.all("table")) == 2
    assert [attrs.get("scope") for attrs in open_.all("th")].count("row") == 3 + 1 + 3
    assert re.search(r"Muscat\s+3\s+5\s+Doha\s+4\s+4\s+Geneva\s+2 out", open_.text)  # the best first
    assert "From 9 ballots." in open_.text
    async with shared.editor() as editor:
        await editor.close_poll(poll)

    async def won() -> bool:
        return "Winner: \u2068Muscat\u2069" in (await show(http, poll)).text

    await until(won)


async def test_a_tie_is_said_to_be_one(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(options=FIVE[:3], kind="ranked")
    await cast(http, poll, {(1,): 2, (2,): 2, (3, 1): 1, (3, 2): 1})
    page = await show(http, poll)
    assert "It is a tie between \u2068Doha\u2069 and \u2068Muscat\u2069." in page.text
    assert "Winner" not in page.text
    assert "Ahead" not in page.text
    assert "The one that was added last left." in page.text


async def test_a_ranking_without_votes_has_no_rounds_on_its_page(shared: Service, http: Http) -> None:
    page = await show(http, await shared.add_poll(kind="ranked", closes_at=int(time.time()) - 9))
    assert not page.all("table")
    assert "0 voters" in page.text
