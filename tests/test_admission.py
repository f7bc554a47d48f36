"""How fast one network may vote: calm votes count, a flood is held for review, and nobody is refused."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pollsvc.domain.ballot import Status
from pollsvc.domain.poll import Policy
from pollsvc.services import pace
from pollsvc.services.admission import CHANGES, PACES, Admission, network_of
from tests.support.reader import Http, Reader
from tests.support.server import Service, run_service

NOW = 1_800_000_000.0


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def cast(admission: Admission, address: str, votes: int, poll: str = "poll") -> int:
    """Let so many votes come from an address; how many of them count."""
    return sum(admission.admit(poll, address) == Status.COUNTED for _ in range(votes))


def test_a_school_behind_one_address_counts() -> None:
    """300 readers within an hour: at least 95 % count."""
    clock = Clock()
    admission, counted = Admission(Policy.STANDARD, clock), 0
    for _ in range(300):
        counted += cast(admission, "192.0.2.1", 1)
        clock.now += 12
    assert counted >= 285


def test_a_loop_that_clears_its_token_does_not() -> None:
    """1,000 votes from one IPv6 /64, each from another of its addresses: at most 5 % count."""
    admission = Admission(Policy.STANDARD, Clock())
    assert sum(cast(admission, f"2001:db8:1:2::{number:x}", 1) for number in range(1000)) <= 50


def test_networks_and_polls_are_counted_apart() -> None:
    admission = Admission(Policy.STRICT, Clock())
    burst = PACES[Policy.STRICT].burst  # type: ignore[union-attr]
    for address, poll in (("192.0.2.1", "a"), ("192.0.2.2", "a"), ("192.0.2.1", "b"), ("2001:db8::1", "a")):
        assert cast(admission, address, 2 * burst, poll) == burst


def test_many_networks_do_not_make_one_forgotten_that_is_above_its_pace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "_MAX_COUNTERS", 100)
    admission = Admission(Policy.STRICT, Clock())
    cast(admission, "192.0.2.1", 100)
    for number in range(1000):
        cast(admission, f"2001:db8:1:{number:x}::1", 1)
    assert cast(admission, "192.0.2.1", 1) == 0
    assert admission._counters is not None
    assert len(admission._counters._due) <= 100


def test_a_network_recovers_at_its_pace() -> None:
    clock = Clock()
    admission, pace = Admission(Policy.STRICT, clock), PACES[Policy.STRICT]
    assert pace is not None
    cast(admission, "192.0.2.1", 100)
    assert cast(admission, "192.0.2.1", 1) == 0
    clock.now += 2 * pace.seconds
    assert cast(admission, "192.0.2.1", 10) == 2


def test_the_open_policy_counts_everything() -> None:
    assert cast(Admission(Policy.OPEN, Clock()), "192.0.2.1", 10_000) == 10_000


def test_no_address_is_kept_and_the_salt_goes_each_day() -> None:
    clock = Clock()
    admission = Admission(Policy.STRICT, clock)
    counters = admission._counters
    assert counters is not None
    cast(admission, "192.0.2.1", 100)
    kept = repr(vars(counters))
    assert "192.0.2.1" not in kept
    clock.now += 86_400
    cast(admission, "198.51.100.1", 1)
    assert len(counters._due) == 1
    assert repr(counters._salt) not in kept


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("unix", "unix"),
        ("", ""),
    ],
)
def test_the_network_of_an_address(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[Service]:
    """A service with the strict policy behind a proxy at 127.0.0.1."""
    env = {"POLLSVC_ADMISSION": "strict", "POLLSVC_TRUSTED_PROXIES": "127.0.0.1/32, 10.0.0.0/8"}
    async with run_service(tmp_path, env=env, site=True) as running:
        yield running


async def post(http: Http, poll: str, forwarded: str) -> str:
    """A new reader's vote that came through proxies; its status."""
    answer = await http.post_vote(poll, {"selection": [1]}, X_Forwarded_For=forwarded)
    assert answer.status == 201
    return str(answer.json["status"])


async def test_held_votes_are_recorded_shown_by_number_and_not_counted(strict: Service) -> None:
    poll = await strict.add_poll()
    async with Http(strict.base_url) as http:
        told = [await post(http, poll, "192.0.2.1") for _ in range(8)]
        results = await http.results(poll)
    assert told == ["counted"] * 5 + ["held"] * 3
    assert (results["voters"], results["held"], results["excluded"]) == (5, 3, 0)
    assert results["options"][0]["count"] == 5
    assert len(await strict.ballots(poll)) == 8
    await strict.assert_clean()


async def test_a_held_vote_stays_held_when_it_is_repeated_or_changed(strict: Service) -> None:
    poll = await strict.add_poll(allow_change=True)
    async with Http(strict.base_url) as http:
        for _ in range(5):
            await post(http, poll, "127.0.0.1")
        reader = Reader(http)
        votes = [await reader.vote(poll, 1), await reader.vote(poll, 1), await reader.vote(poll, 2)]
        assert [vote.json["status"] for vote in votes] == ["held"] * 3
        assert await http.counts(poll) == [5, 0, 0]
    await strict.assert_clean()


async def test_repeats_are_not_charged(strict: Service) -> None:
    poll = await strict.add_poll()
    async with Http(strict.base_url) as http:
        reader = Reader(http)
        for _ in range(20):
            assert (await reader.vote(poll, 1)).status in (200, 201)
        assert await post(http, poll, "127.0.0.1") == "counted"


async def test_the_right_most_hop_that_is_not_trusted_is_the_client(strict: Service) -> None:
    """What stands to the left of it was written by the client, and changes nothing."""
    poll = await strict.add_poll()
    async with Http(strict.base_url) as http:
        chains = [f"198.51.100.{number}, 192.0.2.9, 10.1.2.3" for number in range(5)]
        assert {await post(http, poll, chain) for chain in chains} == {"counted"}
        assert await post(http, poll, "203.0.113.1, 192.0.2.9") == "held"
        assert await post(http, poll, "192.0.2.9:4711") == "held"
        assert await post(http, poll, "192.0.2.10") == "counted"
        hidden = [await post(http, poll, f"198.51.100.{number}, unknown, 10.1.2.3") for number in range(9)]
        assert hidden.count("held") == 4  # all are 10.1.2.3, the last hop that is an address


async def test_nobody_else_is_believed(tmp_path: Path) -> None:
    """Without trusted proxies X-Forwarded-For frees nobody from the pace."""
    async with run_service(tmp_path, env={"POLLSVC_ADMISSION": "strict"}, site=True) as service:
        poll = await service.add_poll()
        async with Http(service.base_url) as http:
            told = [await post(http, poll, f"192.0.2.{number}") for number in range(7)]
    assert told == ["counted"] * 5 + ["held"] * 2


async def test_repeats_in_flight_hold_nobody_up(strict: Service) -> None:
    """A flood of repeats uses up nothing of what its network's new readers may cast."""
    poll = await strict.add_poll()
    async with Http(strict.base_url) as http:
        old = Reader(http)
        await old.vote(poll, 1)
        repeats = [asyncio.create_task(old.vote(poll, 1)) for _ in range(100)]
        told = [await post(http, poll, "127.0.0.1") for _ in range(4)]
        assert {answer.status for answer in await asyncio.gather(*repeats)} == {200}
    assert told == ["counted"] * 4


async def test_one_vote_is_not_changed_without_end(strict: Service) -> None:
    """A change too many leaves the vote as it was; repeats stay free, and neighbours are not held up."""
    poll = await strict.add_poll(allow_change=True)
    async with Http(strict.base_url) as http:
        reader = Reader(http)
        told = [await reader.vote(poll, number % 2 + 1) for number in range(CHANGES.burst + 1)]
        assert {answer.status for answer in told} == {200, 201}
        for picks in ([2], []):
            refused = await reader.vote(poll, *picks)
            assert (refused.status, refused.code) == (429, "slow_down")
            assert 1 <= int(refused.headers["retry-after"]) <= CHANGES.seconds
        again = await reader.vote(poll, 1)
        assert (again.status, again.receipt) == (200, told[-1].receipt)
        other = Reader(http)
        assert [(await other.vote(poll, pick)).status for pick in (1, 2)] == [201, 200]
        assert await http.counts(poll) == [1, 1, 0]
    await strict.assert_clean()
