"""OpenAI's Chat Completions, whole and streamed, as OpenAI, OpenRouter, Ollama and local servers speak it.

Format: OpenAI's API reference and real traffic of the four. Left out: audio, log probabilities, web search.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from llmlab.lab.simulator import fields, tokens
from llmlab.lab.simulator.context import Context, Routes
from llmlab.lab.simulator.conversation import Conversation, Reply, Tool, ToolCall, Turn, unmatched_results
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.images import check_images, images_of
from llmlab.lab.simulator.json_access import arguments_of, as_dict, as_int, as_str, dicts, stop_texts, text_of
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.seed import BASE62
from llmlab.lab.simulator.usage import usage
from llmlab.lab.wire.messages import Event, TapeAnswer

FINGERPRINT: Final = "fp_llmlab_simulator"
"""The `system_fingerprint` of every answer: nobody shall take it for a real one."""

_FIELDS = {
    "reasoning_effort": fields.one_of(*fields.EFFORTS),
    "reasoning.effort": fields.one_of(*fields.EFFORTS),  # OpenRouter's
    "verbosity": fields.one_of("low", "medium", "high"),
}
_STRICTER = {"temperature": fields.number(0, 2), "top_p": fields.number(0, 1)}  # everywhere but at Ollama
_STRICTEST = {
    # at OpenAI
    "messages": replace(fields.ARRAY, required=True),
    "max_completion_tokens": fields.integer(1),
    "max_tokens": fields.integer(1),
    "n": fields.integer(1, 128),
    "tools": fields.ARRAY,
    "response_format.type": fields.one_of("json_object", "json_schema", "text"),
}
_MESSAGE = {
    "role": replace(fields.one_of("system", "assistant", "user", "function", "tool", "developer"), required=True)
}
_READ_AS = {"developer": "system", "function": "tool"}
_FINISH = {"stop": "stop", "stop_text": "stop", "length": "length", "tool": "tool_calls"}
_MOST_CHOICES = 16
_NO_MODEL = {
    "openai": "you must provide a model parameter",
    "openrouter": "No models provided",
    "local_gpt_oss": "model name is missing from the request",
}
_NO_MESSAGES = {
    "openrouter": 'Input required: specify "prompt" or "messages"',
    "ollama": "[] is too short - 'messages'",
    "local_gpt_oss": "'messages' is required",
}


def _read(context: Context) -> tuple[Conversation, Model]:
    body, service = context.body, context.service
    if not body.get("model"):
        raise Refused(400, _NO_MODEL.get(service, "model is required"))
    fields.check(
        body, _FIELDS | (_STRICTER if service != "ollama" else {}) | (_STRICTEST if service == "openai" else {})
    )
    model, turns = context.model(body["model"]), tuple(_turns(context))
    if model.embeds or not model.chats:
        if service == "ollama":
            raise Refused(400, f'"{model.id}" does not support chat')
        message = "This is not a chat model and thus not supported in the v1/chat/completions endpoint."
        raise Refused(404, message, param="model")
    limit = as_int(body.get("max_completion_tokens")) or as_int(body.get("max_tokens"))
    chosen, form, reasoning = (
        body.get("tool_choice"),
        as_dict(body.get("response_format")),
        as_dict(body.get("reasoning")),
    )
    switched_on = reasoning.get("enabled") is True or as_int(reasoning.get("max_tokens"))
    effort = body.get("reasoning_effort") or reasoning.get("effort") or ("medium" if switched_on else model.effort)
    conversation = Conversation(
        turns=turns,
        tools=function_tools(body.get("tools")),
        tool_choice=as_str(as_dict(as_dict(chosen).get("function")).get("name")) or as_str(chosen) or "auto",
        parallel=body.get("parallel_tool_calls") is not False,
        stop=stop_texts(body.get("stop")),
        max_tokens=min(limit, model.output) if limit and limit > 0 else model.output,
        effort=effort,
        schema=schema_of(form, as_dict(form.get("json_schema"))),
        variant=context.variant(body),
        verbosity=body.get("verbosity") or "medium",
    )
    check_images(conversation, service, model)
    if service == "openai":
        _check_openai(body, conversation, model)
    if service != "ollama":  # Ollama forgets the beginning and says nothing
        context.check_length(tokens.count_input(conversation), model)
    return conversation, model


def function_tools(tools: object) -> tuple[Tool, ...]:
    """Read tools in the form of Chat Completions, which Ollama's own API has too."""
    return tools_of([as_dict(tool.get("function")) for tool in dicts(tools)], "parameters")


def tools_of(tools: list[dict[str, Any]], schema: str) -> tuple[Tool, ...]:
    """Read tools with a name, a description, and the schema of their arguments under that name."""
    named = (one for one in tools if as_str(one.get("name")))
    return tuple(Tool(one["name"], as_str(one.get("description")), as_dict(one.get(schema))) for one in named)


def schema_of(form: dict[str, Any], holder: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema of a structured answer: an empty one for any JSON object, None for a text."""
    if form.get("type") == "json_schema":
        return as_dict(holder.get("schema"))
    return {} if form.get("type") == "json_object" else None


def check_reasoning(body: dict[str, Any], model: Model, effort: str, name: str) -> None:
    """Refuse reasoning of a model that has none, and a temperature for a model that reasons.

    Args:
        body: the request.
        model: the model.
        effort: the request's reasoning effort, or the model's default.
        name: the field of the effort.
    """
    if model.id.startswith("gpt-4") and effort != "none":
        raise fields.unsupported(name)
    if effort != "none" and body.get("temperature") not in (None, 1):
        raise fields.unsupported("temperature")


def _check_openai(body: dict[str, Any], conversation: Conversation, model: Model) -> None:
    if model.id.startswith(("gpt-5", "gpt-6", "o")) and body.get("max_tokens") is not None:
        raise fields.unsupported("max_tokens", "Use 'max_completion_tokens' instead.")
    for at, tool in enumerate(dicts(body.get("tools"))):
        fields.check_tool(as_dict(tool.get("function")), f"tools[{at}].function")
    form = as_dict(body.get("response_format"))
    fields.check_format({**as_dict(form.get("json_schema")), "type": form.get("type")}, "response_format.json_schema")
    if form.get("type") == "json_object" and not any("json" in turn.text.lower() for turn in conversation.turns):
        problem = "must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        raise Refused(400, f"'messages' {problem}", param="messages")
    unknown, waiting, at = unmatched_results(conversation.turns)
    if unknown:
        rule = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'"
        raise Refused(400, f"Invalid parameter: {rule}.", param=f"messages.[{at}].role")
    if waiting:
        rule = "must be followed by tool messages responding to each 'tool_call_id'"
        problem = f"The following tool_call_ids did not have response messages: {', '.join(waiting)}"
        message = f"An assistant message with 'tool_calls' {rule}. {problem}"
        raise Refused(400, message, param=f"messages.[{at}].role")
    check_reasoning(body, model, conversation.effort, "reasoning_effort")


def _turns(context: Context) -> Iterator[Turn]:
    service, messages = context.service, context.body.get("messages")
    if service == "openai" and not messages:
        problem = "Expected an array with minimum length 1, but got an empty array instead."
        raise Refused(400, f"Invalid 'messages': empty array. {problem}", param="messages", code="empty_array")
    if not isinstance(messages, list) or not messages:
        raise Refused(400, _NO_MESSAGES[service])
    for at, message in enumerate(messages):
        if not isinstance(message, dict):
            raise fields.wrong_type(f"messages[{at}]", "an object", message)
        fields.check(
            {f"messages[{at}]": message}, {f"messages[{at}].{name}": field for name, field in _MESSAGE.items()}
        )
        role, content = message["role"], message.get("content")
        calls_or_refuses = role == "assistant" and (message.get("tool_calls") or message.get("refusal"))
        if service == "openai" and content is None and not calls_or_refuses:
            raise fields.missing(f"messages[{at}].content")
        calls = tuple(_read_call(call) for call in dicts(message.get("tool_calls")))
        call_id, images = as_str(message.get("tool_call_id")), images_of(message, service)
        yield Turn(_READ_AS.get(str(role), str(role)), text_of(content), calls, call_id, images=images)


def _read_call(call: dict[str, Any]) -> ToolCall:
    function = as_dict(call.get("function"))
    return ToolCall(as_str(call.get("id")), as_str(function.get("name")), arguments_of(function.get("arguments")))


class _Writer:
    """Writes the choices of one answer, whole or in chunks."""

    def __init__(self, context: Context, model: Model) -> None:
        self.context, self.model, self.service = context, model, context.service
        self.openai, self.openrouter = context.service == "openai", context.service == "openrouter"

    def frame(self, kind: str, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        seed = self.context.seed
        ids = {"openrouter": self.context.generation_id, "ollama": f"chatcmpl-{seed.number('id', 1000)}"}
        answer_id = ids.get(self.service) or "chatcmpl-" + seed.letters("id", 29 if self.openai else 32)
        frame = {"id": answer_id, "object": kind, "created": seed.created, "model": self.model.served}
        if self.openrouter:
            frame["provider"] = self.model.provider
        tier = {"service_tier": "default"} if self.openai else {}
        return {**frame, "choices": choices, **more, "system_fingerprint": FINGERPRINT, **tier}

    def choice(self, at: int, finish: str | None, **content: Any) -> dict[str, Any]:
        choice = {"index": at, **content, "finish_reason": finish}
        if self.openrouter:
            choice |= {"native_finish_reason": self.model.native_finish(finish), "logprobs": None}
        return choice

    def chunk(self, at: int, delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
        return self.frame("chat.completion.chunk", [self.choice(at, finish, delta=delta)], **more)

    def message(self, reply: Reply) -> dict[str, Any]:
        empty = "" if self.service == "ollama" else None
        message: dict[str, Any] = {"role": "assistant", "content": empty if reply.calls else reply.text}
        if reply.calls:
            message["tool_calls"] = [self._call(at, call) for at, call in enumerate(reply.calls)]
        if self.openai:
            for call in message.get("tool_calls", ()):
                del call["index"]
            return message | {"refusal": None, "annotations": []}
        if self.openrouter:
            message |= {"refusal": None, "reasoning": None}
        return message | (self._thought(reply.reasoning) if reply.reasoning else {})

    def _thought(self, text: str) -> dict[str, Any]:
        if self.openrouter:
            detail = {"type": "reasoning.text", "text": text, "index": 0, "format": None}
            return {"reasoning": text, "reasoning_details": [detail]}
        return {"reasoning_content" if self.service == "local_gpt_oss" else "reasoning": text}

    def _call(self, at: int, call: ToolCall) -> dict[str, Any]:
        arguments = json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"), default=str)
        length, alphabet = (8, "0123456789abcdefghijklmnopqrstuvwxyz") if self.service == "ollama" else (24, BASE62)
        call_id = "call_" + self.context.seed.letters(f"call{at}", length, alphabet)
        function = {"name": call.name, "arguments": arguments}
        return {"index": at, "id": call_id, "type": "function", "function": function}

    def deltas(self, reply: Reply) -> list[dict[str, Any]]:
        """Return the deltas of a reply; the first one carries the role."""
        service, empty = self.service, {"content": ""} if self.service == "ollama" else {}
        deltas = [empty | self._thought(part) for part in tokens.split(reply.reasoning) if service != "openai"]
        deltas += [{"content": part} for part in tokens.split(reply.text)]
        for at, call in enumerate(reply.calls):
            deltas += self._call_deltas(self._call(at, call))
        role: dict[str, Any] = {
            "role": "assistant",
            "content": None if reply.calls or service == "local_gpt_oss" else "",
        }
        if service == "openrouter":
            return [role | {"content": None if "tool_calls" in delta else ""} | delta for delta in deltas]
        if service == "ollama":
            return [role | {"content": ""} | (deltas or [{}])[0], *deltas[1:]]
        if service == "openai":
            role["refusal"] = None
            return [role | deltas[0], *deltas[1:]] if reply.calls else [role, *deltas]
        return [role, *deltas]

    def _call_deltas(self, call: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if self.service == "ollama":  # sends every call whole
            yield {"content": "", "tool_calls": [call]}
            return
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        yield {"tool_calls": [call | {"function": {"name": name, "arguments": ""}}]}
        kind = {"type": "function"} if self.openrouter else {}
        for part in tokens.split(arguments):
            yield {"tool_calls": [{"index": call["index"], "function": {"arguments": part}, **kind}]}


def _chat(context: Context) -> TapeAnswer:
    conversation, model = _read(context)
    many = min(max(as_int(context.body.get("n")) or 1, 1), _MOST_CHOICES)
    replies = [context.compose(replace(conversation, variant=conversation.variant + at)) for at in range(many)]
    read, hidden = tokens.count_input(conversation), context.service == "openai"
    reasoned, written = (sum(getattr(reply, name) for reply in replies) for name in ("reasoning_tokens", "tokens"))
    writer, pace = _Writer(context, model), context.pace(model, replies[0].reasoning_tokens if hidden else 0)
    counted = usage(context.service, model, read, written + reasoned, reasoned)
    ends = list(enumerate(_FINISH[reply.finish] for reply in replies))
    if not context.streams:
        choices = [writer.choice(at, end, message=writer.message(replies[at])) for at, end in ends]
        tier = {"service_tier": None} if writer.openrouter else {}
        visible = max(reply.tokens + (0 if hidden else reply.reasoning_tokens) for reply in replies)
        return context.plain(
            writer.frame("chat.completion", choices, usage=counted, **tier), pace.after(visible), tokens=read
        )
    chunks = [writer.chunk(at, delta) for at, reply in enumerate(replies) for delta in writer.deltas(reply)]
    last = {"role": "assistant", "content": ""} if writer.openrouter else {}
    chunks += [writer.chunk(at, last, end) for at, end in ends]
    options, seed = as_dict(context.body.get("stream_options")), context.seed
    if writer.openrouter:
        chunks.append(writer.chunk(0, last, usage=counted))
    elif options.get("include_usage") is True:
        chunks = [chunk | {"usage": None} for chunk in chunks] if hidden else chunks
        chunks.append(writer.frame("chat.completion.chunk", [], usage=counted))
    if hidden and options.get("include_obfuscation") is not False:
        for at, chunk in enumerate(chunks):
            chunk["obfuscation"] = seed.letters(f"veil{at}", 5 + seed.number(f"veil{at}", 11))
    events: list[tuple[float, Event]] = list(zip(pace.times([1] * len(chunks)), chunks, strict=True))
    if writer.openrouter:
        events.insert(0, (round(pace.first * 0.3, 3), ": OPENROUTER PROCESSING"))
    return context.stream([*events, (events[-1][0], "data: [DONE]")], "sse", read)


ROUTES: Routes = {"/v1/chat/completions": {"POST": _chat}}
