"""One reader has one ballot: in races, in retries after lost answers, over several processes."""

import asyncio
import random
from collections import Counter

from tests.support.reader import Answer, Wire, ask, fire, new_key, vote_bytes
from tests.support.server import Service

AT_ONCE = 500
MANY = 10_000
LOST = 0.3


async def vote_at_once(service: Service, requests: list[bytes]) -> list[Answer]:
    """Send each request over a connection of its own, all connected before the first is sent."""
    wires = [Wire(service.base_url) for _ in requests]
    try:
        for wire in wires:
            await wire.send(b"")
        return await asyncio.gather(*map(ask, wires, requests))
    finally:
        for wire in wires:
            wire.close()


async def assert_one_ballot_of_the_same_votes(service: Service) -> None:
    poll = await service.add_poll()
    request = vote_bytes(poll, {"selection": [2], "idempotency_key": new_key()})
    answers = await vote_at_once(service, [request] * AT_ONCE)
    assert Counter(answer.status for answer in answers) == {201: 1, 200: AT_ONCE - 1}
    assert len({answer.receipt for answer in answers}) == 1
    assert len({answer.json["reader"] for answer in answers}) == 1
    assert len(await service.ballots(poll)) == 1
    await service.assert_clean(poll)


async def assert_one_ballot_of_different_votes(service: Service) -> None:
    poll, key = await service.add_poll(), new_key()
    picks = [number % 3 + 1 for number in range(AT_ONCE)]
    requests = [vote_bytes(poll, {"selection": [pick], "idempotency_key": key}) for pick in picks]
    answers = await vote_at_once(service, requests)
    [ballot] = await service.ballots(poll)
    won = int(ballot.selection)
    for pick, answer in zip(picks, answers, strict=True):
        assert answer.status in ((200, 201) if pick == won else (409,))
        assert answer.json["selection"] == [won]
    assert Counter(answer.status for answer in answers)[201] == 1
    assert len({answer.receipt for answer in answers if answer.status != 409}) == 1
    await service.assert_clean(poll)


async def test_500_equal_votes_at_once(shared: Service) -> None:
    await assert_one_ballot_of_the_same_votes(shared)


async def test_500_different_votes_at_once(shared: Service) -> None:
    await assert_one_ballot_of_different_votes(shared)


async def test_500_equal_votes_at_once_to_two_processes(two_workers: Service) -> None:
    await assert_one_ballot_of_the_same_votes(two_workers)


async def test_500_different_votes_at_once_to_two_processes(two_workers: Service) -> None:
    await assert_one_ballot_of_different_votes(two_workers)


async def test_many_readers_race_with_themselves_in_two_processes(two_workers: Service) -> None:
    """Batches of the two processes hold the same readers in different orders: no deadlock, no double."""
    poll = await two_workers.add_poll()
    readers = [vote_bytes(poll, {"selection": [1], "idempotency_key": new_key()}) for _ in range(300)]
    requests = readers * 4
    random.Random(4).shuffle(requests)
    answers = await fire(two_workers.base_url, ask, requests, connections=100)
    assert Counter(answer.status for answer in answers) == {201: 300, 200: 900}
    assert len(await two_workers.ballots(poll)) == 300
    await two_workers.assert_clean(poll)


async def test_10000_readers_who_retry_when_the_answer_is_lost(shared: Service) -> None:
    """Three of ten tries are cut off before their answer is read; each reader tries until one is answered."""
    poll, chance = await shared.add_poll(), random.Random(10)
    lost = 0

    async def persist(wire: Wire, request: bytes) -> Answer:
        nonlocal lost
        while chance.random() < LOST:
            await wire.send(request)
            await asyncio.sleep(0)
            wire.close()
            lost += 1
        return await wire.ask(request)

    requests = [
        vote_bytes(poll, {"selection": [number % 3 + 1], "idempotency_key": new_key()})
        for number in range(MANY)
    ]
    answers = await fire(shared.base_url, persist, requests)
    assert {answer.status for answer in answers} == {200, 201}
    assert lost > MANY * LOST
    assert len({answer.receipt for answer in answers}) == MANY
    ballots = await shared.ballots(poll)
    assert Counter(ballot.selection for ballot in ballots) == {"1": 3334, "2": 3333, "3": 3333}
    await shared.assert_clean(poll)


async def test_a_vote_that_nobody_waits_for_is_whole_or_not_there(shared: Service) -> None:
    """All clients hang up at once: the ballots that were written are counted, and retries complete them."""
    poll = await shared.add_poll()
    requests = [vote_bytes(poll, {"selection": [1], "idempotency_key": new_key()}) for _ in range(300)]
    wires = [Wire(shared.base_url) for _ in requests]
    for wire, request in zip(wires, requests, strict=True):
        await wire.send(request)
    for wire in wires:
        wire.close()
    await shared.assert_clean(poll)
    answers = await fire(shared.base_url, ask, requests)
    assert {answer.status for answer in answers} <= {200, 201}
    assert len(await shared.ballots(poll)) == 300
    await shared.assert_clean(poll)
