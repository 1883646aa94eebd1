"""Whether a provider answers, in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a provider answers.

    Args:
        provider: who was asked.
        ok: whether it answered.
        reason: in words, why not; or how many models it has.
        latency: seconds until it answered.
    """

    provider: str
    ok: bool
    reason: str
    latency: float = 0.0

    def __bool__(self) -> bool:
        return self.ok
