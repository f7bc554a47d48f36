"""Every secret is changed while readers vote through two services, as docs say: no error, no vote lost."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pollsvc.domain.editor import Scope
from pollsvc.domain.log import COMMAND_LINE
from pollsvc.services.accounts.api_keys import ApiKeys
from tests.support.reader import Answer, Http, new_key
from tests.support.server import SECRET, Service, open_connection, run_service, until
from tests.test_vouching import assertion

NEW = "a-new-secret-for-tests-of-more-than-32-characters"
READERS = 24
CLOSED = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, asyncio.TimeoutError)
"""What becomes of a request to a process that is ending: the next one gets it."""


class Fleet:
    """Two services on one database, behind what sends a request to the next one when one is away."""

    def __init__(self, services: list[Service], clients: list[Http]) -> None:
        self.services = services
        self._clients = clients
        self._turns = itertools.count()
        self.answered = self.sent_again = 0

    async def ask(self, act: Callable[[Http], Any]) -> Answer:
        for _ in range(200):
            client = self._clients[next(self._turns) % 2]
            try:
                answer: Answer = await act(client)
            except CLOSED:
                self.sent_again += 1
                await asyncio.sleep(0.01)
                continue
            if answer.status == 503:  # it is ending, and says so: widgets send it again, and so do proxies
                self.sent_again += 1
                continue
            self.answered += 1
            return answer
        raise AssertionError("neither service answers")

    async def restart_with(self, *keys: str) -> None:
        """One after the other."""
        for service in self.services:
            await service.stop()
            service.env["POLLSVC_SECRET_KEYS"] = ",".join(keys)
            await service.start()


class Crowd:
    """Readers who go on voting until `stop`; each keeps the token that it was answered last."""

    def __init__(self, fleet: Fleet, poll: str, word: Callable[[int], str] | None = None) -> None:
        self.tokens: list[str | None] = [None] * READERS
        self.rounds = [0] * READERS
        self.receipts: list[Any] = []
        self.wrong: list[Answer] = []
        self._stopped = False
        self._tasks = [asyncio.create_task(self._vote(fleet, poll, place, word)) for place in range(READERS)]

    async def _vote(self, fleet: Fleet, poll: str, place: int, word: Callable[[int], str] | None) -> None:
        key = new_key()
        while not self._stopped:
            token = self.tokens[place]
            who: dict[str, Any] = {"reader": token} if token else {"idempotency_key": key}
            if word is not None:
                who = {"assertion": word(place)}
            body = {"selection": [1 + self.rounds[place] % 3], **who}
            answer = await fleet.ask(partial(_cast, poll, body))
            if answer.status in (200, 201):
                self.tokens[place] = answer.json["reader"]
                self.rounds[place] += 1
            else:
                self.wrong.append(answer)

    async def goes_on(self) -> None:
        """Wait until each has voted twice more: once may have been under way."""
        before = list(self.rounds)

        async def all_have() -> bool:
            assert not self.wrong, self.wrong[0]
            return all(now >= then + 2 for now, then in zip(self.rounds, before, strict=True))

        await until(all_have, 30)

    async def stop(self) -> None:
        self._stopped = True
        await asyncio.gather(*self._tasks)
        assert not self.wrong, self.wrong[0]


@asynccontextmanager
async def two_services(folder: Path, url: str) -> AsyncIterator[Fleet]:
    async with (
        run_service(folder, url, site=True) as one,
        run_service(folder, url) as two,
        Http(one.base_url) as first,
        Http(two.base_url) as second,
    ):
        yield Fleet([one, two], [first, second])


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_the_secret_keys_of_two_services(database_url: str, tmp_path: Path) -> None:
    """With them the log's key, which is handed over."""
    async with two_services(tmp_path, database_url) as fleet:
        service = fleet.services[0]
        poll = await service.add_poll(allow_change=True)
        crowd = Crowd(fleet, poll)
        await crowd.goes_on()
        old = crowd.tokens[0]
        await fleet.restart_with(NEW, SECRET)  # known by both, and not signing yet
        await crowd.goes_on()
        await fleet.restart_with(SECRET, NEW)
        await crowd.goes_on()
        assert crowd.tokens[0] != old
        await service.assert_clean()
        await fleet.restart_with(NEW)
        await crowd.goes_on()
        await crowd.stop()
        refused = await fleet.ask(lambda client: client.post_vote(poll, {"selection": [1], "reader": old}))
        assert (refused.status, refused.code) == (401, "bad_reader_token")
        keys = (await fleet.ask(lambda client: client.get("/api/v1/log/keys"))).json["keys"]
        assert len(keys) == 2
        results = await service.cli("results", poll)
        assert results["voters"] == READERS
        assert await service.ballots(poll)
        print(
            f"\nsecret keys of two services, restarted six times: {fleet.answered:,} answers, 0 errors; "
            f"{fleet.sent_again} requests met a process that was ending, and went to the other"
        )
        await service.assert_clean()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_the_secret_of_a_site_and_keys_of_programs(database_url: str, tmp_path: Path) -> None:
    async with two_services(tmp_path, database_url) as fleet:
        service = fleet.services[0]
        poll = await service.add_poll(allow_change=True)
        secrets = [(await service.run("site", "secret", "News")).strip()]
        crowd = Crowd(fleet, poll, lambda place: assertion(secrets[-1], f"reader {place}"))
        await crowd.goes_on()
        rotated = (await service.run("site", "secret", "News", "--rotate")).strip()
        await crowd.goes_on()  # the site has not taken the new one over yet
        secrets.append(rotated)
        await crowd.goes_on()
        async with open_connection(database_url) as connection:
            keys = ApiKeys(connection, time.time, COMMAND_LINE)
            old, old_text = await keys.create("CMS", tuple(Scope), None)
            assert (await _list(fleet, old_text)).status == 200
            _, new_text = await keys.create("CMS", tuple(Scope), None)
            assert {(await _list(fleet, text)).status for text in (old_text, new_text)} == {200}
            await keys.revoke(old.id)
        assert [(await _list(fleet, text)).status for text in (old_text, new_text)] == [401, 200]
        await crowd.goes_on()
        await service.run("site", "secret", "News", "--rotate")
        await crowd.stop()

        async def retired() -> bool:
            body = {"selection": [1], "assertion": assertion(secrets[0], "reader 1")}
            return (await fleet.ask(lambda client: client.post_vote(poll, body))).status == 403

        await until(retired)
        assert (await service.cli("results", poll))["voters"] == READERS
        await service.assert_clean()


def _cast(poll: str, body: Any, client: Http) -> Coroutine[Any, Any, Answer]:
    return client.post_vote(poll, body)


async def _list(fleet: Fleet, key: str) -> Answer:
    bearer = {"Authorization": f"Bearer {key}"}
    return await fleet.ask(lambda client: client.request("GET", "/api/v1/admin/polls", headers=bearer))
