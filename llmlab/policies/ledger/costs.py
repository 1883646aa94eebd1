"""What a call cost: what the service said, else what the specs know, looked up when somebody asks.

Left out: tokens written to a vendor's prompt cache, searches, discounts.
"""

from __future__ import annotations

from llmlab.models import LOCAL, rates
from llmlab.policies.ledger.record import Entry

CACHED_APART = ("anthropic",)
"""Services whose input tokens are without the cached ones."""


def priced(entry: Entry) -> tuple[float | None, str]:
    """Return the cost of a call in USD, or None, and where it is from; see `Entry`."""
    if entry.priced:
        return entry.cost, entry.priced
    if entry.provider in LOCAL:
        return 0.0, "local"
    if not (entry.input_tokens or entry.output_tokens):
        # Who was refused pays nothing. What was given up half-way may cost something that nobody has said.
        refused = entry.error not in ("", "cancelled", "LLMStreamError")
        return (0.0, "failed") if refused else (None, "unpriced")
    steps = rates(entry.model, entry.provider) or rates(entry.asked_model, entry.provider)
    if not steps:
        return None, "unpriced"
    cached = entry.cached_tokens
    sent = entry.input_tokens + (cached if entry.provider in CACHED_APART else 0)
    rate = next(rate for rate in steps if sent > rate.above or not rate.above)
    cost = (sent - cached) * rate.input + cached * rate.cached + entry.output_tokens * rate.output
    return round(cost, 12), "list"
