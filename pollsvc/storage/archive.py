"""A site's polls as readers may list them: all that were published and have opened."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import and_, exists, func, or_, select

from pollsvc.domain.place import Place
from pollsvc.domain.poll import Site, State
from pollsvc.storage import schema
from pollsvc.storage.database import Connection
from pollsvc.storage.pattern import ESCAPE, within
from pollsvc.storage.sites import site_of


class Listing(NamedTuple):
    """Which polls of a site to list, and which part of them.

    With all of these folded words in their texts, and in this state, `open` or `closed`, at `now` (Unix
    seconds). The part begins beyond `place`: towards the older ones, or with `newer` towards the newer ones.
    """

    site: str
    now: int
    words: Sequence[str] = ()
    state: State | None = None
    place: Place | None = None
    newer: bool = False
    limit: int = 20


class Listed(NamedTuple):
    """A poll's place, and the revision of its definition."""

    place: Place
    revision: int


async def load_site(connection: Connection, site: str) -> Site | None:
    """The site with this id."""
    rows = await connection.fetch(schema.sites.select().where(schema.sites.c.id == site))
    return site_of(rows[0]) if rows else None


async def list_opened(connection: Connection, listing: Listing) -> list[Listed]:
    """The polls of a part of the list, those nearest to its beginning first.

    The list has the poll that opened last first; one without an opening time stands where it was made.
    """
    polls, now = schema.polls.c, listing.now
    opened = func.coalesce(polls.opens_at, polls.created_at)
    conditions = [polls.site_id == listing.site, ~polls.draft, _has_opened(now)]
    conditions += [polls.search.like(within(word), escape=ESCAPE) for word in listing.words]
    if listing.state is State.OPEN:
        conditions.append(or_(polls.closes_at.is_(None), polls.closes_at > now))
    if listing.state is State.CLOSED:
        conditions.append(polls.closes_at <= now)
    if listing.place is not None:
        at, id_ = listing.place
        beyond = (opened > at, polls.id < id_) if listing.newer else (opened < at, polls.id > id_)
        conditions.append(or_(beyond[0], and_(opened == at, beyond[1])))
    order = (opened, polls.id.desc()) if listing.newer else (opened.desc(), polls.id)
    query = select(polls.id, polls.revision, opened.label("opened")).where(*conditions).order_by(*order)
    rows = await connection.fetch(query.limit(listing.limit))
    return [Listed(Place(row.opened, row.id), row.revision) for row in rows]


def _has_opened(now: int) -> Any:
    """Whether a published poll has taken votes at some time.

    Publishing sets the opening time, and closing a poll that was still to open removes it; only imported
    polls have votes without one.
    """
    polls, tally = schema.polls.c, schema.tally.c
    voted = exists().where(tally.poll_id == polls.id)
    return or_(polls.opens_at <= now, and_(polls.opens_at.is_(None), or_(polls.closes_at.is_(None), voted)))
