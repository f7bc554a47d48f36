"""A load of votes of which each reader remembers what they were told, to be held against what is there."""

import asyncio
import json
from collections.abc import AsyncIterator, Sized
from contextlib import asynccontextmanager

from pollsvc.domain.ballot import Ballot
from pollsvc.domain.mac import encode128
from pollsvc.domain.merkle import leaf_hash
from tests.support.reader import Http, Wire, new_key, vote_bytes
from tests.support.server import Service, until

CLIENTS = 16


class Load:
    """Readers who vote once each and remember what they were told, between `start` and `stop`."""

    def __init__(self, service: Service, poll: str, clients: int = CLIENTS) -> None:
        self._clients = clients
        self._service = service
        self._poll = poll
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False
        self.acknowledged: dict[str, tuple[list[int], bytes]] = {}
        self.refused: list[int] = []
        self.unanswered: dict[str, int] = {}  # or refused when a commit broke: recorded or not

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self._tasks = [asyncio.create_task(self._vote()) for _ in range(self._clients)]
        self._ending = False
        try:
            yield
        finally:
            self._ending = True
            await asyncio.wait(self._tasks, timeout=2)  # what is under way is answered, or never will be
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def more(self, votes: int) -> None:
        """Wait for so many more acknowledged votes."""
        await _longer(self.acknowledged, votes)

    async def refusals(self, votes: int) -> None:
        """Wait for so many more refused votes."""
        await _longer(self.refused, votes)

    async def _vote(self) -> None:
        with Wire(self._service.base_url) as wire:
            while not self._ending:
                key, pick = new_key(), len(self.acknowledged) % 3 + 1
                request = vote_bytes(self._poll, {"selection": [pick], "idempotency_key": key})
                self.unanswered[key] = pick
                try:
                    answer = await wire.ask(request)
                except (OSError, EOFError):
                    await asyncio.sleep(0.02)
                    continue
                if answer.status == 201:
                    del self.unanswered[key]
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


async def _longer(kept: Sized, by: int) -> None:
    wanted = len(kept) + by

    async def reached() -> bool:
        return len(kept) >= wanted

    await until(reached, pause=0.005)


def _standing(by_id: dict[str, Ballot], receipt: bytes) -> Ballot:
    return by_id[json.loads(receipt)["id"]]
