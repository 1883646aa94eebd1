"""The lists of models of OpenAI, of the servers of its form, and of Anthropic; and whether a server is well."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.models import MODELS, Model
from llmlab.lab.simulator.paging import message_page
from llmlab.lab.wire.messages import TapeAnswer


def openai_list(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/models` in OpenAI's form."""
    return ask.plain({"object": "list", "data": [_openai(ask, one) for one in ask.state.models(ask.service)]}, 0.2)


def openai_one(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/models/{id}` in OpenAI's form."""
    return ask.plain(_openai(ask, ask.named_model(ask.names[0])), 0.1)


def anthropic_list(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/models` in Anthropic's form."""
    return ask.plain(message_page(ask, [_anthropic(model) for model in MODELS["anthropic"]]), 0.2)


def anthropic_one(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/models/{id}` in Anthropic's form."""
    return ask.plain(_anthropic(ask.named_model(ask.names[0])), 0.1)


def health(ask: Ask) -> TapeAnswer:
    """Answer GET `/health` as llama.cpp's server does."""
    return ask.plain({"status": "ok"})


def unix(model: Model) -> int:
    """Give the day on which a model came out, in seconds since 1970."""
    return int(datetime.fromisoformat(model.created).replace(tzinfo=UTC).timestamp())


def _openai(ask: Ask, model: Model) -> dict[str, Any]:
    owner = {"openai": "system", "ollama": "library"}.get(ask.service, "llamacpp")
    return {"id": model.id, "object": "model", "created": unix(model), "owned_by": owner}


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
