"""The usage of an answer in the form of Chat Completions, at OpenRouter with its cost."""

from __future__ import annotations

from typing import Any

from llmlab.lab.simulator.models import Model


def usage(service: str, model: Model, read: int, written: int, reasoned: int = 0) -> dict[str, Any]:
    """Write the usage of an answer.

    Args:
        service: who answers; only OpenAI and OpenRouter tell details.
        model: the model that answered.
        read: tokens of the request.
        written: tokens of the answer, reasoning included.
        reasoned: tokens of the reasoning.
    """
    counted: dict[str, Any] = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    if service not in ("openai", "openrouter"):
        return counted
    unread, unwritten = ["cached_tokens", "audio_tokens"], ["audio_tokens"]
    if service == "openai":
        unwritten += ["accepted_prediction_tokens", "rejected_prediction_tokens"]
    else:
        unread, unwritten = [*unread, "cache_write_tokens", "video_tokens"], [*unwritten, "image_tokens"]
        prompt, completion = (
            round(count * price / 1e6, 10)
            for count, price in ((read, model.prompt_price), (written, model.completion_price))
        )
        total = round(prompt + completion, 10)
        details = {"upstream_inference_cost": total, "upstream_inference_prompt_cost": prompt}
        details["upstream_inference_completions_cost"] = completion
        counted |= {"cost": total, "is_byok": False, "cost_details": details}
    counted["prompt_tokens_details"] = dict.fromkeys(unread, 0)
    counted["completion_tokens_details"] = {"reasoning_tokens": reasoned, **dict.fromkeys(unwritten, 0)}
    return counted
