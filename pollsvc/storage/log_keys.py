"""The public keys that the log has had, each handed over to by the one before."""

from typing import NamedTuple

from pollsvc.storage.database import Connection


class LogKey(NamedTuple):
    """A key of the log: `name` is the log's, `public` the Ed25519 key in base64.

    `since` is the size of the tree that the key before signed last, `root` its head, and `signature` is that
    key's over this one (both in base64, and empty for the first). `acceptance` is this key's own signature,
    over the root and all keys until this one: so nobody can put other keys before one that is in use.
    """

    number: int
    name: str
    public: str
    since: int
    signature: str
    root: str
    acceptance: str


_COLUMNS = ", ".join(LogKey._fields)


async def log_keys(connection: Connection) -> list[LogKey]:
    """All of them, oldest first."""
    rows = await connection.rows(f"SELECT {_COLUMNS} FROM log_keys ORDER BY number")
    return [LogKey(*row) for row in rows]


async def add_log_key(connection: Connection, key: LogKey) -> None:
    """Add the newest, in the current transaction."""
    await connection.rows(
        f"INSERT INTO log_keys ({_COLUMNS}) VALUES ({', '.join(f':{name}' for name in LogKey._fields)})",
        **key._asdict(),
    )
