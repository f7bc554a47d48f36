"""Whatever is sent: a code of the closed list, never a 500, and no count changes."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.reader import Answer, Http, Reader, Wire, new_key, vote_bytes
from tests.support.server import Service

KIB_4 = 4096


@pytest.fixture
async def poll(shared: Service, http: Http) -> AsyncIterator[str]:
    """A poll with one vote, which must be all that there is after the test."""
    id_ = await shared.add_poll()
    await Reader(http).vote(id_, 1)
    before = await http.results(id_)
    yield id_
    assert await http.results(id_) == before
    assert len(await shared.ballots(id_)) == 1
    await shared.assert_clean(id_)


def refused(answer: Answer, status: int, code: str) -> bool:
    return (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b"1",
        b'"selection"',
        b"{",
        b"{}",
        b'{"selection": [1]',
        b'{"selection": [1]} {}',
        b"\xef\xbb\xbf" + b'{"selection": [1]}',
        '{"selection": [1]}'.encode("utf-16"),
        b"selection=1",
        b'{"Selection": [1]}',
        b"[" * 4000,
        b'{"selection": ' + b"[" * 4000,
        b'{"a":' * 800,
        b'{"selection": NaN}',
        b'{"selection": [Infinity]}',
        b'{"selection": [-Infinity]}',
        b'{"selection": [1e999]}',
        b'{"selection": ["\\ud800"]}',
        b'{"selection": [1], "article": "\\ud800"}',
        b'{"selection": [1], "article": "\xff"}',
        b'{"selection": [1], "reader": 1}',
        b'{"selection": [1], "reader": ["x"]}',
        b'{"selection": [1], "article": {}}',
        b'{"selection": [1], "idempotency_key": 12345678901234567890123}',
        b'{"selection": [1], "idempotency_key": true}',
        b'{"selection": [1], "idempotency_key": "short"}',
        b'{"selection": [1], "idempotency_key": "' + b"\\ud800" * 30 + b'"}',
        b'{"selection": [1], "idempotency_key": "' + b"\\u0000" * 30 + b'"}',
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_a_malformed_body(http: Http, poll: str, body: bytes) -> None:
    assert refused(await http.post_vote(poll, body), 400, "bad_request")


@pytest.mark.parametrize(
    "selection",
    [
        *(
            "[1e0]",
            "[1.5]",
            "[-0.0]",
            '["1"]',
            "null",
            "[null]",
            "[[1]]",
            '["\\u0000"]',
            "[true]",
            "{}",
            '"1"',
        ),
        *("[-1]", "[4]", "[0]", "[9223372036854775808]", "[-9223372036854775809]", f"[{'9' * 4000}]"),
        *("[1,2]", "[1,1]", "[]", "1", "false"),
    ],
    ids=lambda text: text[:20],
)
async def test_a_selection_that_the_poll_does_not_have(http: Http, poll: str, selection: str) -> None:
    body = b'{"selection": %b, "article": null}' % selection.encode()
    assert refused(await http.post_vote(poll, body), 422, "invalid_selection")


async def test_the_last_of_duplicate_keys_is_what_was_sent(shared: Service, http: Http) -> None:
    """As JavaScript reads it; so one body cannot mean two things to us and to a proxy's check of ours."""
    poll = await shared.add_poll()
    vote = await http.post_vote(poll, b'{"selection": [9], "selection": [2]}')
    assert (vote.status, vote.json["selection"]) == (201, [2])
    again = await http.post_vote(poll, b'{"selection": [2], "selection": [9]}')
    assert refused(again, 422, "invalid_selection")
    assert await http.counts(poll) == [0, 1, 0]


async def test_unknown_members_and_odd_articles_do_no_harm(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    articles: list[Any] = [None, "", "\0", "http://[", "javascript:alert(1)", "x" * 3000]
    articles += ["https://" + "é" * 500, "http://a:99999/", "https://xn--a/", "//a", "http://\n"]
    for article in articles:
        body = {"selection": [1], "article": article, "status": "counted", "minute": 1, "voter": "x"}
        assert (await http.post_vote(poll, body)).status == 201, article
    assert await http.counts(poll) == [len(articles), 0, 0]
    assert {row["article"] for row in (await shared.export(poll))["tally"]} == {None}


@pytest.mark.parametrize("size", [KIB_4 + 1, 10_000, 1_000_000])
async def test_a_body_that_is_too_large(http: Http, poll: str, size: int) -> None:
    with Wire(http.base_url) as wire:
        answer = await wire.ask(vote_bytes(poll, b'{"selection": [2]}'.ljust(size)))
    assert refused(answer, 413, "body_too_large")


async def test_the_largest_body_is_taken(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    assert (await http.post_vote(poll, b'{"selection": [1]}'.ljust(KIB_4))).status == 201


async def test_a_body_that_grows_too_large_while_it_streams(http: Http, poll: str) -> None:
    """Chunked, without a length: refused as soon as it is too long, though it never ends."""
    head = (
        f"POST /api/v1/polls/{poll}/votes HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    with Wire(http.base_url) as wire:
        await wire.send(head.encode())
        for _ in range(5):
            await wire.send(b"400\r\n" + b" " * 1024 + b"\r\n")
        assert refused(await wire.receive(), 413, "body_too_large")


async def test_a_body_that_never_ends_is_not_recorded(http: Http, poll: str) -> None:
    for sent in (b'{"selection": [2]}', b""):
        with Wire(http.base_url) as wire:
            await wire.send(vote_bytes(poll, b'{"selection": [2]}'.ljust(100)).split(b"\r\n\r\n")[0])
            await wire.send(b"\r\n\r\n" + sent)
    assert (await http.get("/healthz")).status == 200


@pytest.mark.parametrize(
    "id_",
    [
        *("nosuchpoll", "x", "x" * 2000, "%00", "%FF", "%ED%A0%80", "%2e%2e", "'%20OR%201=1--"),
        *("%F0%9F%97%B3", "%0d%0aset-cookie:x", "{poll}", "*", ";", "%25", "%C2%A0", "-1", "0"),
    ],
)
async def test_an_unknown_poll(http: Http, shared: Service, id_: str) -> None:
    """By the wire: a client library would tidy the path up."""
    with Wire(shared.base_url) as wire:
        vote = await wire.ask(vote_bytes(id_, {"selection": [1], "idempotency_key": new_key()}))
        assert refused(vote, 404, "no_such_poll")
        read = await wire.ask(f"GET /api/v1/polls/{id_} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        assert refused(read, 404, "no_such_poll")
        live = await wire.ask(f"GET /api/v1/live?poll={id_} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        assert refused(live, 404, "no_such_poll")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
async def test_a_method_that_is_not_for_votes(http: Http, poll: str, method: str) -> None:
    answer = await http.request(method, f"/api/v1/polls/{poll}/votes")
    assert refused(answer, 405, "method_not_allowed")
    assert {"OPTIONS", "POST"} == set(answer.headers["allow"].replace(" ", "").split(","))


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/v1",
        "/api/v1/votes",
        "/api/v1/polls/a/b",
        "/p",
        "/w/2.js",
        "/%00",
        "//",
        "/api/v1/polls/..%2F..",
    ],
)
async def test_a_path_that_leads_nowhere(http: Http, path: str) -> None:
    with Wire(http.base_url) as wire:
        answer = await wire.ask(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
    assert answer.status == 404
    assert answer.code in {"not_found", "no_such_poll"}


async def test_problems_are_json_with_a_sentence_that_helps(http: Http, poll: str) -> None:
    answer = await http.post_vote(poll, b"{")
    assert set(answer.json) == {"type", "title", "status", "detail", "code"}
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json["detail"].endswith(".")
    assert json.loads(answer.body.decode()) == answer.json
