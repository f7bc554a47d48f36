"""Sites."""

import json
from functools import lru_cache
from typing import Any

from sqlalchemy import select

from pollsvc.domain.paces import Pace, Paces, paces_of
from pollsvc.domain.poll import Policy, Site
from pollsvc.domain.tally import Change
from pollsvc.storage import schema
from pollsvc.storage.ballots import next_versions
from pollsvc.storage.changes import announce
from pollsvc.storage.database import Connection


async def insert_site(connection: Connection, site: Site, now: int) -> bool:
    """Insert a site in the current transaction; False when its name is taken."""
    table = schema.sites
    if await connection.fetch(select(table.c.id).where(table.c.name == site.name)):
        return False
    await connection.execute(table.insert().values(id=site.id, key=site.key, created_at=now, **_values(site)))
    return True


async def update_site(connection: Connection, site: Site) -> bool:
    """Write all of a site but its key, in the current transaction; False when its name is taken."""
    table = schema.sites
    taken = select(table.c.id).where(table.c.name == site.name, table.c.id != site.id)
    if await connection.fetch(taken):
        return False
    await connection.execute(table.update().where(table.c.id == site.id).values(**_values(site)))
    return True


async def list_sites(connection: Connection) -> list[Site]:
    """All sites, by name."""
    return [
        site_of(row) for row in await connection.fetch(schema.sites.select().order_by(schema.sites.c.name))
    ]


async def announce_site(connection: Connection, site: str) -> None:
    """Move the versions of all polls of a site on and tell the processes, when the transaction commits."""
    polls = schema.polls
    rows = await connection.fetch(select(polls.c.id).where(polls.c.site_id == site).order_by(polls.c.id))
    if rows:
        versions = await next_versions(connection, [row.id for row in rows])
        await announce(connection, [Change(poll, version, {}) for poll, version in versions.items()])


def site_of(row: Any, prefix: str = "") -> Site:
    """The site in a row whose columns have this prefix."""

    def value(name: str) -> Any:
        return getattr(row, prefix + name)

    return Site(
        id=value("id"),
        name=value("name"),
        origins=frozenset(json.loads(value("origins"))),
        locale=value("locale"),
        time_zone=value("time_zone"),
        key=value("key"),
        percent_from=value("percent_from"),
        policy=Policy(policy) if (policy := value("policy")) else None,
        vouching=value("vouching"),
        paces=_paces(paces) if (paces := value("paces")) else None,
    )


def _values(site: Site) -> dict[str, object]:
    return {
        "name": site.name,
        "origins": json.dumps(sorted(site.origins)),
        "locale": site.locale,
        "time_zone": site.time_zone,
        "percent_from": site.percent_from,
        "policy": site.policy and site.policy.value,
        "vouching": site.vouching,
        "paces": site.paces and json.dumps(site.paces.named()),
    }


@lru_cache(1_000)
def _paces(text: str) -> Paces:
    return paces_of({name: Pace(*pace) for name, pace in json.loads(text).items()})
