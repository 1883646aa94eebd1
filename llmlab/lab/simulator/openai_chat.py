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
from llmlab.lab.simulator.conversation import Conversation, Reply, ToolCall, Turn, unmatched_results
from llmlab.lab.simulator.errors import Refused, refusal
from llmlab.lab.simulator.images import check_images, images_of
from llmlab.lab.simulator.json_access import (
    arguments_of,
    as_dict,
    as_int,
    as_str,
    dicts,
    function_tools,
    schema_of,
    stop_texts,
    template,
    text_of,
)
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.seed import BASE62
from llmlab.lab.wire.messages import TapeAnswer

FINGERPRINT: Final = "fp_llmlab_simulator"
"""The `system_fingerprint` of every answer: nobody shall take it for a real one."""

_OLLAMA: fields.Fields = {
    "reasoning_effort": fields.one_of(*fields.EFFORTS),
    "reasoning.effort": fields.one_of(*fields.EFFORTS),  # OpenRouter's
    "verbosity": fields.one_of("low", "medium", "high"),
}
_LOCAL = {**_OLLAMA, "temperature": fields.number(0, 2), "top_p": fields.number(0, 1)}
_OPENAI = {
    **_LOCAL,
    "messages": replace(fields.ARRAY, required=True),
    "max_completion_tokens": fields.integer(1),
    "max_tokens": fields.integer(1),
    "n": fields.integer(1, 128),
    "tools": fields.ARRAY,
    "response_format.type": fields.one_of("json_object", "json_schema", "text"),
}
_FIELDS = {"openai": _OPENAI, "openrouter": _LOCAL, "ollama": _OLLAMA, "local_gpt_oss": _LOCAL}
_ROLE = fields.Field(words=("system", "assistant", "user", "function", "tool", "developer"), required=True)
_READ_AS = {"developer": "system", "function": "tool"}
_FINISH = {"stop": "stop", "stop_text": "stop", "length": "length", "tool": "tool_calls"}
_MOST_CHOICES = 16


def _read(context: Context) -> tuple[Conversation, Model]:
    body, service = context.body, context.service
    if not body.get("model"):
        raise refusal("no model", service, context.path)
    fields.check(body, _FIELDS[service])
    model, turns = context.model(body["model"]), tuple(_turns(context))
    if model.embeds or not model.chats:
        if service == "ollama":
            raise Refused(400, f'"{model.id}" does not support chat')
        message = "This is not a chat model and thus not supported in the v1/chat/completions endpoint."
        raise Refused(404, message, param="model")
    limit = as_int(body.get("max_completion_tokens")) or as_int(body.get("max_tokens"))
    chosen, form = body.get("tool_choice"), as_dict(body.get("response_format"))
    reasoning = as_dict(body.get("reasoning"))
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
    fields.check_reasoning(body, model.id, conversation.effort, "reasoning_effort")


def _turns(context: Context) -> Iterator[Turn]:
    service, messages = context.service, context.body.get("messages")
    if service == "openai" and not messages:
        problem = "Expected an array with minimum length 1, but got an empty array instead."
        raise Refused(400, f"Invalid 'messages': empty array. {problem}", param="messages", code="empty_array")
    if not isinstance(messages, list) or not messages:
        raise refusal("no messages", service, context.path)
    for at, message in enumerate(messages):
        if not isinstance(message, dict):
            raise fields.wrong_type(f"messages[{at}]", "an object", message)
        fields.check({f"messages[{at}]": message}, {f"messages[{at}].role": _ROLE})
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


def usage(service: str, model: Model, read: int, written: int, reasoned: int = 0) -> dict[str, Any]:
    """Write the usage of an answer; only OpenAI and OpenRouter tell details, and only OpenRouter the cost in USD.

    Args:
        service: who answers.
        model: the model that answered.
        read: tokens of the request.
        written: tokens of the answer, reasoning included.
        reasoned: tokens of the reasoning.
    """
    counted: dict[str, Any] = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    if service not in ("openai", "openrouter"):
        return counted
    counted = template(f"{service} usage", **counted)
    counted["completion_tokens_details"] = counted["completion_tokens_details"] | {"reasoning_tokens": reasoned}
    if service == "openrouter":
        paid = ((read, model.prompt_price), (written, model.completion_price))
        prompt, completion = (round(count * price / 1e6, 10) for count, price in paid)
        counted["cost"] = round(prompt + completion, 10)
        costs = {"": counted["cost"], "prompt_": prompt, "completions_": completion}
        counted["cost_details"] = {f"upstream_inference_{part}cost": cost for part, cost in costs.items()}
    return counted


class _Writer:
    """Writes the replies to one request, whole or in chunks."""

    def __init__(self, context: Context, model: Model, replies: list[Reply], read: int) -> None:
        self.context, self.model, self.service, self.replies = context, model, context.service, replies
        reasoned = sum(reply.reasoning_tokens for reply in replies)
        self.usage = usage(self.service, model, read, sum(reply.tokens for reply in replies) + reasoned, reasoned)

    def whole(self) -> dict[str, Any]:
        """Return the whole answer."""
        choices = [
            self._choice(at, reply.finish, message=self._message(reply)) for at, reply in enumerate(self.replies)
        ]
        tier = {"service_tier": None} if self.service == "openrouter" else {}
        return self._frame("chat.completion", choices, usage=self.usage, **tier)

    def chunks(self) -> list[dict[str, Any]]:
        """Return the same answer in chunks."""
        service, options, seed = self.service, as_dict(self.context.body.get("stream_options")), self.context.seed
        chunks = [self._chunk(at, delta) for at, reply in enumerate(self.replies) for delta in self._deltas(reply)]
        last = {"role": "assistant", "content": ""} if service == "openrouter" else {}
        chunks += [self._chunk(at, last, reply.finish) for at, reply in enumerate(self.replies)]
        if service == "openrouter":
            chunks.append(self._chunk(0, last, usage=self.usage))
        elif options.get("include_usage") is True:
            chunks = [chunk | {"usage": None} for chunk in chunks] if service == "openai" else chunks
            chunks.append(self._frame("chat.completion.chunk", [], usage=self.usage))
        if service == "openai" and options.get("include_obfuscation") is not False:
            for at, chunk in enumerate(chunks):
                chunk["obfuscation"] = seed.letters(f"veil{at}", 5 + seed.number(f"veil{at}", 11))
        return chunks

    def _frame(self, kind: str, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        seed = self.context.seed
        ids = {"openrouter": self.context.generation_id, "ollama": f"chatcmpl-{seed.number('id', 1000)}"}
        answer_id = ids.get(self.service) or "chatcmpl-" + seed.letters("id", 29 if self.service == "openai" else 32)
        frame = {"id": answer_id, "object": kind, "created": seed.created, "model": self.model.served}
        provider = {"provider": self.model.provider} if self.service == "openrouter" else {}
        tier = {"service_tier": "default"} if self.service == "openai" else {}
        return {**frame, **provider, "choices": choices, **more, "system_fingerprint": FINGERPRINT, **tier}

    def _choice(self, at: int, finish: str, **content: Any) -> dict[str, Any]:
        end = _FINISH.get(finish)
        native = {"native_finish_reason": self.model.native_finish(end), "logprobs": None}
        return {"index": at, **content, "finish_reason": end, **(native if self.service == "openrouter" else {})}

    def _chunk(self, at: int, delta: dict[str, Any], finish: str = "", **more: Any) -> dict[str, Any]:
        return self._frame("chat.completion.chunk", [self._choice(at, finish, delta=delta)], **more)

    def _message(self, reply: Reply) -> dict[str, Any]:
        empty = "" if self.service == "ollama" else None
        message: dict[str, Any] = {"role": "assistant", "content": empty if reply.calls else reply.text}
        calls = [self._call(at, call) for at, call in enumerate(reply.calls)]
        if self.service == "openai":
            message |= {"refusal": None, "annotations": []}
            calls = [{name: value for name, value in call.items() if name != "index"} for call in calls]
        elif self.service == "openrouter":
            message |= {"refusal": None, "reasoning": None}
        if reply.reasoning and self.service != "openai":
            message |= self._thought(reply.reasoning)
        return message | ({"tool_calls": calls} if calls else {})

    def _thought(self, text: str) -> dict[str, Any]:
        if self.service == "openrouter":
            detail = {"type": "reasoning.text", "text": text, "index": 0, "format": None}
            return {"reasoning": text, "reasoning_details": [detail]}
        return {"reasoning_content" if self.service == "local_gpt_oss" else "reasoning": text}

    def _call(self, at: int, call: ToolCall) -> dict[str, Any]:
        arguments = json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"), default=str)
        length, alphabet = (8, "0123456789abcdefghijklmnopqrstuvwxyz") if self.service == "ollama" else (24, BASE62)
        call_id = "call_" + self.context.seed.letters(f"call{at}", length, alphabet)
        return {"index": at, "id": call_id, "type": "function", "function": {"name": call.name, "arguments": arguments}}

    def _deltas(self, reply: Reply) -> list[dict[str, Any]]:
        """Return the deltas of a reply; the first one carries the role."""
        service, empty = self.service, {"content": ""} if self.service == "ollama" else {}
        deltas = [empty | self._thought(part) for part in tokens.split(reply.reasoning) if service != "openai"]
        deltas += [{"content": part} for part in tokens.split(reply.text)]
        deltas += [delta for at, call in enumerate(reply.calls) for delta in self._call_deltas(self._call(at, call))]
        role: dict[str, Any] = {"role": "assistant", "content": ""}
        if service == "openrouter":
            return [role | {"content": None if "tool_calls" in delta else ""} | delta for delta in deltas]
        if service == "ollama":
            return [role | (deltas or [{}])[0], *deltas[1:]]
        if reply.calls or service == "local_gpt_oss":
            role["content"] = None
        if service == "openai":
            role["refusal"] = None
        return [role | deltas[0], *deltas[1:]] if service == "openai" and reply.calls else [role, *deltas]

    def _call_deltas(self, call: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if self.service == "ollama":  # sends every call whole
            yield {"content": "", "tool_calls": [call]}
            return
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        yield {"tool_calls": [call | {"function": {"name": name, "arguments": ""}}]}
        kind = {"type": "function"} if self.service == "openrouter" else {}
        for part in tokens.split(arguments):
            yield {"tool_calls": [{"index": call["index"], "function": {"arguments": part}, **kind}]}


def _chat(context: Context) -> TapeAnswer:
    conversation, model = _read(context)
    many = min(max(as_int(context.body.get("n")) or 1, 1), _MOST_CHOICES)
    replies = [context.compose(replace(conversation, variant=conversation.variant + at)) for at in range(many)]
    hides, read = context.service == "openai", tokens.count_input(conversation)  # OpenAI shows no reasoning
    writer, pace = _Writer(context, model, replies, read), context.pace(model, replies[0].reasoning_tokens * hides)
    visible = max(reply.tokens + reply.reasoning_tokens * (not hides) for reply in replies)
    opening = [": OPENROUTER PROCESSING"] if context.service == "openrouter" else []
    chunks = (chunk for chunk in writer.chunks())
    return context.deliver(writer.whole(), chunks, pace, visible, read=read, opening=opening, end=["data: [DONE]"])


ROUTES: Routes = {"/v1/chat/completions": {"POST": _chat}}
