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
    UniqueConstraint,
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
    Column("policy", Text),  # None: the service's
    Column("paces", Text),  # JSON; None: the usual ones
    Column("vouching", Integer, nullable=False),  # the number of the secret by which it vouches for readers
    Column("created_at", BigInteger, nullable=False),
)

polls = Table(
    "polls",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("site_id", ForeignKey("sites.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("question", Text, nullable=False),  # JSON object: text by language
    Column("lang", Text, nullable=False),  # the language that every text is there in
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
    Column("revision", Integer, nullable=False),  # grows with each edit of the definition
    Column("shuffle", Boolean, nullable=False),
    Column("write_in", Boolean, nullable=False),
    Column("archived_at", BigInteger),
    Column("replaces", String(16)),  # the poll of which this is a new version, and the other way round
    Column("replaced_by", String(16)),
    Column("search", Text, nullable=False),  # all its texts, folded
    Index("ix_polls_created_at", "created_at", "id"),
)

options = Table(
    "options",
    metadata,
    Column("poll_id", ForeignKey("polls.id"), primary_key=True),
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", SmallInteger, nullable=False),
    Column("label", Text, nullable=False),  # JSON object: text by language
    Column("state", Text, nullable=False),
    Column("emoji", Text, nullable=False),
    Column("image", String(32), nullable=False),  # an image's id, or empty
    Column("alt", Text, nullable=False),  # JSON object: the image in words, by language
    Column("write_in", Text),  # what a reader wrote, folded; two spellings of one text meet here
    Column("merged_into", SmallInteger),
    CheckConstraint("id > 0", name="positive"),
    UniqueConstraint("poll_id", "write_in"),
    Index("ix_options_image", "image"),
)

placements = Table(
    "placements",
    metadata,
    Column("poll_id", ForeignKey("polls.id"), primary_key=True),
    Column("article", SmallInteger, primary_key=True, autoincrement=False),  # its number in the poll, from 1
    Column("url", Text, nullable=False),  # canonical
    Column("position", SmallInteger, nullable=False),  # the poll's place within the article
    Column("link", Text, nullable=False),  # the address as the editor gave it
    Column("detached", Boolean, nullable=False),  # the article's ballots keep its number
    Index("ix_placements_url", "url", "position"),
)

ballots = Table(
    "ballots",
    metadata,
    Column("poll_id", String(16), primary_key=True),
    Column("voter", String(22), primary_key=True),
    Column("number", BigInteger, nullable=False),  # of its leaf among the poll's
    Column("selection", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),  # why it is held or excluded; empty when it counts
    Column("article", SmallInteger, nullable=False),
    Column("minute", Integer, nullable=False),
    Column("batch", BigInteger, nullable=False),  # the leaves that its receipt was signed with
    Column("network", String(10), nullable=False),  # the tag of where its first vote came from, or empty
    Column("fresh", Boolean, nullable=False),  # the reader had no token before
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
    Column("reason", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

poll_versions = Table(
    "poll_versions",
    metadata,
    Column("poll_id", String(16), primary_key=True),
    Column("version", BigInteger, nullable=False),  # grows with each change of the tally or the definition
    Column("leaves", BigInteger, nullable=False),  # how many the log has of it, sealed or not
    sqlite_with_rowid=False,
)

alerts = Table(
    "alerts",
    metadata,
    Column("poll_id", String(16), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("serious", Boolean, nullable=False),
    Column("option", SmallInteger),
    Column("network", String(10)),  # a tag; None from the end of the appeal period on
    Column("since", Integer, nullable=False),  # Unix minutes; `until` is not included
    Column("until", Integer, nullable=False),
    Column("evidence", Text, nullable=False),  # JSON
    Column("raised_at", BigInteger, nullable=False),
    Column("dismissed_at", BigInteger),  # None: it is open
    Column("dismissed_by", Text, nullable=False),
    Column("note", Text, nullable=False),  # of who dismissed it
    sqlite_with_rowid=False,
)

watches = Table(
    "watches",
    metadata,
    Column("poll_id", String(16), primary_key=True),
    Column("version", BigInteger, nullable=False),  # of the poll when it was looked at for alerts
    Column("due_at", BigInteger, nullable=False),  # no process looks before
    sqlite_with_rowid=False,
)

poll_history = Table(
    "poll_history",
    metadata,
    Column("poll_id", ForeignKey("polls.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("what", Text, nullable=False),
    Column("option", SmallInteger),
    Column("lang", Text),
    Column("old", Text),
    Column("new", Text),
)

images = Table(
    "images",
    metadata,
    Column("id", String(32), primary_key=True),  # made of the content
    Column("content_type", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_images_created_at", "created_at", "id"),
)

editors = Table(
    "editors",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", Text, nullable=False, unique=True),  # lower case
    Column("role", Text, nullable=False),
    Column("password", Text, nullable=False),  # argon2id, PHC string format
    Column("failures", Integer, nullable=False),  # attempts to sign in since the last that succeeded
    Column("failed_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(43), primary_key=True),  # SHA-256 of the cookie's secret, base64url
    Column("editor_id", ForeignKey("editors.id"), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(16), primary_key=True),  # stands in the key, before its secret
    Column("name", Text, nullable=False),
    Column("secret", String(43), nullable=False),  # SHA-256, base64url
    Column("scopes", Text, nullable=False),  # JSON list
    Column("site_id", ForeignKey("sites.id")),  # None: all sites
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Column("revoked_at", BigInteger),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False, index=True),
    Column("before", Text, nullable=False),  # JSON
    Column("after", Text, nullable=False),  # JSON
    Column("hash", String(43), nullable=False),  # SHA-256 of the hash before and of this row, base64url
    Column("stamp", Text, nullable=False),  # by a secret, over the hash
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("site_id", ForeignKey("sites.id"), nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("events", Text, nullable=False),  # JSON list
    Column("secret", LargeBinary, nullable=False),
    Column("old_secret", LargeBinary),  # the one before; signs too, for a while after `rotated_at`
    Column("rotated_at", BigInteger),
    Column("held_until", BigInteger),  # a process delivers to it, or it rests after a failure
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", String(32), primary_key=True),  # the same for each try, so that receivers know a repeat
    Column("webhook_id", ForeignKey("webhooks.id"), nullable=False),
    Column("poll_id", String(16), nullable=False),
    Column("event", Text, nullable=False),
    Column("occasion", BigInteger, nullable=False),  # what tells two events of one name in a poll apart
    Column("body", Text, nullable=False),  # empty: nothing to send, the occasion came before the webhook
    Column("created_at", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", BigInteger),  # of the next try; None: there will be none
    Column("delivered_at", BigInteger),
    Column("answer", Text, nullable=False),  # what came of the last try
    UniqueConstraint("webhook_id", "poll_id", "event", "occasion"),
    Index("ix_outbox_webhook_id", "webhook_id", "due_at"),
)
