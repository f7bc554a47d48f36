"""A load of votes of which each reader remembers what they were told, to be held against what is there."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence, Sized
from contextlib import asynccontextmanager
from itertools import cycle, islice

from pollsvc.domain.ballot import Ballot
from pollsvc.domain.mac import encode128
from pollsvc.domain.merkle import leaf_hash
from tests.support.reader import Http, Wire, new_key, vote_bytes
from tests.support.server import Service, until

CLIENTS = 16


class Load:
    """Readers who vote once each and remember what they were told, while it is `running`.

    With `urls` they are shared out over these. With a `patience` (seconds) they take no longer for a vote.
    """

    def __init__(
        self,
        service: Service,
        poll: str,
        clients: int = CLIENTS,
        urls: Sequence[str] = (),
        patience: float | None = None,
    ) -> None:
        self._clients = clients
        self._urls = urls or (service.base_url,)
        self._patience = patience
        self.slowest = 0.0  # answer, in seconds
        self.by_url: dict[str, list[str]] = {url: [] for url in self._urls}  # keys that were acknowledged
        self._service = service
        self._poll = poll
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False
        self.acknowledged: dict[str, tuple[list[int], bytes]] = {}
        self.refused: list[int] = []
        self.unanswered: dict[str, int] = {}  # or refused when a commit broke: recorded or not

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        urls = islice(cycle(self._urls), self._clients)
        self._tasks = [asyncio.create_task(self._vote(url)) for url in urls]
        self._ending = False
        try:
            yield
        finally:
            self._ending = True
            await asyncio.wait(self._tasks, timeout=2)  # what is under way is answered, or never will be
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def more(self, votes: int, url: str = "", seconds: float = 10) -> None:
        """Wait for so many more acknowledged votes, or for those by one URL."""
        await _longer(self.by_url[url] if url else self.acknowledged, votes, seconds)

    async def refusals(self, votes: int) -> None:
        """Wait for so many more refused votes."""
        await _longer(self.refused, votes)

    async def _vote(self, url: str) -> None:
        with Wire(url) as wire:
            while not self._ending:
                key, pick = new_key(), len(self.acknowledged) % 3 + 1
                request = vote_bytes(self._poll, {"selection": [pick], "idempotency_key": key})
                self.unanswered[key] = pick
                began = time.monotonic()
                try:
                    async with asyncio.timeout(self._patience):
                        answer = await wire.ask(request)
                except (OSError, EOFError):
                    wire.close()
                    await asyncio.sleep(0.02)
                    continue
                self.slowest = max(self.slowest, time.monotonic() - began)
                if answer.status == 201:
                    del self.unanswered[key]
                    self.by_url[url].append(key)
                    self.acknowledged[key] = (answer.json["selection"], answer.receipt)
                else:
                    self.refused.append(answer.status)

    async def assert_kept(self, http: Http, sample: int | None = None) -> None:
        """Each acknowledged vote (or the latest of them) is there once, as it was, with its receipt."""
        ballots = await self._service.ballots(self._poll)
        assert len(ballots) >= len(self.acknowledged)
        assert len(ballots) <= len(self.acknowledged) + len(self.unanswered)
        by_id = {encode128(leaf_hash(ballot.leaf())): ballot for ballot in ballots}
        assert len(by_id) == len(ballots)
        for picks, receipt in self.acknowledged.values():
            assert _standing(by_id, receipt).selection == str(picks[0])
        for key, (picks, receipt) in list(self.acknowledged.items())[-(sample or 50) :]:
            body = {"selection": picks, "idempotency_key": key}
            again = await http.post_vote(self._poll, body)
            assert (again.status, again.receipt) == (200, receipt)
        assert sum(await http.counts(self._poll)) == len(ballots)


async def _longer(kept: Sized, by: int, seconds: float = 10) -> None:
    wanted = len(kept) + by

    async def reached() -> bool:
        return len(kept) >= wanted

    await until(reached, seconds, pause=0.005)


def _standing(by_id: dict[str, Ballot], receipt: bytes) -> Ballot:
    return by_id[json.loads(receipt)["id"]]
