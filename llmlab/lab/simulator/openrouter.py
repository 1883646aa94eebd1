"""What only OpenRouter has: its list of models with their prices, the state of a key, the limit of the free models."""

from __future__ import annotations

from typing import Any

from llmlab.lab.simulator.catalog import unix
from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.models import MODELS, Model
from llmlab.lab.wire.messages import TapeAnswer

_CAN = ["max_tokens", "reasoning", "response_format", "seed", "stop", "temperature", "tool_choice", "tools", "top_p"]

_PROVIDERS = {"openai": "OpenAI", "nvidia": "Nvidia", "google": "Google AI Studio", "anthropic": "Anthropic"}


def models(ask: Ask) -> TapeAnswer:
    """Answer GET `/api/v1/models`."""
    return ask.plain({"data": [_shown(model) for model in MODELS["openrouter"]]}, 0.3)


def key(ask: Ask) -> TapeAnswer:
    """Answer GET `/api/v1/key`: what was spent with this key. No part of the key is in it."""
    spent = round(ask.state.spent, 10)
    data: dict[str, Any] = {
        "label": "sk-or-v1-...",
        "is_management_key": False,
        "is_provisioning_key": False,
        "limit": None,
        "limit_reset": None,
        "limit_remaining": None,
        "include_byok_in_limit": False,
        **dict.fromkeys(("usage", "usage_daily", "usage_weekly", "usage_monthly"), spent),
        **dict.fromkeys(("byok_usage", "byok_usage_daily", "byok_usage_weekly", "byok_usage_monthly"), 0),
        "is_free_tier": True,
        "expires_at": None,
        "creator_user_id": "user_" + "0" * 27,
        "rate_limit": {"requests": -1, "interval": "10s", "note": "This field is deprecated and safe to ignore."},
    }
    return ask.plain({"data": data}, 0.1)


def check_free(ask: Ask, model: Model) -> None:
    """Count a request to a free model, and refuse it when there have been enough.

    Raises:
        Refused: 429, with the limit in the body and in the headers.
    """
    limit = ask.state.free_requests
    if limit is None or not model.id.endswith((":free", "/free")):
        return
    if ask.state.free_used >= limit:
        reset = (ask.seed.created // 86_400 + 1) * 86_400_000
        headers = {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
        text = "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day"
        extra = {"metadata": {"headers": headers, "provider_name": None}}
        raise Refused(429, text, extra=extra, headers={name.lower(): value for name, value in headers.items()})
    ask.state.free_used += 1


def cost(ask: Ask, model: Model, read: int, written: int) -> dict[str, Any]:
    """Write what an answer costs, in dollars, and note it for the key."""
    prompt, completion = round(read * model.prompt_price / 1e6, 10), round(written * model.completion_price / 1e6, 10)
    total = round(prompt + completion, 10)
    ask.state.spent += total
    details = {
        "upstream_inference_cost": total,
        "upstream_inference_prompt_cost": prompt,
        "upstream_inference_completions_cost": completion,
    }
    return {"cost": total, "is_byok": False, "cost_details": details}


def provider(model: Model) -> str:
    """Name who runs the model."""
    return _PROVIDERS.get(model.served.split("/")[0], "Chutes")


def native_finish(model: Model, finish: str | None) -> str | None:
    """Give the reason to finish in the words of the model's maker."""
    if finish is not None and model.served.startswith("anthropic/"):
        return {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}[finish]
    return finish


def _shown(model: Model) -> dict[str, Any]:
    kind = "embeddings" if model.embeds else "text"
    prices = {"prompt": _price(model.prompt_price), "completion": _price(model.completion_price)}
    return {
        "id": model.id,
        "canonical_slug": model.served.removesuffix(":free"),
        "hugging_face_id": "",
        "name": model.title or model.id,
        "created": unix(model),
        "description": f"{model.title or model.id}, as llmlab's simulator plays it.",
        "context_length": model.context,
        "architecture": {
            "modality": f"text->{kind}",
            "input_modalities": ["text"],
            "output_modalities": [kind],
            "tokenizer": "Other",
            "instruct_type": None,
        },
        "pricing": prices | dict.fromkeys(("request", "image", "web_search", "internal_reasoning"), "0"),
        "top_provider": {
            "context_length": model.context,
            "max_completion_tokens": None if model.embeds else model.output,
            "is_moderated": False,
        },
        "per_request_limits": None,
        "supported_parameters": [] if model.embeds else _CAN,
        "default_parameters": {"temperature": None, "top_p": None, "frequency_penalty": None},
    }


def _price(dollars: float) -> str:
    return f"{dollars / 1e6:.10f}".rstrip("0").rstrip(".")
