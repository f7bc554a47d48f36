"""How fast one network may vote: calm votes count, a flood is held for review, and nobody is refused."""

import asyncio
import random
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from altcha.v2 import Challenge, Payload, solve_challenge
from msgspec.json import decode, encode

from pollsvc.domain.paces import CALM, PROVEN
from pollsvc.domain.poll import Policy, Poll, Site
from pollsvc.services import pace
from pollsvc.services.admission import CHANGES, Admission
from pollsvc.services.editing.definitions import define
from pollsvc.services.editing.new_poll import NewPoll
from pollsvc.services.networks import Network, network_of, prefixes_of
from pollsvc.services.proof_of_work import GOOD_FOR, ProofOfWork
from tests.support.reader import Http, Reader, new_key
from tests.support.server import Service, run_service

NOW = 1_800_000_000.0
BURST = CALM.narrow.burst


def solved(challenge: Mapping[str, Any]) -> str:
    """A challenge's proof, as a browser would make it."""
    made = Challenge.from_dict(dict(challenge))
    found = solve_challenge(made)
    assert found is not None
    return Payload(made, found).to_base64()


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def network(address: str) -> Network:
    """What an address is known as for the day, here without a salt."""
    narrow, wide = prefixes_of(address)
    return Network(narrow.encode(), wide.encode())


def poll_of(id_: str = "poll", site: str = "site") -> Poll:
    news = Site(site, "News", frozenset(), "en", "UTC", b"", 10)
    return replace(define(NewPoll("Who won?", ("Iran", "America")), news, None, 0), id=id_)


POLL = poll_of()


def cast(
    admission: Admission, address: str, votes: int = 1, poll: Poll = POLL, proof: bool | None = False
) -> list[str]:
    """What becomes of so many votes from an address: statuses with reasons, `to prove` for a challenge."""
    told = [admission.admit(poll, network(address), proof=proof) for _ in range(votes)]
    return ["to prove" if one is None else f"{one.status} {one.reason}".strip() for one in told]


def counted(told: list[str]) -> int:
    return told.count("counted")


@pytest.mark.parametrize("seed", range(5))
def test_a_school_behind_one_address_counts(seed: int) -> None:
    """300 readers within an hour, whenever each of them comes: at least 95 % count, and few are to prove."""
    chance, clock, told = random.Random(seed), Clock(), list[str]()
    admission = Admission(Policy.STANDARD, clock)
    for at in sorted(chance.uniform(0, 3600) for _ in range(300)):
        clock.now = NOW + at
        [first] = cast(admission, "192.0.2.1")
        told += cast(admission, "192.0.2.1", proof=True) if first == "to prove" else [first]
    print(f"school: {counted(told)} of 300 counted")
    assert counted(told) >= 285


def test_a_class_that_votes_at_once_counts_with_proofs() -> None:
    admission = Admission(Policy.STANDARD, Clock())
    told = cast(admission, "192.0.2.1", 30) + cast(admission, "192.0.2.1", 5, proof=True)
    assert counted(told) == 35


@pytest.mark.parametrize(
    "addresses",
    [
        [f"2001:db8:1:2::{number:x}" for number in range(1000)],
        [f"192.0.2.{number % 50}" for number in range(1000)],
        [f"2001:db8:1:{number % 50:x}::1" for number in range(1000)],
    ],
    ids=["one /64", "50 addresses of one /24", "50 networks of one /48"],
)
@pytest.mark.parametrize("proof", [False, True, None], ids=["no proofs", "proofs", "no proofs possible"])
def test_stuffing_hardly_counts(addresses: list[str], proof: bool | None) -> None:
    """1,000 votes of fresh readers, also when each of them does the work: at most 5 % count."""
    admission = Admission(Policy.STANDARD, Clock())
    told = [one for address in addresses for one in cast(admission, address, proof=proof)]
    print(f"stuffing: {counted(told)} of 1000 counted")
    assert counted(told) <= 50
    if proof is not False:
        assert {one.partition(" ")[0] for one in told} == {"counted", "held"}


def test_polls_sites_and_networks_are_counted_apart() -> None:
    admission = Admission(Policy.STANDARD, Clock())
    burst = CALM.narrow.burst
    for address, poll in (
        ("192.0.2.1", POLL),
        ("192.0.3.1", POLL),
        ("192.0.2.1", poll_of("other")),
        ("2001:db8::1", POLL),
    ):
        assert counted(cast(admission, address, 2 * burst, poll)) == burst


def test_a_network_that_votes_in_all_polls_of_a_site_is_slowed_too() -> None:
    admission = Admission(Policy.STANDARD, Clock())
    told = [one for number in range(100) for one in cast(admission, "192.0.2.1", 5, poll_of(str(number)))]
    assert counted(told) == CALM.site_narrow.burst


def test_what_is_asked_for_a_proof_is_charged_to_nobody() -> None:
    clock = Clock()
    admission = Admission(Policy.STANDARD, clock)
    cast(admission, "192.0.2.1", CALM.narrow.burst)
    assert set(cast(admission, "192.0.2.1", 1000)) == {"to prove"}
    assert cast(admission, "192.0.2.1", proof=True) == ["counted"]


def test_proofs_grow_harder_with_the_pace() -> None:
    admission = Admission(Policy.STANDARD, Clock())
    cast(admission, "192.0.2.1", CALM.narrow.burst)
    efforts = []
    for _ in range(PROVEN.wide.burst):
        efforts.append(admission.effort(POLL, network("192.0.2.1")))
        cast(admission, "192.0.2.1", proof=True)
    assert efforts == sorted(set(efforts))
    assert (efforts[0] < 0.2, efforts[-1]) == (True, 1.0)


def test_many_networks_do_not_make_one_forgotten_that_is_above_its_pace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "_MAX_COUNTERS", 100)
    admission = Admission(Policy.STANDARD, Clock())
    cast(admission, "192.0.2.1", 100, proof=True)
    for number in range(1000):
        cast(admission, f"2001:db8:{number:x}:1::1", 1, poll_of(site=str(number)))
    assert cast(admission, "192.0.2.1", proof=True) == ["held pace"]
    assert len(admission._calm._dues) <= 100


def test_a_network_recovers_at_its_pace() -> None:
    clock = Clock()
    admission = Admission(Policy.STANDARD, clock)
    cast(admission, "192.0.2.1", 100)
    clock.now += 2 * CALM.narrow.seconds
    assert counted(cast(admission, "192.0.2.1", 10)) == 2


def test_the_open_policy_counts_everything() -> None:
    assert counted(cast(Admission(Policy.OPEN, Clock()), "192.0.2.1", 10_000)) == 10_000


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
async def paced(tmp_path: Path) -> AsyncIterator[Service]:
    """A service with the standard policy behind a proxy at 127.0.0.1."""
    env = {"POLLSVC_ADMISSION": "standard", "POLLSVC_TRUSTED_PROXIES": "127.0.0.1/32, 10.0.0.0/8"}
    async with run_service(tmp_path, env=env, site=True) as running:
        yield running


async def post(http: Http, poll: str, forwarded: str) -> str:
    """A new reader's vote that came through proxies, from a browser that can prove nothing; its status."""
    answer = await http.post_vote(poll, {"selection": [1], "proof": ""}, X_Forwarded_For=forwarded)
    assert answer.status == 201
    return str(answer.json["status"])


async def test_held_votes_are_recorded_shown_by_number_and_not_counted(paced: Service) -> None:
    poll = await paced.add_poll()
    async with Http(paced.base_url) as http:
        told = [await post(http, poll, "192.0.2.1") for _ in range(BURST + 3)]
        results = await http.results(poll)
    assert told == ["counted"] * BURST + ["held"] * 3
    assert (results["voters"], results["held"], results["excluded"]) == (BURST, 3, 0)
    assert results["reasons"] == [{"status": "held", "reason": "unproven", "count": 3}]
    assert results["options"][0]["count"] == BURST
    assert len(await paced.ballots(poll)) == BURST + 3
    await paced.assert_clean()


async def test_a_held_vote_stays_held_when_it_is_repeated_or_changed(paced: Service) -> None:
    poll = await paced.add_poll(allow_change=True)
    async with Http(paced.base_url) as http:
        for _ in range(BURST):
            await post(http, poll, "127.0.0.1")
        reader = Reader(http)
        votes = [await reader.vote(poll, pick, proof="") for pick in (1, 1, 2)]
        assert [vote.json["status"] for vote in votes] == ["held"] * 3
        assert await http.counts(poll) == [BURST, 0, 0]
    await paced.assert_clean()


async def test_repeats_are_not_charged(paced: Service) -> None:
    poll = await paced.add_poll()
    async with Http(paced.base_url) as http:
        reader = Reader(http)
        for _ in range(2 * BURST):
            assert (await reader.vote(poll, 1)).status in (200, 201)
        assert await post(http, poll, "127.0.0.1") == "counted"


async def test_the_right_most_hop_that_is_not_trusted_is_the_client(paced: Service) -> None:
    """What stands to the left of it was written by the client, and changes nothing."""
    poll = await paced.add_poll()
    async with Http(paced.base_url) as http:
        chains = [f"198.51.100.{number}, 192.0.2.9, 10.1.2.3" for number in range(BURST)]
        assert {await post(http, poll, chain) for chain in chains} == {"counted"}
        assert await post(http, poll, "203.0.113.1, 192.0.2.9") == "held"
        assert await post(http, poll, "192.0.2.9:4711") == "held"
        assert await post(http, poll, "192.0.2.10") == "counted"
        hidden = [f"198.51.100.{number}, unknown, 10.1.2.3" for number in range(BURST + 4)]
        told = [await post(http, poll, chain) for chain in hidden]
        assert told.count("held") == 4  # all are 10.1.2.3, the last hop that is an address


async def test_nobody_else_is_believed(tmp_path: Path) -> None:
    """Without trusted proxies X-Forwarded-For frees nobody from the pace."""
    async with run_service(tmp_path, env={"POLLSVC_ADMISSION": "standard"}, site=True) as service:
        poll = await service.add_poll()
        async with Http(service.base_url) as http:
            told = [await post(http, poll, f"192.0.{number}.1") for number in range(BURST + 2)]
    assert told == ["counted"] * BURST + ["held"] * 2


async def test_repeats_in_flight_hold_nobody_up(paced: Service) -> None:
    """A flood of repeats uses up nothing of what its network's new readers may cast."""
    poll = await paced.add_poll()
    async with Http(paced.base_url) as http:
        old = Reader(http)
        await old.vote(poll, 1)
        repeats = [asyncio.create_task(old.vote(poll, 1)) for _ in range(100)]
        told = [await post(http, poll, "127.0.0.1") for _ in range(BURST - 1)]
        assert {answer.status for answer in await asyncio.gather(*repeats)} == {200}
    assert told == ["counted"] * (BURST - 1)


async def test_one_vote_is_not_changed_without_end(paced: Service) -> None:
    """A change too many leaves the vote as it was; repeats stay free, and neighbours are not held up."""
    poll = await paced.add_poll(allow_change=True)
    async with Http(paced.base_url) as http:
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
    await paced.assert_clean()


async def test_above_the_calm_pace_a_vote_takes_a_proof_and_counts_with_it(paced: Service) -> None:
    poll = await paced.add_poll()
    async with Http(paced.base_url) as http:
        for _ in range(BURST):
            await post(http, poll, "127.0.0.1")
        key = new_key()
        vote = {"selection": [2], "idempotency_key": key}
        asked = await http.post_vote(poll, vote)
        assert (asked.status, asked.code) == (428, "proof_required")
        assert await http.counts(poll) == [BURST, 0, 0]
        proof = solved(asked.json["challenge"])
        for other in (vote | {"idempotency_key": new_key()}, vote | {"selection": [1], "proof": "x"}):
            refused = await http.post_vote(poll, {"proof": proof} | other)
            assert (refused.status, refused.code) == (428, "proof_required"), "the proof is another voter's"
        told = [await http.post_vote(poll, vote | {"proof": proof}) for _ in range(2)]
        assert [answer.status for answer in told] == [201, 200]
        assert {answer.json["status"] for answer in told} == {"counted"}
        assert await http.counts(poll) == [BURST, 1, 0]
    await paced.assert_clean()


async def test_no_forged_proof_counts(paced: Service) -> None:
    """Signed by somebody else, altered, or without work: none is taken."""
    poll = await paced.add_poll()
    async with Http(paced.base_url) as http:
        for _ in range(BURST):
            await post(http, poll, "127.0.0.1")
        vote = {"selection": [1], "idempotency_key": new_key()}
        challenge = (await http.post_vote(poll, vote)).json["challenge"]
        good = decode(b64decode(solved(challenge)))
        forged = [
            {**good, "solution": {**good["solution"], "derivedKey": "00" * 32}},
            {**good, "solution": {**good["solution"], "derivedKey": challenge["parameters"]["keyPrefix"]}},
            {**good, "challenge": {**challenge, "signature": "00" * 32}},
            {**good, "challenge": {**challenge, "parameters": {**challenge["parameters"], "cost": 1}}},
            {
                **good,
                "challenge": {**challenge, "parameters": challenge["parameters"] | {"expiresAt": 9**15}},
            },
            {"challenge": challenge},
            {},
            [],
        ]
        for proof in [*(b64encode(encode(one)).decode() for one in forged), "!", "e30=", "A" * 3_000]:
            answer = await http.post_vote(poll, vote | {"proof": proof})
            assert (answer.status, answer.code) == (428, "proof_required"), proof
    await paced.assert_clean()


def test_a_proof_is_good_for_ten_minutes() -> None:
    clock = Clock()
    proofs = ProofOfWork(["s" * 32], clock)
    clock.now = time.time() - GOOD_FOR - 1
    late = solved(proofs.challenge("poll", "voter", 0.0))
    clock.now = time.time()
    fresh = solved(proofs.challenge("poll", "voter", 0.0))
    assert not proofs.proves(late, "poll", "voter")
    assert proofs.proves(fresh, "poll", "voter")
    assert not proofs.proves(fresh, "other", "voter")


async def test_no_address_is_in_the_database(paced: Service) -> None:
    poll = await paced.add_poll()
    async with Http(paced.base_url) as http:
        for number in range(9):
            await post(http, poll, f"198.51.{number}.77")
    tags = {ballot.network for ballot in await paced.ballots(poll)}
    assert len(tags) == 9
    assert {len(tag) for tag in tags} == {10}
    assert "198.51" not in repr(await paced.ballots(poll))
