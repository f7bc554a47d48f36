"""An editor publishes the ballots of a closed poll; anybody downloads, checks and recounts them."""

import gzip
import json
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pollsvc.services.audit import audit
from pollsvc.services.ballot_log import publishing
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ballot_log.publishing import Publishing
from pollsvc.storage.past_leaves import last_own
from tests.support.desk import Desk, place_of, text_of
from tests.support.reader import Answer, Http, Reader
from tests.support.server import SECRET, open_connection
from tests.test_recount import recount

pytest_plugins = ("tests.support.admin_fixtures",)


async def closed(desk: Desk, http: Http, votes: int = 7) -> str:
    poll = await desk.add("Who won?", ["Iran", "America"])
    for number in range(votes):
        assert (await Reader(http).vote(poll, 1 + number % 2)).status == 201
    await desk.http.send(f"/admin/polls/{poll}/close", {"revision": "1"})
    return poll


async def publish(desk: Desk, poll: str, what: str = "publish") -> str:
    return place_of(await desk.http.send(f"/admin/polls/{poll}/ballots/{what}", {}))


def file_of(answer: Answer, folder: Path) -> Path:
    assert answer.status == 200, answer
    assert int(answer.headers["content-length"]) == len(answer.body)
    file = folder / "ballots.ndjson.gz"
    file.write_bytes(answer.body)
    return file


def leaves(answer: Answer) -> list[bytes]:
    """The lines of a bundle with the poll's own leaves, whatever head of the log it shows them under."""
    return [line for line in gzip.decompress(answer.body).splitlines() if line.startswith(b'{"type":"leaf"')]


async def test_an_editor_publishes_and_anybody_recounts(desk: Desk, http: Http, tmp_path: Path) -> None:
    poll = await closed(desk, http)
    page, address = f"/admin/polls/{poll}/ballots", f"/p/{poll}/ballots.ndjson.gz"
    assert (await http.get(address)).code == "no_such_poll"
    assert "recount.py" not in (await http.get(f"/p/{poll}/verify")).body.decode()

    assert await publish(desk, poll) == f"{page}?done=ballots_published"
    answer = await http.get(address)
    status, found = recount(file_of(answer, tmp_path))
    assert (status, found["differences"], found["voters"]) == (0, [], 7)
    assert answer.headers["etag"] == f'"{sha256(answer.body).hexdigest()}"'
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert (await http.get(address, If_None_Match=answer.headers["etag"])).status == 304
    assert (await http.request("HEAD", address)).headers["content-length"] == str(len(answer.body))
    shown = (await http.get(f"/p/{poll}/verify")).body.decode()
    assert (sha256(answer.body).hexdigest() in shown, "recount.py" in shown) == (True, True)
    assert "8 entries" in text_of(await desk.page(page))

    assert await publish(desk, poll) == f"{page}?done=ballots_published"  # again: the log may have grown
    again = await http.get(address)
    assert leaves(again) == leaves(answer)
    status, recounted = recount(file_of(again, tmp_path))
    assert (status, recounted["differences"], recounted["results"]) == (0, [], found["results"])
    assert await publish(desk, poll, "withdraw") == f"{page}?done=ballots_withdrawn"
    assert (await http.get(address)).status == 404
    history = text_of(await desk.page(f"/admin/polls/{poll}/history"))
    assert ("published the ballots" in history, "withdrew" in history) == (True, True)
    await desk.service.assert_clean(poll)


async def test_what_is_corrected_later_is_published_anew(desk: Desk, http: Http, tmp_path: Path) -> None:
    poll = await closed(desk, http)
    await publish(desk, poll)
    before = (await http.get(f"/p/{poll}/ballots.ndjson.gz")).body
    later = "The poll went on, or ballots were reviewed, after these were published"
    page, verify = f"/admin/polls/{poll}/ballots", f"/p/{poll}/verify"
    assert later not in text_of((await http.get(verify)).body.decode())
    await desk.service.run("poll", "review", poll, "--exclude", "test", "--status", "counted")
    assert later in text_of((await http.get(verify)).body.decode())
    assert "publish them anew" in text_of(await desk.page(page))
    await publish(desk, poll)
    assert later not in text_of((await http.get(verify)).body.decode())
    assert "publish them anew" not in text_of(await desk.page(page))
    answer = await http.get(f"/p/{poll}/ballots.ndjson.gz")
    status, found = recount(file_of(answer, tmp_path))
    assert (status, found["results"]["voters"], found["results"]["excluded"]) == (0, 0, 7)
    assert answer.body != before


async def test_only_the_ballots_of_a_closed_poll(desk: Desk, http: Http) -> None:
    poll = await desk.add("Who won?", ["Iran", "America"])
    answer = await desk.http.send(f"/admin/polls/{poll}/ballots/publish", {})
    assert (answer.status, "close it first" in text_of(answer.body.decode())) == (409, True)
    assert "Publish the ballots" not in await desk.page(f"/admin/polls/{poll}/ballots")


async def test_a_large_bundle_comes_in_parts(
    desk: Desk, http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PART", 100)
    monkeypatch.setattr(publishing, "_LINES", 3)
    poll = await closed(desk, http, 20)
    async with open_connection(desk.service.database_url) as connection:
        published = await Publishing(connection, time.time, LogKeys([SECRET])).publish(poll)
        parts = await connection.rows("SELECT part, content FROM published_parts WHERE poll_id = :p", p=poll)
        assert len(parts) == -(-published.size // 100)
        assert await last_own(connection, poll, "published") is not None
    assert recount(file_of(await http.get(f"/p/{poll}/ballots.ndjson.gz"), tmp_path))[0] == 0


def _lines(answer: Answer) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(answer.body).splitlines()]


async def test_texts_and_the_end_cannot_be_exchanged(desk: Desk, http: Http, tmp_path: Path) -> None:
    poll = await closed(desk, http)
    await publish(desk, poll)
    lines = _lines(await http.get(f"/p/{poll}/ballots.ndjson.gz"))
    said = lines[0]["poll"]["options"]
    said[0]["label"], said[1]["label"] = said[1]["label"], said[0]["label"]
    file = tmp_path / "exchanged.ndjson"
    file.write_text("\n".join(map(json.dumps, lines)))
    status, found = recount(file)
    assert status == 1
    assert found["differences"] == ["the last leaf does not say that these are all ballots, of this question"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE published_parts SET content = 'x'", "are not those"),
        ("DELETE FROM published_parts", "are not those"),
        ("UPDATE published SET sha256 = 'x'", "are not those"),
        ("UPDATE published SET size = 1", "are not those"),
        ("DELETE FROM published", "are gone"),
    ],
)
async def test_the_audit_finds_other_ballots_than_were_published(
    desk: Desk, http: Http, change: str, said: str
) -> None:
    poll, withdrawn = await closed(desk, http), await closed(desk, http)
    for each in (poll, withdrawn):
        await publish(desk, each)
    await publish(desk, withdrawn, "withdraw")
    await desk.service.assert_clean(poll)
    await desk.service.assert_clean(withdrawn)
    async with open_connection(desk.service.database_url) as connection:
        before = {
            name: await connection.rows(f"SELECT * FROM {name} WHERE poll_id = :poll", poll=poll)
            for name in ("published", "published_parts")
        }
        await connection.rows(f"{change} WHERE poll_id = :poll", poll=poll)
        report = await audit(connection, LogKeys([SECRET]), poll)
        [difference] = report.differences
        assert (difference["kind"], said in difference["what"]) == ("published", True)
        for name, rows in before.items():
            await connection.rows(f"DELETE FROM {name} WHERE poll_id = :poll", poll=poll)
            for row in rows:
                values = {f"v{place}": value for place, value in enumerate(row)}
                marks = ", ".join(f":{mark}" for mark in values)
                await connection.rows(f"INSERT INTO {name} VALUES ({marks})", **values)
