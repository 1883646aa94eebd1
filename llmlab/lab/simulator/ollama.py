"""Ollama's own API: chat and generate, which stream unless the request says no.

Format: Ollama's API documentation and real traffic.
"""

from __future__ import annotations

from typing import Any

from llmlab.lab.simulator import tokens
from llmlab.lab.simulator.context import Context, Routes
from llmlab.lab.simulator.conversation import Conversation, Reply, ToolCall, Turn
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.images import check_images, images_of
from llmlab.lab.simulator.json_access import as_dict, as_int, as_str, dicts, stop_texts, text_of
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.openai_chat import function_tools
from llmlab.lab.simulator.timing import Pace
from llmlab.lab.wire.messages import Event, TapeAnswer

_ROLES = ("system", "user", "assistant", "tool")
_MOST_TOKENS = 4096


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
    return {
        "done": True,
        "done_reason": "length" if reply.finish == "length" else "stop",
        "total_duration": load + reading + writing + draw.randrange(1_000_000, 9_000_000),
        "load_duration": load,
        "prompt_eval_count": read,
        "prompt_eval_duration": reading,
        "eval_count": written,
        "eval_duration": writing,
    }


ROUTES: Routes = {"/api/chat": {"POST": _chat}, "/api/generate": {"POST": _generate}}
