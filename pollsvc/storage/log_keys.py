"""The public keys that the log has had, each handed over to by the one before."""

from typing import NamedTuple

from pollsvc.storage.database import Connection


class LogKey(NamedTuple):
    """A key of the log: `name` is the log's, `public` the Ed25519 key in base64.

    `since` is the size of the tree that the key before signed last, and `signature` is that key's over this
    one, in base64 (empty for the first).
    """

    number: int
    name: str
    public: str
    since: int
    signature: str


async def log_keys(connection: Connection) -> list[LogKey]:
    """All of them, oldest first."""
    rows = await connection.rows(
        "SELECT number, name, public, since, signature FROM log_keys ORDER BY number"
    )
    return [LogKey(*row) for row in rows]


async def add_log_key(connection: Connection, key: LogKey) -> None:
    """Add the newest, in the current transaction."""
    await connection.rows(
        "INSERT INTO log_keys (number, name, public, since, signature) "
        "VALUES (:number, :name, :public, :since, :signature)",
        **key._asdict(),
    )
