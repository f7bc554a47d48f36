"""Processes that share their paces in a Redis count a network as one process would, and can do without it."""

import asyncio
import random
import signal
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from itertools import repeat
from pathlib import Path

import pytest

from pollsvc.domain.ballot import Ballot, Cast, Reason
from pollsvc.domain.paces import CALM, Pace, Paces, Tier
from pollsvc.domain.poll import Policy
from pollsvc.services.admission import Admission, Applicant
from pollsvc.storage.shared_paces import COUNTED, HELD_PACE, Ask, SharedPaces
from tests.support.certificates import certificate
from tests.support.paces import Store, run_store
from tests.support.reader import Answer, Http, Wire, ask, fire, vote_from
from tests.support.server import Service, free_port, open_connection, run_service, until
from tests.test_admission import POLL, network
from tests.test_several_processes import wire_to_each

BURST = CALM.narrow.burst
AWAY = "cannot be asked"
BACK = "answer again"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with run_store(tmp_path) as running:
        yield running


@asynccontextmanager
async def paced(
    folder: Path, url: str, database_url: str | None = None, site: bool = True
) -> AsyncIterator[Service]:
    """Two processes with the standard policy behind a proxy, which have their paces at `url`."""
    env = {
        "POLLSVC_ADMISSION": "standard",
        "POLLSVC_TRUSTED_PROXIES": "127.0.0.0/8",
        "POLLSVC_REDIS_URL": url,
    }
    async with run_service(folder, database_url, env, workers=2, site=site) as service:
        yield service


async def flood(service: Service, poll: str, votes: int, address: str = "192.0.2.1") -> Counter[str]:
    """How many votes, half of them to each of the two processes, were counted, held, or something else.

    No more count than one process would have let count.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        rounds = min(4, votes // 8)
        wires = [one for _ in range(rounds) for one in (await wire_to_each(service, stack)).values()]

        async def vote(wire: Wire) -> Answer:
            request = vote_from(poll, address)
            try:
                return await wire.ask(request)
            except EOFError:  # it was quiet for too long, on a machine with much to do
                return await wire.ask(request)

        async def cast(wire: Wire) -> list[Answer]:
            return [await vote(wire) for _ in range(votes // len(wires))]

        answers = [one for each in await asyncio.gather(*map(cast, wires)) for one in each]
    told = Counter(
        str(one.json.get("status") if one.status == 201 else (one.status, one.body)) for one in answers
    )
    refilled = int((time.monotonic() - began) / CALM.narrow.seconds) + 1
    if votes > BURST:
        assert BURST <= told["counted"] <= (BURST + refilled) * (1 if shares(service) else 2)
    return told


def shares(service: Service) -> bool:
    """Whether no process had to do without the store, since that or this machine was too slow."""
    return not said(service, AWAY)


async def paces_in(store: Store) -> list[bytes]:
    """The keys of networks in a store."""
    return [key for key in await store.keys() if key != b"pollsvc:here"]


def said(service: Service, text: str) -> int:
    return service.log.read_text().count(text)


async def test_two_processes_count_a_network_as_one(tmp_path: Path, store: Store, database_url: str) -> None:
    """1,000 votes through both: as many count as one process would count; two alone count twice that."""
    async with paced(tmp_path, store.url, database_url) as service:
        poll = await service.add_poll()
        told = await flood(service, poll, 1000)
        print(f"two processes, one pace: {told['counted']} of 1000 counted")
        assert told["counted"] + told["held"] == 1000
        await service.assert_clean(poll)


async def test_the_store_holds_no_address_and_keeps_nothing(tmp_path: Path, store: Store) -> None:
    """Its keys are hashes, others in each poll, and go when their network has nothing to wait for."""
    async with paced(tmp_path, store.url) as service:
        polls = [await service.add_poll() for _ in range(2)]
        for poll in polls:
            await flood(service, poll, 8, "198.51.100.77")
        keys = await paces_in(store)
        left = [await store.client.pttl(key) for key in keys]
        values = [await store.client.get(key) for key in keys]
    assert len(keys) == 2 * 2 + 2, "narrow and wide, in two polls and in their site"
    assert {(key[:8], len(key)) for key in keys} == {(b"pollsvc:", 20)}
    assert b"198" not in b"".join(key[8:] for key in keys)
    assert not any(poll.encode() in key for poll in polls for key in keys)
    assert b"198.51" not in repr(values).encode()
    longest = CALM.wide.burst * CALM.wide.seconds * 1000
    assert all(0 < one <= longest for one in left), "each ends by itself"


async def test_services_with_one_store_do_not_mix(tmp_path: Path, store: Store) -> None:
    """Each database has salts of its own, so a network is another one to the other service."""
    async with paced(tmp_path, store.url) as service:
        poll = await service.add_poll()
        await flood(service, poll, 64)
    async with open_connection(service.database_url) as connection, connection.transaction():
        await connection.rows("DELETE FROM salts")  # as in another database, were the poll the very same
    async with paced(tmp_path, store.url, service.database_url, site=False) as other:
        assert (await flood(other, poll, 64))["counted"] >= BURST


async def test_votes_go_on_without_the_store(tmp_path: Path, store: Store) -> None:
    """Killed under load, started anew, frozen: no vote fails, each process says so once, and it is back."""
    async with paced(tmp_path, store.url) as service, Http(service.base_url) as http:
        poll = await service.add_poll()
        calm = [f"10.{number // 250}.{number % 250}.1" for number in range(3000)]
        requests = [vote_from(poll, address) for address in calm]
        load = asyncio.create_task(fire(service.base_url, ask, requests, connections=16))
        await until(lambda: _voters(http, poll, 300))
        await store.kill()
        answers = await load
        assert Counter(one.status for one in answers) == {201: 3000}
        assert await http.is_ready()
        told = await flood(service, poll, 200)
        assert told["counted"] + told["held"] == 200
        assert said(service, AWAY) == 2, "once for each process"

        back = said(service, BACK)
        await store.start()
        await until(lambda: _said(service, BACK, back + 2), 30)
        other, keys = await service.add_poll(), len(await paces_in(store))
        await flood(service, other, 24, "198.51.100.1")
        assert len(await paces_in(store)) >= keys + 4, "votes are charged there again"

        store.send(signal.SIGSTOP)
        try:
            began = time.monotonic()
            stuck = await flood(service, other, 104, "192.0.3.1")
            took = time.monotonic() - began
        finally:
            store.send(signal.SIGCONT)
        assert stuck["counted"] + stuck["held"] == 104
        print(f"104 votes with a store that does not answer: {took:.2f} s")
        assert took < 10
        await until(lambda: _said(service, BACK, back + 4), 30)
        await service.assert_clean()


async def _voters(http: Http, poll: str, least: int) -> bool:
    return int((await http.results(poll))["voters"]) >= least


async def _said(service: Service, text: str, times: int) -> bool:
    return said(service, text) >= times


async def test_a_service_starts_while_its_store_is_away(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/redis.sock"
    async with paced(tmp_path, url) as service, Http(service.base_url) as http:
        assert await http.is_ready()
        assert (await flood(service, await service.add_poll(), 16)) == {"counted": 16}
        await until(lambda: _said(service, AWAY, 2), 30)
        async with run_store(tmp_path):
            await until(lambda: _said(service, BACK, 2), 30)


Vote = tuple[str, str, bool | None]
"""Voter, address and proof."""


async def ask_for(admission: Admission, votes: Sequence[Vote]) -> list[Applicant]:
    """Ask ahead for a batch, as the ballot writer does; what its votes know then."""
    asking = [admission.applicant(POLL, network(address), proof=proof) for _, address, proof in votes]
    ballots = [Ballot.of(POLL.id, voter, "1", 0) for voter, *_ in votes]
    await admission.ask_ahead([Cast(*both) for both in zip(ballots, repeat(False), asking)])
    return asking


@pytest.fixture
async def admission(store: Store) -> AsyncIterator[Admission]:
    """Admission with shared paces, at a moment that does not pass in memory."""
    paces = SharedPaces(store.url)
    await paces.start()
    yield Admission(Policy.STANDARD, lambda: 0.0, paces)
    await paces.stop()


@pytest.mark.parametrize("seed", range(3))
async def test_the_store_decides_as_one_process_does(admission: Admission, seed: int) -> None:
    """Random batches of proofs and networks get the same verdicts from the store and from memory."""
    chance = random.Random(seed)
    here = Admission(Policy.STANDARD, lambda: 0.0)
    for batch in range(40):
        votes = [
            (f"{batch} {number}", f"192.0.2.{chance.randrange(3)}", chance.choice([True, False, None]))
            for number in range(chance.randrange(1, 6))
        ]
        for one in await ask_for(admission, votes):
            assert one.verdict is not None
            admitted = here.admit(POLL, one.network, proof=one.proof)
            assert one() == admitted
            if admitted is None:
                assert abs(one.effort - here.effort(POLL, one.network)) < 0.01


async def test_a_voter_who_asks_twice_is_charged_once(admission: Admission) -> None:
    twice = await ask_for(admission, [(str(number // 2), "192.0.2.1", False) for number in range(2 * BURST)])
    assert {one.verdict for one in twice[::2]} == {COUNTED}
    again = await ask_for(admission, [("new", "192.0.2.1", False), ("new", "192.0.2.1", True)])
    assert [one() is None for one in again] == [True, False]


async def test_a_batch_is_one_call_however_large(admission: Admission, store: Store) -> None:
    """500 votes of 500 networks, the most that a batch takes, within the time that is waited for."""
    votes = [(str(number), f"10.{number}.1.1", False) for number in range(500)]
    began = time.perf_counter()
    asking = await ask_for(admission, votes)
    took = time.perf_counter() - began
    used = (await store.client.info("commandstats"))["cmdstat_evalsha"]
    print(f"500 votes in {took * 1000:.0f} ms, of which the store took {used['usec'] / 1000:.0f} ms")
    assert used["calls"] == 1
    assert {one.verdict for one in asking} == {COUNTED}


async def test_a_clock_that_is_set_back_holds_nobody_for_long(store: Store) -> None:
    """What is noted of an hour to come counts as a burst that is used up, no more."""
    tier = Tier.of(Pace(2, 0.2), Pace(2, 0.2))
    paces = SharedPaces(store.url)
    await paces.start()

    async def verdict() -> int:
        keys = b"narrow", b"wide", b"site narrow", b"site wide"
        [told] = await paces.judge([Ask(Paces(tier, tier), ("poll", "voter"), -1, keys)])
        return told.is_

    assert await verdict() == COUNTED
    for key in await paces_in(store):
        await store.client.set(key, struct.pack("<dd", *[(time.time() + 3600) * 1000] * 2))
    assert await verdict() == HELD_PACE

    async def counts() -> bool:
        return await verdict() == COUNTED

    await until(counts, 2)
    await paces.stop()


async def test_over_tls_the_certificate_is_checked(tmp_path: Path) -> None:
    """It is to be of an authority that is trusted, and for the host that the URL names."""
    certificate(tmp_path, "localhost")
    port, asked = free_port(), [Ask(Paces(*[CALM] * 2), ("poll", "voter"), -1, (b"a", b"b", b"c", b"d"))]
    trusting = f"ssl_ca_certs={tmp_path}/fullchain.pem"
    async with run_store(tmp_path, port):
        for address, is_trusted in (
            (f"localhost:{port}/0?{trusting}", True),
            (f"localhost:{port}/0", False),
            (f"127.0.0.1:{port}/0?{trusting}", False),
        ):
            paces = SharedPaces(f"rediss://{address}")
            await paces.start()
            assert [told.is_ for told in await paces.judge(asked)] == [COUNTED] * is_trusted
            await paces.stop()


async def test_what_the_shared_paces_counted_is_remembered_without_them(
    admission: Admission, store: Store
) -> None:
    """A network gets no new burst when the store goes away."""
    await ask_for(admission, [(str(number), "192.0.2.1", None) for number in range(BURST)])
    await store.kill()
    [one] = await ask_for(admission, [("without", "192.0.2.1", None)])
    assert one.verdict is None
    admitted = one()
    assert admitted is not None
    assert admitted.reason == Reason.UNPROVEN
