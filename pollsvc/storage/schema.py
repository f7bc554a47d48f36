"""The tables, as SQLAlchemy Core; migrations bring a database to them.

Every key begins with the poll where there is one, so that the tables can be distributed by poll. Times
are Unix seconds; JSON is kept as text.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

sites = Table(
    "sites",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("origins", Text, nullable=False),  # JSON list of origins
    Column("locale", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("percent_from", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

polls = Table(
    "polls",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("site_id", ForeignKey("sites.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("lang", Text, nullable=False),
    Column("min_picks", SmallInteger, nullable=False),
    Column("max_picks", SmallInteger, nullable=False),
    Column("opens_at", BigInteger),
    Column("closes_at", BigInteger),
    Column("draft", Boolean, nullable=False),
    Column("visibility", Text, nullable=False),
    Column("allow_change", Boolean, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("results_key", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

options = Table(
    "options",
    metadata,
    Column("poll_id", ForeignKey("polls.id"), primary_key=True),
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", SmallInteger, nullable=False),
    Column("label", Text, nullable=False),
    CheckConstraint("id > 0", name="positive"),
)

placements = Table(
    "placements",
    metadata,
    Column("poll_id", ForeignKey("polls.id"), primary_key=True),
    Column("article", SmallInteger, primary_key=True, autoincrement=False),  # its number in the poll, from 1
    Column("url", Text, nullable=False),
    Column("position", SmallInteger, nullable=False),  # the poll's place within the article
    Index("ix_placements_url", "url", "position"),
)

ballots = Table(
    "ballots",
    metadata,
    Column("poll_id", String(16), primary_key=True),
    Column("voter", String(22), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("selection", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("article", SmallInteger, nullable=False),
    Column("minute", Integer, nullable=False),
    Column("signature", String(22), nullable=False),
    CheckConstraint("status IN ('counted', 'held', 'excluded')", name="status"),
    sqlite_with_rowid=False,
)

tally = Table(
    "tally",
    metadata,
    Column("poll_id", String(16), primary_key=True),
    Column("article", SmallInteger, primary_key=True, autoincrement=False),
    Column("minute", Integer, primary_key=True, autoincrement=False),
    Column("selection", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

poll_versions = Table(
    "poll_versions",
    metadata,
    Column("poll_id", String(16), primary_key=True),
    Column("version", BigInteger, nullable=False),  # grows with each change of the tally or the definition
    sqlite_with_rowid=False,
)
