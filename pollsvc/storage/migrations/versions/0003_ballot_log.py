"""The log of ballots: each ballot has the number of its leaf, and the leaves wait to be sealed."""

from base64 import b64encode
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_PAGE = 5_000  # ballots at a time
_TOGETHER = 500  # leaves that wait in one row
_REASON = "CASE status WHEN 'held' THEN 'pace' ELSE '' END"  # there was no other until now
_SHIFT = 1_024  # of the first number in what a ballot says of its batch


def upgrade() -> None:
    _create_tables()
    with op.batch_alter_table("poll_versions") as batch:
        batch.add_column(sa.Column("leaves", sa.BigInteger(), nullable=False, server_default="0"))
    with op.batch_alter_table("poll_versions") as batch:
        batch.alter_column("leaves", server_default=None)
    with op.batch_alter_table("sites") as batch:
        batch.add_column(sa.Column("policy", sa.Text(), nullable=True))
        batch.add_column(sa.Column("paces", sa.Text(), nullable=True))
        batch.add_column(sa.Column("vouching", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("sites") as batch:
        batch.alter_column("vouching", server_default=None)
    _add_reasons_to_tally()
    _set_aside("ballots")
    op.create_table(
        "ballots",
        sa.Column("poll_id", sa.String(length=16), nullable=False),
        sa.Column("voter", sa.String(length=22), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("article", sa.SmallInteger(), nullable=False),
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("network", sa.String(length=10), nullable=False),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.CheckConstraint("status IN ('counted', 'held', 'excluded')", name=op.f("ck_ballots_status")),
        sa.PrimaryKeyConstraint("poll_id", "voter", name=op.f("pk_ballots")),
        sqlite_with_rowid=False,
    )
    _copy_ballots()
    op.drop_table("ballots_before")


def _set_aside(table: str) -> None:
    """Free the names of a table and its key for a new one."""
    op.rename_table(table, f"{table}_before")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER INDEX pk_{table} RENAME TO pk_{table}_before")


def _add_reasons_to_tally() -> None:
    _set_aside("tally")
    op.create_table(
        "tally",
        sa.Column("poll_id", sa.String(length=16), nullable=False),
        sa.Column("article", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("minute", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "poll_id", "article", "minute", "selection", "status", "reason", name=op.f("pk_tally")
        ),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO tally (poll_id, article, minute, selection, status, reason, count) "
        f"SELECT poll_id, article, minute, selection, status, {_REASON}, count FROM tally_before"
    )
    op.drop_table("tally_before")


def _copy_ballots() -> None:
    """Number each poll's ballots in the order of their keys, and have their leaves wait.

    Their leaves have no stamp, for no secret is at hand: the sealer takes such only while the log is empty.
    """
    connection = op.get_bind()
    page = sa.text(
        f"SELECT poll_id, voter, selection, status, {_REASON}, article, minute FROM ballots_before "
        "WHERE (poll_id, voter) > (:poll, :voter) ORDER BY poll_id, voter LIMIT :page"
    )
    ballot = sa.text(
        "INSERT INTO ballots "
        "(poll_id, voter, number, selection, status, reason, article, minute, batch, network, fresh) "
        "VALUES (:poll, :voter, :number, :selection, :status, :reason, :article, :minute, :batch, '', :fresh)"
    )
    waiting = sa.text(
        "INSERT INTO unsealed (poll_id, first, hashes, stamp) VALUES (:poll, :first, :hashes, '')"
    )
    numbers: dict[str, int] = {}
    last = ("", "")
    while rows := connection.execute(page, {"poll": last[0], "voter": last[1], "page": _PAGE}).all():
        last = (rows[-1][0], rows[-1][1])
        polls: dict[str, list[dict[str, object]]] = {}
        for poll, voter, selection, status, reason, article, minute in rows:
            numbers[poll] = number = numbers.get(poll, 0) + 1
            values = {"poll": poll, "voter": voter, "number": number, "selection": selection}
            values |= {"status": status, "reason": reason, "article": article, "minute": minute}
            polls.setdefault(poll, []).append(values | {"fresh": False})
        for poll, ballots in polls.items():
            for start in range(0, len(ballots), _TOGETHER):
                some = ballots[start : start + _TOGETHER]
                first = int(str(some[0]["number"]))
                batch = first * _SHIFT + len(some)
                connection.execute(ballot, [each | {"batch": batch} for each in some])
                hashes = b64encode(b"".join(map(_leaf_hash, some))).decode()
                connection.execute(waiting, {"poll": poll, "first": first, "hashes": hashes})
    for poll, count in numbers.items():
        connection.execute(
            sa.text("UPDATE poll_versions SET leaves = :count WHERE poll_id = :poll"),
            {"count": count, "poll": poll},
        )


def _leaf_hash(ballot: dict[str, object]) -> bytes:
    fields = ("poll", "number", "voter", "selection", "status", "reason", "article", "minute")
    lines = ["ballot", *(str(ballot[field]) for field in fields), ""]
    return sha256(b"\0" + "\n".join(lines).encode()).digest()


def _create_tables() -> None:
    op.create_table(
        "alerts",
        sa.Column("poll_id", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("serious", sa.Boolean(), nullable=False),
        sa.Column("option", sa.SmallInteger(), nullable=True),
        sa.Column("network", sa.String(length=10), nullable=True),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("dismissed_at", sa.BigInteger(), nullable=True),
        sa.Column("dismissed_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("poll_id", "number", name=op.f("pk_alerts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "watches",
        sa.Column("poll_id", sa.String(length=16), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("poll_id", name=op.f("pk_watches")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "published",
        sa.Column("poll_id", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("leaves", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("poll_id", name=op.f("pk_published")),
    )
    op.create_table(
        "published_parts",
        sa.Column("poll_id", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("poll_id", "sha256", "part", name=op.f("pk_published_parts")),
    )
    op.create_table(
        "salts",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_salts")),
    )
    op.create_table(
        "past_leaves",
        sa.Column("poll_id", sa.String(length=16), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("poll_id", "number", name=op.f("pk_past_leaves")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "unsealed",
        sa.Column("poll_id", sa.String(length=16), nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.Text(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("poll_id", "first", name=op.f("pk_unsealed")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "log_runs",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("poll_id", sa.String(length=16), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_log_runs")),
        sa.UniqueConstraint("poll_id", "first", name=op.f("uq_log_runs_poll_id")),
    )
    op.create_table(
        "log_tiles",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_log_tiles")),
    )
    op.create_table(
        "checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_checkpoints")),
    )
    op.create_table(
        "log_keys",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("public", sa.String(length=44), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_log_keys")),
    )
