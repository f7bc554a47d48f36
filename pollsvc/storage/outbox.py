"""The webhooks' outbox: what there is to tell, and which process tells it.

Nothing here needs a transaction, so that tasks can share a connection.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from pollsvc.domain.ballot import Status
from pollsvc.domain.history import Noted, Notice
from pollsvc.domain.poll import Poll
from pollsvc.domain.selection import WITHDRAWN
from pollsvc.domain.webhook import Claim, Event, Times
from pollsvc.storage import schema
from pollsvc.storage.database import Connection
from pollsvc.storage.polls import load_polls
from pollsvc.storage.webhooks import webhooks_of

PURGED = 1_000
"""How many messages one purge deletes at most."""

_DUE = (
    "disabled_at IS NULL AND (held_until IS NULL OR held_until <= :now) AND EXISTS "
    "(SELECT 1 FROM outbox WHERE outbox.webhook_id = webhooks.id AND outbox.due_at <= :now)"
)


class LivePoll(NamedTuple):
    """A published poll that has opened; `created_at` in Unix seconds."""

    id: str
    site: str
    times: Times
    created_at: int


class RaisedAlert(NamedTuple):
    """A serious alert of a poll; `raised_at` in Unix seconds."""

    number: int
    kind: str
    raised_at: int


async def marks_of_polls(
    connection: Connection, sites: Iterable[str], now: int, closed_since: int
) -> Sequence[tuple[str, int, int]]:
    """The polls of these sites that have opened by `now`, each with two numbers, one of which moves when it
    changes or has a new alert.

    Those that closed before `closed_since` are left out. There may be many: nothing else is read of them.
    """
    return await connection.rows(
        "SELECT polls.id, COALESCE(version, 0) * 2 + CASE WHEN closes_at <= :now THEN 1 ELSE 0 END, "
        "(SELECT COUNT(*) FROM alerts WHERE poll_id = polls.id AND serious) "
        "FROM polls LEFT JOIN poll_versions ON poll_versions.poll_id = polls.id "
        f"WHERE {_listed(connection, 'site_id')} AND NOT draft "
        "AND (opens_at IS NULL OR opens_at <= :now) AND (closes_at IS NULL OR closes_at >= :since)",
        rows=_list(sites),
        now=now,
        since=closed_since,
    )


async def live_polls(connection: Connection, polls: Collection[str]) -> list[LivePoll]:
    """What tells of these polls whether there is news."""
    rows = await connection.rows(
        f"SELECT id, site_id, opens_at, closes_at, created_at FROM polls WHERE {_listed(connection, 'id')}",
        rows=_list(polls),
    )
    return [LivePoll(id_, site, Times(*times), created) for id_, site, *times, created in rows]


async def whole_polls(connection: Connection, polls: Collection[str]) -> dict[str, Poll]:
    """These polls with all that belongs to them, by id."""
    found = await load_polls(connection, schema.polls.c.id.in_(polls)) if polls else []
    return {poll.id: poll for poll in found}


async def schedules_of(connection: Connection, polls: Collection[str]) -> dict[str, list[Noted]]:
    """What these polls' histories say of their schedules, oldest first."""
    rows = await connection.rows(
        "SELECT poll_id, number, at, what, old, new FROM poll_history "
        f"WHERE {_listed(connection, 'poll_id')} "
        "AND what IN ('published', 'imported', 'opens_at', 'closes_at') ORDER BY poll_id, number",
        rows=_list(polls),
    )
    found: dict[str, list[Noted]] = {poll: [] for poll in polls}
    for poll, number, at, *notice in rows:
        found[poll].append(Noted(number, at, Notice(*notice)))
    return found


async def alerts_of(
    connection: Connection, polls: Collection[str], since: int
) -> dict[str, list[RaisedAlert]]:
    """The serious alerts that were raised in these polls since a Unix second, the first one first."""
    rows = await connection.rows(
        "SELECT poll_id, number, kind, raised_at FROM alerts "
        f"WHERE {_listed(connection, 'poll_id')} AND serious AND raised_at >= :since "
        "ORDER BY poll_id, number",
        rows=_list(polls),
        since=since,
    )
    found: dict[str, list[RaisedAlert]] = {poll: [] for poll in polls}
    for poll, *alert in rows:
        found[poll].append(RaisedAlert(*alert))
    return found


async def count_voters(connection: Connection, polls: Collection[str]) -> dict[str, int]:
    """How many voters of each of these polls count."""
    rows = await connection.rows(
        f"SELECT poll_id, SUM(count) FROM tally WHERE {_listed(connection, 'poll_id')} "
        f"AND status = '{Status.COUNTED}' AND selection <> '{WITHDRAWN}' GROUP BY poll_id",
        rows=_list(polls),
    )
    return dict.fromkeys(polls, 0) | {row[0]: int(row[1]) for row in rows}


async def known_occasions(
    connection: Connection, webhooks: Collection[str], polls: Collection[str]
) -> dict[tuple[str, str], set[tuple[str, int]]]:
    """The occasions, by event and number, that webhooks have messages of; by webhook and poll."""
    found: dict[tuple[str, str], set[tuple[str, int]]] = {}
    for webhook in webhooks:
        rows = await connection.rows(
            "SELECT poll_id, event, occasion FROM outbox "
            f"WHERE webhook_id = :webhook AND {_listed(connection, 'poll_id')}",
            webhook=webhook,
            rows=_list(polls),
        )
        for poll, event, number in rows:
            found.setdefault((webhook, poll), set()).add((event, number))
    return found


async def last_told(
    connection: Connection, webhooks: Collection[str], event: str
) -> dict[str, tuple[int, int]]:
    """The highest number of an event that is no poll's, and when that was queued, by webhook."""
    rows = await connection.rows(
        "SELECT webhook_id, MAX(occasion), MAX(created_at) FROM outbox "
        f"WHERE {_listed(connection, 'webhook_id')} AND poll_id = '' AND event = :event GROUP BY webhook_id",
        rows=_list(webhooks),
        event=event,
    )
    return {webhook: (number, at) for webhook, number, at in rows}


async def claim(connection: Connection, now: int, until: int, limit: int) -> list[Claim]:
    """Take up to `limit` webhooks that nobody delivers to, until `until`, and the next message of each.

    Those that were served longest ago come first. When the process dies, others take them after `until`.
    """
    if not await connection.rows(f"SELECT 1 FROM webhooks WHERE {_DUE} LIMIT 1", now=now):
        return []  # the usual case; an UPDATE would take SQLite's write lock for nothing
    lock = "" if connection.sqlite else "FOR NO KEY UPDATE SKIP LOCKED"
    rows = await connection.rows(
        f"WITH ready AS {'' if connection.sqlite else 'MATERIALIZED'} (SELECT id AS ready_id FROM webhooks "
        f"WHERE {_DUE} ORDER BY COALESCE(held_until, 0), id LIMIT {int(limit)} {lock}) "
        "UPDATE webhooks SET held_until = :until FROM ready WHERE id = ready_id RETURNING id",
        now=now,
        until=until,
    )
    hooks = await webhooks_of(connection, [row[0] for row in rows])
    claims = []
    for hook in hooks:
        found = await connection.rows(
            "SELECT id, body, tries FROM outbox WHERE webhook_id = :hook AND due_at <= :now "
            "ORDER BY id LIMIT 1",
            hook=hook.id,
            now=now,
        )
        if found:
            id_, body, tries = found[0]
            claims.append(Claim(hook, id_, body, tries, until))
        else:  # another process has just sent it
            await release(connection, hook.id, until, now)
    return claims


async def release(connection: Connection, webhook: str, until: int, held_until: int) -> None:
    """Give a webhook back that was taken until `until`; it rests until `held_until`."""
    await connection.rows(
        "UPDATE webhooks SET held_until = :held WHERE id = :id AND held_until = :until",
        id=webhook,
        until=until,
        held=held_until,
    )


async def note_try(
    connection: Connection, id_: str, *, due_at: int | None, delivered_at: int | None, answer: str
) -> None:
    """Note what came of a try, and when the next is due."""
    await connection.rows(
        "UPDATE outbox SET tries = tries + 1, delivered_at = :delivered, answer = :answer, "
        "due_at = CASE WHEN due_at IS NOT NULL THEN CAST(:due AS bigint) END "  # NULL: disabled meanwhile
        "WHERE id = :id AND delivered_at IS NULL",
        id=id_,
        due=due_at,
        delivered=delivered_at,
        answer=answer,
    )


async def purge(connection: Connection, before: int) -> int:
    """Delete up to PURGED messages that were delivered before a time (Unix seconds), or given up; how many.

    The highest milestone of a poll stays, and the last head of the log: they say what has been told.
    """
    deleted = await connection.rows(
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox AS old "
        "WHERE due_at IS NULL AND COALESCE(delivered_at, created_at) < :before "
        f"AND (event NOT IN ('{Event.MILESTONE}', '{Event.CHECKPOINT}') "
        "OR EXISTS (SELECT 1 FROM outbox AS higher "
        "WHERE higher.webhook_id = old.webhook_id AND higher.poll_id = old.poll_id "
        "AND higher.event = old.event AND higher.occasion > old.occasion)) "
        f"LIMIT {PURGED}) RETURNING id",
        before=before,
    )
    return len(deleted)


def _listed(connection: Connection, column: str) -> str:
    """The condition that a column's value is one of `_list(values)`, as the parameter `rows`.

    PostgreSQL guesses how many rows a JSON text holds, and then prefers to read whole tables; not so with
    an array.
    """
    values = connection.json_rows(("value", "text"))
    return f"{column} IN ({values})" if connection.sqlite else f"{column} = ANY(ARRAY({values}))"


def _list(values: Iterable[str]) -> str:
    return json.dumps([[value] for value in values])
