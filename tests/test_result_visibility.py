"""Who sees results: always, after the vote, after the close, or never."""

from typing import Any

import pytest

from tests.support.reader import Http, Reader, watch
from tests.support.server import Service, until


async def public(http: Http, poll: str) -> Any:
    """The results that every public way shows, which must agree."""
    one = (await http.get(f"/api/v1/polls/{poll}")).json
    [several] = (await http.get(f"/api/v1/polls?id={poll}")).json["polls"]
    async with watch(http, poll) as stream:
        frame = await stream.until(lambda frame: True)
    assert one["results"] == several["results"] == frame.data["results"]
    return one["results"]


async def close(service: Service, http: Http, poll: str) -> None:
    """Close a poll, and wait until the service knows."""
    async with service.editor() as editor:
        await editor.close_poll(poll)

    async def closed() -> bool:
        return bool((await http.get(f"/api/v1/polls/{poll}")).json["state"] == "closed")

    await until(closed)


@pytest.mark.parametrize(
    ("visibility", "before", "to_voters", "after_close"),
    [
        ("always", True, True, True),
        ("after_vote", False, True, True),
        ("after_close", False, False, True),
        ("never", False, False, False),
    ],
)
async def test_results_are_shown_to_those_who_may_see_them(
    shared: Service, http: Http, visibility: str, before: bool, to_voters: bool, after_close: bool
) -> None:
    poll, reader = await shared.add_poll(visibility=visibility), Reader(http)
    vote = await reader.vote(poll, 2)
    again, other = await reader.vote(poll, 2), await reader.vote(poll, 1)
    assert other.code == "already_voted"
    assert (await public(http, poll) is not None) == before
    for answer in (vote, again, other):
        assert (answer.json["results"] is not None) == to_voters
        assert (answer.json["results_url"] is not None) == (to_voters and not before)
    await close(shared, http, poll)
    assert (await public(http, poll) is not None) == after_close
    assert ((await reader.vote(poll, 2)).json["results"] is not None) == after_close


async def test_nothing_leaks_while_results_are_hidden(shared: Service, http: Http) -> None:
    """Neither counts nor their sum, nor a version in the page of the poll, change what is shown."""
    poll = await shared.add_poll(visibility="never")
    before = (await http.get(f"/p/{poll}")).body.decode()
    for _ in range(3):
        await Reader(http).vote(poll, 1)
    after = (await http.get(f"/p/{poll}")).body.decode()
    assert _without_key(before) == _without_key(after)
    assert (await http.get(f"/api/v1/polls/{poll}")).json["results"] is None


async def test_the_address_for_those_who_voted(shared: Service, http: Http) -> None:
    """The same for all who voted, cacheable, with results that move; a guess finds nothing."""
    poll = await shared.add_poll(visibility="after_vote")
    first, second = await Reader(http).vote(poll, 1), await Reader(http).vote(poll, 3)
    url = first.json["results_url"]
    assert url == second.json["results_url"]
    assert url.startswith(shared.base_url)
    key = url.rpartition("/")[2]
    assert len(key) >= 22  # 128 bits
    path = url.removeprefix(shared.base_url)
    shown = await http.get(path)
    assert shown.status == 200
    assert shown.json["results"] == second.json["results"]
    assert shown.json["results"]["voters"] == 2
    assert "public" in shown.headers["cache-control"]
    assert shown.headers["access-control-allow-origin"] == "*"
    assert (await http.get(path, If_None_Match=shown.headers["etag"])).status == 304
    await Reader(http).vote(poll, 2)
    assert (await http.get(path, If_None_Match=shown.headers["etag"])).json["results"]["voters"] == 3
    for wrong in ("x", key[:-1], key + "A", key.swapcase(), "%00", "é"):
        assert (await http.get(path.replace(key, wrong))).code == "no_such_poll"


async def test_hidden_until_close_has_no_back_door(shared: Service, http: Http) -> None:
    """The key of the results address exists for every poll; it opens nothing before the close."""
    poll = await shared.add_poll(visibility="after_close")
    await Reader(http).vote(poll, 1)
    async with shared.editor() as editor:
        key = (await editor.poll(poll)).results_key
    path = f"/api/v1/polls/{poll}/results/{key}"
    assert (await http.get(path)).json["results"] is None
    await close(shared, http, poll)
    assert (await http.get(path)).json["results"]["voters"] == 1


def _without_key(page: str) -> str:
    start = page.index('name="idempotency_key"')
    return page[:start] + page[page.index(">", start) :]


async def test_hidden_results_move_unseen(shared: Service, http: Http) -> None:
    """Not even how many votes came can be told: no frame, no other validator, no version."""
    poll, seen = await shared.add_poll(visibility="after_close"), await shared.add_poll()
    etag = (await http.get(f"/api/v1/polls/{poll}")).headers["etag"]
    async with watch(http, poll, seen) as stream:
        first = await stream.until(lambda frame: frame.data["id"] == poll)
        assert first.id == 0
        for _ in range(3):
            await Reader(http).vote(poll, 1)
        await Reader(http).vote(seen, 1)
        later = await stream.until(lambda frame: frame.data["id"] == poll or frame.data["results"]["voters"])
        assert later.data["id"] == seen
    assert (await http.get(f"/api/v1/polls/{poll}")).headers["etag"] == etag
