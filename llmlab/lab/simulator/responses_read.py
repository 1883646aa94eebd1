"""Reads a request to OpenAI's Responses API, with the checks and the words of the real service.

`previous_response_id` works for responses that this simulator has given and stored; for any other id the answer is
OpenAI's own "not found".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from llmlab.lab.simulator import openai_checks as checks
from llmlab.lab.simulator import openai_schemas as schemas
from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.errors import Refused, too_long
from llmlab.lab.simulator.images import pictures_of
from llmlab.lab.simulator.json_access import arguments_of, as_dict, as_int, as_str, dicts, stop_texts, text_of
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.question import Call, Question, Reply, Tool, Turn
from llmlab.lab.simulator.retrieval import Passage
from llmlab.lab.simulator.store_files import find_store
from llmlab.lab.simulator.stores import look
from llmlab.lab.simulator.usage import input_tokens

_ROLES = ("assistant", "system", "developer", "user")
_NO_INPUT = "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided."


def read(ask: Ask) -> tuple[Question, Model]:
    """Check a request as OpenAI does, and read it.

    Raises:
        Refused: what OpenAI would not take.
    """
    body = ask.body
    if not body.get("model"):
        raise checks.missing("model")
    before = body.get("previous_response_id")
    given = body.get("input")
    if given is None and before is None:
        raise Refused(400, _NO_INPUT, param="input", code="missing_required_parameter")
    if given is not None and not isinstance(given, (str, list)):
        raise checks.wrong_type("input", "one of a string or array of objects", given)
    checks.check_decimal(body, "temperature", 0, 2)
    checks.check_decimal(body, "top_p", 0, 1)
    checks.check_integer(body, "max_output_tokens", 16)
    checks.check_array(body, "tools")
    model = ask.model()
    if model.embeds or not model.chats:
        message = f"The requested model '{model.id}' cannot be used with the Responses API."
        raise Refused(400, message, param="model", code="unsupported_model")
    known = ask.state.answers.get(before) if isinstance(before, str) else None
    history = known.turns if known else ()
    if before is not None and not history:
        message = f"Previous response with id '{before}' not found."
        raise Refused(400, message, param="previous_response_id", code="previous_response_not_found")
    turns = (Turn("user", given),) if isinstance(given, str) else _turns(given or [])
    _check_results((*history, *turns))
    instructions = as_str(body.get("instructions"))
    wanted = as_int(body.get("max_output_tokens"))
    schemas.check_format(as_dict(as_dict(body.get("text")).get("format")), "text.format")
    for at, tool in enumerate(dicts(body.get("tools"))):
        schemas.check_tool(tool, f"tools[{at}]")
    question = Question(
        turns=((Turn("system", instructions),) if instructions else ()) + history + turns,
        tools=_tools(body),
        tool_choice=_tool_choice(body.get("tool_choice")),
        parallel=body.get("parallel_tool_calls") is not False,
        stop=stop_texts(body.get("stop")),
        max_tokens=min(wanted, model.output) if wanted else model.output,
        effort=checks.effort_of(as_dict(body.get("reasoning")).get("effort"), "reasoning.effort", model.effort),
        schema=_schema(body),
        variant=ask.variant(body.get("temperature"), body.get("seed")),
        verbosity=checks.verbosity_of(as_dict(body.get("text")).get("verbosity"), "text.verbosity"),
    )
    checks.check_reasoning(body, model, question.effort, "reasoning.effort")
    summary = as_dict(body.get("reasoning")).get("summary")
    if summary not in (None, "auto", "concise", "detailed"):
        raise checks.invalid_value("reasoning.summary", summary, ("auto", "concise", "detailed"))
    given_tokens = input_tokens(question)
    if given_tokens > model.context:
        raise too_long(ask.service, ask.path, given_tokens, model.context)
    return replace(question, passages=_searched(ask, question)), model


def _searched(ask: Ask, question: Question) -> tuple[Passage, ...] | None:
    """Search the vector stores that the request names, with what the user says."""
    tools = [tool for tool in dicts(ask.body.get("tools")) if tool.get("type") == "file_search"]
    if not tools or question.tool_choice == "none" or not question.prompt.strip():
        return None
    found: list[Passage] = []
    for at, tool in enumerate(tools):
        ids = tool.get("vector_store_ids")
        if not isinstance(ids, list) or not ids:
            raise checks.missing(f"tools[{at}].vector_store_ids")
        there = [find_store(ask.state, one) for one in ids]
        found += look(ask.state, there, question.prompt, tool, 20)
    return tuple(found)


def _turns(items: list[Any]) -> tuple[Turn, ...]:
    turns = []
    for at, item in enumerate(items):
        if not isinstance(item, dict):
            raise checks.wrong_type(f"input[{at}]", "an input item", item)
        kind = item.get("type", "message")
        if kind == "function_call":
            call = Call(as_str(item.get("call_id")), as_str(item.get("name")), arguments_of(item.get("arguments")))
            turns.append(Turn("assistant", calls=(call,)))
        elif kind == "function_call_output":
            turns.append(Turn("tool", text_of(item.get("output")), call_id=as_str(item.get("call_id"))))
        elif kind == "message":
            role = item.get("role")
            if role not in _ROLES:
                raise checks.invalid_value(f"input[{at}].role", role, _ROLES)
            said = Turn("system" if role == "developer" else str(role), text_of(item.get("content")))
            turns.append(replace(said, pictures=pictures_of(item, "openai")))
    return tuple(turns)


def _check_results(turns: tuple[Turn, ...]) -> None:
    called = {call.id for turn in turns for call in turn.calls}
    answered = {turn.call_id for turn in turns if turn.role == "tool"}
    if unknown := sorted(answered - called):
        message = f"No tool call found for function call output with call_id {unknown[0]}."
        raise Refused(400, message, param="input")
    if waiting := sorted(called - answered):
        raise Refused(400, f"No tool output found for function call {waiting[0]}.", param="input")


def _tools(body: dict[str, Any]) -> tuple[Tool, ...]:
    return tuple(
        Tool(as_str(one.get("name")), as_str(one.get("description")), as_dict(one.get("parameters")))
        for one in dicts(body.get("tools"))
        if one.get("type") == "function" and as_str(one.get("name"))
    )


def _tool_choice(value: object) -> str:
    if isinstance(value, dict):
        return as_str(value.get("name")) or "auto"
    return as_str(value) or "auto"


def _schema(body: dict[str, Any]) -> dict[str, Any] | None:
    wanted = as_dict(as_dict(body.get("text")).get("format"))
    if wanted.get("type") == "json_schema":
        return as_dict(wanted.get("schema"))
    return {} if wanted.get("type") == "json_object" else None


def conversation(question: Question, reply: Reply, output: list[dict[str, Any]]) -> tuple[Turn, ...]:
    """Give what was said up to the end of a response, for a request that names it as `previous_response_id`."""
    # Instructions are not carried over to the next response, as at the real service.
    calls = tuple(
        Call(item["call_id"], item["name"], arguments_of(item["arguments"])) for item in output if "call_id" in item
    )
    kept = tuple(turn for turn in question.turns if turn.role != "system")
    return (*kept, Turn("assistant", reply.text, calls))
