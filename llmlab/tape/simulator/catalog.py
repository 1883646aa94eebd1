"""The lists of models, and the small questions about a server: its health, its version, what it holds in memory."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from llmlab.tape.exchange import TapeAnswer
from llmlab.tape.simulator.ask import Ask
from llmlab.tape.simulator.errors import Refused, unknown_model
from llmlab.tape.simulator.models import MODELS, Model, find

_VERSION = "0.13.5"


def openai_list(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/models` in OpenAI's form."""
    return ask.plain({"object": "list", "data": [_openai(ask, model) for model in MODELS[ask.service]]}, 0.2)


def openai_one(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/models/{id}` in OpenAI's form."""
    return ask.plain(_openai(ask, _named(ask)), 0.1)


def anthropic_list(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/models` in Anthropic's form."""
    models = [_anthropic(model) for model in MODELS["anthropic"]]
    page = {"data": models, "has_more": False, "first_id": models[0]["id"], "last_id": models[-1]["id"]}
    return ask.plain(page, 0.2)


def anthropic_one(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/models/{id}` in Anthropic's form."""
    return ask.plain(_anthropic(_named(ask)), 0.1)


def openrouter_list(ask: Ask) -> TapeAnswer:
    """Answer GET `/api/v1/models`."""
    return ask.plain({"data": [_openrouter(model) for model in MODELS["openrouter"]]}, 0.3)


def health(ask: Ask) -> TapeAnswer:
    """Answer GET `/health` as llama.cpp's server does."""
    return ask.plain({"status": "ok"})


def version(ask: Ask) -> TapeAnswer:
    """Answer GET `/api/version`."""
    return ask.plain({"version": _VERSION})


def tags(ask: Ask) -> TapeAnswer:
    """Answer GET `/api/tags`: the models on the disk."""
    return ask.plain({"models": [_ollama(model) | {"modified_at": _moment(model)} for model in MODELS["ollama"]]})


def ps(ask: Ask) -> TapeAnswer:
    """Answer GET `/api/ps`: the models in memory. The simulator always holds the first one."""
    model = MODELS["ollama"][0]
    running = _ollama(model) | {"expires_at": ask.seed.timestamp(300, micro=True), "size_vram": _size(model)}
    return ask.plain({"models": [running]})


def show(ask: Ask) -> TapeAnswer:
    """Answer POST `/api/show`."""
    name = ask.body.get("model") or ask.body.get("name")
    if not name:
        raise Refused(400, "model is required")
    model = find("ollama", name)
    if model is None:
        raise unknown_model("ollama", ask.path, name)
    family = _family(model)
    chats = ["completion", "tools", "thinking"]
    answer = {
        "license": "Apache License 2.0",
        "modelfile": f"# Modelfile simulated by llmlab\nFROM {model.id}\n",
        "parameters": "temperature 1",
        "template": "{{ .Prompt }}",
        "details": _details(model),
        "model_info": {
            "general.architecture": family,
            "general.parameter_count": _count(model),
            f"{family}.context_length": model.context,
            f"{family}.embedding_length": model.embeds or 2880,
        },
        "capabilities": ["embedding"] if model.embeds else chats,
        "modified_at": _moment(model),
    }
    return ask.plain(answer)


def _named(ask: Ask) -> Model:
    name = ask.path.removeprefix("/v1/models/")
    model = find(ask.service, name)
    if model is None:
        raise unknown_model(ask.service, ask.path, name)
    return model


def _openai(ask: Ask, model: Model) -> dict[str, Any]:
    owner = {"openai": "system", "ollama": "library"}.get(ask.service, "llamacpp")
    return {"id": model.id, "object": "model", "created": _unix(model), "owned_by": owner}


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
    def price(dollars: float) -> str:
        return f"{dollars / 1e6:.10f}".rstrip("0").rstrip(".")

    kind = "embeddings" if model.embeds else "text"
    prices = {"prompt": price(model.prompt_price), "completion": price(model.completion_price)}
    can = ["max_tokens", "reasoning", "response_format", "seed", "stop", "temperature", "tool_choice", "tools", "top_p"]
    return {
        "id": model.id,
        "canonical_slug": model.served.removesuffix(":free"),
        "hugging_face_id": "",
        "name": model.title or model.id,
        "created": _unix(model),
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
        "supported_parameters": [] if model.embeds else can,
        "default_parameters": {"temperature": None, "top_p": None, "frequency_penalty": None},
    }


def _ollama(model: Model) -> dict[str, Any]:
    digest = hashlib.sha256(model.id.encode()).hexdigest()
    return {"name": model.id, "model": model.id, "size": _size(model), "digest": digest, "details": _details(model)}


def _details(model: Model) -> dict[str, Any]:
    family = _family(model)
    return {
        "parent_model": "",
        "format": "gguf",
        "family": family,
        "families": [family],
        "parameter_size": model.size,
        "quantization_level": "MXFP4" if family == "gptoss" else "BF16" if model.embeds else "Q4_K_M",
    }


def _family(model: Model) -> str:
    return {"gpt-oss": "gptoss", "qwen3": "qwen3"}.get(model.id.split(":")[0], "gemma3")


def _count(model: Model) -> int:
    number, unit = float(model.size[:-1]), model.size[-1]
    return round(number * (1e9 if unit == "B" else 1e6))


def _size(model: Model) -> int:
    bytes_each = 2.0 if model.embeds else 0.66
    return round(_count(model) * bytes_each)


def _unix(model: Model) -> int:
    return int(datetime.fromisoformat(model.created).replace(tzinfo=UTC).timestamp())


def _moment(model: Model) -> str:
    return f"{model.created}T08:00:00.000000Z"
