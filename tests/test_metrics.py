"""`/metrics` counts every vote on each stage, for all workers, and tells nobody who is not meant to know."""

import json
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientError
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from pollsvc.services.meters import SIZES, Histogram, VoteMeters
from tests.support.reader import Http, Reader, ask, fire, new_key, vote_bytes, watch
from tests.support.scraped import Scrape, scrape
from tests.support.server import Service, run_service, until

VOTES = 120
DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture
async def service(tmp_path: Path, database_url: str) -> AsyncIterator[Service]:
    async with run_service(tmp_path, database_url, site=True) as running:
        yield running


@pytest.fixture
async def two_workers(tmp_path: Path) -> AsyncIterator[Service]:
    async with run_service(tmp_path, workers=2, site=True) as running:
        yield running


async def cast(service: Service, poll: str, votes: int = VOTES) -> None:
    requests = [vote_bytes(poll, {"selection": [1], "idempotency_key": new_key()}) for _ in range(votes)]
    answers = await fire(service.base_url, ask, requests, connections=30)
    assert {answer.status for answer in answers} == {201}


def test_a_histogram_counts_what_is_at_most_as_large_as_each_bound() -> None:
    histogram = Histogram(SIZES)
    for value in (1, 2, 3, 500, 501):
        histogram.observe(value)
    histogram.observe(4, times=10)
    assert histogram.counts == [1, 1, 11, 0, 0, 0, 0, 0, 1, 1]
    assert histogram.sum == 1047


def test_a_histogram_takes_many_at_once() -> None:
    """As it takes them one by one, whatever lies on a bound, above the last or twice."""
    for values in ((), (501, 500, 500, 499, 3, 2, 1, 0), (2, 2, 2), (900, 800)):
        one_by_one, at_once = Histogram(SIZES), Histogram(SIZES)
        for value in values:
            one_by_one.observe(value)
        at_once.observe_falling(values)
        assert (at_once.counts, at_once.sum) == (one_by_one.counts, one_by_one.sum)


async def test_each_vote_is_counted_on_each_stage(service: Service) -> None:
    poll = await service.add_poll()
    async with Http(service.base_url) as http:
        before = await scrape(http)
        assert before.sum("pollsvc_votes_total") == 0
        await cast(service, poll)
        reader = Reader(http)
        assert (await reader.vote(poll, 1)).status == 201
        assert (await reader.vote(poll, 1)).status == 200
        assert (await reader.vote(poll, 2)).status == 409
        async with watch(http, poll):
            after = await scrape(http)
    stages = {
        stage: after.sum("pollsvc_vote_stage_seconds_count", stage=stage) for stage in VoteMeters.STAGES
    }
    assert stages == dict.fromkeys(VoteMeters.STAGES, VOTES + 3) | {"answer": VOTES + 2}
    for stage in VoteMeters.STAGES:
        buckets = [
            after.sum("pollsvc_vote_stage_seconds_bucket", stage=stage, le=le) for le in ("0.0005", "10.0")
        ]
        assert buckets == sorted(buckets)
        assert after.sum("pollsvc_vote_stage_seconds_bucket", stage=stage, le="+Inf") == stages[stage]
        assert 0 < after.sum("pollsvc_vote_stage_seconds_sum", stage=stage) < 60 * VOTES
    outcomes = {"created": VOTES + 1, "repeated": 1, "refused": 1, "changed": 0, "failed": 0, "queue_full": 0}
    assert {one: after.sum("pollsvc_votes_total", outcome=one) for one in outcomes} == outcomes
    assert after.sum("pollsvc_vote_batch_size_sum") == VOTES + 3
    assert 3 < after.sum("pollsvc_vote_batch_size_count") <= VOTES + 3
    assert after.sum("pollsvc_http_answers_total", status="201") == VOTES + 1
    assert after.sum("pollsvc_http_answers_total", status="409") == 1
    assert (after.sum("pollsvc_live_streams"), before.sum("pollsvc_live_streams")) == (1, 0)
    assert after.sum("pollsvc_snapshots") == 1
    assert after.sum("pollsvc_polls_loaded_total") >= 1
    assert after.sum("pollsvc_vote_queue_depth") == 0
    assert after.sum("pollsvc_vote_writer_up") == 1
    assert after.sum("pollsvc_log_unsealed") >= 0
    assert after.sum("pollsvc_outbox_due") == 0
    assert after.sum("process_resident_memory_bytes") > 10_000_000


async def test_what_is_beyond_a_limit_is_counted(tmp_path: Path) -> None:
    env = {"POLLSVC_STREAMS_PER_NETWORK": "1"}
    async with run_service(tmp_path, env=env, site=True) as service, Http(service.base_url) as http:
        poll = await service.add_poll()
        async with watch(http, poll):
            assert (await http.get(f"/api/v1/live?poll={poll}")).status == 429
        told = await scrape(http)
        assert told.sum("pollsvc_live_streams_refused_total", limit="network") == 1
        assert told.sum("pollsvc_live_streams_refused_total", limit="process") == 0


async def test_a_scrape_of_any_worker_tells_of_all(two_workers: Service) -> None:
    """The numbers of each have its label, and sum up; one that was killed begins anew under its number."""
    poll = await two_workers.add_poll()

    async def asked() -> Scrape:  # on a connection of its own: by one worker or the other
        async with Http(two_workers.base_url) as http:
            return await scrape(http)

    async def both_up() -> bool:
        return (await asked()).sum("pollsvc_worker_up") == 2

    await until(both_up, 30)
    await cast(two_workers, poll)
    for _ in range(4):
        told = await asked()
        created = [told.sum("pollsvc_votes_total", outcome="created", worker=one) for one in "01"]
        assert sum(created) == VOTES
        assert sum(name == "pollsvc_log_unsealed" for name, *_ in told.samples) == 1
    os.kill(two_workers.workers()[created.index(max(created))], signal.SIGKILL)

    async def anew() -> bool:
        try:
            told = await asked()
        except (OSError, ClientError):
            return False
        up, left = told.sum("pollsvc_worker_up"), told.sum("pollsvc_votes_total", outcome="created")
        return (up, left) == (2, min(created))

    await until(anew, 30)


async def test_only_those_who_are_meant_to_know_are_told(tmp_path: Path) -> None:
    env = {"POLLSVC_METRICS_FROM": "192.0.2.0/24,127.0.0.1", "POLLSVC_TRUSTED_PROXIES": "127.0.0.1"}
    async with run_service(tmp_path, env=env) as service, Http(service.base_url) as http:
        other = Http(service.base_url, "127.0.0.2")
        answers = {
            "nobody's": (await http.get("/metrics")).status,
            "the network's": (await http.get("/metrics", X_Forwarded_For="192.0.2.7")).status,
            "a reader's": (await http.get("/metrics", X_Forwarded_For="198.51.100.7")).status,
            "a forged": (await http.get("/metrics", X_Forwarded_For="192.0.2.7, 198.51.100.7")).status,
        }
        assert answers == {"nobody's": 200, "the network's": 200, "a reader's": 404, "a forged": 404}
        async with other:
            assert (await other.get("/metrics", X_Forwarded_For="192.0.2.7")).status == 404


async def test_openmetrics_is_spoken_to_those_who_ask_for_it(tmp_path: Path) -> None:
    async with run_service(tmp_path) as service, Http(service.base_url) as http:
        answer = await http.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        families = text_string_to_metric_families(answer.body.decode())  # type: ignore[no-untyped-call]
        assert len(list(families)) > 15
        assert answer.headers["cache-control"] == "no-store"


NAMES = re.compile(r"\b(?:pollsvc|process)_[a-z_]+\b")


async def test_each_name_that_operators_are_given_is_there(tmp_path: Path) -> None:
    """In the dashboard, in the rules, and in the document, whose list is whole."""
    async with run_service(tmp_path) as service, Http(service.base_url) as http:
        names = (await scrape(http)).names
    dashboard = json.loads((DOCS / "grafana.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [item["query"]["query"] for item in dashboard["templating"]["list"] if item["type"] == "query"]
    asked += re.findall(
        r"expr:(.*?)(?=\n +(?:for|annotations):)", (DOCS / "deploy/alerts.yml").read_text(), re.S
    )
    assert len(asked) > 25
    used = {name for query in asked for name in NAMES.findall(re.sub(r'"[^"]*"', "", query))}
    assert len(used) > 20
    assert used <= names
    families = {re.sub("_(bucket|sum|count|created)$", "", name) for name in names}
    section = (DOCS / "deploy.md").read_text().partition("## Metrics")[2].partition("\n## ")[0]
    told = set(NAMES.findall(section)) | {"pollsvc_vote_queue_limit", "pollsvc_live_streams_refused_total"}
    ours = {name for name in families if name.startswith("pollsvc_")}
    assert ours <= told
    assert {name for name in told if not name.endswith("_")} <= ours
