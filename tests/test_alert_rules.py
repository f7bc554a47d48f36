"""What raises an alert: crowds of people hardly ever, and which attacks, and how soon.

`pytest tests/test_alert_rules.py -s` prints both; POLLSVC_CROWDS says how many polls of each
sort are simulated.
"""

import os
import random
from collections import Counter

import pytest

from pollsvc.domain.alert import Kind
from pollsvc.domain.alerts import findings
from pollsvc.domain.arrivals import course_of
from pollsvc.domain.chances import NEVER, binomial_above, chi_square_below, share_at_most
from tests.support.crowds import ATTACKS, HONEST, Watched

CROWDS = int(os.environ.get("POLLSVC_CROWDS", "1"))
LONG_ENOUGH = 150
"""Minutes after which what is not found will not be."""
NOTED = {"flash": {"burst", "token_age"}, "school": {"network"}}
"""What crowds of people are noted for, without being called out of the ordinary in what they want."""


@pytest.mark.parametrize("name", HONEST)
def test_people_raise_no_alert(name: str) -> None:
    alarms, notes = Counter[str](), Counter[str]()
    for seed in range(CROWDS):
        poll = Watched()
        found = [one for votes in HONEST[name](random.Random(seed)) for one in poll.add(votes)]
        alarms.update({one.kind.value for one in found if one.serious})
        notes.update({one.kind.value for one in found if not one.serious})
    print(f"\n{name}: {CROWDS} polls of 5 hours; serious: {dict(alarms) or 'none'}; notes: {dict(notes)}")
    assert alarms.total() <= CROWDS // 50, alarms
    assert set(notes) == NOTED.get(name, set())


@pytest.mark.parametrize(
    ("name", "kind", "within"),
    [
        ("20 a minute by hand, one network, among 10 honest", Kind.NETWORK, 8),
        ("the same among 200 honest", Kind.NETWORK, 6),
        ("a loop with new tokens through 20 networks", Kind.TOKEN_AGE, 25),
        ("rotating addresses, 50% of the votes", Kind.ONE_SIDED, 10),
        ("rotating addresses, 20% of the votes", None, 0),
        ("rotating addresses, 5% of the votes", None, 0),
        ("a botnet at 30 in each minute", Kind.TIMING, 130),
        ("a botnet that grows for three hours, irregularly", None, 0),
    ],
)
def test_attacks_are_found_or_known_not_to_be(name: str, kind: Kind | None, within: int) -> None:
    begin, crowd = ATTACKS[name]
    for seed in range(CROWDS):
        poll, soonest = Watched(), dict[Kind, int]()
        for minute, votes in enumerate(crowd(random.Random(seed))):
            for one in poll.add(votes):
                if one.serious:
                    soonest.setdefault(one.kind, minute - begin + 1)
            if kind in soonest or minute > begin + LONG_ENOUGH:
                break
        told = ", ".join(f"{found.value} after {after} min" for found, after in soonest.items())
        print(f"\n{name}: {told or 'not found'}")
        assert (kind in soonest and soonest[kind] <= within) if kind else not soonest


def test_the_chances_are_exact() -> None:
    # P(X >= 9) of 10 with 0.3 is 10 * 0.3^9 * 0.7 + 0.3^10
    assert 10 ** binomial_above(9, 10, 0.3) == pytest.approx(10 * 0.3**9 * 0.7 + 0.3**10)
    assert binomial_above(3, 10, 0.3) == 0.0
    assert 10 ** chi_square_below(3.9403, 10) == pytest.approx(0.05, rel=1e-4)  # tables of chi-square
    assert chi_square_below(10**9, 59) == 0.0
    assert chi_square_below(0, 59) == NEVER
    assert binomial_above(5_000, 5_000, 0.01) == NEVER
    assert share_at_most(0, 100, 3) == pytest.approx(9 / 109)
    assert share_at_most(0, 0, 3) == 1.0


def test_a_poll_without_ballots_is_in_order() -> None:
    assert findings(course_of([], {}, 100, 100), {}) == []
    assert findings(course_of([], {}, 100, 220), {}) == []
