"""The tables of jobs and workers, as the newest migration makes them."""

from __future__ import annotations

import sqlalchemy as sql

metadata = sql.MetaData()
jobs = sql.Table(
    "llmlab_jobs",
    metadata,
    sql.Column("id", sql.String(32), primary_key=True),
    sql.Column("idempotency_key", sql.String(200), unique=True, nullable=False),
    sql.Column("project_id", sql.BigInteger, index=True),
    sql.Column("organization_id", sql.BigInteger, index=True),
    sql.Column("request", sql.Text, nullable=False),
    sql.Column("status", sql.String(16), nullable=False, index=True),
    sql.Column("attempts", sql.Integer, nullable=False, default=0),
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
workers = sql.Table(
    "llmlab_workers",
    metadata,
    sql.Column("id", sql.String(32), primary_key=True),
    sql.Column("heartbeat", sql.Double, nullable=False),
)
