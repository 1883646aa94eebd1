"""Whether providers answer: values to print and to show in a notebook."""

from __future__ import annotations

import html
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a provider answers.

    Args:
        provider: its name.
        ok: whether it answers.
        reason: why not, or how many models it has.
        latency: seconds until it answered.
    """

    provider: str
    ok: bool
    reason: str
    latency: float = 0.0

    def __bool__(self) -> bool:
        return self.ok


class HealthReport(tuple[Health, ...]):
    """Whether several providers answer, in the order in which they were named."""

    @property
    def ok(self) -> bool:
        """Whether all of them answer."""
        return all(self)

    def __repr__(self) -> str:
        width = max((len(one.provider) for one in self), default=0)
        return "\n".join(f"{one.provider:<{width}}  {word:<5}  {reason}" for one, word, reason in self._rows())

    def _repr_markdown_(self) -> str:
        cells = [(one, word, " ".join(reason.split())) for one, word, reason in self._rows()]
        rows = [
            f"| {one.provider} | {word} | {html.escape(text).replace('|', chr(92) + '|')} |"
            for one, word, text in cells
        ]
        return "\n".join(["| provider | | |", "|---|---|---|", *rows])

    def _rows(self) -> list[tuple[Health, str, str]]:
        return [
            (one, "ok", f"{one.reason} ({one.latency:.1f} s)") if one.ok else (one, "fails", one.reason) for one in self
        ]
