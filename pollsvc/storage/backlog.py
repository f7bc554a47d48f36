"""How much work waits in the database, for whoever watches the service."""

from typing import NamedTuple

from pollsvc.storage.database import Connection


class Backlog(NamedTuple):
    """Rows of leaves that wait to be sealed; messages of webhooks that are due, the oldest for `age` s."""

    unsealed: int
    due: int
    age: int


async def backlog(connection: Connection, now: int) -> Backlog:
    """What waits at a Unix second; asks for no more than what waits."""
    [(unsealed, due, since)] = await connection.rows(
        "SELECT (SELECT COUNT(*) FROM unsealed), COUNT(*), MIN(due_at) FROM outbox "
        "JOIN webhooks ON webhooks.id = outbox.webhook_id "
        "WHERE due_at <= :now AND disabled_at IS NULL",
        now=now,
    )
    return Backlog(unsealed, due, now - since if since else 0)
