"""The lists of models of OpenAI and the servers of its form, of Anthropic and of OpenRouter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from llmlab.lab.simulator.context import Context, Routes
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.stored import message_page

_PARAMETERS_TEXT = "max_tokens reasoning response_format seed stop temperature tool_choice tools top_p"
_OWNERS = {"openai": "system", "ollama": "library"}


def _openai(context: Context, model: Model) -> dict[str, Any]:
    owner = _OWNERS.get(context.service, "llamacpp")
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
        "supported_parameters": [] if model.embeds else _PARAMETERS_TEXT.split(),
        "default_parameters": {"temperature": None, "top_p": None, "frequency_penalty": None},
    }


def _created(model: Model) -> int:
    return int(datetime.fromisoformat(model.created).replace(tzinfo=UTC).timestamp())


def _price(dollars: float) -> str:
    return f"{dollars / 1e6:.10f}".rstrip("0").rstrip(".")


OPENAI: Routes = {
    "/v1/models": {
        "GET": lambda context: {"object": "list", "data": [_openai(context, one) for one in context.models]}
    },
    "/v1/models/{*}": {"GET": lambda context: _openai(context, context.model(context.ids[0]))},
}
ANTHROPIC: Routes = {
    "/v1/models": {"GET": lambda context: message_page(context, [_anthropic(model) for model in context.models])},
    "/v1/models/{*}": {"GET": lambda context: _anthropic(context.model(context.ids[0]))},
}
OPENROUTER: Routes = {"/v1/models": {"GET": lambda context: {"data": [_openrouter(model) for model in context.models]}}}
