"""Messages reach their receiver, signed and in order, whatever it answers, and reach nobody else."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from pollsvc.domain.webhook import DELAYS, Delivery, Webhook
from pollsvc.services.webhooks.delivery import MAX_ANSWER
from pollsvc.services.webhooks.outbox import LEASE, REST, Outbox
from pollsvc.services.webhooks.webhooks import describe_delivery
from pollsvc.storage.log import entries
from tests.support.receiver import Receiver, hang, receiving, verify
from tests.support.server import until
from tests.support.webhooks import NOW, ORIGIN, Publisher, publisher

CERTIFICATE = Path(__file__).parent / "data" / "self-signed.pem"


@pytest.fixture
async def news(database_url: str) -> AsyncIterator[Publisher]:
    async with publisher(database_url) as found:
        yield found


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


async def send(*outboxes: Outbox) -> None:
    """Send all that is due, until nothing more is."""
    while sum(await asyncio.gather(*(outbox.send_due() for outbox in outboxes))):
        await asyncio.gather(*(outbox.settle() for outbox in outboxes))


async def tried(news: Publisher, outbox: Outbox, hook: Webhook) -> Delivery:
    """Queue a ping, try to send it once, and say how it fares."""
    await news.webhooks("/".join(hook.url.split("/")[:3])).test(hook.id)
    await outbox.send_due()
    await outbox.settle()
    return (await news.deliveries(hook))[-1]


async def test_a_message_is_signed_as_receivers_are_told(news: Publisher, receiver: Receiver) -> None:
    hook, secret = await news.hook(f"{receiver.url}?a=1&b=%20")
    outbox = await news.outbox(receiver.origin)
    poll = await news.poll("«Who» won? 🗳")
    await outbox.look()
    await send(outbox)
    [received] = receiver.received
    body = verify(secret, received, NOW)
    assert body["data"]["poll"] == poll.id
    assert body["data"]["question"] == {"en": "«Who» won? 🗳"}
    assert received.path == "/hook?a=1&b=%20"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["user-agent"].startswith("pollsvc/")
    assert "cookie" not in received.headers
    [delivery] = await news.deliveries(hook)
    assert (delivery.state, delivery.answer, delivery.tries) == ("delivered", "204 No Content", 1)
    assert delivery.id == received.id
    for changed in (
        received._replace(body=received.body + b" "),
        received._replace(headers={**received.headers, "webhook-timestamp": str(NOW + 1)}),
    ):
        with pytest.raises(AssertionError):
            verify(secret, changed, NOW)


async def test_a_failed_message_is_sent_again_until_it_is_given_up(
    news: Publisher, receiver: Receiver
) -> None:
    receiver.answer = 500
    hook, secret = await news.hook(receiver.url)
    outbox = await news.outbox(receiver.origin)
    await tried(news, outbox, hook)
    for number, delay in enumerate(DELAYS, 1):
        [delivery] = await news.deliveries(hook)
        assert (delivery.state, delivery.tries) == ("waiting", number)
        assert delivery.answer == "500 Internal Server Error"
        assert delivery.due_at == news.now + delay
        news.now += delay - 1
        await send(outbox)
        assert len(receiver.received) == number
        news.now += 1
        await send(outbox)
        assert len(receiver.received) == number + 1
    [delivery] = await news.deliveries(hook)
    assert (delivery.state, delivery.due_at, delivery.tries) == ("given up", None, 10)
    news.now += 10 * 86_400
    await send(outbox)
    assert len(receiver.received) == 10
    assert len({received.id for received in receiver.received}) == 1
    assert len({received.headers["webhook-timestamp"] for received in receiver.received}) == 10
    verify(secret, receiver.received[-1], int(receiver.received[-1].headers["webhook-timestamp"]))


async def test_a_receiver_that_was_down_is_told_later(news: Publisher) -> None:
    receiver = Receiver()
    hook, _ = await news.hook(receiver.url)
    outbox = await news.outbox(receiver.origin)
    delivery = await tried(news, outbox, hook)
    assert (delivery.state, delivery.answer) == ("waiting", "no connection: Connection refused")
    await receiver.start()
    news.now += DELAYS[0]
    await send(outbox)
    await receiver.stop()
    assert [received.id for received in receiver.received] == [delivery.id]


async def test_a_receiver_that_does_not_answer(news: Publisher, receiver: Receiver) -> None:
    receiver.answer = hang
    hook, _ = await news.hook(receiver.url)
    delivery = await tried(news, await news.outbox(receiver.origin, timeout=0.1), hook)
    assert (delivery.state, delivery.answer) == ("waiting", "no answer within 0.1 s")


async def test_redirects_are_not_followed(news: Publisher, receiver: Receiver) -> None:
    async with receiving() as elsewhere:

        async def redirect(_: web.Request) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": elsewhere.url})

        receiver.answer = redirect
        hook, _ = await news.hook(receiver.url)
        delivery = await tried(news, await news.outbox(receiver.origin, elsewhere.origin), hook)
        assert (delivery.state, delivery.answer) == (
            "waiting",
            "307 Temporary Redirect: redirects are not followed",
        )
        assert (len(receiver.received), elsewhere.received) == (1, [])


async def test_410_disables_the_webhook(news: Publisher, receiver: Receiver) -> None:
    receiver.answer = 410
    hook, _ = await news.hook(receiver.url)
    outbox = await news.outbox(receiver.origin)
    for _ in range(3):
        await news.webhooks(receiver.origin).test(hook.id)
    await send(outbox)
    assert len(receiver.received) == 1
    assert (await news.webhooks().get(hook.id)).disabled_at == NOW
    assert {delivery.state for delivery in await news.deliveries(hook)} == {"given up"}
    [entry, _] = await entries(news.connection, subject=f"webhook:{hook.id}")
    assert (entry.actor, entry.action) == ("system", "webhook.remove")
    assert "410" in entry.after


async def test_little_of_an_answer_is_read(news: Publisher, receiver: Receiver) -> None:
    """Of one without end, too; and what is shown of it is text in one line."""
    sent = 0

    async def pour(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        answer = web.StreamResponse(status=503)
        await answer.prepare(request)
        while True:
            await answer.write(b"\x00 oops\r\n<b>\xff" * 1_000)
            sent += 1

    receiver.answer = pour
    hook, _ = await news.hook(receiver.url)
    delivery = await tried(news, await news.outbox(receiver.origin), hook)
    assert delivery.answer.startswith("503 Service Unavailable: oops <b>\ufffd oops")
    assert len(delivery.answer) == 200
    assert delivery.answer.isprintable()
    assert sent * 13_000 < MAX_ANSWER + 8_000_000  # what the kernel's buffers hold


async def test_a_receiver_can_ask_to_wait(news: Publisher, receiver: Receiver) -> None:
    async def later(_: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": "3600"}, text="slow down")

    receiver.answer = later
    hook, _ = await news.hook(receiver.url)
    delivery = await tried(news, await news.outbox(receiver.origin), hook)
    assert (delivery.due_at, delivery.answer) == (NOW + 3_600, "429 Too Many Requests: slow down")
    assert describe_delivery(delivery)["due_at"] == "2027-01-15T09:00:00Z"


async def test_a_certificate_that_is_not_trusted(news: Publisher) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(CERTIFICATE)
    async with receiving(tls=tls) as receiver:
        hook, _ = await news.hook(receiver.url)
        delivery = await tried(news, await news.outbox(receiver.origin), hook)
        assert delivery.answer.startswith("the certificate is not valid: ")
        assert receiver.received == []


async def test_an_origin_that_is_not_allowed_any_more(news: Publisher, receiver: Receiver) -> None:
    hook, _ = await news.hook(receiver.url)
    delivery = await tried(news, await news.outbox(ORIGIN, f"{receiver.origin}0"), hook)
    assert delivery.answer == "not sent: POLLSVC_WEBHOOK_ORIGINS does not name its origin"
    assert (delivery.state, receiver.received) == ("waiting", [])


async def test_a_dead_receiver_holds_up_nobody_else(news: Publisher, receiver: Receiver) -> None:
    async with receiving(hang) as dead:
        dead_hooks = [(await news.hook(dead.url))[0] for _ in range(3)]
        hook, _ = await news.hook(receiver.url)
        outbox = await news.outbox(dead.origin, receiver.origin, timeout=0.2)
        polls = [await news.poll() for _ in range(5)]
        await outbox.look()
        await outbox.send_due()

        async def all_told() -> bool:
            await outbox.send_due()
            return len(receiver.received) == 5

        await until(all_told, pause=0.001)
        assert [poll for _, poll in receiver.told] == [poll for _, poll, _ in await news.queued(hook)]
        assert {poll for _, poll in receiver.told} == {poll.id for poll in polls}
        assert dead.most_at_once == len(dead_hooks)
        await outbox.settle()
        await send(outbox)
        assert len(dead.received) == 3  # each rests before its next message
        news.now += DELAYS[0]
        await send(outbox)
        assert len(dead.received) == 6


async def test_a_webhook_rests_a_minute_at_most(news: Publisher, receiver: Receiver) -> None:
    """However long a message that fails has to wait, the next one is tried soon."""

    async def reject_ping(request: web.Request) -> web.StreamResponse:
        return web.Response(status=500 if b'"ping"' in await request.read() else 200)

    receiver.answer = reject_ping
    hook, _ = await news.hook(receiver.url)
    outbox = await news.outbox(receiver.origin)
    await tried(news, outbox, hook)
    for delay in DELAYS[:4]:
        news.now += delay
        await send(outbox)
    assert len(receiver.received) == 5
    poll = await news.poll()
    await outbox.look()
    await send(outbox)
    news.now += REST
    await send(outbox)
    assert receiver.told[5:] == [("poll.opened", poll.id)]


async def test_processes_send_each_message_once_and_in_order(news: Publisher, receiver: Receiver) -> None:
    async with receiving() as other:
        hooks = [(await news.hook(one.url))[0] for one in (receiver, other)]
        outboxes = [await news.outbox(receiver.origin, other.origin) for _ in range(4)]
        for _ in range(40):
            await news.poll()
            news.now += 0.01
        await asyncio.gather(*(outbox.look() for outbox in outboxes))
        await send(*outboxes)
        for one, hook in zip((receiver, other), hooks, strict=True):
            assert [told[1] for told in one.told] == [poll for _, poll, _ in await news.queued(hook)]
            assert len(one.received) == 40
            assert one.most_at_once == 1


async def test_what_a_dead_process_was_sending_is_sent_by_another(
    news: Publisher, receiver: Receiver
) -> None:
    hook, _ = await news.hook(receiver.url)
    dying, other = await news.outbox(receiver.origin), await news.outbox(receiver.origin)
    receiver.answer = hang
    message = await news.webhooks(receiver.origin).test(hook.id)
    await dying.send_due()
    await receiver.until(1)
    receiver.answer = 200
    await send(other)
    news.now += LEASE - 1
    await send(other)
    assert len(receiver.received) == 1
    news.now += 1
    await send(other)
    assert [received.id for received in receiver.received] == [message, message]


async def test_what_a_process_that_ends_was_sending_is_sent_by_another_at_once(
    news: Publisher, receiver: Receiver
) -> None:
    hook, _ = await news.hook(receiver.url)
    ending, other = await news.outbox(receiver.origin), await news.outbox(receiver.origin)
    receiver.answer = hang
    message = await news.webhooks(receiver.origin).test(hook.id)
    await ending.send_due()
    await receiver.until(1)
    receiver.answer = 200
    await ending.stop()
    await send(other)
    assert [received.id for received in receiver.received] == [message, message]
