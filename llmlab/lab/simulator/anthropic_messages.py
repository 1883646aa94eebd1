"""Anthropic's Messages API: reads a request, writes the answer whole or streamed, and counts tokens.

Format: Anthropic's API reference and real traffic. Left out: server tools, citations, caching, documents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from llmlab.lab.simulator import fields, tokens
from llmlab.lab.simulator.context import Context, Routes
from llmlab.lab.simulator.conversation import Conversation, Reply, Tool, ToolCall, Turn, unmatched_results
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.images import images_of
from llmlab.lab.simulator.json_access import as_dict, as_int, as_str, dicts, stop_texts, template, text_of
from llmlab.lab.simulator.models import Model
from llmlab.lab.wire.messages import Event, TapeAnswer

_FIELDS = {
    "model": fields.NEEDED,
    "messages": fields.Field("an array", required=True),
    "temperature": fields.number(0, 1),
    "top_p": fields.number(0, 1),
    "output_config.effort": fields.one_of("low", "medium", "high", "xhigh", "max"),
}
_MAX_TOKENS = {"max_tokens": fields.Field("an integer", 1, required=True)}
_FINISH = {"stop": "end_turn", "stop_text": "stop_sequence", "length": "max_tokens", "tool": "tool_use"}
_CHOICES = {"any": "required", "none": "none"}
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_TOOLS_COST = 346  # tokens of the hidden system prompt of tools
_DOCS = "Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
_NO_SYSTEM = 'The Messages API accepts a top-level `system` parameter, not "system" as an input message role.'
_EMPTY = "all messages must have non-empty content except for the optional final assistant message"


def _create(context: Context) -> TapeAnswer:
    conversation, model, thinking = _read(context, counts=False)
    reply, read = context.compose(conversation), _count_input(conversation)
    written = reply.tokens + reply.reasoning_tokens
    pace = context.pace(model, 0 if thinking == "shown" else reply.reasoning_tokens)
    message = _message(context, model, reply, thinking, read)
    return context.deliver(message, _events(message), pace, written, read=read, framing="named_sse", sizes=_size)


def _size(event: Event) -> int:
    """Count the tokens of a delta; everything before the first delta comes at once."""
    delta = as_dict(as_dict(event).get("delta"))
    return tokens.count(delta.get("text") or delta.get("thinking") or delta.get("partial_json") or "")


def _count_tokens(context: Context) -> dict[str, Any]:
    return {"input_tokens": _count_input(_read(context, counts=True)[0])}


def _count_input(conversation: Conversation) -> int:
    return tokens.count_input(conversation) + (_TOOLS_COST if conversation.tools else 0)


def _read(context: Context, *, counts: bool) -> tuple[Conversation, Model, str]:
    """Read a request, whether it counts tokens or wants a message.

    Returns:
        The conversation, the model, and its thinking: none (empty), "hidden" or "shown".
    """
    body = context.body
    if "anthropic-version" not in context.headers:
        raise Refused(400, "anthropic-version: header is required")
    fields.check(body, _FIELDS | ({} if counts else _MAX_TOKENS), fields.anthropic_words)
    turns = _turns(body["messages"])
    model, limit = context.model(body["model"]), None if counts else int(body["max_tokens"])
    if limit and limit > model.output:
        problem = f"which is the maximum allowed number of output tokens for {model.id}"
        raise Refused(400, f"max_tokens: {limit} > {model.output}, {problem}")
    thinking, system = _thinking(body, model, limit), text_of(body.get("system"))
    chosen, config = as_dict(body.get("tool_choice")), as_dict(body.get("output_config"))
    form = as_dict(config.get("format")) or as_dict(body.get("output_format"))
    named = as_str(chosen.get("name")) if chosen.get("type") == "tool" else "auto"
    conversation = Conversation(
        turns=((Turn("system", system),) if system else ()) + turns,
        tools=tuple(_tools(body)),
        tool_choice=_CHOICES.get(as_str(chosen.get("type")), named),
        parallel=chosen.get("disable_parallel_tool_use") is not True,
        stop=stop_texts(body.get("stop_sequences")),
        max_tokens=limit,
        effort=config.get("effort") or "low" if thinking else "none",
        schema=as_dict(form.get("schema")) if form.get("type") == "json_schema" else None,
        variant=context.variant(body),
    )
    context.check_length(tokens.count_input(conversation), model)
    return conversation, model, thinking


def _thinking(body: dict[str, Any], model: Model, limit: int | None) -> str:
    """Tell whether the model thinks and shows it, and check the conditions of thinking."""
    thinking = as_dict(body.get("thinking"))
    kind, budget = thinking.get("type", "disabled"), as_int(thinking.get("budget_tokens"))
    # Early models take a budget for their thoughts; later ones think as much as they need.
    by_budget = "-4-5" in model.id or "-4-6" in model.id
    if kind == "disabled":
        return ""
    if kind not in ("enabled", "adaptive"):
        problem = f"thinking: Input tag '{kind}' found using 'type' does not match any of the expected tags"
    elif kind == "enabled" and budget is None:
        problem = "thinking.enabled.budget_tokens: Field required"
    elif kind == "enabled" and (budget or 0) < 1024:
        problem = "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
    elif kind == "enabled" and limit is not None and limit <= (budget or 0):
        problem = f"`max_tokens` must be greater than `thinking.budget_tokens`. {_DOCS}"
    elif kind == "adaptive" and "-4-5" in model.id:
        problem = "adaptive thinking is not supported on this model"
    elif kind == "enabled" and not by_budget:
        hint = 'Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
        problem = f'"thinking.type.enabled" is not supported for this model. {hint}'
    elif body.get("temperature") not in (None, 1):
        problem = f"`temperature` may only be set to 1 when thinking is enabled. {_DOCS}"
    elif as_dict(body.get("tool_choice")).get("type") in ("any", "tool"):
        problem = "Thinking may not be enabled when tool_choice forces tool use."
    else:
        display = thinking.get("display", "summarized" if by_budget else "omitted")
        return "shown" if display == "summarized" else "hidden"
    raise Refused(400, problem)


def _turns(messages: list[Any]) -> tuple[Turn, ...]:
    if not messages:
        raise Refused(400, "messages: at least one message is required")
    for at, message in enumerate(messages):
        if not isinstance(message, dict):
            raise Refused(400, f"messages.{at}: Input should be a valid dictionary or object to extract fields from")
        role, content = message.get("role"), message.get("content")
        if role == "system":
            raise Refused(400, f'messages: Unexpected role "system". {_NO_SYSTEM}')
        if not content and content is not None and not (role == "assistant" and at == len(messages) - 1):
            raise Refused(400, f"messages.{at}: {_EMPTY}")
        if role not in ("user", "assistant"):
            raise Refused(400, f"messages.{at}.role: Input should be 'user' or 'assistant'")
        if not isinstance(content, (str, list)):
            problem = "Field required" if content is None else "Input should be a valid string or a valid list"
            raise Refused(400, f"messages.{at}.content: {problem}")
    turns = tuple(turn for message in messages for turn in _turns_of(message))
    unknown, waiting, _ = unmatched_results(turns)
    if unknown:
        rule = "Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
        problem = f"unexpected `tool_use_id` found in `tool_result` blocks: {unknown[0]}"
    elif waiting:
        rule = "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
        problem = f"`tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(waiting)}"
    else:
        return turns
    raise Refused(400, f"messages: {problem}. {rule}")


def _turns_of(message: dict[str, Any]) -> Iterator[Turn]:
    """Yield the tool results of a message, a turn each, then the rest of it."""
    if isinstance(message["content"], str):
        yield Turn(message["role"], message["content"])
        return
    calls, rest = [], []
    for block in dicts(message["content"]):
        if block.get("type") == "tool_result":
            text, failed = text_of(block.get("content")), block.get("is_error") is True
            yield Turn("tool", text, call_id=as_str(block.get("tool_use_id")), failed=failed)
        elif block.get("type") == "tool_use":
            calls.append(ToolCall(as_str(block.get("id")), as_str(block.get("name")), as_dict(block.get("input"))))
        else:
            rest.append(block)
    if calls or rest:
        yield Turn(message["role"], text_of(rest), tuple(calls), images=images_of({"content": rest}, "anthropic"))


def _tools(body: dict[str, Any]) -> Iterator[Tool]:
    for at, tool in enumerate(dicts(body.get("tools"))):
        name = as_str(tool.get("name"))
        if not _TOOL_NAME.fullmatch(name):
            raise Refused(400, f"tools.{at}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        if tool.get("type", "custom") == "custom":  # else a tool of the service, such as web search
            if "input_schema" not in tool:
                raise Refused(400, f"tools.{at}.custom.input_schema: Field required")
            yield Tool(name, as_str(tool.get("description")), as_dict(tool.get("input_schema")))


def _message(context: Context, model: Model, reply: Reply, thinking: str, read: int) -> dict[str, Any]:
    seed, content = context.seed, list[dict[str, Any]]()
    if thinking and reply.reasoning:
        thought = reply.reasoning if thinking == "shown" else ""
        content.append({"type": "thinking", "thinking": thought, "signature": seed.letters("signature", 200)})
    for at, call in enumerate(reply.calls):
        block = {"type": "tool_use", "id": "toolu_01" + seed.letters(f"call{at}", 22), "name": call.name}
        content.append(block | {"input": call.arguments, "caller": {"type": "direct"}})
    if reply.text:
        content.append({"type": "text", "text": reply.text})
    usage = template("message usage", input_tokens=read, output_tokens=max(1, reply.tokens + reply.reasoning_tokens))
    if thinking:
        usage["output_tokens_details"] = {"thinking_tokens": reply.reasoning_tokens}
    return template(
        "message",
        model=model.served,
        id="msg_011C" + seed.letters("msg", 20),
        content=content,
        stop_reason=_FINISH[reply.finish],
        stop_sequence=reply.stopped_at,
        usage=usage,
    )


def _events(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Take a whole message apart into the events that build it."""
    usage, ending = message["usage"], {name: message[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    begun = message | dict.fromkeys(ending) | {"content": [], "usage": usage | {"output_tokens": 1}}
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(message["content"]):
        empty, deltas = _spelled(block)
        yield {"type": "content_block_start", "index": index, "content_block": block | empty}
        if index == 0:
            yield {"type": "ping"}
        yield from ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        yield {"type": "content_block_stop", "index": index}
    if not message["content"]:
        yield {"type": "ping"}
    left_out = ("cache_creation", "service_tier", "inference_geo")
    counted = {name: value for name, value in usage.items() if name not in left_out}
    yield {"type": "message_delta", "delta": ending, "usage": counted}
    yield {"type": "message_stop"}


def _spelled(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the empty fields with which a block starts, and the deltas that fill them."""
    if block["type"] == "tool_use":
        text = json.dumps(block["input"], ensure_ascii=False, default=str) if block["input"] else ""
        return {"input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in ("", *_grouped(text))]
    if block["type"] == "thinking":
        # A hidden thought has only its signature.
        deltas = [{"type": "thinking_delta", "thinking": part} for part in _grouped(block["thinking"])]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
        return {"thinking": "", "signature": ""}, deltas
    return {"text": ""}, [{"type": "text_delta", "text": part} for part in _grouped(block["text"])]


def _grouped(text: str) -> list[str]:
    """Split a text as the service does: one piece alone, then three together."""
    parts = tokens.split(text)
    return parts[:1] + ["".join(parts[at : at + 3]) for at in range(1, len(parts), 3)]


ROUTES: Routes = {"/v1/messages": {"POST": _create}, "/v1/messages/count_tokens": {"POST": _count_tokens}}
