"""What a recording cost, or would cost again: its tokens at the prices of the price list.

Tokens are found by their names, whatever the wire format. Left out: discounts, cached tokens, steps for long prompts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from llmlab.lab.tape.cassette import Interaction
from llmlab.lab.tape.json_shape import places
from llmlab.models import price_of
from llmlab.types.validation import is_number

_SENT = {"input_tokens", "prompt_tokens", "prompt_eval_count"}
_RECEIVED = {"output_tokens", "completion_tokens", "eval_count"}


@dataclass(frozen=True, slots=True)
class Spending:
    """What several calls cost.

    Args:
        usd: in US dollars, as far as prices are known.
        sent: input tokens.
        received: output tokens.
        unpriced: models whose price is not known.
    """

    usd: float = 0.0
    sent: int = 0
    received: int = 0
    unpriced: tuple[str, ...] = ()

    def __str__(self) -> str:
        known = f"${self.usd:.4f} ({self.sent:,} tokens in, {self.received:,} out)"
        return known + (f", without {', '.join(self.unpriced)}: price not known" if self.unpriced else "")


def spending_of(exchanges: Iterable[Interaction]) -> Spending:
    """Return what these exchanges cost."""
    usd, sent, received = 0.0, 0, 0
    unpriced: dict[str, None] = {}
    for item in exchanges:
        found = dict(_usage(item))
        if not found.keys() & {"received", "cost"} and not item.request.path.endswith("embeddings"):
            continue  # a list of models, an error, or tokens that were only counted
        sent += int(found.get("sent", 0))
        received += int(found.get("received", 0))
        model = item.request.model
        price = found.get("cost")
        if price is None:
            price = price_of(int(found.get("sent", 0)), int(found.get("received", 0)), model, item.request.alias)
        if price is None:
            unpriced[model or item.request.alias] = None
        else:
            usd += price
    return Spending(usd, sent, received, tuple(unpriced))


def _usage(item: Interaction) -> Iterator[tuple[str, float]]:
    """Give tokens sent and received, and the cost where the service says it. Streams repeat them; the most counts."""
    most: dict[str, float] = {}
    for place, value in places(item.answer):
        if not is_number(value):
            continue
        name = place[-1]
        kind = "sent" if name in _SENT else "received" if name in _RECEIVED else ""
        if name == "cost" and "usage" in place:
            kind = "cost"
        if kind:
            most[kind] = max(most.get(kind, 0), value)
    yield from most.items()
