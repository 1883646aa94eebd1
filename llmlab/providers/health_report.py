"""Whether providers answer, in words."""

from __future__ import annotations

import html
from collections.abc import Iterable
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


class HealthReport(tuple[Health, ...]):
    """How several providers fare, in the order in which they were named."""

    def __new__(cls, found: Iterable[Health]) -> HealthReport:
        return super().__new__(cls, found)

    @property
    def ok(self) -> bool:
        """Whether all of them answer."""
        return all(self)

    def __repr__(self) -> str:
        width = max((len(one.provider) for one in self), default=0)
        return "\n".join(f"{one.provider:<{width}}  {_word(one):<5}  {one.reason}{_took(one)}" for one in self)

    def _repr_markdown_(self) -> str:
        rows = (f"| {one.provider} | {_word(one)} | {_cell(one.reason)}{_took(one)} |" for one in self)
        return "\n".join(["| provider | | |", "|---|---|---|", *rows])


def _word(one: Health) -> str:
    return "ok" if one.ok else "fails"


def _took(one: Health) -> str:
    return f" ({one.latency:.1f} s)" if one.ok else ""


def _cell(text: str) -> str:
    return html.escape(" ".join(text.split())).replace("|", "\\|")
