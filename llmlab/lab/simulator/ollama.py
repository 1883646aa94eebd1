"""Ollama's own REST API: chat and generate (streams unless told not to).

Format: Ollama's API documentation and real traffic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmlab.lab.simulator import tokens
from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.images import check_sight, pictures_of
from llmlab.lab.simulator.json_access import as_dict, as_int, as_str, dicts, stop_texts, text_of
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.ollama_models import asked_model
from llmlab.lab.simulator.question import Call, Question, Reply, Tool, Turn
from llmlab.lab.simulator.reply import think
from llmlab.lab.simulator.timing import Pace
from llmlab.lab.simulator.usage import input_tokens
from llmlab.lab.wire.messages import Event, TapeAnswer

_ROLES = ("system", "user", "assistant", "tool")
_MOST = 4096


def chat(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/api/chat`."""
    body, model = ask.body, asked_model(ask)
    given = body.get("messages")
    if given is not None and not isinstance(given, list):
        raise Refused(
            400, "json: cannot unmarshal value into Go struct field ChatRequest.messages of type []api.Message"
        )
    if not given:
        return _loaded(ask, model, {"message": {"role": "assistant", "content": ""}})
    _check_use(body, model)
    return _answer(ask, model, _question(ask, model, tuple(_turn(one) for one in dicts(given))), _chat_part)


def generate(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/api/generate`."""
    body, model = ask.body, asked_model(ask)
    prompt, system = as_str(body.get("prompt")), as_str(body.get("system"))
    if not prompt:
        return _loaded(ask, model, {"response": ""})
    _check_use(body, model)
    asked = Turn("user", prompt, pictures=pictures_of(body, "ollama"))
    turns = (*((Turn("system", system),) if system else ()), asked)
    return _answer(ask, model, _question(ask, model, turns), _generate_part)


def _check_use(body: dict[str, Any], model: Model) -> None:
    if model.embeds and dicts(body.get("tools")):
        raise Refused(400, f"registry.ollama.ai/library/{model.id} does not support tools")
    if model.embeds:
        raise Refused(400, f'"{model.id}" does not support ' + ("chat" if "messages" in body else "generate"))


def _turn(message: dict[str, Any]) -> Turn:
    role = as_str(message.get("role"))
    if role not in _ROLES:
        raise Refused(400, f"invalid role: {role}, role must be one of [system, user, assistant, tool]")
    functions = [as_dict(call.get("function")) for call in dicts(message.get("tool_calls"))]
    calls = tuple(Call("", as_str(one.get("name")), as_dict(one.get("arguments"))) for one in functions)
    return Turn(role, text_of(message.get("content")), calls, pictures=pictures_of(message, "ollama"))


def _question(ask: Ask, model: Model, turns: tuple[Turn, ...]) -> Question:
    body, options = ask.body, as_dict(ask.body.get("options"))
    functions = [as_dict(tool.get("function")) for tool in dicts(body.get("tools"))]
    wanted, form = as_int(options.get("num_predict")), body.get("format")
    asked = body.get("think")
    if asked and model.effort == "none":
        raise Refused(400, f'"{model.id}" does not support thinking')
    check_sight([one for turn in turns for one in turn.pictures], "ollama", model)
    effort = asked if asked in ("low", "medium", "high") else model.effort
    if asked is False and not model.id.startswith("gpt-oss"):  # gpt-oss cannot stop thinking
        effort = "none"
    return Question(
        turns=turns,
        tools=tuple(
            Tool(as_str(one.get("name")), as_str(one.get("description")), as_dict(one.get("parameters")))
            for one in functions
            if as_str(one.get("name"))
        ),
        stop=stop_texts(options.get("stop")),
        max_tokens=wanted if wanted is not None and wanted > 0 else _MOST,
        effort=str(effort),
        schema=form if isinstance(form, dict) else {} if form == "json" else None,
        variant=ask.variant(options.get("temperature"), options.get("seed")),
    )


def _answer(ask: Ask, model: Model, question: Question, part: Callable[..., dict[str, Any]]) -> TapeAnswer:
    _keep(ask, model)
    reply = think(question)
    given, pace = input_tokens(question), ask.pace(model)
    pieces = _pieces(reply)
    end = _end(ask, reply, given, pace)
    name = as_str(ask.body.get("model")) or as_str(ask.body.get("name"))
    if ask.body.get("stream") is False:
        seconds = end["total_duration"] / 1e9
        head = {"model": name, "created_at": ask.seed.timestamp(seconds, micro=True)}
        whole = part(text=reply.text, thinking=reply.reasoning, calls=reply.calls, plain=True)
        return ask.plain(head | whole | end, round(seconds, 3))
    moments = pace.moments([*pieces, None])
    stream: list[tuple[float, Event]] = []
    for moment, piece in zip(moments, [*pieces, {}], strict=True):
        head = {"model": name, "created_at": ask.seed.timestamp(moment, micro=True)}
        stream.append((moment, head | part(**piece) | ({"done": False} if piece else end)))
    return ask.stream(stream, "ndjson")


def _pieces(reply: Reply) -> list[dict[str, Any]]:
    pieces: list[dict[str, Any]] = [{"thinking": piece} for piece in tokens.split(reply.reasoning)]
    if reply.calls:
        return pieces + [{"calls": (call,), "index": at} for at, call in enumerate(reply.calls)]
    return pieces + [{"text": piece} for piece in tokens.split(reply.text)]


def _chat_part(
    *, text: str = "", thinking: str = "", calls: tuple[Call, ...] = (), index: int = 0, plain: bool = False
) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if thinking:
        message["thinking"] = thinking
    if calls:
        # In a stream every call after the first carries its index.
        mark = {"index": index} if index else {}
        message["tool_calls"] = [{"function": {**mark, "name": one.name, "arguments": one.arguments}} for one in calls]
    return {"message": message}


def _generate_part(
    *, text: str = "", thinking: str = "", calls: tuple[Call, ...] = (), index: int = 0, plain: bool = False
) -> dict[str, Any]:
    return {"response": text} | ({"thinking": thinking} if thinking else {})


def _end(ask: Ask, reply: Reply, given: int, pace: Pace) -> dict[str, Any]:
    written = reply.tokens + reply.reasoning_tokens
    draw = ask.seed.jitter("durations")
    load = draw.randrange(40_000_000, 160_000_000)
    reading = max(1_000_000, int(pace.first * 1e9) - load)
    writing = int(written / pace.rate * 1e9)
    return {
        "done": True,
        "done_reason": "length" if reply.finish == "length" else "stop",
        "total_duration": load + reading + writing + draw.randrange(1_000_000, 9_000_000),
        "load_duration": load,
        "prompt_eval_count": given,
        "prompt_eval_duration": reading,
        "eval_count": written,
        "eval_duration": writing,
    }


def _keep(ask: Ask, model: Model) -> bool:
    """Note that the model is in memory, unless the request wants it to leave at once."""
    keep = ask.body.get("keep_alive") not in (0, "0", "0s")
    (ask.state.loaded.add if keep else ask.state.loaded.discard)(model.id)
    return keep


def _loaded(ask: Ask, model: Model, nothing: dict[str, Any]) -> TapeAnswer:
    """An empty request loads the model into memory, or unloads it."""
    reason = "load" if _keep(ask, model) else "unload"
    head = {"model": as_str(ask.body.get("model")), "created_at": ask.seed.timestamp(micro=True)}
    return ask.plain(head | nothing | {"done": True, "done_reason": reason})
