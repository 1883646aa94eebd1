"""The models of an Ollama server: installed, in memory, pulled and deleted. Only `PULLABLE` can be pulled."""

from __future__ import annotations

import hashlib
from typing import Any

from llmlab.lab.simulator.context import Context
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.models import MODELS, PULLABLE, Model, find
from llmlab.lab.wire.messages import Event, TapeAnswer

_STEPS = 8  # of the download of a model's largest layer
_BYTES_PER_SECOND = 200e6
_FAMILIES = {"gpt-oss": "gptoss", "qwen3": "qwen3", "llama3.2": "llama"}


def requested_model(context: Context) -> Model:
    """Find the model that a request to Ollama's own API names."""
    name = context.body.get("model") or context.body.get("name")
    if not name:
        raise Refused(400, "model is required")
    return context.model(name)


def version(context: Context) -> TapeAnswer:
    """Answer GET `/api/version`."""
    return context.plain({"version": "0.13.5"})


def tags(context: Context) -> TapeAnswer:
    """Answer GET `/api/tags`: the installed models."""
    return context.plain({"models": [_entry(model) | {"modified_at": _modified(model)} for model in context.models]})


def ps(context: Context) -> TapeAnswer:
    """Answer GET `/api/ps`: the models in memory; at first that is the first one."""
    loaded = [model for model in context.models if model.id in context.state.loaded]
    until = context.seed.timestamp(300, micro=True)
    models = [_entry(model) | {"expires_at": until, "size_vram": _bytes(model)} for model in loaded]
    return context.plain({"models": models})


def show(context: Context) -> TapeAnswer:
    """Answer POST `/api/show`."""
    model = requested_model(context)
    thinks = ["thinking"] if model.effort != "none" else []
    answer = {
        "license": "Apache License 2.0",
        "modelfile": f"# Modelfile simulated by llmlab\nFROM {model.id}\n",
        "parameters": "temperature 1",
        "template": "{{ .Prompt }}",
        "details": _details(model),
        "model_info": {
            "general.architecture": _family(model),
            "general.parameter_count": _parameters(model),
            f"{_family(model)}.context_length": model.context,
            f"{_family(model)}.embedding_length": model.embeds or 2880,
        },
        "capabilities": ["embedding"] if model.embeds else ["completion", "vision" if model.sees else "tools", *thinks],
        "modified_at": _modified(model),
    }
    return context.plain(answer)


def pull(context: Context) -> TapeAnswer:
    """Answer POST `/api/pull`: the steps of the download; then the model is installed."""
    body, installed = context.body, context.state.installed
    name = body.get("model") or body.get("name")
    if not isinstance(name, str) or not name:
        raise Refused(400, "invalid model name" if name else "model is required")
    model = find("ollama", name, (*context.models, *PULLABLE, *MODELS["ollama"]))
    if model is None:
        missing = "pull model manifest: file does not exist"
        if body.get("stream") is False:
            raise Refused(500, missing)
        # The server knows only after it has answered 200.
        return context.stream([(0.05, {"status": "pulling manifest"}), (0.4, {"error": missing})], "ndjson")
    steps = _download(model, new=model.id not in installed)
    installed[model.id] = model
    if body.get("stream") is False:
        return context.plain({"status": "success"}, steps[-1][0])
    return context.stream(steps, "ndjson")


def delete(context: Context) -> TapeAnswer:
    """Answer DELETE `/api/delete`, with no body."""
    model = requested_model(context)
    del context.state.installed[model.id]
    context.state.loaded.discard(model.id)
    return context.plain(None)


def _download(model: Model, *, new: bool) -> list[tuple[float, Event]]:
    events: list[tuple[float, Event]] = [(0.05, {"status": "pulling manifest"})]
    time = 0.4
    for part, size in (("model", _bytes(model)), ("template", 7_355), ("license", 11_357), ("parameters", 485)):
        digest = hashlib.sha256(f"{model.id} {part}".encode()).hexdigest()
        layer = {"status": f"pulling {digest[:12]}", "digest": f"sha256:{digest}", "total": size}
        steps = _STEPS if new and part == "model" else 1
        for step in range(1, steps + 1):
            time = round(time + (size / steps / _BYTES_PER_SECOND if new else 0.0), 3)
            events.append((time, {**layer, "completed": size * step // steps}))
    last = ("verifying sha256 digest", "writing manifest", "success")
    return events + [(time + 0.1, {"status": status}) for status in last]


def _entry(model: Model) -> dict[str, Any]:
    digest = hashlib.sha256(model.id.encode()).hexdigest()
    return {"name": model.id, "model": model.id, "size": _bytes(model), "digest": digest, "details": _details(model)}


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
    return _FAMILIES.get(model.id.split(":")[0], "gemma3")


def _parameters(model: Model) -> int:
    return round(float(model.size[:-1]) * (1e9 if model.size[-1] == "B" else 1e6))


def _bytes(model: Model) -> int:
    return round(_parameters(model) * (2.0 if model.embeds else 0.66))


def _modified(model: Model) -> str:
    return f"{model.created}T08:00:00.000000Z"
