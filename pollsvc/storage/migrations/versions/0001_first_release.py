"""The tables of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "ballots",
        sa.Column("poll_id", sa.String(length=16), nullable=False),
        sa.Column("voter", sa.String(length=22), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("article", sa.SmallInteger(), nullable=False),
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.Column("signature", sa.String(length=22), nullable=False),
        sa.CheckConstraint("status IN ('counted', 'held', 'excluded')", name=op.f("ck_ballots_status")),
        sa.PrimaryKeyConstraint("poll_id", "voter", name=op.f("pk_ballots")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "poll_versions",
        sa.Column("poll_id", sa.String(length=16), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("poll_id", name=op.f("pk_poll_versions")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sites",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("origins", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("percent_from", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sites")),
        sa.UniqueConstraint("name", name=op.f("uq_sites_name")),
    )
    op.create_table(
        "tally",
        sa.Column("poll_id", sa.String(length=16), nullable=False),
        sa.Column("article", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("minute", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("poll_id", "article", "minute", "selection", "status", name=op.f("pk_tally")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "polls",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("site_id", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("min_picks", sa.SmallInteger(), nullable=False),
        sa.Column("max_picks", sa.SmallInteger(), nullable=False),
        sa.Column("opens_at", sa.BigInteger(), nullable=True),
        sa.Column("closes_at", sa.BigInteger(), nullable=True),
        sa.Column("draft", sa.Boolean(), nullable=False),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("allow_change", sa.Boolean(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("results_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_polls_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_polls")),
    )
    op.create_index(op.f("ix_polls_site_id"), "polls", ["site_id"], unique=False)
    op.create_table(
        "options",
        sa.Column("poll_id", sa.String(length=16), nullable=False),
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.CheckConstraint("id > 0", name=op.f("ck_options_positive")),
        sa.ForeignKeyConstraint(["poll_id"], ["polls.id"], name=op.f("fk_options_poll_id")),
        sa.PrimaryKeyConstraint("poll_id", "id", name=op.f("pk_options")),
    )
    op.create_table(
        "placements",
        sa.Column("poll_id", sa.String(length=16), nullable=False),
        sa.Column("article", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["poll_id"], ["polls.id"], name=op.f("fk_placements_poll_id")),
        sa.PrimaryKeyConstraint("poll_id", "article", name=op.f("pk_placements")),
    )
    op.create_index("ix_placements_url", "placements", ["url", "position"], unique=False)


def downgrade() -> None:
    for table in ("ballots", "tally", "poll_versions", "placements", "options", "polls", "sites"):
        op.drop_table(table)
