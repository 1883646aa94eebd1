"""OpenAI's Responses API: writes the answer, plain or as the full sequence of events.

Format: OpenAI's API reference and real traffic. Left out: built-in tools other than file search, background
mode, documents in a message (they count as nothing).
"""

from __future__ import annotations

import json
from typing import Any

from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.json_access import as_dict, as_int, as_list, as_number, as_str, dicts
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.question import Question, Reply
from llmlab.lab.simulator.reply import think
from llmlab.lab.simulator.responses_read import conversation, read
from llmlab.lab.simulator.responses_stream import events_of
from llmlab.lab.simulator.stores import result
from llmlab.lab.simulator.usage import input_tokens
from llmlab.lab.wire.messages import TapeAnswer

_TOOLS = ("function", "file_search")


def responses(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/responses`."""
    question, model = read(ask)
    reply = think(question)
    given = input_tokens(question)
    pace = ask.pace(model, reply.reasoning_tokens)
    answer = _answer(ask, question, model, reply, given, pace.after(reply.tokens))
    if ask.body.get("store") is not False:
        ask.state.remember(answer, conversation(question, reply, answer["output"]))
    if ask.body.get("stream") is not True:
        return ask.plain(answer, pace.after(reply.tokens), tokens=given)
    return ask.stream(events_of(answer, pace, ask.seed), "named_sse", given)


def response(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/responses/{id}`: a stored response once more."""
    return ask.plain(_stored(ask), 0.1)


def delete(ask: Ask) -> TapeAnswer:
    """Answer DELETE `/v1/responses/{id}`; nothing can be said after it any more."""
    found = _stored(ask)["id"]
    del ask.state.answers[found]
    return ask.plain({"id": found, "object": "response", "deleted": True})


def _stored(ask: Ask) -> dict[str, Any]:
    found = ask.state.answers.get(ask.names[0])
    if found is None:
        raise Refused(404, f"Response with id '{ask.names[0]}' not found.")
    return found.view


def count_tokens(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/responses/input_tokens`."""
    question, _ = read(ask)
    return ask.plain({"object": "response.input_tokens", "input_tokens": input_tokens(question)})


def _answer(ask: Ask, question: Question, model: Model, reply: Reply, given: int, seconds: float) -> dict[str, Any]:
    body, created = ask.body, ask.seed.created
    cut = reply.finish == "length"
    reasoning, text = as_dict(body.get("reasoning")), as_dict(body.get("text"))
    format_, metadata = text.get("format"), as_dict(body.get("metadata"))
    return {
        "id": "resp_0" + ask.seed.letters("resp", 47, "0123456789abcdef"),
        "object": "response",
        "created_at": created,
        "status": "incomplete" if cut else "completed",
        "background": False,
        "billing": {"payer": "developer"},
        "completed_at": None if cut else created + max(1, round(seconds)),
        "error": None,
        "frequency_penalty": 0.0,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "instructions": body.get("instructions") if isinstance(body.get("instructions"), str) else None,
        "max_output_tokens": as_int(body.get("max_output_tokens")),
        "max_tool_calls": None,
        "model": model.served,
        "moderation": None,
        "output": _output(ask, question, reply, summary=bool(reasoning.get("summary"))),
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "presence_penalty": 0.0,
        "previous_response_id": body.get("previous_response_id"),
        "prompt_cache_key": as_str(body.get("prompt_cache_key")) or None,
        "prompt_cache_retention": "24h",
        "reasoning": {
            "context": "current_turn",
            "effort": question.effort,
            "mode": "standard",
            "summary": "detailed" if reasoning.get("summary") else None,
        },
        "safety_identifier": as_str(body.get("safety_identifier")) or None,
        "service_tier": "default",
        "store": body.get("store") is not False,
        "temperature": as_number(body.get("temperature")) if body.get("temperature") is not None else 1.0,
        "text": {
            "format": _written_format(as_dict(format_)),
            "verbosity": text.get("verbosity") if text.get("verbosity") in ("low", "high") else "medium",
        },
        "tool_choice": _written_choice(body.get("tool_choice")),
        "tool_usage": {
            "image_gen": {
                "input_tokens": 0,
                "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
                "output_tokens": 0,
                "output_tokens_details": {"image_tokens": 0, "text_tokens": 0},
                "total_tokens": 0,
            },
            "web_search": {"num_requests": 0},
        },
        "tools": [_written_tool(tool) for tool in dicts(body.get("tools")) if tool.get("type") in _TOOLS],
        "top_logprobs": 0,
        "top_p": as_number(body.get("top_p")) if body.get("top_p") is not None else 0.98,
        "truncation": "disabled",
        "usage": {
            "input_tokens": given,
            "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
            "output_tokens": reply.tokens + reply.reasoning_tokens,
            "output_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
            "total_tokens": given + reply.tokens + reply.reasoning_tokens,
        },
        "user": as_str(body.get("user")) or None,
        "metadata": {**{str(key): str(value) for key, value in metadata.items()}, "llmlab": "simulated"},
    }


def _written_tool(tool: dict[str, Any]) -> dict[str, Any]:
    if tool["type"] == "file_search":
        ranking = {"ranker": "auto", "score_threshold": 0.0} | as_dict(tool.get("ranking_options"))
        return {
            "type": "file_search",
            "filters": tool.get("filters"),
            "max_num_results": as_int(tool.get("max_num_results")) or 20,
            "ranking_options": ranking,
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


def _written_choice(value: object) -> Any:
    if isinstance(value, dict) and as_str(value.get("name")):
        return {"type": "function", "name": value["name"]}
    return value if value in ("none", "auto", "required") else "auto"


def _written_format(format_: dict[str, Any]) -> dict[str, Any]:
    if format_.get("type") == "json_schema":
        return {
            "type": "json_schema",
            "description": None,
            "name": as_str(format_.get("name")) or "answer",
            "schema": as_dict(format_.get("schema")),
            "strict": format_.get("strict") is not False,
        }
    return {"type": "json_object" if format_.get("type") == "json_object" else "text"}


def _output(ask: Ask, question: Question, reply: Reply, *, summary: bool) -> list[dict[str, Any]]:
    def new_id(prefix: str, label: str) -> str:
        return prefix + ask.seed.letters(label, 50, "0123456789abcdef")

    items: list[dict[str, Any]] = []
    if question.effort != "none":
        shown = [{"type": "summary_text", "text": reply.reasoning}] if summary and reply.reasoning else []
        items.append({"id": new_id("rs_", "rs"), "type": "reasoning", "content": [], "summary": shown})
        if "reasoning.encrypted_content" in as_list(ask.body.get("include")):
            items[-1]["encrypted_content"] = "gAAAAAB" + ask.seed.letters("sealed", 120)
    if question.passages is not None:
        results = [result(one) | {"text": one.text} for one in question.passages]
        search = {"id": new_id("fs_", "fs"), "type": "file_search_call", "status": "completed"}
        included = "file_search_call.results" in as_list(ask.body.get("include"))
        items.append(search | {"queries": [question.prompt], "results": results if included else None})
    for at, call in enumerate(reply.calls):
        arguments = json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"), default=str)
        items.append(
            {
                "id": new_id("fc_", f"fc{at}"),
                "type": "function_call",
                "status": "completed",
                "arguments": arguments,
                "call_id": "call_" + ask.seed.letters(f"call{at}", 24),
                "name": call.name,
            }
        )
    if not reply.calls and (reply.text or reply.finish != "length"):
        part = {"type": "output_text", "annotations": _citations(reply), "logprobs": [], "text": reply.text}
        status = "incomplete" if reply.finish == "length" else "completed"
        message = {"id": new_id("msg_", "msg"), "type": "message", "status": status, "content": [part]}
        items.append(message | {"role": "assistant"})
    return items


def _citations(reply: Reply) -> list[dict[str, Any]]:
    if reply.cited is None:
        return []
    where = {"file_id": reply.cited.file_id, "filename": reply.cited.filename, "index": len(reply.text)}
    return [{"type": "file_citation", **where}]
