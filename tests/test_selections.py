"""What a ballot can say: one option, or a set within the poll's least and greatest number of picks."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from tests.support.reader import Answer, Http, Reader
from tests.support.server import Service

Cast = Callable[..., Awaitable[Answer]]
FOUR = ("a", "b", "c", "d")


@pytest.fixture
def cast(shared: Service, http: Http) -> Cast:
    """Cast one vote with any selection in a new poll, and see that a refused one left nothing."""

    async def cast(selection: Any, **poll: Any) -> Answer:
        id_ = await shared.add_poll(options=FOUR, **poll)
        answer = await http.post_vote(id_, {"selection": selection})
        assert len(await shared.ballots(id_)) == (answer.status == 201)
        return answer

    return cast


@pytest.mark.parametrize("pick", [1, 4])
async def test_single_choice_takes_one_option(cast: Cast, pick: int) -> None:
    vote = await cast([pick])
    assert (vote.status, vote.json["selection"]) == (201, [pick])


@pytest.mark.parametrize(
    "selection",
    [
        [],
        [0],
        [5],
        [-1],
        [1, 2],
        [1, 1],
        [True],
        [1.0],
        ["1"],
        [None],
        [[1]],
        [{"id": 1}],
        [2**64],
        [10**400],
        1,
        "1",
        None,
        True,
        {},
        {"1": 1},
    ],
    ids=lambda selection: repr(selection)[:20],
)
async def test_single_choice_takes_nothing_else(cast: Cast, selection: object) -> None:
    answer = await cast(selection)
    assert (answer.status, answer.code) == (422, "invalid_selection")


@pytest.mark.parametrize(("sent", "recorded"), [([1], [1]), ([3, 1], [1, 3]), ([4, 2, 3, 1], [1, 2, 3, 4])])
async def test_multiple_choice_takes_a_set_in_any_order(
    cast: Cast, sent: Sequence[int], recorded: Sequence[int]
) -> None:
    vote = await cast(sent, kind="multiple")
    assert (vote.status, vote.json["selection"]) == (201, recorded)
    assert vote.json["results"]["voters"] == 1
    assert vote.json["results"]["picks"] == len(recorded)


@pytest.mark.parametrize(
    ("selection", "status"),
    [
        ([1], 422),
        ([1, 2], 201),
        ([4, 3, 2], 201),
        ([1, 2, 3, 4], 422),
        ([1, 1], 422),
        ([1, 5], 422),
        ([], 422),
    ],
)
async def test_multiple_choice_between_min_and_max(cast: Cast, selection: Sequence[int], status: int) -> None:
    answer = await cast(selection, kind="multiple", min_picks=2, max_picks=3)
    assert answer.status == status
    assert status == 201 or answer.code == "invalid_selection"


async def test_the_order_of_a_set_does_not_matter_to_a_repeat(shared: Service, http: Http) -> None:
    poll, reader = await shared.add_poll(options=FOUR, kind="multiple"), Reader(http)
    first = await reader.vote(poll, 4, 1)
    again = await reader.vote(poll, 1, 4)
    assert (first.status, again.status) == (201, 200)
    assert again.receipt == first.receipt


async def test_percentages_can_be_of_voters_or_of_picks(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(options=FOUR, kind="multiple")
    for picks in ([1, 2, 3], [1, 2], [1]):
        await Reader(http).vote(poll, *picks)
    results = await http.results(poll)
    assert (results["voters"], results["picks"]) == (3, 6)
    assert await http.counts(poll) == [3, 2, 1, 0]
    await shared.assert_clean(poll)
