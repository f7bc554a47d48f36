"""Webhooks, and the messages that were queued for them."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from pollsvc.domain.webhook import Delivery, Event, Message, Webhook
from pollsvc.storage import schema
from pollsvc.storage.database import Connection

_MESSAGE = (
    ("id", "text"),
    ("webhook_id", "text"),
    ("poll_id", "text"),
    ("event", "text"),
    ("occasion", "bigint"),
    ("body", "text"),
    ("created_at", "bigint"),
    ("due_at", "bigint"),
)
_MESSAGE_COLUMNS = ", ".join(name for name, _ in _MESSAGE)


async def insert_webhook(connection: Connection, hook: Webhook) -> None:
    """Insert a webhook, in the current `editing` transaction."""
    await connection.execute(
        schema.webhooks.insert().values(
            id=hook.id,
            site_id=hook.site,
            url=hook.url,
            events=json.dumps(sorted(hook.events)),
            secret=hook.secret,
            created_at=hook.created_at,
        )
    )


async def load_webhook(connection: Connection, id_: str) -> Webhook | None:
    """A webhook, disabled or not."""
    rows = await connection.fetch(schema.webhooks.select().where(schema.webhooks.c.id == id_))
    return _webhook(rows[0]) if rows else None


async def list_webhooks(connection: Connection, site: str | None = None) -> list[Webhook]:
    """All webhooks, or those of a site, the newest first, disabled ones too."""
    table = schema.webhooks
    query = table.select().order_by(table.c.created_at.desc(), table.c.id)
    return [
        _webhook(row)
        for row in await connection.fetch(query.where(table.c.site_id == site) if site else query)
    ]


async def active_webhooks(connection: Connection) -> list[Webhook]:
    """All webhooks that are not disabled, in the order of their ids."""
    table = schema.webhooks
    query = table.select().where(table.c.disabled_at.is_(None)).order_by(table.c.id)
    return [_webhook(row) for row in await connection.fetch(query)]


async def webhooks_of(connection: Connection, ids: Collection[str]) -> list[Webhook]:
    """The webhooks with these ids."""
    query = schema.webhooks.select().where(schema.webhooks.c.id.in_(ids))
    return [_webhook(row) for row in await connection.fetch(query)]


async def update_secret(connection: Connection, id_: str, secret: bytes, now: int) -> None:
    """Give a webhook a new secret and keep the one before, in the current `editing` transaction."""
    table = schema.webhooks
    await connection.execute(
        table.update()
        .where(table.c.id == id_)
        .values(secret=secret, old_secret=table.c.secret, rotated_at=now)
    )


async def update_disabled(connection: Connection, id_: str, now: int, reason: str) -> None:
    """Disable a webhook and give up what waits for it, in the current `editing` transaction.

    Its secrets are forgotten.
    """
    table = schema.webhooks
    await connection.execute(
        table.update().where(table.c.id == id_).values(disabled_at=now, secret=b"", old_secret=None)
    )
    await connection.rows(
        "UPDATE outbox SET due_at = NULL, answer = :reason WHERE webhook_id = :id AND due_at IS NOT NULL",
        id=id_,
        reason=reason,
    )


async def add_messages(connection: Connection, messages: Sequence[Message]) -> None:
    """Queue messages, in one statement; an occasion that its webhook has a message of is left out.

    Processes that queue the same ones at once insert them in one order, so they cannot deadlock.
    """
    ordered = sorted(messages, key=lambda one: (one.webhook, one.poll, one.event, one.number))
    await connection.rows(
        f"INSERT INTO outbox ({_MESSAGE_COLUMNS}, tries, answer) "
        f"SELECT {_MESSAGE_COLUMNS}, 0, '' FROM ({connection.json_rows(*_MESSAGE)}) AS new WHERE true "
        "ON CONFLICT (webhook_id, poll_id, event, occasion) DO NOTHING",
        rows=json.dumps(ordered),
    )


async def deliveries_of(connection: Connection, webhook: str, limit: int) -> list[Delivery]:
    """How the newest messages of a webhook fare, the newest first."""
    rows = await connection.rows(
        "SELECT id, poll_id, event, created_at, tries, due_at, delivered_at, answer, body FROM outbox "
        f"WHERE webhook_id = :webhook AND body <> '' ORDER BY id DESC LIMIT {int(limit)}",
        webhook=webhook,
    )
    return [Delivery(*row) for row in rows]


async def published_polls(connection: Connection, site: str) -> list[str]:
    """The ids of all polls of a site that are no drafts."""
    rows = await connection.rows("SELECT id FROM polls WHERE site_id = :site AND NOT draft", site=site)
    return [row[0] for row in rows]


def _webhook(row: Any) -> Webhook:
    return Webhook(
        id=row.id,
        site=row.site_id,
        url=row.url,
        events=frozenset(map(Event, json.loads(row.events))),
        secret=row.secret,
        old_secret=row.old_secret,
        rotated_at=row.rotated_at,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )
