"""Webhooks of real processes: several at once, killed, ended and started again."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest

from pollsvc.app import create_app
from pollsvc.settings import Settings
from tests.support.reader import Http, Reader
from tests.support.receiver import Receiver, hang, receiving, verify
from tests.support.server import SECRET, Service, add_site, open_connection, run_service, until
from tests.support.tables import make_tables


def service_for(url: str, folder: Path, *receivers: Receiver, workers: int = 1) -> Service:
    origins = ",".join(receiver.origin for receiver in receivers)
    return Service(url, folder, {"POLLSVC_WEBHOOK_ORIGINS": origins}, workers)


async def add_hook(service: Service, url: str) -> str:
    """A webhook for all events; returns its secret."""
    return str((await service.cli("webhook", "add", url, "--site", "News"))["secret"])


async def make_due(service: Service) -> None:
    """Let the delays and leases of all messages be over."""
    async with open_connection(service.database_url) as connection:
        await connection.rows("UPDATE outbox SET due_at = 0 WHERE due_at IS NOT NULL")
        await connection.rows("UPDATE webhooks SET held_until = NULL")


async def test_two_workers_tell_each_event_once(tmp_path: Path, database_url: str) -> None:
    await add_site(database_url)
    async with receiving() as first, receiving() as second:
        service = service_for(database_url, tmp_path, first, second, workers=2)
        secrets = [await add_hook(service, one.url) for one in (first, second)]
        await service.start()
        try:
            polls = [await service.add_poll() for _ in range(8)]
            async with Http(service.base_url) as http:
                await asyncio.gather(*(Reader(http).vote(polls[0], 1) for _ in range(120)))
            async with service.editor() as editor:
                for poll in polls:
                    await editor.close_poll(poll)
            expected = Counter(
                {
                    **{(event, poll): 1 for event in ("poll.opened", "poll.closed") for poll in polls},
                    ("poll.milestone", polls[0]): 1,
                }
            )
            for receiver, secret in zip((first, second), secrets, strict=True):
                await receiver.until(expected.total(), 60)
                assert Counter(receiver.told) == expected
                for received in receiver.received:
                    verify(secret, received)
                assert len({received.id for received in receiver.received}) == expected.total()
        finally:
            await service.end()
        for receiver in (first, second):
            assert Counter(receiver.told) == expected


async def test_kill_9_between_occasion_and_delivery(tmp_path: Path, database_url: str) -> None:
    """Before it is found, before it could be sent, and while it is sent: it comes after the restart."""
    await add_site(database_url)
    receiver = Receiver()
    service = service_for(database_url, tmp_path, receiver)
    secret = await add_hook(service, receiver.url)
    await service.start()
    try:
        poll = await service.add_poll()

        async def tried() -> bool:
            async with open_connection(database_url) as connection:
                return bool(await connection.rows("SELECT 1 FROM outbox WHERE tries > 0"))

        await until(tried)
        await service.kill()
        async with service.editor() as editor:
            await editor.close_poll(poll)
        receiver.answer = hang
        await receiver.start()
        await make_due(service)
        await service.start()
        await receiver.until(1)
        await service.kill()
        receiver.answer = 200
        await make_due(service)
        await service.start()
        await receiver.until(3)
        assert receiver.told == [("poll.opened", poll), ("poll.opened", poll), ("poll.closed", poll)]
        assert receiver.received[0].id == receiver.received[1].id != receiver.received[2].id
        for received in receiver.received:
            verify(secret, received)
    finally:
        await service.end()
        await receiver.stop()


async def test_a_service_that_sends_ends_soon(tmp_path: Path, database_url: str) -> None:
    """What it could not send in time is sent by the next one, without waiting for a lease to run out."""
    await add_site(database_url)
    async with receiving(hang) as receiver:
        service = service_for(database_url, tmp_path, receiver)
        await add_hook(service, receiver.url)
        await service.start()
        try:
            poll = await service.add_poll()
            await receiver.until(1)
            began = time.monotonic()
            assert await service.stop() == 0
            assert time.monotonic() - began < 8
            receiver.answer = 200
            await service.start()
            await receiver.until(2)
            assert receiver.told == [("poll.opened", poll)] * 2
            assert "Traceback" not in service.log.read_text()
        finally:
            await service.end()


@pytest.mark.parametrize("allowed", [True, False])
async def test_nothing_runs_without_the_setting(tmp_path: Path, allowed: bool) -> None:
    """With it there are the two background tasks; without it neither, so that nothing can be sent."""
    url = f"sqlite:///{tmp_path}/pollsvc.db"
    await make_tables(url)
    origins = ("http://127.0.0.1:9",) if allowed else ()
    app = create_app(
        Settings(
            database_url=url, secret_keys=(SECRET,), base_url="http://t.example", webhook_origins=origins
        )
    )
    started, end = asyncio.Event(), asyncio.Event()

    async def receive() -> dict[str, str]:
        if not started.is_set():
            started.set()
            return {"type": "lifespan.startup"}
        await end.wait()
        return {"type": "lifespan.shutdown"}

    async def send(message: dict[str, str]) -> None:
        if message["type"] == "lifespan.startup.complete":
            names = {task.get_name() for task in asyncio.all_tasks()}
            running.append({name for name in names if name.startswith("webhooks")})
            end.set()
        elif message["type"].endswith("failed"):
            raise AssertionError(message)

    running: list[set[str]] = []
    async with asyncio.timeout(20):
        await app({"type": "lifespan"}, receive, send)  # type: ignore[arg-type]
    assert [len(names) for names in running] == [2 if allowed else 0]


async def test_nothing_is_sent_without_the_setting(tmp_path: Path) -> None:
    """Also of a webhook that was made when it was set; a service with it then tells all that happened."""
    url = f"sqlite:///{tmp_path}/pollsvc.db"
    await add_site(url)
    async with receiving() as receiver:
        secret = await add_hook(service_for(url, tmp_path, receiver), receiver.url)
        async with run_service(tmp_path, url) as without, Http(without.base_url) as http:
            poll = await without.add_poll()
            assert (await Reader(http).vote(poll, 1)).status == 201
            async with open_connection(url) as connection:
                assert await connection.rows("SELECT 1 FROM outbox") == []
        assert receiver.received == []
        service = service_for(url, tmp_path, receiver)
        await service.start()
        await receiver.until(1)
        await service.end()
        assert verify(secret, receiver.received[0])["data"]["poll"] == poll
