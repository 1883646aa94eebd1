"""The models of an Ollama server: which are there, which are in memory, pulling one and deleting one.

Left out: creating, copying and pushing models. A pull takes its time in the stream, and only `PULLABLE` can be pulled.
"""

from __future__ import annotations

import hashlib
from typing import Any

from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.models import MODELS, PULLABLE, Model, find
from llmlab.lab.wire.messages import Event, TapeAnswer

_VERSION = "0.13.5"
_STEPS = 8  # in which the largest layer of a model comes
_BYTES_A_SECOND = 200e6


def version(ask: Ask) -> TapeAnswer:
    """Answer GET `/api/version`."""
    return ask.plain({"version": _VERSION})


def tags(ask: Ask) -> TapeAnswer:
    """Answer GET `/api/tags`: the models on the disk."""
    models = ask.state.models("ollama")
    return ask.plain({"models": [_shown(model) | {"modified_at": _moment(model)} for model in models]})


def ps(ask: Ask) -> TapeAnswer:
    """Answer GET `/api/ps`: the models in memory. At the beginning that is the first one."""
    loaded = [model for model in ask.state.models("ollama") if model.id in ask.state.loaded]
    until = ask.seed.timestamp(300, micro=True)
    return ask.plain({"models": [_shown(model) | {"expires_at": until, "size_vram": _size(model)} for model in loaded]})


def show(ask: Ask) -> TapeAnswer:
    """Answer POST `/api/show`."""
    model = asked_model(ask)
    family = _family(model)
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
        "capabilities": _abilities(model),
        "modified_at": _moment(model),
    }
    return ask.plain(answer)


def _abilities(model: Model) -> list[str]:
    if model.embeds:
        return ["embedding"]
    return ["completion", "vision" if model.sees else "tools", *(["thinking"] if model.effort != "none" else [])]


def pull(ask: Ask) -> TapeAnswer:
    """Answer POST `/api/pull`: the steps of the download, each with how much has come; then the model is there."""
    name = ask.body.get("model") or ask.body.get("name")
    if not isinstance(name, str) or not name:
        raise Refused(400, "model is required" if not name else "invalid model name")
    model = find("ollama", name, (*ask.state.models("ollama"), *PULLABLE, *MODELS["ollama"]))
    plain = ask.body.get("stream") is False
    if model is None:
        missing = "pull model manifest: file does not exist"
        if plain:
            raise Refused(500, missing)
        # By the time the server knows, it has already said 200.
        return ask.stream([(0.05, {"status": "pulling manifest"}), (0.4, {"error": missing})], "ndjson")
    steps = _download(model, new=model.id not in ask.state.installed)
    ask.state.installed[model.id] = model
    if plain:
        return ask.plain({"status": "success"}, steps[-1][0])
    return ask.stream(steps, "ndjson")


def delete(ask: Ask) -> TapeAnswer:
    """Answer DELETE `/api/delete`, with nothing at all when it worked."""
    model = asked_model(ask)
    del ask.state.installed[model.id]
    ask.state.loaded.discard(model.id)
    return ask.plain(None)


def asked_model(ask: Ask) -> Model:
    """Find the model that a request to Ollama's own API names.

    Raises:
        Refused: it names none, or one that is not there.
    """
    name = ask.body.get("model") or ask.body.get("name")
    if not name:
        raise Refused(400, "model is required")
    return ask.named_model(name)


def _download(model: Model, *, new: bool) -> list[tuple[float, Event]]:
    events: list[tuple[float, Event]] = [(0.05, {"status": "pulling manifest"})]
    moment = 0.4
    for part, size in (("model", _size(model)), ("template", 7_355), ("license", 11_357), ("parameters", 485)):
        digest = hashlib.sha256(f"{model.id} {part}".encode()).hexdigest()
        layer = {"status": f"pulling {digest[:12]}", "digest": f"sha256:{digest}", "total": size}
        steps = _STEPS if new and part == "model" else 1
        for step in range(1, steps + 1):
            moment = round(moment + (size / steps / _BYTES_A_SECOND if new else 0.0), 3)
            events.append((moment, {**layer, "completed": size * step // steps}))
    ends = ("verifying sha256 digest", "writing manifest", "success")
    return events + [(moment + 0.1, {"status": status}) for status in ends]


def _shown(model: Model) -> dict[str, Any]:
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
    return {"gpt-oss": "gptoss", "qwen3": "qwen3", "llama3.2": "llama"}.get(model.id.split(":")[0], "gemma3")


def _count(model: Model) -> int:
    number, unit = float(model.size[:-1]), model.size[-1]
    return round(number * (1e9 if unit == "B" else 1e6))


def _size(model: Model) -> int:
    bytes_each = 2.0 if model.embeds else 0.66
    return round(_count(model) * bytes_each)


def _moment(model: Model) -> str:
    return f"{model.created}T08:00:00.000000Z"
