"""What a call costs, from the price list that `genai-prices` brings along. Nothing is downloaded.

Cached tokens and price steps for long prompts are left out: this is an estimate from two numbers.
"""

from __future__ import annotations

_OWN_MACHINE = ("ollama", "local_gpt_oss")
_FREE_ROUTER = "openrouter/free"


def price_of(input_tokens: int, output_tokens: int, model: str, provider: str) -> float | None:
    """Return the price of a call in USD, or None if the price list does not have the model.

    Args:
        input_tokens: tokens sent.
        output_tokens: tokens received.
        model: its name, as the provider knows it.
        provider: who was asked. A server of your own sends no bill, so it costs 0.

    Raises:
        ValueError: for a negative number of tokens.
    """
    if input_tokens < 0 or output_tokens < 0:
        raise ValueError(f"tokens cannot be negative: {input_tokens} in, {output_tokens} out")
    if provider in _OWN_MACHINE or model == _FREE_ROUTER:
        return 0.0
    # Heavy (0.2 s), and needed by those who ask for a price only.
    from genai_prices import Usage, calc_price

    try:
        usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
        return float(calc_price(usage, model_ref=model, provider_id=provider).total_price)
    except LookupError:
        return None
