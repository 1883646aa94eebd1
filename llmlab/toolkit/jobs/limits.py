"""Limits that all workers of a database keep together."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql

from llmlab.errors import BudgetExceededError
from llmlab.toolkit.jobs.tables import jobs


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Limits that hold over all workers of a database.

    Args:
        requests_per_minute: most jobs that start in a minute.
        in_flight: most jobs that run at the same time.
        max_usd: most USD that all jobs of the database may have cost. Jobs that run when it is reached end.
    """

    requests_per_minute: int | None = None
    in_flight: int | None = None
    max_usd: float | None = None

    def __bool__(self) -> bool:
        return (self.requests_per_minute, self.in_flight, self.max_usd) != (None, None, None)

    def wait(self, connection: Any) -> float:
        """Return the seconds until a job may start.

        Raises:
            BudgetExceededError: the money is spent.
        """
        if self.max_usd is not None:
            spent = connection.execute(sql.select(sql.func.sum(jobs.c.cost))).scalar() or 0.0
            if spent >= self.max_usd:
                raise BudgetExceededError(f"the jobs have cost ${spent:.4f}, and ${self.max_usd:g} are allowed")
        now = time.time()
        if self.in_flight is not None:
            running = sql.select(sql.func.count()).where(jobs.c.status == "running")
            count = connection.execute(running).scalar()
            if count >= self.in_flight:
                return 0.1
        if self.requests_per_minute is not None:
            last = sql.select(jobs.c.started_at).where(jobs.c.started_at > now - 60).order_by(jobs.c.started_at)
            times = connection.execute(last).scalars().all()
            if len(times) >= self.requests_per_minute:
                return max(0.01, float(times[len(times) - self.requests_per_minute]) + 60 - now)
        return 0.0
