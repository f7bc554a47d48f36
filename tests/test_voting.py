"""A vote is recorded, answered and counted."""

import aiohttp

from tests.support.server import Service


async def test_a_vote_is_counted(service_on: Service) -> None:
    poll = await service_on.create_poll()
    async with aiohttp.ClientSession(service_on.base_url) as http:
        async with http.post(f"/api/v1/polls/{poll}/votes", json={"selection": [2]}) as answer:
            assert answer.status == 201
            vote = await answer.json()
    assert vote["results"]["options"] == [{"id": 1, "count": 0}, {"id": 2, "count": 1}, {"id": 3, "count": 0}]
    assert (await service_on.cli("audit"))["ok"]
