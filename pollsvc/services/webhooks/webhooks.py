"""Webhooks: making, removing, rotating and testing them, and showing how their messages fare."""

import re
import secrets
from collections.abc import Collection, Mapping

from pollsvc.domain.article import MAX_URL, canonical_origin
from pollsvc.domain.clock import Clock, rfc3339
from pollsvc.domain.errors import Code, PollError, bad
from pollsvc.domain.log import COMMAND_LINE, Act, Actor
from pollsvc.domain.poll import Site
from pollsvc.domain.webhook import PING, POLL_EVENTS, Delivery, Event, Message, Occasion, Webhook, milestones
from pollsvc.services.ids import new_id
from pollsvc.services.webhooks.messages import body_of_ping, new_message, silent_message, text_of_secret
from pollsvc.storage import log
from pollsvc.storage import webhooks as store
from pollsvc.storage.database import Connection
from pollsvc.storage.outbox import count_voters

MAX_WEBHOOKS = 20
"""How many webhooks a site can have that are not disabled."""
MAX_DELIVERIES = 1_000
"""How many messages can be looked at."""

_URL = re.compile(r"([A-Za-z]+://[^/?#@\\\s]+)([/?][!\"$-\[\]-~]*)?")
_BATCH = 500  # polls whose voters are counted at a time


class Webhooks:
    """Work on webhooks, on a connection that nobody else uses meanwhile. Bad input raises PollError.

    They are only ever sent to `allowed_origins`, which the operator names (POLLSVC_WEBHOOK_ORIGINS).
    """

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        allowed_origins: Collection[str],
        actor: Actor = COMMAND_LINE,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._allowed_origins = allowed_origins
        self._actor = actor

    async def add(self, site: Site, url: str, events: Collection[str] = POLL_EVENTS) -> tuple[Webhook, str]:
        """Have an address told of what happens to a site's polls from now on.

        Returns the webhook and its secret as text, which is shown only here: `whsec_` and the base64 of 32
        random bytes, as in the Standard Webhooks specification 1.0.0.
        """
        now = int(self._clock())
        hook = Webhook(
            id=new_id(10),
            site=site.id,
            url=_checked_url(url, self._allowed_origins),
            events=_checked_events(events),
            secret=secrets.token_bytes(32),
            old_secret=None,
            rotated_at=None,
            created_at=now,
            disabled_at=None,
        )
        reached = await self._reached(hook)
        async with log.editing(self._connection):
            others = await store.list_webhooks(self._connection, site.id)
            if sum(other.disabled_at is None for other in others) >= MAX_WEBHOOKS:
                raise bad(f"A site can have {MAX_WEBHOOKS} webhooks; remove one first.", "site")
            await store.insert_webhook(self._connection, hook)
            await store.add_messages(self._connection, reached)
            told = {"site": hook.site, "url": hook.url, "events": sorted(hook.events)}
            await self._log("add", hook, {}, told, now)
        return hook, text_of_secret(hook.secret)

    async def all(self, site: Site | None = None) -> list[Webhook]:
        """All webhooks, or a site's, the newest first, disabled ones too."""
        return await store.list_webhooks(self._connection, site.id if site else None)

    async def get(self, id_: str) -> Webhook:
        """A webhook by its id. Raises `not_found`."""
        hook = await store.load_webhook(self._connection, id_)
        if hook is None:
            raise PollError(Code.NOT_FOUND, f"There is no webhook {id_!r}; look at the list of webhooks.")
        return hook

    async def remove(self, id_: str, why: str = "the webhook was removed") -> Webhook:
        """Disable a webhook for good, and say why; its messages are given up and its secret is forgotten."""
        now = int(self._clock())
        async with log.editing(self._connection):
            hook = await self.get(id_)
            if hook.disabled_at is None:
                await store.update_disabled(self._connection, hook.id, now, why)
                await self._log("remove", hook, {"disabled": False}, {"disabled": True, "why": why}, now)
        return await self.get(id_)

    async def rotate(self, id_: str) -> tuple[Webhook, str]:
        """Give a webhook a new secret, returned as `add` does; the old one signs too for another day.

        Raises `not_possible_now` for one that is disabled.
        """
        now, secret = int(self._clock()), secrets.token_bytes(32)
        async with log.editing(self._connection):
            hook = await self._active(id_)
            await store.update_secret(self._connection, hook.id, secret, now)
            await self._log("rotate", hook, {}, {"rotated_at": rfc3339(now)}, now)
        return await self.get(id_), text_of_secret(secret)

    async def test(self, id_: str) -> str:
        """Queue a `ping` for a webhook; returns the message's id. `deliveries` shows what came of it.

        Raises `not_possible_now` for one that is disabled.
        """
        now, hook = self._clock(), await self._active(id_)
        _checked_url(hook.url, self._allowed_origins)
        occasion = Occasion(PING, secrets.randbits(62), int(now))  # each test is an occasion of its own
        message = new_message(hook, "", occasion, body_of_ping(hook, int(now)), now)
        await store.add_messages(self._connection, [message])
        return message.id

    async def deliveries(self, id_: str, limit: int = 50) -> list[Delivery]:
        """How the newest messages of a webhook fare, the newest first; at most MAX_DELIVERIES."""
        hook = await self.get(id_)
        return await store.deliveries_of(self._connection, hook.id, max(1, min(limit, MAX_DELIVERIES)))

    async def _active(self, id_: str) -> Webhook:
        hook = await self.get(id_)
        if hook.disabled_at is not None:
            raise PollError(Code.NOT_POSSIBLE_NOW, "The webhook is disabled; add a new one.")
        return hook

    async def _reached(self, hook: Webhook) -> list[Message]:
        """The milestones that polls have reached before this webhook, as messages that are never sent."""
        if Event.MILESTONE not in hook.events:
            return []
        polls = await store.published_polls(self._connection, hook.site)
        messages = []
        for start in range(0, len(polls), _BATCH):
            voters = await count_voters(self._connection, polls[start : start + _BATCH])
            for poll, count in voters.items():
                if reached := milestones(count):
                    messages.append(silent_message(hook, poll, reached[-1], hook.created_at))
        return messages

    async def _log(
        self, what: str, hook: Webhook, before: Mapping[str, object], after: Mapping[str, object], now: int
    ) -> None:
        act = Act(self._actor, f"webhook.{what}", f"webhook:{hook.id}", before, after)
        await log.append(self._connection, act, now)


def describe_webhook(hook: Webhook) -> dict[str, object]:
    """A webhook as JSON values, without its secret."""
    return {
        "id": hook.id,
        "site": hook.site,
        "url": hook.url,
        "events": sorted(hook.events),
        "created_at": rfc3339(hook.created_at),
        "rotated_at": None if hook.rotated_at is None else rfc3339(hook.rotated_at),
        "disabled_at": None if hook.disabled_at is None else rfc3339(hook.disabled_at),
    }


def describe_delivery(delivery: Delivery) -> dict[str, object]:
    """How a message fares, as JSON values."""
    times = {name: getattr(delivery, name) for name in ("created_at", "due_at", "delivered_at")}
    return {
        "id": delivery.id,
        "event": delivery.event,
        "poll": delivery.poll or None,
        "state": delivery.state,
        "tries": delivery.tries,
        "answer": delivery.answer,
        **{name: None if at is None else rfc3339(at) for name, at in times.items()},
        "body": delivery.body,
    }


def may_send(url: str, allowed_origins: Collection[str]) -> bool:
    """Whether a webhook's stored URL is of an allowed origin.

    Its text begins with that origin and a slash, so that no two ways to read a URL can disagree.
    """
    return any(url.startswith(f"{origin}/") for origin in allowed_origins)


def _checked_url(text: str, allowed_origins: Collection[str]) -> str:
    """The URL with its origin in canonical form. Raises PollError when it is none, or not allowed."""
    if not allowed_origins:
        raise bad("Webhooks are off: the operator must name their origins in POLLSVC_WEBHOOK_ORIGINS.", "url")
    match = _URL.fullmatch(text.strip())
    origin = match and canonical_origin(match[1])
    if match is None or origin is None or len(text) > MAX_URL:
        raise bad(
            "A webhook needs an http(s) URL such as https://cms.example/polls, percent-encoded, without user "
            "or fragment.",
            "url",
        )
    rest = match[2] or "/"
    url = origin + (rest if rest.startswith("/") else f"/{rest}")
    if not may_send(url, allowed_origins):
        raise bad(f"{origin} is none of the origins in POLLSVC_WEBHOOK_ORIGINS; the operator adds it.", "url")
    return url


def _checked_events(names: Collection[str]) -> frozenset[Event]:
    known = {event.value: event for event in Event}
    wrong = sorted(set(names) - known.keys())
    if wrong or not names:
        what = f"{wrong[0]!r} is no event" if wrong else "A webhook without events is told nothing"
        raise bad(f"{what}; choose of {', '.join(known)}.", "events")
    return frozenset(known[name] for name in names)
