"""Which polls are open, come next and have ended last: what the dashboard begins with."""

from typing import Any, NamedTuple

from sqlalchemy import and_, func, or_, select

from pollsvc.storage import schema
from pollsvc.storage.database import Connection


class Agenda(NamedTuple):
    """Ids of polls that are not archived, and how many there are in all of each sort.

    `open` are the ones opened last, `scheduled` those that open next, `closed` those that closed last.
    """

    open: list[str]
    scheduled: list[str]
    closed: list[str]
    open_count: int
    scheduled_count: int
    closed_count: int
    drafts: int


async def load_agenda(
    connection: Connection, now: int, site: str | None = None, *, most_open: int = 200, most: int = 5
) -> Agenda:
    """The polls of a site, or of all, at `now` (Unix seconds)."""
    table = schema.polls
    kept = [table.c.archived_at.is_(None)] + ([table.c.site_id == site] if site else [])
    lasting = or_(table.c.closes_at.is_(None), table.c.closes_at > now)
    ended = table.c.closes_at <= now
    coming = and_(lasting, table.c.opens_at > now)
    opened = and_(lasting, or_(table.c.opens_at.is_(None), table.c.opens_at <= now))

    async def ids(condition: Any, order: Any, limit: int) -> list[str]:
        query = select(table.c.id).where(*kept, ~table.c.draft, condition).order_by(order, table.c.id)
        return [row.id for row in await connection.fetch(query.limit(limit))]

    counts = select(
        func.count().filter(~table.c.draft, opened).label("opened"),
        func.count().filter(~table.c.draft, coming).label("coming"),
        func.count().filter(~table.c.draft, ended).label("ended"),
        func.count().filter(table.c.draft).label("drafts"),
    ).where(*kept)
    [row] = await connection.fetch(counts)
    return Agenda(
        await ids(opened, func.coalesce(table.c.opens_at, table.c.created_at).desc(), most_open),
        await ids(coming, table.c.opens_at, most),
        await ids(ended, table.c.closes_at.desc(), most),
        row.opened,
        row.coming,
        row.ended,
        row.drafts,
    )
