"""API keys."""

import json
from typing import Any

from pollsvc.domain.editor import ApiKey, Scope
from pollsvc.storage import schema
from pollsvc.storage.database import Connection


async def insert_key(connection: Connection, key: ApiKey, secret: str) -> None:
    """Insert a key with its secret's hash, in the current `editing` transaction."""
    await connection.execute(
        schema.api_keys.insert().values(
            id=key.id,
            name=key.name,
            secret=secret,
            scopes=json.dumps(sorted(key.scopes)),
            site_id=key.site,
            created_at=key.created_at,
        )
    )


async def load_key(connection: Connection, id_: str) -> tuple[ApiKey, str] | None:
    """A key, revoked or not, and its secret's hash."""
    rows = await connection.fetch(schema.api_keys.select().where(schema.api_keys.c.id == id_))
    return (_key(rows[0]), rows[0].secret) if rows else None


async def list_keys(connection: Connection) -> list[ApiKey]:
    """All keys, the newest first, revoked ones too."""
    table = schema.api_keys
    query = table.select().order_by(table.c.created_at.desc(), table.c.id)
    return [_key(row) for row in await connection.fetch(query)]


async def update_revoked(connection: Connection, id_: str, now: int) -> None:
    """Revoke a key, in the current `editing` transaction."""
    await connection.rows("UPDATE api_keys SET revoked_at = :now WHERE id = :id", now=now, id=id_)


async def touch_key(connection: Connection, id_: str, now: int) -> None:
    """Note that a key was used."""
    await connection.rows("UPDATE api_keys SET used_at = :now WHERE id = :id", now=now, id=id_)


def _key(row: Any) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        scopes=frozenset(map(Scope, json.loads(row.scopes))),
        site=row.site_id,
        created_at=row.created_at,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
    )
