"""SIGHUP has a running service read its settings file again: what may change does, and nobody is cut off."""

import re
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import pytest

from pollsvc.domain.errors import PollError
from pollsvc.settings import Settings, read_file
from tests.support.reader import Http, Reader, watch
from tests.support.scraped import scrape
from tests.support.server import SECRET, Service, run_service, until

DOCS = Path(__file__).parent.parent / "docs" / "settings.md"


class Reloading:
    """A service with a settings file."""

    def __init__(self, service: Service, file: Path) -> None:
        self.service = service
        self._file = file

    async def put(self, text: str, said: str) -> None:
        """Write the file, send SIGHUP, and wait until the log of each worker says so."""
        self._file.write_text(text)
        before = self.service.log.read_text().count(said)
        process = self.service.process
        assert process
        process.send_signal(signal.SIGHUP)

        async def told() -> bool:
            return self.service.log.read_text().count(said) == before + max(len(self.service.workers()), 1)

        await until(told)


@pytest.fixture(params=[1, 2])
async def reloading(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Reloading]:
    file = tmp_path / "settings"
    file.write_text("# of the tests\nPOLLSVC_QUEUE_LIMIT=11\n")
    env = {"POLLSVC_SETTINGS_FILE": str(file)}
    async with run_service(tmp_path, env=env, workers=request.param, site=True) as service:
        yield Reloading(service, file)


READ = "The settings were read again."


async def test_what_may_change_does_and_streams_go_on(reloading: Reloading) -> None:
    service = reloading.service
    poll = await service.add_poll()
    async with Http(service.base_url) as http, watch(http, poll) as stream:
        await stream.until(lambda frame: True)
        assert await queue_limit(http) == 11
        assert (await http.get("/healthz2", Host="else.example")).status == 421
        await reloading.put(
            "POLLSVC_QUEUE_LIMIT=12\nPOLLSVC_STREAMS_PER_NETWORK = '1'\nPOLLSVC_ALLOWED_HOSTS=else.example\n"
            "POLLSVC_TRUSTED_PROXIES=127.0.0.1\nPOLLSVC_METRICS_FROM=127.0.0.1\n"
            "POLLSVC_LOG_LEVEL=info\nPOLLSVC_LOG_FORMAT=json\nPOLLSVC_APPEAL_DAYS=1\n",
            READ,
        )
        assert "These wait for a restart: POLLSVC_APPEAL_DAYS." in service.log.read_text()
        assert await queue_limit(http) == 12
        assert (await http.get("/healthz2", Host="else.example")).status == 404
        named = await http.get("/healthz", X_Request_ID="0123456789abcdef0123")
        assert named.headers["x-request-id"] == "0123456789abcdef0123"
        assert '"request_id": "0123456789abcdef0123"' in service.log.read_text()
        assert (await http.get("/metrics", X_Forwarded_For="192.0.2.1")).status == 404
        assert (await Reader(http).vote(poll, 1)).status == 201
        assert await stream.until(lambda frame: frame.data["results"]["voters"] == 1)
    assert await service.stop() == 0


async def queue_limit(http: Http) -> float:
    """That of the first worker, once a scrape has heard of it in time."""
    found: list[float] = []

    async def heard_of() -> bool:
        with suppress(AssertionError):
            found.append((await scrape(http)).sum("pollsvc_vote_queue_limit", worker="0"))
        return bool(found)

    await until(heard_of)
    return found[0]


async def test_a_mistake_changes_nothing(reloading: Reloading) -> None:
    service = reloading.service
    async with Http(service.base_url) as http:
        for text, why in (
            ("POLLSVC_QUEUE_LIMIT=13\nPOLLSVC_LOG_LEVEL=loud\n", "POLLSVC_LOG_LEVEL must be"),
            ("POLLSVC_QUEUE_LIMIT=13\nPOLSVC_ADMISSION=open\n", "Line 2 of POLLSVC_SETTINGS_FILE"),
        ):
            await reloading.put(text, f"The settings stay as they were: {why}")
        assert await queue_limit(http) == 11
        await reloading.put("POLLSVC_QUEUE_LIMIT=14\n", READ)
        assert await queue_limit(http) == 14


async def test_the_policy_of_admission_may_change(tmp_path: Path) -> None:
    """As it has to in an attack; the environment would come before the file."""
    file = tmp_path / "settings"
    file.write_text("POLLSVC_ADMISSION=open\n")
    async with run_service(tmp_path, site=True) as service:
        await service.stop()
        service.env |= {"POLLSVC_SETTINGS_FILE": str(file)}
        del service.env["POLLSVC_ADMISSION"]
        await service.start()
        poll = await service.add_poll()
        async with Http(service.base_url) as http:
            assert (await Reader(http).vote(poll, 1)).status == 201
            await Reloading(service, file).put("POLLSVC_ADMISSION=strict\n", READ)
            refused = await Reader(http).vote(poll, 1)
            assert (refused.status, refused.code) == (403, "not_vouched_for")


def test_the_document_says_which() -> None:
    section = DOCS.read_text().partition("## Changing settings while it runs")[2].partition("\n## ")[0]
    named = set(re.findall("POLLSVC_[A-Z_]+", section)) - {"POLLSVC_SETTINGS_FILE"}
    assert named == {f"POLLSVC_{item.name.upper()}" for item in fields(Settings) if item.metadata["reloads"]}


def test_a_settings_file_is_read_as_systemd_reads_it() -> None:
    text = f'\n# a\n; b\nPOLLSVC_SECRET_KEYS="{SECRET}"\nPOLLSVC_BASE_URL = https://polls.example/?a=b \n'
    assert read_file(text) == {
        "POLLSVC_SECRET_KEYS": SECRET,
        "POLLSVC_BASE_URL": "https://polls.example/?a=b",
    }
    for line in ("export POLLSVC_ADMISSION=open", "POLLSVC_ADMISSION", "PATH=/bin", "=open"):
        with pytest.raises(PollError, match="Line 1 of POLLSVC_SETTINGS_FILE"):
            read_file(line)
