"""Alembic's entry: migrate on the connection that `JobStore` hands over."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="llmlab_jobs_version")
with context.begin_transaction():
    context.run_migrations()
