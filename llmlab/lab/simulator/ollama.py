"""Ollama's own API: chat and generate, which stream unless the request says no, and the models of the server.

Models are installed, in memory, pulled and deleted; only `PULLABLE` can be pulled. Format: Ollama's API documentation
and real traffic.
"""

from __future__ import annotations

import hashlib
from typing import Any

from llmlab.lab.simulator import tokens
from llmlab.lab.simulator.context import Context, Routes
from llmlab.lab.simulator.conversation import Conversation, Reply, ToolCall, Turn
from llmlab.lab.simulator.embeddings import embed
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.images import check_images, images_of
from llmlab.lab.simulator.json_access import (
    as_dict,
    as_int,
    as_str,
    dicts,
    function_tools,
    stop_texts,
    template,
    text_of,
)
from llmlab.lab.simulator.models import MODELS, PULLABLE, Model, find
from llmlab.lab.simulator.seed import Pace
from llmlab.lab.wire.messages import Event, TapeAnswer

_ROLES = ("system", "user", "assistant", "tool")
_MOST_TOKENS = 4096
_STEPS = 8  # of the download of a model's largest layer
_BYTES_PER_SECOND = 200e6
_FAMILIES = {"gpt-oss": "gptoss", "qwen3": "qwen3", "llama3.2": "llama"}


def _chat(context: Context) -> TapeAnswer:
    model, messages = context.named_model(), context.body.get("messages")
    if messages is not None and not isinstance(messages, list):
        field = "ChatRequest.messages of type []api.Message"
        raise Refused(400, f"json: cannot unmarshal value into Go struct field {field}")
    return _answer(context, model, tuple(_turn(one) for one in dicts(messages)))


def _generate(context: Context) -> TapeAnswer:
    body, model = context.body, context.named_model()
    prompt, system = as_str(body.get("prompt")), as_str(body.get("system"))
    question = (Turn("user", prompt, images=images_of(body, "ollama")),) if prompt else ()
    return _answer(context, model, (Turn("system", system), *question) if system and prompt else question)


def _turn(message: dict[str, Any]) -> Turn:
    role = as_str(message.get("role"))
    if role not in _ROLES:
        raise Refused(400, f"invalid role: {role}, role must be one of [system, user, assistant, tool]")
    functions = [as_dict(call.get("function")) for call in dicts(message.get("tool_calls"))]
    calls = tuple(ToolCall("", as_str(one.get("name")), as_dict(one.get("arguments"))) for one in functions)
    return Turn(role, text_of(message.get("content")), calls, images=images_of(message, "ollama"))


def _read(context: Context, model: Model, turns: tuple[Turn, ...]) -> Conversation:
    body, options = context.body, as_dict(context.body.get("options"))
    limit, form, think = as_int(options.get("num_predict")), body.get("format"), body.get("think")
    if model.embeds:
        raise Refused(400, f'"{model.id}" does not support ' + ("chat" if "messages" in body else "generate"))
    if think and model.effort == "none":
        raise Refused(400, f'"{model.id}" does not support thinking')
    effort = str(think) if think in ("low", "medium", "high") else model.effort
    if think is False and not model.id.startswith("gpt-oss"):  # gpt-oss cannot stop thinking
        effort = "none"
    conversation = Conversation(
        turns=turns,
        tools=function_tools(body.get("tools")),
        stop=stop_texts(options.get("stop")),
        max_tokens=limit if limit and limit > 0 else _MOST_TOKENS,
        effort=effort,
        schema=form if isinstance(form, dict) else {} if form == "json" else None,
        variant=context.variant(options),
    )
    check_images(conversation, "ollama", model)
    return conversation


def _answer(context: Context, model: Model, turns: tuple[Turn, ...]) -> TapeAnswer:
    """Answer; a request without a message loads the model into memory, or unloads it."""
    keep = context.body.get("keep_alive") not in (0, "0", "0s")
    if not turns:
        (context.state.loaded.add if keep else context.state.loaded.discard)(model.id)
        return context.plain(_line(context) | {"done": True, "done_reason": "load" if keep else "unload"})
    conversation = _read(context, model, turns)
    (context.state.loaded.add if keep else context.state.loaded.discard)(model.id)
    reply, pace = context.compose(conversation), context.pace(model)
    end = _end(context, reply, tokens.count_input(conversation), pace)
    if context.body.get("stream") is False:
        seconds = end["total_duration"] / 1e9
        whole = _line(context, seconds, reply.text, reply.reasoning, [_call(call) for call in reply.calls])
        return context.plain(whole | end, round(seconds, 3))
    parts: list[tuple[Any, ...]] = [("", thought) for thought in tokens.split(reply.reasoning)]
    # In a stream every call after the first has its index.
    parts += [("", "", [_call(call, {"index": at} if at else {})]) for at, call in enumerate(reply.calls)]
    parts += [(text,) for text in tokens.split(reply.text)]
    *times, last = pace.times([1] * (len(parts) + 1))
    events: list[tuple[float, Event]] = [
        (time, _line(context, time, *part) | {"done": False}) for time, part in zip(times, parts, strict=True)
    ]
    return context.stream([*events, (last, _line(context, last) | end)], "ndjson")


def _line(
    context: Context, seconds: float = 0.0, text: str = "", thought: str = "", calls: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    name = as_str(context.body.get("model")) or as_str(context.body.get("name"))
    head = {"model": name, "created_at": context.seed.timestamp(seconds, micro=True)}
    thinking = {"thinking": thought} if thought else {}
    if context.path == "/api/generate":
        return {**head, "response": text, **thinking}
    asked = {"tool_calls": calls} if calls else {}
    return {**head, "message": {"role": "assistant", "content": text, **thinking, **asked}}


def _call(call: ToolCall, index: dict[str, int] | None = None) -> dict[str, Any]:
    return {"function": {**(index or {}), "name": call.name, "arguments": call.arguments}}


def _end(context: Context, reply: Reply, read: int, pace: Pace) -> dict[str, Any]:
    written, draw = reply.tokens + reply.reasoning_tokens, context.seed.random("durations")
    load = draw.randrange(40_000_000, 160_000_000)
    reading, writing = max(1_000_000, int(pace.first * 1e9) - load), int(written / pace.rate * 1e9)
    return template(
        "ollama end",
        done_reason="length" if reply.finish == "length" else "stop",
        total_duration=load + reading + writing + draw.randrange(1_000_000, 9_000_000),
        load_duration=load,
        prompt_eval_count=read,
        prompt_eval_duration=reading,
        eval_count=written,
        eval_duration=writing,
    )


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
    info = {"architecture": family, "parameter_count": _parameters(model)}
    sizes = {"context_length": model.context, "embedding_length": model.embeds or 2880}
    writes = ["completion", "vision" if model.sees else "tools", *thinks]
    return template(
        "ollama model",
        modelfile=f"# Modelfile simulated by llmlab\nFROM {model.id}\n",
        details=_entry(model)["details"],
        model_info={f"general.{name}": value for name, value in info.items()}
        | {f"{family}.{name}": value for name, value in sizes.items()},
        capabilities=["embedding"] if model.embeds else writes,
        modified_at=_modified(model),
    )


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
    bits = "MXFP4" if family == "gptoss" else "BF16" if model.embeds else "Q4_K_M"
    fields = {"family": family, "families": [family], "parameter_size": model.size, "quantization_level": bits}
    details = template("ollama details", **fields)
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
    "/api/chat": {"POST": _chat},
    "/api/generate": {"POST": _generate},
    "/api/embed": {"POST": embed},
    "/api/tags": {"GET": _tags},
    "/api/ps": {"GET": _ps},
    "/api/show": {"POST": _show},
    "/api/pull": {"POST": _pull},
    "/api/delete": {"DELETE": _delete},
    "/api/version": {"GET": lambda context: {"version": "0.13.5"}},
}
