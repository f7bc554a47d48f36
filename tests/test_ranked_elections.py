"""Ranked ballots are counted as the officials counted them: published elections, ties, and what must hold."""

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pollsvc.domain.ranking import Round, Runoff, Tie, borda, runoff

ELECTIONS = sorted((Path(__file__).parent / "elections").glob("*.json"))
CAPITAL = {"1>2>3>4": 42, "2>3>4>1": 26, "3>4>2>1": 15, "4>3>2>1": 17}
"""Where should Tennessee's capital be? Memphis, Nashville, Chattanooga or Knoxville: the textbook example."""


def election(path: Path) -> tuple[dict[str, Any], Runoff]:
    """A published election, and our count of its ballots."""
    data = json.loads(path.read_text())
    return data, runoff(list(map(int, data["candidates"])), data["ballots"], **data["count"])


def received(round_: Round) -> dict[str, int]:
    """What each option, or the exhausted pile, got from those who were eliminated."""
    gains: dict[str, int] = {}
    for (_, target), count in round_.transfers.items():
        name = "exhausted" if target is None else str(target)
        gains[name] = gains.get(name, 0) + count
    return gains


def counted(result: Runoff) -> list[dict[int, int]]:
    return [each.counts for each in result.rounds]


# --- published elections


def test_there_are_published_elections() -> None:
    assert len(ELECTIONS) >= 3


@pytest.mark.parametrize("path", ELECTIONS, ids=lambda path: path.stem)
def test_every_published_number_is_reproduced(path: Path) -> None:
    """A number that is not in the file was not in its sources."""
    data, result = election(path)
    assert sum(data["ballots"].values()) == data["total"]
    for ours, published in zip(result.rounds, data["rounds"], strict=True):
        named = {int(option): count for option, count in published.get("counts", {}).items()}
        assert {option: ours.counts[option] for option in named} == named
        assert ours.exhausted == published.get("exhausted", ours.exhausted)
        assert list(ours.eliminated) == published["eliminated"]
        gains = published.get("received", {})
        assert {name: received(ours)[name] for name in gains} == gains
        active = sum(ours.counts.values())
        for option, percent in published.get("percent", {}).items():
            assert round(100 * ours.counts[int(option)] / active) == percent
        assert active + ours.exhausted == data["total"]
        assert ours.tie is None
    assert list(result.winners) == data["winners"]


def test_burlington_2009_leaves_nothing_unpublished() -> None:
    """Of this one every number of every round is published, so ours has no other."""
    data, result = election(Path(__file__).parent / "elections/burlington-2009.json")
    for ours, published in zip(result.rounds, data["rounds"], strict=True):
        assert {str(option): count for option, count in ours.counts.items()} == published["counts"]
        assert received(ours) == published.get("received", {})


@pytest.mark.parametrize("path", ELECTIONS, ids=lambda path: path.stem)
def test_together_or_one_by_one_the_same_wins(path: Path) -> None:
    data, result = election(path)
    for batch in (False, True):
        again = runoff(list(map(int, data["candidates"])), data["ballots"], to_two=True, batch=batch)
        assert (again.winners, len(again.rounds[-1].counts)) == (result.winners, 2)


# --- how it is counted


def test_the_textbook_runoff_round_by_round() -> None:
    assert runoff([1, 2, 3, 4], CAPITAL) == Runoff(
        (
            Round({1: 42, 2: 26, 3: 15, 4: 17}, 0, (3,), {(3, 4): 15}),
            Round({1: 42, 2: 26, 4: 32}, 0, (2,), {(2, 4): 26}),
            Round({1: 42, 4: 58}, 0),
        ),
        (4,),
    )


def test_a_runoff_as_json() -> None:
    first = {
        "counts": [{"id": 1, "count": 3}, {"id": 2, "count": 2}, {"id": 3, "count": 2}],
        "exhausted": 1,
        "eliminated": [3],
        "transfers": [{"from": 3, "to": 2, "count": 1}, {"from": 3, "to": None, "count": 1}],
        "tie": "id",
    }
    last = {
        "counts": [{"id": 1, "count": 3}, {"id": 2, "count": 3}],
        "exhausted": 2,
        "eliminated": [],
        "transfers": [],
        "tie": None,
    }
    result = runoff([1, 2, 3], {"1": 3, "2": 2, "3": 1, "3>2": 1, "7": 1}).as_json()
    assert json.loads(json.dumps(result)) == {"rounds": [first, last], "winners": [1, 2]}


def test_a_majority_ends_it_unless_two_are_wanted() -> None:
    ballots = {"1": 6, "2": 3, "3>2": 2}
    assert counted(runoff([1, 2, 3], ballots)) == [{1: 6, 2: 3, 3: 2}]
    assert len(runoff([1, 2, 3], {**ballots, "3": 1}).rounds) == 2, "half is no majority"
    assert counted(runoff([1, 2, 3], ballots, to_two=True)) == [{1: 6, 2: 3, 3: 2}, {1: 6, 2: 5}]


def test_a_majority_is_of_the_ballots_that_still_count() -> None:
    result = runoff([1, 2, 3], {"1": 4, "2": 3, "3": 2, "9": 5})
    assert result.winners == (1,)
    assert [each.exhausted for each in result.rounds] == [5, 7]
    assert result.rounds[0].transfers == {(3, None): 2}


def test_marks_for_options_that_are_gone_are_skipped() -> None:
    result = runoff([2, 3], {"7>2": 1, "8>7>3": 2, "2": 2, "3": 0, "": 40})
    assert result == Runoff((Round({2: 3, 3: 2}, 0),), (2,))


def test_pairs_may_repeat_a_ranking() -> None:
    assert runoff([1, 2], [("1", 2), ("2>1", 3), ("1", 2)]).rounds[0].counts == {1: 4, 2: 3}
    assert borda([1, 2], [("1", 2), ("2>1", 3), ("1", 2)]) == {1: 4, 2: 3}


@pytest.mark.parametrize("options", [{}, {"to_two": True}, {"batch": True}, {"to_two": True, "batch": True}])
def test_the_smallest_elections(options: dict[str, bool]) -> None:
    assert runoff([], {}, **options) == Runoff((Round({}, 0),), ())
    assert runoff([], {"1>2": 3}, **options) == Runoff((Round({}, 3),), ())
    assert runoff([1, 2, 3], {}, **options) == Runoff((Round({1: 0, 2: 0, 3: 0}, 0),), ())
    assert runoff([1, 2], {"3": 4}, **options) == Runoff((Round({1: 0, 2: 0}, 4),), ())
    assert runoff([5], {"5": 1}, **options) == Runoff((Round({5: 1}, 0),), (5,))
    assert runoff([5], {"4": 1}, **options) == Runoff((Round({5: 0}, 1),), ())
    assert runoff([2, 1], {"1": 1}, **options) == Runoff((Round({2: 0, 1: 1}, 0),), (1,))


def test_those_who_cannot_win_leave_together() -> None:
    ballots = {"1": 10, "2>1": 9, "3>2": 4, "4>3": 3, "5>4>2": 1}
    result = runoff([1, 2, 3, 4, 5, 6], ballots, batch=True)
    assert [each.eliminated for each in result.rounds] == [(3, 4, 5, 6), ()]
    assert result.rounds[0].transfers == {(3, 2): 4, (4, None): 3, (5, 2): 1}
    assert counted(result)[-1] == {1: 10, 2: 14}
    assert [each.eliminated for each in runoff([1, 2, 3, 4, 5, 6], ballots).rounds] == [
        (6,),
        (5,),
        (4,),
        (3,),
        (),
    ]


def test_those_who_together_could_still_win_stay() -> None:
    """3 + 2 + 1 is no less than 6, and 2 + 1 no less than 3, so that only the last one leaves."""
    result = runoff([1, 2, 3, 4], {"1": 6, "2": 3, "3": 2, "4": 1}, batch=True)
    assert result.rounds[0].eliminated == (4,)


def test_a_batch_leaves_two_where_two_are_wanted() -> None:
    ballots = {"1": 20, "2": 5, "3": 3, "4": 1}
    assert runoff([1, 2, 3, 4], ballots, batch=True, to_two=True).rounds[0].eliminated == (3, 4)


# --- ties


def test_a_tie_for_last_looks_at_the_round_before() -> None:
    """In round 3 both 2 and 3 have 8; in round 2 they had 7 and 8, in round 1 7 and 6."""
    result = runoff([1, 2, 3, 4, 5], {"1": 10, "2": 7, "3": 6, "4>2": 1, "4": 2, "5>3": 2})
    assert counted(result)[1:3] == [{1: 10, 2: 7, 3: 8, 4: 3}, {1: 10, 2: 8, 3: 8}]
    assert [each.eliminated for each in result.rounds] == [(5,), (4,), (2,), ()]
    assert [each.tie for each in result.rounds] == [None, None, Tie.EARLIER_ROUND, None]


def test_a_tie_looks_further_back_and_only_at_those_who_still_tie() -> None:
    """In round 3 all have 8; in round 2 both 2 and 3 had 7 and 1 had 8; in round 1 3 had 6 and 2 had 7."""
    ballots = {"1": 8, "2": 7, "3": 6, "4>2": 1, "4>3": 1, "5>3": 1}
    result = runoff([1, 2, 3, 4, 5], ballots)
    assert counted(result)[1:3] == [{1: 8, 2: 7, 3: 7, 4: 2}, {1: 8, 2: 8, 3: 8}]
    assert (result.rounds[2].eliminated, result.rounds[2].tie) == ((3,), Tie.EARLIER_ROUND)


def test_a_tie_in_every_round_takes_the_greatest_id() -> None:
    result = runoff([3, 1, 2], {"1": 2, "2>1": 2, "3>1": 2})
    assert (result.rounds[0].eliminated, result.rounds[0].tie) == ((3,), Tie.ID)
    assert result.winners == (1,)


def test_two_left_with_equal_counts_have_both_won() -> None:
    assert runoff([2, 1], {"1": 3, "2": 3}) == Runoff((Round({2: 3, 1: 3}, 0),), (2, 1))
    assert runoff([1, 2, 3], {"1": 3, "2": 2, "3>2": 1}).winners == (1, 2)


# --- what always holds

CANDIDATES = st.lists(st.integers(1, 6), unique=True, max_size=6)
MARKS = st.lists(st.integers(1, 8), unique=True, min_size=1)
BALLOTS = st.dictionaries(MARKS.map(lambda marks: ">".join(map(str, marks))), st.integers(1, 4), max_size=12)
OPTIONS = st.fixed_dictionaries({"to_two": st.booleans(), "batch": st.booleans()})


@given(CANDIDATES, BALLOTS, OPTIONS)
def test_each_round_is_what_a_recount_from_the_ballots_says(
    candidates: list[int], ballots: dict[str, int], options: dict[str, bool]
) -> None:
    for each in runoff(candidates, ballots, **options).rounds:
        counts: dict[int | None, int] = dict.fromkeys((*each.counts, None), 0)
        for text, number in ballots.items():
            counts[next((mark for mark in map(int, text.split(">")) if mark in each.counts), None)] += number
        assert (each.exhausted, each.counts) == (counts.pop(None), counts)
        assert sum(each.counts.values()) + each.exhausted == sum(ballots.values())


@given(CANDIDATES, BALLOTS, OPTIONS)
def test_ballots_only_move(candidates: list[int], ballots: dict[str, int], options: dict[str, bool]) -> None:
    rounds = runoff(candidates, ballots, **options).rounds
    for before, after in pairwise(rounds):
        assert before.eliminated
        assert list(after.counts) == [option for option in before.counts if option not in before.eliminated]
        assert {source for source, _ in before.transfers} <= set(before.eliminated)
        gains = received(before)
        assert after.exhausted == before.exhausted + gains.get("exhausted", 0)
        for option, count in after.counts.items():
            assert count == before.counts[option] + gains.get(str(option), 0)
    assert (rounds[-1].eliminated, rounds[-1].transfers, rounds[-1].tie) == ((), {}, None)


@given(CANDIDATES, BALLOTS, OPTIONS)
def test_who_wins_has_the_most_of_the_last_round(
    candidates: list[int], ballots: dict[str, int], options: dict[str, bool]
) -> None:
    result = runoff(candidates, ballots, **options)
    *earlier, last = result.rounds
    active = sum(last.counts.values())
    assert bool(result.winners) == (active > 0)
    if len(result.winners) == 2:
        assert (set(last.counts), len(set(last.counts.values()))) == (set(result.winners), 1)
    for winner in result.winners:
        assert 2 * last.counts[winner] >= active + (len(result.winners) == 1)
    for each in earlier:
        assert len(each.counts) > 2
        assert options["to_two"] or 2 * max(each.counts.values()) <= sum(each.counts.values())


@given(CANDIDATES, BALLOTS)
def test_leaving_together_changes_no_winner(candidates: list[int], ballots: dict[str, int]) -> None:
    """But for ties, which look at rounds that a batch may not have had."""
    singly, together = runoff(candidates, ballots), runoff(candidates, ballots, batch=True)
    assume(all(each.tie is None for each in (*singly.rounds, *together.rounds)))
    assert singly.winners == together.winners


@given(CANDIDATES, BALLOTS, OPTIONS, st.randoms(use_true_random=False))
def test_the_order_of_the_ballots_does_not_matter(
    candidates: list[int], ballots: dict[str, int], options: dict[str, bool], chance: random.Random
) -> None:
    shuffled = list(ballots.items())
    chance.shuffle(shuffled)
    result = runoff(candidates, ballots, **options)
    assert json.dumps(runoff(candidates, shuffled, **options).as_json()) == json.dumps(result.as_json())
    assert borda(candidates, shuffled) == borda(candidates, ballots)


# --- Borda


def test_the_textbook_borda_count() -> None:
    assert borda([1, 2, 3, 4], CAPITAL) == {1: 126, 2: 194, 3: 173, 4: 107}


def test_borda_gives_the_unranked_nothing() -> None:
    assert borda([1, 2, 3, 4], {"2": 5, "1>3": 2, "9>3>8>2": 1, "": 7}) == {1: 6, 2: 17, 3: 7, 4: 0}
    assert borda([], {"1": 1}) == {}
    assert borda([4], {"4": 9}) == {4: 0}


@given(CANDIDATES, BALLOTS)
def test_borda_points_are_the_rivals_ranked_below_or_not_at_all(
    candidates: list[int], ballots: dict[str, int]
) -> None:
    expected = dict.fromkeys(candidates, 0)
    for text, number in ballots.items():
        ranked = [option for option in map(int, text.split(">")) if option in expected]
        for option in ranked:
            above = ranked[: ranked.index(option)]
            expected[option] += number * sum(rival not in above for rival in candidates if rival != option)
    assert borda(candidates, ballots) == expected
