"""The usage of an answer in the form of Chat Completions, at OpenRouter with its cost."""

from __future__ import annotations

from typing import Any

from llmlab.lab.simulator.context import Context
from llmlab.lab.simulator.models import Model


def usage(context: Context, model: Model, read: int, written: int, reasoned: int = 0) -> dict[str, Any]:
    """Write the usage of an answer.

    Args:
        context: the request.
        model: the model that answered.
        read: tokens of the request.
        written: tokens of the answer, reasoning included.
        reasoned: tokens of the reasoning.
    """
    counted: dict[str, Any] = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    if context.service == "openai":
        unused = dict.fromkeys(("audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens"), 0)
        counted["prompt_tokens_details"] = {"cached_tokens": 0, "audio_tokens": 0}
        counted["completion_tokens_details"] = {"reasoning_tokens": reasoned, **unused}
    elif context.service == "openrouter":
        counted |= _cost(model, read, written)
        unread = ("cached_tokens", "cache_write_tokens", "audio_tokens", "video_tokens")
        counted["prompt_tokens_details"] = dict.fromkeys(unread, 0)
        counted["completion_tokens_details"] = {"reasoning_tokens": reasoned, "image_tokens": 0, "audio_tokens": 0}
    return counted


def _cost(model: Model, read: int, written: int) -> dict[str, Any]:
    """Return the cost of an answer in USD."""
    prompt, completion = round(read * model.prompt_price / 1e6, 10), round(written * model.completion_price / 1e6, 10)
    total = round(prompt + completion, 10)
    details = {
        "upstream_inference_cost": total,
        "upstream_inference_prompt_cost": prompt,
        "upstream_inference_completions_cost": completion,
    }
    return {"cost": total, "is_byok": False, "cost_details": details}
