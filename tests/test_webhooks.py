"""Webhooks are made, rotated, tested and removed; only to allowed origins, and never without a trace."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.webhook import BOTH_FOR, Event
from pollsvc.services.webhooks.webhooks import MAX_WEBHOOKS, describe_webhook
from pollsvc.storage.log import entries
from tests.support.receiver import receiving, verify
from tests.support.server import CliError, Service, add_site, run_service, until
from tests.support.webhooks import NOW, Publisher, publisher

CMS = "https://cms.example"
OTHER = "http://127.0.0.1:8080"
KEPT = {
    "https://cms.example/polls?key=a%20b": "https://cms.example/polls?key=a%20b",
    " HTTPS://CMS.example:443 ": "https://cms.example/",
    "https://cms.example?x=@y/../z": "https://cms.example/?x=@y/../z",
    "http://127.0.0.1:8080/a/": "http://127.0.0.1:8080/a/",
}
"""URLs as they are given, and as they are kept."""
REFUSED = [
    "https://evil.example/polls",
    "http://cms.example/",
    "https://cms.example:8443/",
    "https://cms.example.evil.example/",
    "https://cms.example@evil.example/",
    "https://user:password@cms.example/",
    "https://evil.example#@cms.example/",
    "https://evil.example\\@cms.example/",
    "https://cms.example\\@evil.example/",
    "https://cms.example/\\evil.example",
    "https://cms.example/#fragment",
    "https://cms.example/a b",
    "https://cms.example/\nhost: evil.example",
    "https://cms.example/päth",
    "https:cms.example/",
    "//cms.example/",
    "/polls",
    "file:///etc/passwd",
    "http://127.0.0.1:80800/",
    "http://127.1:8080/",
    "http://2130706433:8080/",
    "http://[::ffff:127.0.0.1]:8080/",
    "http://169.254.169.254/latest/meta-data/",
    f"{CMS}/{'x' * 2048}",
    "",
]


@pytest.fixture
async def news(database_url: str) -> AsyncIterator[Publisher]:
    async with publisher(database_url) as found:
        yield found


async def test_a_webhook_is_made(news: Publisher) -> None:
    site, webhooks = await news.sites.get("News"), news.webhooks(CMS, OTHER)
    for given, kept in KEPT.items():
        hook, secret = await webhooks.add(site, given, ["poll.closed"])
        assert (hook.url, hook.site, hook.events) == (kept, site.id, frozenset({Event.CLOSED}))
        assert await webhooks.get(hook.id) == hook
        assert describe_webhook(hook) == {
            "id": hook.id,
            "site": site.id,
            "url": kept,
            "events": ["poll.closed"],
            "created_at": "2027-01-15T08:00:00Z",
            "rotated_at": None,
            "disabled_at": None,
        }
        assert secret.removeprefix("whsec_") not in repr(hook)
    assert {one.url for one in await webhooks.all(site)} == set(KEPT.values())
    assert await webhooks.all() == await webhooks.all(site)


async def test_an_address_that_the_operator_did_not_name_is_refused(news: Publisher) -> None:
    site = await news.sites.get("News")
    for url in REFUSED:
        with pytest.raises(PollError) as refused:
            await news.webhooks(CMS, OTHER).add(site, url)
        assert (refused.value.code, refused.value.details["field"]) == (Code.BAD_REQUEST, "url"), url
    assert await news.webhooks().all() == []


async def test_without_the_setting_there_are_no_webhooks(news: Publisher) -> None:
    with pytest.raises(PollError, match="POLLSVC_WEBHOOK_ORIGINS"):
        await news.webhooks().add(await news.sites.get("News"), f"{CMS}/polls")
    hook, _ = await news.hook(f"{CMS}/polls")
    with pytest.raises(PollError, match="POLLSVC_WEBHOOK_ORIGINS"):
        await news.webhooks().test(hook.id)


async def test_events_that_there_are_not_are_refused(news: Publisher) -> None:
    for events in ([], ["poll.burnt"], ["poll.opened", "ping"]):
        with pytest.raises(PollError) as refused:
            await news.hook(events=events)
        assert refused.value.details["field"] == "events"


async def test_a_site_has_so_many_at_most(news: Publisher) -> None:
    hooks = [(await news.hook())[0] for _ in range(MAX_WEBHOOKS)]
    with pytest.raises(PollError, match="remove one first"):
        await news.hook()
    await news.webhooks().remove(hooks[0].id)
    await news.hook()


async def test_a_removed_webhook_is_told_nothing_more(news: Publisher) -> None:
    async with receiving() as receiver:
        hook, _ = await news.hook(receiver.url)
        outbox = await news.outbox(receiver.origin)
        webhooks = news.webhooks(receiver.origin)
        await webhooks.test(hook.id)
        removed = await webhooks.remove(hook.id)
        assert removed.disabled_at == NOW
        assert removed.secret == b""
        assert await webhooks.remove(hook.id) == removed
        await news.poll()
        await outbox.look()
        await outbox.send_due()
        await outbox.settle()
        assert receiver.received == []
        [delivery] = await webhooks.deliveries(hook.id)
        assert (delivery.event, delivery.state, delivery.answer) == (
            "ping",
            "given up",
            "the webhook was removed",
        )
        for work in (webhooks.test, webhooks.rotate):
            with pytest.raises(PollError) as refused:
                await work(hook.id)
            assert refused.value.code is Code.NOT_POSSIBLE_NOW


async def test_both_secrets_sign_for_a_day_after_a_rotation(news: Publisher) -> None:
    async with receiving() as receiver:
        hook, old = await news.hook(receiver.url)
        outbox = await news.outbox(receiver.origin)
        rotated, new = await news.webhooks(receiver.origin).rotate(hook.id)
        assert (rotated.rotated_at, old == new) == (NOW, False)
        for later in (0, BOTH_FOR - 1, 1):
            news.now += later
            await news.webhooks(receiver.origin).test(hook.id)
            await outbox.send_due()
            await outbox.settle()
        for received, secrets in zip(receiver.received, [(old, new), (old, new), (new,)], strict=True):
            signatures = received.headers["webhook-signature"].split(" ")
            assert len(signatures) == len(secrets)
            for secret in secrets:
                assert verify(secret, received, int(received.headers["webhook-timestamp"])) == {
                    "type": "ping",
                    "timestamp": received.json["timestamp"],
                    "data": {"webhook": hook.id, "site": hook.site},
                }


async def test_what_is_done_to_webhooks_is_logged_without_secrets(news: Publisher) -> None:
    hook, first = await news.hook(f"{CMS}/polls")
    _, second = await news.webhooks().rotate(hook.id)
    await news.webhooks().remove(hook.id)
    logged = await entries(news.connection, subject=f"webhook:{hook.id}")
    assert [(entry.action, entry.actor, entry.at) for entry in logged] == [
        (f"webhook.{what}", "editor:adm", NOW) for what in ("remove", "rotate", "add")
    ]
    assert json.loads(logged[2].after) == {
        "site": hook.site,
        "url": f"{CMS}/polls",
        "events": ["poll.alert", "poll.closed", "poll.milestone", "poll.opened"],
    }
    for secret in (first, second):
        assert secret.removeprefix("whsec_")[:16] not in str(logged)


async def test_a_webhook_that_there_is_not(news: Publisher) -> None:
    webhooks = news.webhooks(CMS)
    for work in (webhooks.get, webhooks.remove, webhooks.rotate, webhooks.test, webhooks.deliveries):
        with pytest.raises(PollError) as refused:
            await work("nosuchhook")
        assert refused.value.code is Code.NOT_FOUND


async def test_the_commands(tmp_path: Path) -> None:
    async with receiving() as receiver:
        env = {"POLLSVC_WEBHOOK_ORIGINS": receiver.origin}
        async with run_service(tmp_path, env=env, site=True) as service:
            hook = await service.cli("webhook", "add", receiver.url, "--site", "News")
            assert hook["events"] == ["poll.alert", "poll.closed", "poll.milestone", "poll.opened"]
            message = (await service.cli("webhook", "test", hook["id"]))["id"]
            await receiver.until(1)
            [received] = receiver.received
            assert (received.id, verify(hook["secret"], received)["type"]) == (message, "ping")

            async def noted() -> bool:
                [delivery] = await service.cli("webhook", "deliveries", hook["id"])
                return bool(delivery["state"] == "delivered")

            await until(noted)
            assert "204 No Content" in await service.run("webhook", "deliveries", hook["id"])
            rotated = await service.cli("webhook", "rotate", hook["id"])
            assert rotated["secret"] not in {hook["secret"], ""}
            assert "secret" not in (await service.cli("webhook", "list", "--site", "News"))[0]
            assert "nothing is sent" in await service.run("webhook", "remove", hook["id"])
            assert "disabled" in await service.run("webhook", "list")
            assert "whsec_" in await service.run("webhook", "add", receiver.url, "--site", "News")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["add", f"{CMS}/x", "--site", "News"], "POLLSVC_WEBHOOK_ORIGINS"),
        (["add", f"{CMS}/x", "--site", "Nobody"], "site"),
        (["remove", "nosuchhook"], "nosuchhook"),
    ],
)
async def test_a_command_that_cannot_work_says_so(tmp_path: Path, args: list[str], says: str) -> None:
    service = Service(f"sqlite:///{tmp_path}/pollsvc.db", tmp_path, {}, 1)
    await add_site(service.database_url)
    with pytest.raises(CliError) as failed:
        await service.run("webhook", *args)
    [line] = failed.value.output.strip().splitlines()
    assert (failed.value.status, says in line) == (2, True)
