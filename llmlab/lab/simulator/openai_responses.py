"""OpenAI's Responses API: reads a request, and writes the response, whole or as its sequence of events.

Format: OpenAI's API reference and real traffic. Left out: built-in tools other than file search, background mode,
documents in a message (they count as nothing).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from llmlab.lab.simulator import checks, tokens
from llmlab.lab.simulator.context import Context
from llmlab.lab.simulator.conversation import Conversation, Passage, Reply, Tool, ToolCall, Turn
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.images import images_of
from llmlab.lab.simulator.json_access import arguments_of, as_dict, as_int, as_list, as_str, dicts, stop_texts, text_of
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.openai_chat import schema_of
from llmlab.lab.simulator.openai_responses_stream import events_of
from llmlab.lab.simulator.seed import HEX
from llmlab.lab.simulator.vector_stores import find_store, search_result, search_stores
from llmlab.lab.wire.messages import TapeAnswer

_ROLES = ("assistant", "system", "developer", "user")
_NO_INPUT = "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided."


def create(context: Context) -> TapeAnswer:
    """Answer a POST to `/v1/responses`."""
    conversation, model = _read(context)
    reply, read = context.compose(conversation), tokens.count_input(conversation)
    pace = context.pace(model, reply.reasoning_tokens)
    seconds = pace.after(reply.tokens)
    answer = _answer(context, conversation, model, reply, read, seconds)
    if context.body.get("store") is not False:
        context.state.remember(answer, _history(conversation, reply, answer["output"]))
    if not context.streams:
        return context.plain(answer, seconds, tokens=read)
    return context.stream(events_of(answer, pace, context.seed), "named_sse", read)


def retrieve(context: Context) -> TapeAnswer:
    """Answer GET `/v1/responses/{id}`."""
    return context.plain(_stored(context), 0.1)


def delete(context: Context) -> TapeAnswer:
    """Answer DELETE `/v1/responses/{id}`."""
    response_id = _stored(context)["id"]
    del context.state.responses[response_id]
    return context.plain({"id": response_id, "object": "response", "deleted": True})


def count_tokens(context: Context) -> TapeAnswer:
    """Answer a POST to `/v1/responses/input_tokens`."""
    conversation, _ = _read(context)
    return context.plain({"object": "response.input_tokens", "input_tokens": tokens.count_input(conversation)})


def _stored(context: Context) -> dict[str, Any]:
    return context.stored(context.state.responses, context.ids[0], "Response with id '{}' not found.")[0]


def _read(context: Context) -> tuple[Conversation, Model]:
    body = context.body
    history = _check(context)
    model = context.model(body["model"])
    if model.embeds or not model.chats:
        message = f"The requested model '{model.id}' cannot be used with the Responses API."
        raise Refused(400, message, param="model", code="unsupported_model")
    turns = (*history, *_turns(body.get("input")))
    _check_results(turns)
    instructions, limit = as_str(body.get("instructions")), as_int(body.get("max_output_tokens"))
    chosen, text = body.get("tool_choice"), as_dict(body.get("text"))
    effort = as_dict(body.get("reasoning")).get("effort")
    conversation = Conversation(
        turns=((Turn("system", instructions),) if instructions else ()) + turns,
        tools=tuple(
            Tool(one["name"], as_str(one.get("description")), as_dict(one.get("parameters")))
            for one in dicts(body.get("tools"))
            if one.get("type") == "function" and as_str(one.get("name"))
        ),
        tool_choice=as_str(as_dict(chosen).get("name")) or as_str(chosen) or "auto",
        parallel=body.get("parallel_tool_calls") is not False,
        stop=stop_texts(body.get("stop")),
        max_tokens=min(limit, model.output) if limit else model.output,
        effort=checks.choice(effort, "reasoning.effort", checks.EFFORTS, model.effort),
        schema=schema_of(as_dict(text.get("format")), as_dict(text.get("format"))),
        variant=context.variant(body),
        verbosity=checks.choice(text.get("verbosity"), "text.verbosity", ("low", "medium", "high"), "medium"),
    )
    checks.check_reasoning(body, model, conversation.effort, "reasoning.effort")
    context.check_length(tokens.count_input(conversation), model)
    return replace(conversation, passages=_search(context, conversation)), model


def _check(context: Context) -> tuple[Turn, ...]:
    """Check the fields of a request, and return the turns of the previous response."""
    body = context.body
    if not body.get("model"):
        raise checks.missing("model")
    previous, given = body.get("previous_response_id"), body.get("input")
    if given is None and previous is None:
        raise Refused(400, _NO_INPUT, param="input", code="missing_required_parameter")
    if given is not None and not isinstance(given, (str, list)):
        raise checks.wrong_type("input", "one of a string or array of objects", given)
    checks.check_number(body, "temperature", 0, 2)
    checks.check_number(body, "top_p", 0, 1)
    checks.check_number(body, "max_output_tokens", 16, whole=True)
    checks.check_array(body, "tools")
    checks.check_format(as_dict(as_dict(body.get("text")).get("format")), "text.format")
    for at, tool in enumerate(dicts(body.get("tools"))):
        checks.check_tool(tool, f"tools[{at}]")
    summary = as_dict(body.get("reasoning")).get("summary")
    checks.choice(summary, "reasoning.summary", ("auto", "concise", "detailed"), "")
    stored = context.state.responses.get(previous) if isinstance(previous, str) else None
    if previous is not None and stored is None:
        message = f"Previous response with id '{previous}' not found."
        raise Refused(400, message, param="previous_response_id", code="previous_response_not_found")
    return stored[1] if stored else ()


def _turns(given: object) -> tuple[Turn, ...]:
    if isinstance(given, str):
        return (Turn("user", given),)
    turns = []
    for at, item in enumerate(as_list(given)):
        if not isinstance(item, dict):
            raise checks.wrong_type(f"input[{at}]", "an input item", item)
        kind, call_id = item.get("type", "message"), as_str(item.get("call_id"))
        if kind == "function_call":
            call = ToolCall(call_id, as_str(item.get("name")), arguments_of(item.get("arguments")))
            turns.append(Turn("assistant", calls=(call,)))
        elif kind == "function_call_output":
            turns.append(Turn("tool", text_of(item.get("output")), call_id=call_id))
        elif kind == "message":
            role = checks.choice(item.get("role") or "", f"input[{at}].role", _ROLES, "")
            role = "system" if role == "developer" else role
            turns.append(Turn(role, text_of(item.get("content")), images=images_of(item, "openai")))
    return tuple(turns)


def _check_results(turns: tuple[Turn, ...]) -> None:
    called = {call.id for turn in turns for call in turn.calls}
    answered = {turn.call_id for turn in turns if turn.role == "tool"}
    if unknown := sorted(answered - called):
        message = f"No tool call found for function call output with call_id {unknown[0]}."
        raise Refused(400, message, param="input")
    if waiting := sorted(called - answered):
        raise Refused(400, f"No tool output found for function call {waiting[0]}.", param="input")


def _search(context: Context, conversation: Conversation) -> tuple[Passage, ...] | None:
    """Search the vector stores of the request with the user's prompt."""
    searches = [tool for tool in dicts(context.body.get("tools")) if tool.get("type") == "file_search"]
    if not searches or conversation.tool_choice == "none" or not conversation.prompt.strip():
        return None
    found: list[Passage] = []
    for tool in searches:
        if not as_list(tool.get("vector_store_ids")):
            raise checks.missing("tools[].vector_store_ids")
        stores = [find_store(context, one) for one in tool["vector_store_ids"]]
        found += search_stores(context.state, stores, conversation.prompt, tool, 20)
    return tuple(found)


def _history(conversation: Conversation, reply: Reply, output: list[dict[str, Any]]) -> tuple[Turn, ...]:
    """Return the turns up to the end of a response; instructions do not carry over to the next one."""
    calls = tuple(
        ToolCall(item["call_id"], item["name"], arguments_of(item["arguments"])) for item in output if "call_id" in item
    )
    turns = tuple(turn for turn in conversation.turns if turn.role != "system")
    return (*turns, Turn("assistant", reply.text, calls))


def _answer(
    context: Context, conversation: Conversation, model: Model, reply: Reply, read: int, seconds: float
) -> dict[str, Any]:
    body, created, written = context.body, context.seed.created, reply.tokens + reply.reasoning_tokens
    cut = reply.finish == "length"
    empty_usage = {"input_tokens": 0, "input_tokens_details": {"image_tokens": 0, "text_tokens": 0}}
    empty_usage |= {"output_tokens": 0, "output_tokens_details": {"image_tokens": 0, "text_tokens": 0}}
    metadata = {str(key): str(value) for key, value in as_dict(body.get("metadata")).items()}
    fields = _settings(body, conversation) | {
        "billing": {"payer": "developer"},
        "completed_at": None if cut else created + max(1, round(seconds)),
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "model": model.served,
        "output": _output(context, conversation, reply),
        "tool_usage": {"image_gen": {**empty_usage, "total_tokens": 0}, "web_search": {"num_requests": 0}},
        "usage": {
            "input_tokens": read,
            "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
            "total_tokens": read + written,
        },
    }
    # The real service has the same order.
    return {
        "id": "resp_0" + context.seed.letters("resp", 47, HEX),
        "object": "response",
        "created_at": created,
        "status": "incomplete" if cut else "completed",
        **dict(sorted(fields.items())),
        "user": as_str(body.get("user")) or None,
        "metadata": {**metadata, "llmlab": "simulated"},
    }


def _settings(body: dict[str, Any], conversation: Conversation) -> dict[str, Any]:
    """Return the request's settings as the response repeats them."""
    form, chosen = as_dict(as_dict(body.get("text")).get("format")), body.get("tool_choice")
    written: dict[str, Any] = {"type": form.get("type") or "text"}
    if written["type"] == "json_schema":
        written |= {"description": None, "name": form["name"], "schema": form["schema"]}
        written["strict"] = form.get("strict") is not False
    if tool := as_str(as_dict(chosen).get("name")):
        chosen = {"type": "function", "name": tool}
    elif chosen not in ("none", "required"):
        chosen = "auto"
    summary = "detailed" if as_dict(body.get("reasoning")).get("summary") else None
    texts = ("instructions", "prompt_cache_key", "safety_identifier")
    return {
        **{name: as_str(body.get(name)) or None for name in texts},
        **dict.fromkeys(("error", "max_tool_calls", "moderation")),
        **dict.fromkeys(("frequency_penalty", "presence_penalty"), 0.0),
        "background": False,
        "max_output_tokens": body.get("max_output_tokens"),
        "parallel_tool_calls": conversation.parallel,
        "previous_response_id": body.get("previous_response_id"),
        "prompt_cache_retention": "24h",
        "reasoning": {"context": "current_turn", "effort": conversation.effort, "mode": "standard", "summary": summary},
        "service_tier": "default",
        "store": body.get("store") is not False,
        "temperature": 1.0 if body.get("temperature") is None else body["temperature"],
        "text": {"format": written, "verbosity": conversation.verbosity},
        "tool_choice": chosen,
        "tools": [_tool(tool) for tool in dicts(body.get("tools")) if tool.get("type") in ("function", "file_search")],
        "top_logprobs": 0,
        "top_p": 0.98 if body.get("top_p") is None else body["top_p"],
        "truncation": "disabled",
    }


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    if tool["type"] == "file_search":
        return {
            "type": "file_search",
            "filters": tool.get("filters"),
            "max_num_results": as_int(tool.get("max_num_results")) or 20,
            "ranking_options": {"ranker": "auto", "score_threshold": 0.0} | as_dict(tool.get("ranking_options")),
            "vector_store_ids": as_list(tool.get("vector_store_ids")),
        }
    return {
        "type": "function",
        "description": as_str(tool.get("description")) or None,
        "name": as_str(tool.get("name")),
        "output_schema": None,
        "parameters": as_dict(tool.get("parameters")),
        "strict": tool.get("strict") is not False,
    }


def _output(context: Context, conversation: Conversation, reply: Reply) -> list[dict[str, Any]]:
    body, seed, items = context.body, context.seed, list[dict[str, Any]]()
    include = as_list(body.get("include"))

    def item(kind: str, prefix: str, label: str, **fields: Any) -> None:
        items.append({"id": prefix + seed.letters(label, 50, HEX), "type": kind, **fields})

    if conversation.effort != "none":
        shown = reply.reasoning and as_dict(body.get("reasoning")).get("summary")
        summary = [{"type": "summary_text", "text": reply.reasoning}] if shown else []
        sealed = {"encrypted_content": "gAAAAAB" + seed.letters("sealed", 120)}
        item(
            "reasoning",
            "rs_",
            "rs",
            content=[],
            summary=summary,
            **(sealed if "reasoning.encrypted_content" in include else {}),
        )
    if conversation.passages is not None:
        results = [search_result(one) | {"text": one.text} for one in conversation.passages]
        shown = results if "file_search_call.results" in include else None
        item("file_search_call", "fs_", "fs", status="completed", queries=[conversation.prompt], results=shown)
    for at, call in enumerate(reply.calls):
        arguments = json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"), default=str)
        call_id = "call_" + seed.letters(f"call{at}", 24)
        fields = {"status": "completed", "arguments": arguments, "call_id": call_id, "name": call.name}
        item("function_call", "fc_", f"fc{at}", **fields)
    if not reply.calls and (reply.text or reply.finish != "length"):
        cited, kind, end = reply.cited, "file_citation", len(reply.text)
        notes = [{"type": kind, "file_id": cited.file_id, "filename": cited.filename, "index": end}] if cited else []
        part = {"type": "output_text", "annotations": notes, "logprobs": [], "text": reply.text}
        status = "incomplete" if reply.finish == "length" else "completed"
        item("message", "msg_", "msg", status=status, content=[part], role="assistant")
    return items
