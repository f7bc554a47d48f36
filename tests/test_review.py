"""Editors hold, release and exclude ballots, by rule and one by one: all public, and none of it final."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pollsvc.services.editing import judging
from pollsvc.storage.log import entries
from tests.support.reader import Http, Reader
from tests.support.server import CliError, Service, open_connection, run_service, until


@pytest.fixture
async def service(database_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    """A service on each engine that counts every vote, and is told of addresses by a proxy."""
    env = {"POLLSVC_TRUSTED_PROXIES": "127.0.0.0/8"}
    async with run_service(tmp_path, database_url, env=env, site=True) as running:
        yield running


@pytest.fixture
async def http(service: Service) -> AsyncIterator[Http]:
    async with Http(service.base_url) as client:
        yield client


async def votes_from(http: Http, poll: str, address: str, pick: int, votes: int) -> list[dict[str, Any]]:
    """So many votes of new readers from an address; their receipts."""
    answers = [
        await http.post_vote(poll, {"selection": [pick]}, X_Forwarded_For=address) for _ in range(votes)
    ]
    assert {answer.status for answer in answers} == {201}
    return [answer.json["receipt"] for answer in answers]


async def results(http: Http, poll: str, **wanted: int) -> dict[str, Any]:
    """The results, once these numbers in them are so."""
    found: list[dict[str, Any]] = []

    async def there() -> bool:
        found[:] = [await http.results(poll)]
        return all(found[0][name] == number for name, number in wanted.items())

    await until(there)
    return found[0]


async def review(service: Service, poll: str, *args: str) -> int:
    return int((await service.cli("poll", "review", poll, *args))["ballots"])


async def test_a_networks_ballots_are_excluded_and_counted_again(service: Service, http: Http) -> None:
    poll = await service.add_poll()
    await votes_from(http, poll, "192.0.2.1", 1, 12)
    await votes_from(http, poll, "198.51.100.1", 2, 5)
    await votes_from(http, poll, "192.0.2.7", 1, 3)  # a neighbour in the same /24
    groups = await service.cli("poll", "ballots", poll)
    assert [(group["ballots"], group["narrow"], group["fresh"]) for group in groups] == [
        (15, 2, 15),
        (5, 1, 5),
    ]
    bad = groups[0]["network"]
    assert await review(service, poll, "--exclude", "automated", "--network", bad) == 15
    found = await results(http, poll, voters=5, held=0, excluded=15)
    assert found["reasons"] == [{"status": "excluded", "reason": "automated", "count": 15}]
    assert [option["count"] for option in found["options"]] == [0, 5, 0]
    assert await review(service, poll, "--exclude", "automated", "--network", bad) == 0
    await service.assert_clean()
    assert await review(service, poll, "--release", "--network", bad) == 15
    found = await results(http, poll, voters=20, held=0, excluded=0)
    assert found["reasons"] == []
    assert len(await service.ballots(poll)) == 20
    await service.assert_clean()


async def test_one_ballot_is_held_and_its_reader_is_told(service: Service, http: Http) -> None:
    poll = await service.add_poll()
    reader = Reader(http)
    first = (await reader.vote(poll, 1)).json
    await Reader(http).vote(poll, 2)
    voter = first["receipt"]["leaf"].split("\n")[3]
    assert await review(service, poll, "--hold", "--voter", voter) == 1
    found = await results(http, poll, voters=1, held=1)
    assert found["reasons"] == [{"status": "held", "reason": "suspected", "count": 1}]
    again = await reader.vote(poll, 1)
    assert (again.status, again.json["status"]) == (200, "held")
    assert again.json["receipt"]["number"] == 3, "the decision is a leaf of its own"
    assert "\nheld\nsuspected\n" in again.json["receipt"]["leaf"]
    await service.assert_clean()


async def test_the_log_of_edits_and_the_history_say_what_was_done(service: Service, http: Http) -> None:
    poll = await service.add_poll()
    await votes_from(http, poll, "192.0.2.1", 1, 3)
    await review(service, poll, "--exclude", "test", "--status", "counted")
    async with open_connection(service.database_url) as connection:
        [entry] = [one for one in await entries(connection) if one.action == "ballots.exclude"]
    assert '"ballots":3' in entry.after.replace(" ", "")
    assert '"why":"test"' in entry.after.replace(" ", "")


async def test_reviews_and_votes_at_once_lose_nothing(
    service: Service, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "PIECE", 20)
    poll = await service.add_poll(allow_change=True)
    readers = [Reader(http) for _ in range(60)]
    await asyncio.gather(*(reader.vote(poll, 1) for reader in readers))
    work = [
        review(service, poll, "--hold", "--status", "counted"),
        *(reader.vote(poll, 2) for reader in readers),
        *(Reader(http).vote(poll, 3) for _ in range(60)),
        review(service, poll, "--exclude", "repeated", "--status", "held"),
    ]
    await asyncio.gather(*work)
    ballots = await service.ballots(poll)
    assert len(ballots) == 120
    assert sum(ballot.selection == "2" for ballot in ballots) == 60
    await service.assert_clean()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "--hold, --release and --exclude"),
        (("--hold",), "Say which ballots"),
        (("--hold", "--exclude", "test", "--status", "held"), "--hold, --release and --exclude"),
        (("--exclude", "dislike", "--status", "held"), "dislike"),
        (("--hold", "--network", "abc"), "5 or 10 characters"),
        (("--hold", "--from", "soon"), "no time"),
    ],
)
async def test_a_review_that_is_not_clear_changes_nothing(
    service: Service, http: Http, args: tuple[str, ...], said: str
) -> None:
    poll = await service.add_poll()
    await Reader(http).vote(poll, 1)
    with pytest.raises(CliError) as refused:
        await service.run("poll", "review", poll, *args)
    assert said in refused.value.output
    assert {ballot.status for ballot in await service.ballots(poll)} == {"counted"}


async def test_readers_are_told_why_on_the_polls_page(service: Service, http: Http) -> None:
    poll = await service.add_poll()
    await votes_from(http, poll, "192.0.2.1", 1, 3)
    await votes_from(http, poll, "198.51.100.1", 2, 2)
    first, second = (group["network"] for group in await service.cli("poll", "ballots", poll))
    await review(service, poll, "--exclude", "automated", "--network", first)
    await review(service, poll, "--hold", "--network", second)

    async def told() -> bool:
        page = (await http.get(f"/p/{poll}?lang=en")).body.decode()
        facts = (
            "2 votes held for review (",
            "under review by the publisher",
            "3 votes excluded",
            "automated",
        )
        return all(fact in page for fact in facts)

    await until(told)
