"""The lists of models of OpenAI and the servers of its form, of Anthropic and of OpenRouter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from llmlab.lab.simulator.context import Context, Routes
from llmlab.lab.simulator.json_access import template
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.stored import message_page

_OWNERS = {"openai": "system", "ollama": "library"}


def _openai(context: Context, model: Model) -> dict[str, Any]:
    owner = _OWNERS.get(context.service, "llamacpp")
    return {"id": model.id, "object": "model", "created": _created(model), "owned_by": owner}


def _anthropic(model: Model) -> dict[str, Any]:
    return template(
        "anthropic model",
        id=model.id,
        display_name=model.title,
        created_at=f"{model.created}T00:00:00Z",
        max_input_tokens=model.context,
        max_tokens=model.output,
    )


def _openrouter(model: Model) -> dict[str, Any]:
    title, prices = model.title or model.id, (("prompt", model.prompt_price), ("completion", model.completion_price))
    view = template(
        "openrouter model",
        id=model.id,
        canonical_slug=model.served.removesuffix(":free"),
        name=title,
        created=_created(model),
        description=f"{title}, as llmlab's simulator plays it.",
        context_length=model.context,
    )
    view["pricing"] = view["pricing"] | {name: f"{price / 1e6:.10f}".rstrip("0").rstrip(".") for name, price in prices}
    view["top_provider"] = view["top_provider"] | {"context_length": model.context}
    if model.embeds:
        kinds = {"modality": "text->embeddings", "output_modalities": ["embeddings"]}
        return view | {"supported_parameters": [], "architecture": view["architecture"] | kinds}
    view["top_provider"]["max_completion_tokens"] = model.output
    return view


def _created(model: Model) -> int:
    return int(datetime.fromisoformat(model.created).replace(tzinfo=UTC).timestamp())


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
