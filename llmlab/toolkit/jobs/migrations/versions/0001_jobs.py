"""Create the tables of jobs and workers."""

from __future__ import annotations

import sqlalchemy as sql
from alembic import op

revision, down_revision = "0001", None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "llmlab_jobs",
        sql.Column("id", sql.String(32), primary_key=True),
        sql.Column("idempotency_key", sql.String(200), unique=True, nullable=False),
        sql.Column("project_id", sql.BigInteger, index=True),
        sql.Column("organization_id", sql.BigInteger, index=True),
        sql.Column("request", sql.Text, nullable=False),
        sql.Column("status", sql.String(16), nullable=False, index=True),
        sql.Column("attempts", sql.Integer, nullable=False),
        sql.Column("max_attempts", sql.Integer, nullable=False),
        sql.Column("claim", sql.String(32)),
        sql.Column("worker", sql.String(32)),
        sql.Column("result", sql.Text),
        sql.Column("error", sql.Text),
        sql.Column("cost", sql.Double),
        sql.Column("created_at", sql.Double, nullable=False, index=True),
        sql.Column("sent_at", sql.Double, nullable=False),
        sql.Column("started_at", sql.Double, index=True),
        sql.Column("finished_at", sql.Double),
    )
    op.create_table(
        "llmlab_workers",
        sql.Column("id", sql.String(32), primary_key=True),
        sql.Column("heartbeat", sql.Double, nullable=False),
    )


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("llmlab_workers")
    op.drop_table("llmlab_jobs")
