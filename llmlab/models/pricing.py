"""What a call costs, from the price list that `genai-prices` brings along. Nothing is downloaded.

Longer prompts cost more at some vendors, and the list knows from which length on. Not included: prices of searches and
of writing to a prompt cache, and the discount of batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from llmlab.models.registry import find_spec, is_registered

LOCAL = ("ollama", "local_gpt_oss")
"""Servers of your own, which cost nothing."""

_FREE_ROUTER = "openrouter/free"
_MILLION = 1_000_000


class Rates(NamedTuple):
    """USD for a token, of requests with more than `above` tokens."""

    above: int
    input: float
    cached: float
    output: float


def price_of(input_tokens: int, output_tokens: int, model: str, provider: str) -> float | None:
    """Return the price of a call in USD, or None if it is not known.

    Args:
        input_tokens: tokens sent.
        output_tokens: tokens received.
        model: its name, as the provider knows it.
        provider: its provider. A server of your own costs 0.

    Raises:
        ValueError: for a negative number of tokens.
    """
    if input_tokens < 0 or output_tokens < 0:
        raise ValueError(f"tokens cannot be negative: {input_tokens} in, {output_tokens} out")
    steps = rates(model, provider)
    if not steps:
        return None
    step = next(step for step in steps if input_tokens > step.above or not step.above)
    return input_tokens * step.input + output_tokens * step.output


def rates(model: str, provider: str) -> Sequence[Rates]:
    """Return what a model costs, for the longest requests first; empty if it is not known.

    Registered prices go first, then servers of your own, then the price list.
    """
    spec = find_spec(model, provider)
    if spec is not None and spec.prices is not None and is_registered(spec):
        prices = spec.prices
        cached = prices.input if prices.cached_input is None else prices.cached_input
        return (Rates(0, prices.input / _MILLION, cached / _MILLION, prices.output / _MILLION),)
    if provider in LOCAL or model == _FREE_ROUTER:
        return (Rates(0, 0.0, 0.0, 0.0),)
    return _listed(model, provider)


@lru_cache(maxsize=1024)
def _listed(model: str, provider: str) -> Sequence[Rates]:
    # Heavy (0.2 s), and needed for prices only.
    from genai_prices import Usage, calc_price
    from genai_prices.types import TieredPrices

    try:
        found = calc_price(Usage(input_tokens=1, output_tokens=1), model_ref=model, provider_id=provider).model_price
    except LookupError:
        return ()
    units = (found.input_mtok, found.cache_read_mtok or found.input_mtok, found.output_mtok)
    starts = {tier.start for unit in units if isinstance(unit, TieredPrices) for tier in unit.tiers}

    def price(unit: object, above: int) -> float:
        if isinstance(unit, TieredPrices):
            unit = next((tier.price for tier in reversed(unit.tiers) if tier.start <= above), unit.base)
        return float(str(unit or 0)) / _MILLION

    return tuple(Rates(above, *(price(unit, above) for unit in units)) for above in sorted({0, *starts}, reverse=True))
