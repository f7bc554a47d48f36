"""Anybody can check the log: its head, that it holds a leaf, that it only grew; and what it lacks is told."""

import asyncio
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from pollsvc.domain.checkpoint import Checkpoint, read_note
from pollsvc.domain.merkle import Tree, consistent, head, head_by_inclusion, leaf_hash
from pollsvc.domain.tiles import hashes_of
from tests.support.reader import Http, Reader
from tests.support.server import Service, run_service, until


async def checkpoint(http: Http) -> Checkpoint:
    answer = await http.get("/api/v1/log/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    return read_note(answer.body.decode())[0]


async def inclusion(http: Http, receipt: dict[str, Any], size: int | None = None) -> dict[str, Any]:
    """The proof for a receipt, as soon as there is one."""
    more = "" if size is None else f"&size={size}"
    path = f"/api/v1/log/inclusion?poll={receipt['poll']}&number={receipt['number']}{more}"

    async def sealed() -> bool:
        return (await http.get(path)).status == 200

    await until(sealed)
    found: dict[str, Any] = (await http.get(path)).json
    return found


def hashes(texts: list[str]) -> list[bytes]:
    return [b64decode(text) for text in texts]


async def test_each_receipt_is_in_the_tree_whose_head_is_signed(shared: Service, http: Http) -> None:
    polls = [await shared.add_poll() for _ in range(2)]
    receipts = [(await Reader(http).vote(polls[n % 2], 1)).json["receipt"] for n in range(9)]
    await inclusion(http, receipts[-1])
    found = await checkpoint(http)
    for receipt in receipts:
        proof = await inclusion(http, receipt, found.size)
        leaf = leaf_hash(receipt["leaf"].encode())
        path = hashes(proof["path"])
        assert proof["size"] == found.size
        assert head_by_inclusion(proof["position"], found.size, leaf, path) == found.root


async def test_the_log_only_grows(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(allow_change=True)
    reader = Reader(http)
    await inclusion(http, (await reader.vote(poll, 1)).json["receipt"])
    before = await checkpoint(http)
    await inclusion(http, (await reader.vote(poll, 2)).json["receipt"])
    after = await checkpoint(http)
    assert after.size > before.size
    proof = (await http.get(f"/api/v1/log/consistency?from={before.size}&size={after.size}")).json
    assert consistent(before.size, before.root, after.size, after.root, hashes(proof["path"]))
    newest = (await http.get(f"/api/v1/log/consistency?from={before.size}")).json
    assert newest["size"] >= after.size


async def test_what_is_proven_of_a_size_may_be_kept(shared: Service, http: Http) -> None:
    receipt = (await Reader(http).vote(await shared.add_poll(), 1)).json["receipt"]
    await inclusion(http, receipt)
    size = (await checkpoint(http)).size
    path = f"/api/v1/log/inclusion?poll={receipt['poll']}&number={receipt['number']}"
    assert "max-age=1," in (await http.get(path)).headers["cache-control"]
    assert "max-age=86400" in (await http.get(f"{path}&size={size}")).headers["cache-control"]


async def test_a_mirror_works_the_head_out_from_the_tiles(shared: Service, http: Http) -> None:
    """As https://c2sp.org/tlog-tiles has it: full ones, and the last one as wide as the tree."""
    polls = [await shared.add_poll() for _ in range(3)]
    answers = await asyncio.gather(*(Reader(http).vote(polls[n % 3], 1) for n in range(300)))
    for answer in answers[-3:]:
        await inclusion(http, answer.json["receipt"])
    found = await checkpoint(http)
    leaves, full = [], found.size // 256
    for number in range(full):
        answer = await http.get(f"/api/v1/log/tile/0/{number:03}")
        assert (answer.status, len(answer.body)) == (200, 8192)
        assert answer.headers["content-type"] == "application/octet-stream"
        leaves += hashes_of(answer.body)
    if rest := found.size % 256:
        leaves += hashes_of((await http.get(f"/api/v1/log/tile/0/{full:03}.p/{rest}")).body)
    assert head(found.size, Tree(leaves).node) == found.root
    upper = (await http.get(f"/api/v1/log/tile/1/000.p/{full}")).body
    assert hashes_of(upper) == [Tree(leaves[:256]).node(8, 0), *hashes_of(upper)[1:]]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *(("0/x001/000", 404), ("0/x999/x999/x999/x999/999", 404), ("7/000", 404), ("8/000", 400)),
        *(("0/0", 400), ("0/x000", 400), ("0/000.p/0", 400), ("0/000.p/256", 400), ("0/000.p/01", 400)),
        *(("0/000/", 400), ("0/entries/000", 400), ("0/%D9%A0%D9%A0%D9%A0", 400), ("x/000", 404)),
        ("9" * 99 + "/000", 400),
    ],
)
async def test_what_is_no_tile_is_told(http: Http, path: str, status: int) -> None:
    answer = await http.get(f"/api/v1/log/tile/{path}")
    assert (answer.status, answer.code) == (status, "bad_request" if status == 400 else "not_found")


async def test_the_log_says_whether_a_leaf_stands(shared: Service, http: Http) -> None:
    poll, reader = await shared.add_poll(allow_change=True), Reader(http)
    for pick in (1, 2, 1):
        await reader.vote(poll, pick)
    path = f"/api/v1/log/standing?poll={poll}&number="
    assert [(await http.get(f"{path}{number}")).json["stands"] for number in (1, 2, 3)] == [
        False,
        False,
        True,
    ]
    for number, status in (("4", 404), ("0", 400), ("", 400), ("x", 400)):
        assert (await http.get(f"{path}{number}")).status == status, number


async def test_the_keys_are_there_for_tools(shared: Service, http: Http) -> None:
    await inclusion(http, (await Reader(http).vote(await shared.add_poll(), 1)).json["receipt"])
    found = (await http.get("/api/v1/log/keys")).json
    name, key_id, key = found["keys"][0]["key"].split("+", 2)
    assert name == found["log"] == (await checkpoint(http)).origin
    assert (len(key_id), len(b64decode(key)), found["keys"][0]["since"]) == (8, 33, 0)


async def test_before_anything_was_done_there_is_nothing(database_url: str, tmp_path: Path) -> None:
    async with run_service(tmp_path, database_url) as service, Http(service.base_url) as http:
        for path in ("checkpoint", "inclusion?poll=x&number=1", "consistency?from=0"):
            answer = await http.get(f"/api/v1/log/{path}")
            assert (answer.status, answer.code) == (404, "not_found"), path
        assert (await http.get("/api/v1/log/keys")).json == {"log": None, "keys": []}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("inclusion", 400),
        ("inclusion?poll=x", 400),
        ("inclusion?number=1", 400),
        ("inclusion?poll=x&number=0", 400),
        ("inclusion?poll=x&number=-1", 400),
        ("inclusion?poll=x&number=1&size=9999999", 400),
        ("inclusion?poll=x&number=1", 404),
        ("inclusion?poll={poll}&number=2", 404),
        ("inclusion?poll={poll}&number=999999999999999", 404),
        ("inclusion?poll={poll}&number=9999999999999999", 400),
        ("consistency", 400),
        ("consistency?from=one", 400),
        ("consistency?from=9999999", 400),
        ("consistency?from=1&size=9999999", 400),
        ("nothing", 404),
    ],
)
async def test_what_the_log_lacks_is_told(shared: Service, http: Http, path: str, status: int) -> None:
    receipt = (await Reader(http).vote(await shared.add_poll(), 1)).json["receipt"]
    await inclusion(http, receipt)
    answer = await http.get(f"/api/v1/log/{path.format(poll=receipt['poll'])}")
    assert (answer.status, answer.code in ("bad_request", "not_found")) == (status, True)
