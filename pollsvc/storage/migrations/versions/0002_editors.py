"""Editors and what they do: accounts, keys, the audit log, languages, images, write-ins, webhooks."""

import json

import sqlalchemy as sa
from alembic import op

from pollsvc.domain.article import canonical_url
from pollsvc.domain.text import canonical_lang, folded_text

revision = "0002"
down_revision = "0001"

_NEW_COLUMNS = {
    "polls": (
        sa.Column("revision", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("shuffle", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("write_in", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("archived_at", sa.BigInteger(), nullable=True),
        sa.Column("replaces", sa.String(length=16), nullable=True),
        sa.Column("replaced_by", sa.String(length=16), nullable=True),
        sa.Column("search", sa.Text(), nullable=False, server_default=""),
    ),
    "options": (
        sa.Column("state", sa.Text(), nullable=False, server_default="active"),
        sa.Column("emoji", sa.Text(), nullable=False, server_default=""),
        sa.Column("image", sa.String(length=32), nullable=False, server_default=""),
        sa.Column("alt", sa.Text(), nullable=False, server_default="{}"),
        sa.Column("write_in", sa.Text(), nullable=True),
        sa.Column("merged_into", sa.SmallInteger(), nullable=True),
    ),
    "placements": (
        sa.Column("link", sa.Text(), nullable=False, server_default=""),
        sa.Column("detached", sa.Boolean(), nullable=False, server_default=sa.false()),
    ),
}


def upgrade() -> None:
    for table, columns in _NEW_COLUMNS.items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.add_column(column)
            if table == "options":
                batch.create_unique_constraint(op.f("uq_options_poll_id"), ["poll_id", "write_in"])
    _rewrite_texts()
    _rewrite_articles()
    for table, columns in _NEW_COLUMNS.items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                if column.server_default is not None:
                    batch.alter_column(column.name, server_default=None)
    op.create_index("ix_polls_created_at", "polls", ["created_at", "id"], unique=False)
    op.create_index("ix_options_image", "options", ["image"], unique=False)
    _create_tables()


def _rewrite_texts() -> None:
    """Texts become JSON objects by language, whose tags get their canonical case; polls can be searched."""
    connection = op.get_bind()
    for site, locale in connection.execute(sa.text("SELECT id, locale FROM sites")).all():
        connection.execute(
            sa.text("UPDATE sites SET locale = :locale WHERE id = :site"),
            {"site": site, "locale": canonical_lang(locale)},
        )
    langs: dict[str, str] = {}
    texts: dict[str, list[str]] = {}
    for poll, lang, question in connection.execute(sa.text("SELECT id, lang, question FROM polls")).all():
        langs[poll], texts[poll] = canonical_lang(lang), [question]
    query = "SELECT poll_id, id, label FROM options ORDER BY poll_id, position"
    for poll, option, label in connection.execute(sa.text(query)).all():
        texts[poll].append(label)
        connection.execute(
            sa.text("UPDATE options SET label = :label WHERE poll_id = :poll AND id = :option"),
            {
                "poll": poll,
                "option": option,
                "label": json.dumps({langs[poll]: label}, ensure_ascii=False),
            },
        )
    for poll, lang in langs.items():
        connection.execute(
            sa.text("UPDATE polls SET lang = :lang, question = :question, search = :search WHERE id = :poll"),
            {
                "poll": poll,
                "lang": lang,
                "question": json.dumps({lang: texts[poll][0]}, ensure_ascii=False),
                "search": "\n".join(map(folded_text, texts[poll])),
            },
        )


def _rewrite_articles() -> None:
    """Articles are known by more of their spellings; the link stays as it was."""
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT poll_id, article, url FROM placements")).all()
    for poll, article, url in rows:
        connection.execute(
            sa.text(
                "UPDATE placements SET url = :url, link = :link WHERE poll_id = :poll AND article = :article"
            ),
            {
                "poll": poll,
                "article": article,
                "url": canonical_url(url) or url,
                "link": url,
            },
        )


def _create_tables() -> None:
    op.create_table(
        "poll_history",
        sa.Column("poll_id", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("option", sa.SmallInteger(), nullable=True),
        sa.Column("lang", sa.Text(), nullable=True),
        sa.Column("old", sa.Text(), nullable=True),
        sa.Column("new", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["poll_id"], ["polls.id"], name=op.f("fk_poll_history_poll_id")),
        sa.PrimaryKeyConstraint("poll_id", "number", name=op.f("pk_poll_history")),
    )
    op.create_table(
        "images",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
    )
    op.create_index("ix_images_created_at", "images", ["created_at", "id"], unique=False)
    op.create_table(
        "editors",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_editors")),
        sa.UniqueConstraint("name", name=op.f("uq_editors_name")),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=43), nullable=False),
        sa.Column("editor_id", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["editor_id"], ["editors.id"], name=op.f("fk_sessions_editor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_editor_id"), "sessions", ["editor_id"], unique=False)
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret", sa.String(length=43), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("site_id", sa.String(length=16), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_api_keys_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_table(
        "audit_log",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=43), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_subject"), "audit_log", ["subject"], unique=False)
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("site_id", sa.String(length=16), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("old_secret", sa.LargeBinary(), nullable=True),
        sa.Column("rotated_at", sa.BigInteger(), nullable=True),
        sa.Column("held_until", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_webhooks_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index(op.f("ix_webhooks_site_id"), "webhooks", ["site_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("webhook_id", sa.String(length=16), nullable=False),
        sa.Column("poll_id", sa.String(length=16), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("occasion", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], name=op.f("fk_outbox_webhook_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("webhook_id", "poll_id", "event", "occasion", name=op.f("uq_outbox_webhook_id")),
    )
    op.create_index("ix_outbox_webhook_id", "outbox", ["webhook_id", "due_at"], unique=False)


def downgrade() -> None:
    for table in (
        *("outbox", "webhooks", "audit_log", "api_keys", "sessions", "editors", "images", "poll_history"),
    ):
        op.drop_table(table)
    op.drop_index("ix_options_image", "options")
    op.drop_index("ix_polls_created_at", "polls")
    for table, columns in _NEW_COLUMNS.items():
        with op.batch_alter_table(table) as batch:
            if table == "options":
                batch.drop_constraint(op.f("uq_options_poll_id"), type_="unique")
            for column in columns:
                batch.drop_column(column.name)
