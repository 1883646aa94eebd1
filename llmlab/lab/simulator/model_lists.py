"""The lists of models of OpenAI and the servers of its form, of Anthropic and of OpenRouter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from llmlab.lab.simulator.context import Context
from llmlab.lab.simulator.models import MODELS, Model
from llmlab.lab.simulator.paging import message_page
from llmlab.lab.wire.messages import TapeAnswer

_OPENROUTER_PARAMETERS = (
    "max_tokens", "reasoning", "response_format", "seed", "stop", "temperature", "tool_choice", "tools", "top_p",
)  # fmt: skip


def openai_models(context: Context) -> TapeAnswer:
    """Answer GET `/v1/models` in OpenAI's form."""
    return context.plain({"object": "list", "data": [_openai(context, one) for one in context.models]}, 0.2)


def openai_model(context: Context) -> TapeAnswer:
    """Answer GET `/v1/models/{id}` in OpenAI's form."""
    return context.plain(_openai(context, context.model(context.ids[0])), 0.1)


def anthropic_models(context: Context) -> TapeAnswer:
    """Answer GET `/v1/models` in Anthropic's form."""
    return context.plain(message_page(context, [_anthropic(model) for model in MODELS["anthropic"]]), 0.2)


def anthropic_model(context: Context) -> TapeAnswer:
    """Answer GET `/v1/models/{id}` in Anthropic's form."""
    return context.plain(_anthropic(context.model(context.ids[0])), 0.1)


def openrouter_models(context: Context) -> TapeAnswer:
    """Answer GET `/api/v1/models`, which needs no key."""
    return context.plain({"data": [_openrouter(model) for model in MODELS["openrouter"]]}, 0.3)


def health(context: Context) -> TapeAnswer:
    """Answer GET `/health` as llama.cpp's server does."""
    return context.plain({"status": "ok"})


def _created(model: Model) -> int:
    return int(datetime.fromisoformat(model.created).replace(tzinfo=UTC).timestamp())


def _openai(context: Context, model: Model) -> dict[str, Any]:
    owner = {"openai": "system", "ollama": "library"}.get(context.service, "llamacpp")
    return {"id": model.id, "object": "model", "created": _created(model), "owned_by": owner}


def _anthropic(model: Model) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.title,
        "created_at": f"{model.created}T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": model.context,
        "max_tokens": model.output,
    }


def _openrouter(model: Model) -> dict[str, Any]:
    kind, title = "embeddings" if model.embeds else "text", model.title or model.id
    prices = {"prompt": _price(model.prompt_price), "completion": _price(model.completion_price)}
    return {
        "id": model.id,
        "canonical_slug": model.served.removesuffix(":free"),
        "hugging_face_id": "",
        "name": title,
        "created": _created(model),
        "description": f"{title}, as llmlab's simulator plays it.",
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
        "supported_parameters": [] if model.embeds else list(_OPENROUTER_PARAMETERS),
        "default_parameters": {"temperature": None, "top_p": None, "frequency_penalty": None},
    }


def _price(dollars: float) -> str:
    return f"{dollars / 1e6:.10f}".rstrip("0").rstrip(".")
