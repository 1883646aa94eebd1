"""The models of an Ollama server: installed, in memory, pulled and deleted. Only `PULLABLE` can be pulled."""

from __future__ import annotations

import hashlib
from typing import Any

from llmlab.lab.simulator.context import Context, Routes
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.models import MODELS, PULLABLE, Model, find
from llmlab.lab.wire.messages import Event, TapeAnswer

_STEPS = 8  # of the download of a model's largest layer
_BYTES_PER_SECOND = 200e6
_FAMILIES = {"gpt-oss": "gptoss", "qwen3": "qwen3", "llama3.2": "llama"}


def _tags(context: Context) -> dict[str, Any]:
    """List the installed models."""
    return {"models": [_entry(model) | {"modified_at": _modified(model)} for model in context.models]}


def _ps(context: Context) -> dict[str, Any]:
    """List the models in memory; at first that is the first one."""
    until = context.seed.timestamp(300, micro=True)
    loaded = (model for model in context.models if model.id in context.state.loaded)
    return {"models": [_entry(model) | {"expires_at": until, "size_vram": _bytes(model)} for model in loaded]}


def _show(context: Context) -> dict[str, Any]:
    model = context.named_model()
    family, thinks = _family(model), ["thinking"] if model.effort != "none" else []
    return {
        "license": "Apache License 2.0",
        "modelfile": f"# Modelfile simulated by llmlab\nFROM {model.id}\n",
        "parameters": "temperature 1",
        "template": "{{ .Prompt }}",
        "details": _entry(model)["details"],
        "model_info": {
            "general.architecture": family,
            "general.parameter_count": _parameters(model),
            f"{family}.context_length": model.context,
            f"{family}.embedding_length": model.embeds or 2880,
        },
        "capabilities": ["embedding"] if model.embeds else ["completion", "vision" if model.sees else "tools", *thinks],
        "modified_at": _modified(model),
    }


def _pull(context: Context) -> TapeAnswer:
    """Write the steps of a download; then the model is installed."""
    body, installed = context.body, context.state.installed
    name, whole = body.get("model") or body.get("name"), body.get("stream") is False
    if not isinstance(name, str) or not name:
        raise Refused(400, "invalid model name" if name else "model is required")
    model = find("ollama", name, (*context.models, *PULLABLE, *MODELS["ollama"]))
    missing = "pull model manifest: file does not exist"
    if model is None and whole:
        raise Refused(500, missing)
    if model is None:  # the server knows only after it has answered 200
        return context.stream([(0.05, {"status": "pulling manifest"}), (0.4, {"error": missing})], "ndjson")
    steps = _download(model, new=model.id not in installed)
    installed[model.id] = model
    return context.plain({"status": "success"}, steps[-1][0]) if whole else context.stream(steps, "ndjson")


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


def _delete(context: Context) -> None:
    model = context.named_model()
    del context.state.installed[model.id]
    context.state.loaded.discard(model.id)


def _entry(model: Model) -> dict[str, Any]:
    digest, family = hashlib.sha256(model.id.encode()).hexdigest(), _family(model)
    details = {
        "parent_model": "",
        "format": "gguf",
        "family": family,
        "families": [family],
        "parameter_size": model.size,
        "quantization_level": "MXFP4" if family == "gptoss" else "BF16" if model.embeds else "Q4_K_M",
    }
    return {"name": model.id, "model": model.id, "size": _bytes(model), "digest": digest, "details": details}


def _family(model: Model) -> str:
    return _FAMILIES.get(model.id.split(":")[0], "gemma3")


def _parameters(model: Model) -> int:
    return round(float(model.size[:-1]) * (1e9 if model.size[-1] == "B" else 1e6))


def _bytes(model: Model) -> int:
    return round(_parameters(model) * (2.0 if model.embeds else 0.66))


def _modified(model: Model) -> str:
    return f"{model.created}T08:00:00.000000Z"


ROUTES: Routes = {
    "/api/tags": {"GET": _tags},
    "/api/ps": {"GET": _ps},
    "/api/show": {"POST": _show},
    "/api/pull": {"POST": _pull},
    "/api/delete": {"DELETE": _delete},
    "/api/version": {"GET": lambda context: {"version": "0.13.5"}},
}
