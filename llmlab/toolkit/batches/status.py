"""How a batch is doing, in one vocabulary for all services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

State: TypeAlias = Literal["running", "cancelling", "done", "cancelled", "expired", "failed"]
"""`failed` means that the service refused the batch as a whole; a batch with failed requests is `done`."""


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """How a batch is doing.

    Args:
        state: running, cancelling, done, cancelled, expired or failed.
        total: requests in the batch; 0 while the service has not said.
        succeeded: requests with an answer. Anthropic says 0 until the whole batch is over.
        failed: requests with an error.
        cancelled: requests that were not begun, because the batch was cancelled.
        expired: requests that were not begun in time.
        expires_at: when the service gives the batch up, UTC; None for a batch that runs here.
        reason: why the batch failed as a whole.
    """

    state: State
    total: int
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    expired: int = 0
    expires_at: datetime | None = None
    reason: str = ""

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state not in ("running", "cancelling")

    @property
    def finished(self) -> int:
        """How many requests are decided: answered, failed, cancelled or expired."""
        return self.succeeded + self.failed + self.cancelled + self.expired

    def __str__(self) -> str:
        parts = [f"{self.state}: {self.succeeded} of {self.total} answered"]
        for name in ("failed", "cancelled", "expired"):
            if count := getattr(self, name):
                parts.append(f"{count} {name}")
        return ", ".join(parts) + (f" ({self.reason})" if self.reason else "")
