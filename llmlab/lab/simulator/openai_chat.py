"""OpenAI's Chat Completions, whole and streamed, as OpenAI, OpenRouter, Ollama and local servers speak it.

Format: OpenAI's API reference and real traffic of the four. Left out: audio, log probabilities, web search.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from llmlab.lab.simulator import checks, tokens
from llmlab.lab.simulator.context import Context
from llmlab.lab.simulator.conversation import Conversation, Reply, Tool, ToolCall, Turn, unmatched_results
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.images import check_images, images_of
from llmlab.lab.simulator.json_access import arguments_of, as_dict, as_int, as_str, dicts, stop_texts, text_of
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.seed import BASE62
from llmlab.lab.simulator.usage import usage
from llmlab.lab.wire.messages import Event, TapeAnswer

FINGERPRINT = "fp_llmlab_simulator"
"""The `system_fingerprint` of every answer: nobody shall take it for a real one."""

_ROLES = ("system", "assistant", "user", "function", "tool", "developer")
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


def chat(context: Context) -> TapeAnswer:
    """Answer a POST to `/v1/chat/completions`."""
    conversation, model = _read(context)
    writer = _Writer(context, conversation, model)
    return writer.stream() if context.streams else writer.plain()


def _read(context: Context) -> tuple[Conversation, Model]:
    body, service = context.body, context.service
    if not body.get("model"):
        raise Refused(400, _NO_MODEL.get(service, "model is required"))
    if service != "ollama":
        checks.check_number(body, "temperature", 0, 2)
        checks.check_number(body, "top_p", 0, 1)
    if service == "openai":
        _check_openai(body)
    model = context.model(body["model"])
    if service == "openai" and model.id.startswith(("gpt-5", "gpt-6", "o")) and body.get("max_tokens") is not None:
        raise checks.unsupported("max_tokens", "Use 'max_completion_tokens' instead.")
    messages = _messages(body, service)
    if model.embeds or not model.chats:
        if service == "ollama":
            raise Refused(400, f'"{model.id}" does not support chat')
        message = "This is not a chat model and thus not supported in the v1/chat/completions endpoint."
        raise Refused(404, message, param="model")
    limit = as_int(body.get("max_completion_tokens")) or as_int(body.get("max_tokens"))
    chosen, form = body.get("tool_choice"), as_dict(body.get("response_format"))
    conversation = Conversation(
        turns=tuple(_turn(message, service) for message in messages),
        tools=function_tools(body.get("tools")),
        tool_choice=as_str(as_dict(as_dict(chosen).get("function")).get("name")) or as_str(chosen) or "auto",
        parallel=body.get("parallel_tool_calls") is not False,
        stop=stop_texts(body.get("stop")),
        max_tokens=min(limit, model.output) if limit and limit > 0 else model.output,
        effort=checks.choice(_effort(body), "reasoning_effort", checks.EFFORTS, model.effort),
        schema=schema_of(form, as_dict(form.get("json_schema"))),
        variant=context.variant(body),
        verbosity=checks.choice(body.get("verbosity"), "verbosity", ("low", "medium", "high"), "medium"),
    )
    check_images(conversation, service, model)
    if service == "openai":
        _check_results(conversation.turns)
        checks.check_reasoning(body, model, conversation.effort, "reasoning_effort")
    if service != "ollama":  # Ollama forgets the beginning and says nothing
        context.check_length(tokens.count_input(conversation), model)
    return conversation, model


def function_tools(tools: object) -> tuple[Tool, ...]:
    """Read tools in the form of Chat Completions, which Ollama's own API has too."""
    functions = [as_dict(tool.get("function")) for tool in dicts(tools)]
    return tuple(
        Tool(one["name"], as_str(one.get("description")), as_dict(one.get("parameters")))
        for one in functions
        if as_str(one.get("name"))
    )


def schema_of(form: dict[str, Any], holder: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema of a structured answer: an empty one for any JSON object, None for a text."""
    if form.get("type") == "json_schema":
        return as_dict(holder.get("schema"))
    return {} if form.get("type") == "json_object" else None


def _effort(body: dict[str, Any]) -> object:
    reasoning = as_dict(body.get("reasoning"))  # OpenRouter's
    switched_on = reasoning.get("enabled") is True or as_int(reasoning.get("max_tokens"))
    return body.get("reasoning_effort") or reasoning.get("effort") or ("medium" if switched_on else None)


def _check_openai(body: dict[str, Any]) -> None:
    for name in ("max_completion_tokens", "max_tokens"):
        checks.check_number(body, name, 1, whole=True)
    checks.check_number(body, "n", 1, 128, whole=True)
    checks.check_array(body, "tools")
    for at, tool in enumerate(dicts(body.get("tools"))):
        checks.check_tool(as_dict(tool.get("function")), f"tools[{at}].function")
    form = as_dict(body.get("response_format"))
    inner = as_dict(form.get("json_schema")) if form.get("type") == "json_schema" else {}
    checks.check_format({**form, **inner}, "response_format" + (".json_schema" if inner else ""))
    text = " ".join(text_of(message.get("content")) for message in dicts(body.get("messages")))
    if form.get("type") == "json_object" and "json" not in text.lower():
        problem = "must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        raise Refused(400, f"'messages' {problem}", param="messages")


def _messages(body: dict[str, Any], service: str) -> list[dict[str, Any]]:
    messages = body.get("messages")
    if service == "openai":
        if messages is None:
            raise checks.missing("messages")
        checks.check_array(body, "messages")
        if not messages:
            problem = "Expected an array with minimum length 1, but got an empty array instead."
            raise Refused(400, f"Invalid 'messages': empty array. {problem}", param="messages", code="empty_array")
    elif not isinstance(messages, list) or not messages:
        raise Refused(400, _NO_MESSAGES[service])
    for at, message in enumerate(messages):
        if not isinstance(message, dict):
            raise checks.wrong_type(f"messages[{at}]", "an object", message)
        if message.get("role") is None:
            raise checks.missing(f"messages[{at}].role")
        checks.choice(message["role"], f"messages[{at}].role", _ROLES, "")
        calls_or_refuses = message["role"] == "assistant" and (message.get("tool_calls") or message.get("refusal"))
        if service == "openai" and message.get("content") is None and not calls_or_refuses:
            raise checks.missing(f"messages[{at}].content")
    return messages


def _check_results(turns: tuple[Turn, ...]) -> None:
    unknown, waiting, at = unmatched_results(turns)
    if unknown:
        rule = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'"
        raise Refused(400, f"Invalid parameter: {rule}.", param=f"messages.[{at}].role")
    if waiting:
        rule = "must be followed by tool messages responding to each 'tool_call_id'"
        problem = f"The following tool_call_ids did not have response messages: {', '.join(waiting)}"
        message = f"An assistant message with 'tool_calls' {rule}. {problem}"
        raise Refused(400, message, param=f"messages.[{at}].role")


def _turn(message: dict[str, Any], service: str) -> Turn:
    role, functions = message["role"], [(one, as_dict(one.get("function"))) for one in dicts(message.get("tool_calls"))]
    calls = tuple(
        ToolCall(as_str(one.get("id")), as_str(function.get("name")), arguments_of(function.get("arguments")))
        for one, function in functions
    )
    text, call_id = text_of(message.get("content")), as_str(message.get("tool_call_id"))
    return Turn(_READ_AS.get(role, role), text, calls, call_id, images=images_of(message, service))


class _Writer:
    """Writes the choices of one answer."""

    def __init__(self, context: Context, conversation: Conversation, model: Model) -> None:
        self.context, self.model, self.service = context, model, context.service
        many = min(max(as_int(context.body.get("n")) or 1, 1), _MOST_CHOICES)
        variants = [replace(conversation, variant=conversation.variant + at) for at in range(many)]
        self.replies = [context.compose(variant) for variant in variants]
        self.prompt_tokens = tokens.count_input(conversation)
        self.pace = context.pace(model, self.replies[0].reasoning_tokens if self.service == "openai" else 0)

    def plain(self) -> TapeAnswer:
        choices = []
        for at, reply in enumerate(self.replies):
            choice: dict[str, Any] = {
                "index": at,
                "message": self._message(reply),
                "finish_reason": _FINISH[reply.finish],
            }
            choices.append(choice | self._native(choice["finish_reason"]))
        visible = [reply.tokens + (0 if self.service == "openai" else reply.reasoning_tokens) for reply in self.replies]
        body = self._frame("chat.completion") | ({"service_tier": None} if self.service == "openrouter" else {})
        body |= {"choices": choices, "usage": self._usage()}
        if self.service == "openai":  # it has these two at the end
            body |= {name: body.pop(name) for name in ("service_tier", "system_fingerprint")}
        return self.context.plain(body, self.pace.after(max(visible)), tokens=self.prompt_tokens)

    def stream(self) -> TapeAnswer:
        options = as_dict(self.context.body.get("stream_options"))
        chunks = [self._chunk(at, delta) for at, reply in enumerate(self.replies) for delta in self._deltas(reply)]
        end = {"role": "assistant", "content": ""} if self.service == "openrouter" else {}
        chunks += [self._chunk(at, end, _FINISH[reply.finish]) for at, reply in enumerate(self.replies)]
        if self.service == "openrouter":
            chunks.append(self._chunk(0, end) | {"usage": self._usage()})
        elif options.get("include_usage") is True:
            if self.service == "openai":
                chunks = [chunk | {"usage": None} for chunk in chunks]
            chunks.append(self._frame("chat.completion.chunk") | {"choices": [], "usage": self._usage()})
        if self.service == "openai" and options.get("include_obfuscation") is not False:
            seed = self.context.seed
            for at, chunk in enumerate(chunks):
                chunk["obfuscation"] = seed.letters(f"veil{at}", 5 + seed.number(f"veil{at}", 11))
        events: list[tuple[float, Event]] = list(zip(self.pace.times(chunks), chunks, strict=True))
        if self.service == "openrouter":
            events.insert(0, (round(self.pace.first * 0.3, 3), ": OPENROUTER PROCESSING"))
        return self.context.stream([*events, (events[-1][0], "data: [DONE]")], "sse", self.prompt_tokens)

    def _frame(self, kind: str) -> dict[str, Any]:
        seed = self.context.seed
        ids = {"openrouter": self.context.generation_id, "ollama": f"chatcmpl-{seed.number('id', 1000)}"}
        answer_id = ids.get(self.service) or "chatcmpl-" + seed.letters("id", 29 if self.service == "openai" else 32)
        frame = {"id": answer_id, "object": kind, "created": seed.created, "model": self.model.served}
        if self.service == "openrouter":
            frame["provider"] = self.model.provider
        frame["system_fingerprint"] = FINGERPRINT
        return frame | ({"service_tier": "default"} if self.service == "openai" else {})

    def _native(self, finish: str | None) -> dict[str, Any]:
        if self.service != "openrouter":
            return {}
        return {"native_finish_reason": self.model.native_finish(finish), "logprobs": None}

    def _usage(self) -> dict[str, Any]:
        reasoned = sum(reply.reasoning_tokens for reply in self.replies)
        written = sum(reply.tokens for reply in self.replies) + reasoned
        return usage(self.context, self.model, self.prompt_tokens, written, reasoned)

    def _chunk(self, at: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": at, "delta": delta, "finish_reason": finish} | self._native(finish)
        return self._frame("chat.completion.chunk") | {"choices": [choice]}

    def _message(self, reply: Reply) -> dict[str, Any]:
        empty = "" if self.service == "ollama" else None
        message: dict[str, Any] = {"role": "assistant", "content": empty if reply.calls else reply.text}
        if reply.calls:
            message["tool_calls"] = [self._call(at, call) for at, call in enumerate(reply.calls)]
        if self.service == "openai":
            for call in message.get("tool_calls", ()):
                del call["index"]
            return message | {"refusal": None, "annotations": []}
        if self.service == "openrouter":
            message |= {"refusal": None, "reasoning": None}
        return message | (self._thought(reply.reasoning) if reply.reasoning else {})

    def _thought(self, text: str) -> dict[str, Any]:
        if self.service == "openrouter":
            detail = {"type": "reasoning.text", "text": text, "index": 0, "format": None}
            return {"reasoning": text, "reasoning_details": [detail]}
        return {"reasoning_content" if self.service == "local_gpt_oss" else "reasoning": text}

    def _call(self, at: int, call: ToolCall) -> dict[str, Any]:
        arguments = json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"), default=str)
        length, alphabet = (8, "0123456789abcdefghijklmnopqrstuvwxyz") if self.service == "ollama" else (24, BASE62)
        call_id = "call_" + self.context.seed.letters(f"call{at}", length, alphabet)
        function = {"name": call.name, "arguments": arguments}
        return {"index": at, "id": call_id, "type": "function", "function": function}

    def _deltas(self, reply: Reply) -> list[dict[str, Any]]:
        """Return the deltas of a reply; the first one carries the role."""
        service = self.service
        empty = {"content": ""} if service == "ollama" else {}
        deltas = [empty | self._thought(piece) for piece in tokens.split(reply.reasoning) if service != "openai"]
        deltas += [{"content": piece} for piece in tokens.split(reply.text)]
        for at, call in enumerate(reply.calls):
            deltas += self._call_deltas(self._call(at, call))
        if service == "openrouter":
            return [{"role": "assistant", "content": None if "tool_calls" in delta else ""} | delta for delta in deltas]
        if service == "local_gpt_oss":
            return [{"role": "assistant", "content": None}, *deltas]
        if service == "ollama":
            return [{"role": "assistant", "content": ""} | (deltas or [{}])[0], *deltas[1:]]
        first: dict[str, Any] = {"role": "assistant", "content": None if reply.calls else "", "refusal": None}
        return [first | deltas[0], *deltas[1:]] if reply.calls else [first, *deltas]

    def _call_deltas(self, call: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if self.service == "ollama":  # sends every call whole
            yield {"content": "", "tool_calls": [call]}
            return
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        yield {"tool_calls": [call | {"function": {"name": name, "arguments": ""}}]}
        kind = {"type": "function"} if self.service == "openrouter" else {}
        for piece in tokens.split(arguments):
            yield {"tool_calls": [{"index": call["index"], "function": {"arguments": piece}, **kind}]}
