"""Entries of the log of edits and keys of the log say by a secret that pollsvc wrote them.

What there is gets its stamps here, once: the leaves that 0003 left waiting, too. After that nothing without a
stamp is taken any more.
"""

from base64 import b64decode, b64encode
from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0004"
down_revision = "0003"

_PAGE = 100  # rows of waiting leaves, which are up to 32 KiB each
_ENTRIES = 1_000  # of the log of edits at a time


def upgrade() -> None:
    with op.batch_alter_table("audit_log") as batch:
        batch.add_column(sa.Column("stamp", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("audit_log") as batch:
        batch.alter_column("stamp", server_default=None)
    with op.batch_alter_table("log_keys") as batch:
        batch.add_column(sa.Column("root", sa.Text(), nullable=False, server_default=""))
        batch.add_column(sa.Column("acceptance", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("log_keys") as batch:
        batch.alter_column("root", server_default=None)
        batch.alter_column("acceptance", server_default=None)
    stamp, sign_as = context.config.attributes["stamp"], context.config.attributes["sign_as"]
    _stamp_entries(stamp)
    _stamp_leaves(stamp)
    _accept(sign_as)


def _stamp_entries(stamp: Any) -> None:
    connection, last = op.get_bind(), 0
    page = sa.text("SELECT number, hash FROM audit_log WHERE number > :last ORDER BY number LIMIT :page")
    put = sa.text("UPDATE audit_log SET stamp = :stamp WHERE number = :number")
    while rows := connection.execute(page, {"last": last, "page": _ENTRIES}).all():
        last = rows[-1][0]
        stamped = [
            {"number": number, "stamp": stamp(f"pollsvc.entry\n{hash_}\n".encode())} for number, hash_ in rows
        ]
        connection.execute(put, stamped)


def _stamp_leaves(stamp: Any) -> None:
    """Those that an upgrade from a release without a log left, while the log is empty."""
    connection = op.get_bind()
    if connection.execute(sa.text("SELECT 1 FROM checkpoints LIMIT 1")).first():
        return
    page = sa.text("SELECT poll_id, first, hashes FROM unsealed WHERE stamp = '' LIMIT :page")
    put = sa.text("UPDATE unsealed SET stamp = :stamp WHERE poll_id = :poll AND first = :first")
    while rows := connection.execute(page, {"page": _PAGE}).all():
        stamped = [
            {"poll": poll, "first": first, "stamp": stamp(f"{poll}\n{first}\n".encode() + b64decode(hashes))}
            for poll, first, hashes in rows
        ]
        connection.execute(put, stamped)


def _accept(sign_as: Any) -> None:
    """Let each key that is made of a secret here say that it took over from the ones before."""
    connection = op.get_bind()
    columns = "SELECT number, name, public, since, signature FROM log_keys ORDER BY number"
    known = connection.execute(sa.text(columns)).all()
    put = sa.text("UPDATE log_keys SET acceptance = :acceptance WHERE number = :number")
    for count, key in enumerate(known, 1):
        fields = [str(field) for each in known[:count] for field in (*each, "")]  # of what root, is not known
        signature = sign_as(key.public, "\n".join(["pollsvc.acceptance", *fields, ""]).encode())
        if signature is not None:
            accepted = b64encode(signature).decode()
            connection.execute(put, {"acceptance": accepted, "number": key.number})
