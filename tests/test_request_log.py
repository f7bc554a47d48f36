"""The log names requests, and nobody: no address, token, reader or secret of a query is ever in it."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.reader import Answer, Http, Reader, watch
from tests.support.server import ORIGIN, Service, run_service

PROXY, READER = "127.0.0.7", "203.0.113.9"
AGENT = "a-browser-that-is-one-of-a-kind"
ARTICLE = f"{ORIGIN}/an-article-of-the-reader"
UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(params=["json", "human"])
async def talkative(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Service]:
    env = {
        "POLLSVC_LOG_FORMAT": request.param,
        "POLLSVC_LOG_LEVEL": "info",
        "POLLSVC_TRUSTED_PROXIES": PROXY,
        "POLLSVC_BASE_URL": "https://polls.example",
        "POLLSVC_ALLOWED_HOSTS": "127.0.0.1",
        "POLLSVC_ADMISSION": "standard",
    }
    async with run_service(tmp_path, env=env, site=True) as running:
        yield running


def lines(service: Service) -> list[dict[str, Any]]:
    return [json.loads(line) for line in service.log.read_text().splitlines()]


async def test_a_run_with_votes_says_nothing_of_readers(talkative: Service) -> None:
    poll = await talkative.add_poll(visibility="after_vote", allow_change=True)
    told: list[Answer] = []
    secrets: set[str] = {READER, PROXY, AGENT, ARTICLE, "a-secret-of-a-query", "someone@example.org"}
    sent = {"X-Forwarded-For": READER, "User-Agent": AGENT, "Origin": ORIGIN, "Referer": ARTICLE}
    async with Http(talkative.base_url, PROXY) as http:
        http.session.headers.update(sent)
        reader = Reader(http)
        secrets.add(reader.key)
        for picks in ([1], [1], [2], [], [3]):
            told.append(await reader.vote(poll, *picks, article=ARTICLE))
            secrets.add(told[-1].json["reader"])
        key = re.search(r"/results/([\w-]+)", told[0].body.decode())
        assert key
        secrets.add(key[1])
        told.append(await http.get(f"/api/v1/polls/{poll}/results/{key[1]}"))
        assert told[-1].status == 200
        told.append(await http.get(f"/api/v1/polls/{poll}?lang=a-secret-of-a-query"))
        told.append(await http.get("/someone@example.org"))
        told.append(await http.get(f"/api/v1/polls/{reader.token}"))
        told.append(await http.post_vote(poll, {"selection": [1], "reader": "x" + str(reader.token)}))
        told.append(await http.post_vote(str(reader.token), b"{"))
        async with watch(http, poll):
            pass
    secrets |= {ballot.voter for ballot in await talkative.ballots(poll)}
    secrets.add(str(reader.token).split(".")[0])
    await talkative.stop()
    log = talkative.log.read_text()
    assert len(re.findall("POST /api/v1/polls/{poll}/votes [0-9]{3} [0-9.]+ ms", log)) == 7
    assert "GET /api/v1/polls/{poll}/results/{key} 200" in log
    assert "GET /api/v1/live 200" in log
    assert "GET none 404" in log
    assert [secret for secret in secrets if secret in log] == []
    ids = [answer.headers["x-request-id"] for answer in told]
    assert len(set(ids)) == len(ids)
    assert [id_ for id_ in ids if log.count(id_) != 1] == []
    if talkative.env["POLLSVC_LOG_FORMAT"] == "json":
        by_id = {line["request_id"]: line for line in lines(talkative) if "request_id" in line}
        assert [by_id[answer.headers["x-request-id"]]["status"] for answer in told] == [
            answer.status for answer in told
        ]
        for line in lines(talkative):
            assert {"time", "level", "logger", "message"} <= line.keys()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"X_Request_ID": UUID}, UUID),
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
        ({"X_Request_ID": "someone@example.org", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
        ({"X_Request_ID": "203.0.113.119"}, None),
        ({"X_Request_ID": "x" * 65}, None),
        ({"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}, None),
        ({"traceparent": f"ff-{TRACE}-00f067aa0ba902b7-01"}, None),
        ({}, None),
    ],
)
async def test_a_trusted_proxy_names_its_requests(
    quiet: Service, given: dict[str, str], kept: str | None
) -> None:
    async with Http(quiet.base_url, PROXY) as proxy, Http(quiet.base_url, "127.0.0.8") as other:
        for path in ("/healthz", "/nowhere", "/api/v1/openapi.json"):
            named = (await proxy.get(path, **given)).headers["x-request-id"]
            assert named == kept if kept else re.fullmatch("[0-9a-f]{16}", named)
            made = (await other.get(path, **given)).headers["x-request-id"]
            assert re.fullmatch("[0-9a-f]{16}", made)


@pytest.fixture(scope="module")
async def quiet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    env = {"POLLSVC_TRUSTED_PROXIES": PROXY}
    async with run_service(tmp_path_factory.mktemp("quiet"), env=env) as running:
        yield running


async def test_by_default_the_log_has_no_line_of_a_request(quiet: Service) -> None:
    async with Http(quiet.base_url) as http:
        assert (await http.get("/healthz")).status == 200
    assert "healthz" not in quiet.log.read_text()
