"""The tables of the log of ballots, and the salts of the days; the others are in `schema.py`."""

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from pollsvc.storage.schema import metadata

past_leaves = Table(
    "past_leaves",
    metadata,
    Column("poll_id", String(16), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("data", Text, nullable=False),  # what no ballot says any more
    sqlite_with_rowid=False,
)

unsealed = Table(
    "unsealed",
    metadata,
    Column("poll_id", String(16), primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),  # the number of the first leaf
    Column("hashes", Text, nullable=False),  # base64
    Column("stamp", Text, nullable=False),
    sqlite_with_rowid=False,
)

log_runs = Table(
    "log_runs",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),  # in the log, of the first leaf
    Column("poll_id", String(16), nullable=False),
    Column("first", BigInteger, nullable=False),  # its number in the poll
    UniqueConstraint("poll_id", "first"),
)

log_tiles = Table(
    "log_tiles",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),  # up to 256, of 32 bytes each
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
)

log_keys = Table(
    "log_keys",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1, the first one
    Column("name", Text, nullable=False),  # the log's
    Column("public", String(44), nullable=False),  # Ed25519, base64
    Column("since", BigInteger, nullable=False),  # the size of the tree that the key before signed last
    Column("signature", Text, nullable=False),  # of the key before, over this one; empty for the first
    Column("root", Text, nullable=False),  # of the tree of `since` leaves, base64; empty for the first
    Column("acceptance", Text, nullable=False),  # of this key, over the root and all keys until this one
)

published = Table(
    "published",
    metadata,
    Column("poll_id", String(16), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("leaves", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),  # bytes
    Column("sha256", String(64), nullable=False),
)

published_parts = Table(
    "published_parts",
    metadata,
    Column("poll_id", String(16), primary_key=True),
    Column("sha256", String(64), primary_key=True),  # of the whole
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

salts = Table(
    "salts",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),  # since 1970; those of past days are gone
    Column("salt", LargeBinary, nullable=False),  # under which networks are known on that day
)

everything = metadata
"""All tables, these and those of `schema.py`."""
