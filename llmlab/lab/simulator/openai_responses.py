"""OpenAI's Responses API: reads a request, and writes the response.

Format: OpenAI's API reference and real traffic. Left out: built-in tools other than file search, background mode,
documents in a message (they count as nothing).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from llmlab.lab.simulator import fields, tokens
from llmlab.lab.simulator.context import Context, Routes, Stored
from llmlab.lab.simulator.conversation import Conversation, Passage, Reply, ToolCall, Turn
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.images import images_of
from llmlab.lab.simulator.json_access import (
    arguments_of,
    as_dict,
    as_int,
    as_list,
    as_str,
    dicts,
    schema_of,
    stop_texts,
    template,
    text_of,
    tools_of,
)
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.openai_responses_stream import events_of
from llmlab.lab.simulator.seed import HEX
from llmlab.lab.simulator.stored import Kind, deleting, find, put, showing
from llmlab.lab.simulator.vector_stores import search_result, search_stores
from llmlab.lab.wire.messages import TapeAnswer

_FIELDS = {
    "model": fields.NEEDED,
    "temperature": fields.number(0, 2),
    "top_p": fields.number(0, 1),
    "max_output_tokens": fields.integer(16),
    "tools": fields.ARRAY,
    "text.format.type": fields.one_of("json_object", "json_schema", "text"),
    "text.verbosity": fields.one_of("low", "medium", "high"),
    "reasoning.effort": fields.one_of(*fields.EFFORTS),
    "reasoning.summary": fields.one_of("auto", "concise", "detailed"),
}
_REPEATED = (
    "instructions", "max_output_tokens", "previous_response_id", "prompt_cache_key", "safety_identifier", "temperature",
    "top_p", "user",
)  # fmt: skip
"""Fields of a request that its response repeats."""
_ROLE = replace(fields.one_of("assistant", "system", "developer", "user"), required=True)
_NO_INPUT = "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided."
_RESPONSE = Kind("response", "Response with id '{0}' not found.")


def _create(context: Context) -> TapeAnswer:
    conversation, model = _read(context)
    reply, read = context.compose(conversation), tokens.count_input(conversation)
    pace = context.pace(model, reply.reasoning_tokens)
    answer = _answer(context, conversation, model, reply, read, pace.after(reply.tokens))
    if answer["store"]:
        turns = _history(conversation, reply, answer["output"])
        put(context, _RESPONSE, answer["id"], Stored(answer, context.seed, turns=turns))
    first, second, *rest = events_of(answer, context.seed)
    return context.deliver(answer, rest, pace, reply.tokens, read=read, framing="named_sse", opening=[first, second])


def _count_tokens(context: Context) -> dict[str, Any]:
    return {"object": "response.input_tokens", "input_tokens": tokens.count_input(_read(context)[0])}


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
    conversation = Conversation(
        turns=((Turn("system", instructions),) if instructions else ()) + turns,
        tools=tools_of([one for one in dicts(body.get("tools")) if one.get("type") == "function"], "parameters"),
        tool_choice=as_str(as_dict(chosen).get("name")) or as_str(chosen) or "auto",
        parallel=body.get("parallel_tool_calls") is not False,
        stop=stop_texts(body.get("stop")),
        max_tokens=min(limit, model.output) if limit else model.output,
        effort=as_dict(body.get("reasoning")).get("effort") or model.effort,
        schema=schema_of(as_dict(text.get("format")), as_dict(text.get("format"))),
        variant=context.variant(body),
        verbosity=text.get("verbosity") or "medium",
    )
    fields.check_reasoning(body, model.id, conversation.effort, "reasoning.effort")
    context.check_length(tokens.count_input(conversation), model)
    return replace(conversation, passages=_search(context, conversation)), model


def _check(context: Context) -> tuple[Turn, ...]:
    """Check the fields of a request, and return the turns of the previous response."""
    body = context.body
    previous, given = body.get("previous_response_id"), body.get("input")
    fields.check(body, _FIELDS)
    if given is None and previous is None:
        raise Refused(400, _NO_INPUT, param="input", code="missing_required_parameter")
    if given is not None and not isinstance(given, (str, list)):
        raise fields.wrong_type("input", "one of a string or array of objects", given)
    fields.check_format(as_dict(as_dict(body.get("text")).get("format")), "text.format")
    for at, tool in enumerate(dicts(body.get("tools"))):
        fields.check_tool(tool, f"tools[{at}]")
    if previous is None:
        return ()
    try:
        return find(context, _RESPONSE, previous).turns
    except Refused:
        message = f"Previous response with id '{previous}' not found."
        raise Refused(400, message, param="previous_response_id", code="previous_response_not_found") from None


def _turns(given: object) -> Iterator[Turn]:
    if isinstance(given, str):
        yield Turn("user", given)
    for at, item in enumerate(as_list(given)):
        if not isinstance(item, dict):
            raise fields.wrong_type(f"input[{at}]", "an input item", item)
        kind, call_id = item.get("type", "message"), as_str(item.get("call_id"))
        if kind == "function_call":
            call = ToolCall(call_id, as_str(item.get("name")), arguments_of(item.get("arguments")))
            yield Turn("assistant", calls=(call,))
        elif kind == "function_call_output":
            yield Turn("tool", text_of(item.get("output")), call_id=call_id)
        elif kind == "message":
            fields.check({f"input[{at}]": item}, {f"input[{at}].role": _ROLE})
            role = "system" if item["role"] == "developer" else item["role"]
            yield Turn(role, text_of(item.get("content")), images=images_of(item, "openai"))


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
            raise fields.missing("tools[].vector_store_ids")
        found += search_stores(context, tool["vector_store_ids"], conversation.prompt, tool, 20)
    return tuple(found)


def _history(conversation: Conversation, reply: Reply, output: list[dict[str, Any]]) -> tuple[Turn, ...]:
    """Return the turns up to the end of a response; instructions do not carry over to the next one."""
    ids = [item["call_id"] for item in output if "call_id" in item]
    calls = tuple(replace(call, id=call_id) for call, call_id in zip(reply.calls, ids, strict=True))
    turns = tuple(turn for turn in conversation.turns if turn.role != "system")
    return (*turns, Turn("assistant", reply.text, calls))


def _answer(
    context: Context, conversation: Conversation, model: Model, reply: Reply, read: int, seconds: float
) -> dict[str, Any]:
    body, created, written = context.body, context.seed.created, reply.tokens + reply.reasoning_tokens
    metadata = {str(key): str(value) for key, value in as_dict(body.get("metadata")).items()}
    usage = {
        "input_tokens": read,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
        "total_tokens": read + written,
    }
    answer = template("response", id="resp_0" + context.seed.letters("resp", 47, HEX), created_at=created)
    answer |= {"status": "completed", "completed_at": created + max(1, round(seconds)), "model": model.served}
    if reply.finish == "length":
        reason = {"reason": "max_output_tokens"}
        answer |= {"status": "incomplete", "completed_at": None, "incomplete_details": reason}
    answer |= {"output": _output(context, conversation, reply), "usage": usage}
    return answer | _settings(body, conversation) | {"metadata": {**metadata, "llmlab": "simulated"}}


def _settings(body: dict[str, Any], conversation: Conversation) -> dict[str, Any]:
    """Return the request's settings as the response repeats them."""
    form, chosen = as_dict(as_dict(body.get("text")).get("format")), body.get("tool_choice")
    written: dict[str, Any] = {"type": form.get("type") or "text"}
    if written["type"] == "json_schema":
        written |= {"description": None, "name": form["name"], "schema": form["schema"]}
        written["strict"] = form.get("strict") is not False
    if tool := as_str(as_dict(chosen).get("name")):
        chosen = {"type": "function", "name": tool}
    summary = "detailed" if as_dict(body.get("reasoning")).get("summary") else None
    return {
        **{name: body[name] for name in _REPEATED if body.get(name) is not None},
        "parallel_tool_calls": conversation.parallel,
        "reasoning": {"context": "current_turn", "effort": conversation.effort, "mode": "standard", "summary": summary},
        "store": body.get("store") is not False,
        "text": {"format": written, "verbosity": conversation.verbosity},
        "tool_choice": chosen if isinstance(chosen, dict) or chosen in ("none", "required") else "auto",
        "tools": [_tool(tool) for tool in dicts(body.get("tools")) if tool.get("type") in ("function", "file_search")],
    }


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in tool.items() if name in template(tool["type"]) and value is not None}
    if tool["type"] == "file_search":
        ranking = template("file_search")["ranking_options"] | as_dict(tool.get("ranking_options"))
        return template("file_search", **given | {"ranking_options": ranking})
    return template("function", **given | {"strict": tool.get("strict") is not False})


def _output(context: Context, conversation: Conversation, reply: Reply) -> list[dict[str, Any]]:
    body, seed, items = context.body, context.seed, list[dict[str, Any]]()
    include = as_list(body.get("include"))

    def item(kind: str, label: str, prefix: str, **more: Any) -> None:
        items.append({"id": f"{prefix}_{seed.letters(label, 50, HEX)}", "type": kind, **more})

    if conversation.effort != "none":
        shown = reply.reasoning and as_dict(body.get("reasoning")).get("summary")
        summary = [{"type": "summary_text", "text": reply.reasoning}] if shown else []
        item("reasoning", "rs", "rs", content=[], summary=summary)
        if "reasoning.encrypted_content" in include:
            items[-1]["encrypted_content"] = "gAAAAAB" + seed.letters("sealed", 120)
    if conversation.passages is not None:
        results = [search_result(one) | {"text": one.text} for one in conversation.passages]
        shown = results if "file_search_call.results" in include else None
        item("file_search_call", "fs", "fs", status="completed", queries=[conversation.prompt], results=shown)
    for at, call in enumerate(reply.calls):
        arguments = json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"), default=str)
        call_id = "call_" + seed.letters(f"call{at}", 24)
        more = {"status": "completed", "arguments": arguments, "call_id": call_id, "name": call.name}
        item("function_call", f"fc{at}", "fc", **more)
    if not reply.calls and (reply.text or reply.finish != "length"):
        cited, kind, end = reply.cited, "file_citation", len(reply.text)
        notes = [{"type": kind, "file_id": cited.file_id, "filename": cited.filename, "index": end}] if cited else []
        part = {"type": "output_text", "annotations": notes, "logprobs": [], "text": reply.text}
        status = "incomplete" if reply.finish == "length" else "completed"
        item("message", "msg", "msg", status=status, content=[part], role="assistant")
    return items


ROUTES: Routes = {
    "/v1/responses": {"POST": _create},
    "/v1/responses/input_tokens": {"POST": _count_tokens},
    "/v1/responses/{}": {"GET": showing(_RESPONSE), "DELETE": deleting(_RESPONSE)},
}
