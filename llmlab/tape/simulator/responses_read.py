"""Reads a request to OpenAI's Responses API, and remembers what was said under which response id.

`previous_response_id` works for stored responses of this process; for any other id the answer is OpenAI's own "not
found".
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from llmlab.tape.simulator import openai_checks as checks
from llmlab.tape.simulator.ask import Ask
from llmlab.tape.simulator.errors import Refused
from llmlab.tape.simulator.models import Model
from llmlab.tape.simulator.question import Call, Question, Reply, Tool, Turn
from llmlab.tape.simulator.reading import arguments_of, as_dict, as_int, as_number, as_str, dicts, stop_texts, text_of

_ROLES = ("assistant", "system", "developer", "user")
_NO_INPUT = "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided."
_KEPT = 256

# Ids come from the hash of their request, so an id means the same in every process; each knows only those it gave
# itself.
_said: OrderedDict[str, tuple[Turn, ...]] = OrderedDict()


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
    if model.embeds:
        message = f"The requested model '{model.id}' cannot be used with the Responses API."
        raise Refused(400, message, param="model", code="unsupported_model")
    history = _said.get(before, ()) if isinstance(before, str) else ()
    if before is not None and not history:
        message = f"Previous response with id '{before}' not found."
        raise Refused(400, message, param="previous_response_id", code="previous_response_not_found")
    turns = (Turn("user", given),) if isinstance(given, str) else _turns(given or [])
    _check_results((*history, *turns))
    instructions = as_str(body.get("instructions"))
    wanted = as_int(body.get("max_output_tokens"))
    question = Question(
        turns=((Turn("system", instructions),) if instructions else ()) + history + turns,
        tools=_tools(body),
        tool_choice=_tool_choice(body.get("tool_choice")),
        parallel=body.get("parallel_tool_calls") is not False,
        stop=stop_texts(body.get("stop")),
        max_tokens=min(wanted, model.output) if wanted else model.output,
        effort=checks.effort_of(as_dict(body.get("reasoning")).get("effort"), "reasoning.effort", model.effort),
        schema=_schema(body),
        variant=ask.seed.number("variant", 1000) if as_number(body.get("temperature")) else 0,
    )
    return question, model


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
            turns.append(Turn("system" if role == "developer" else str(role), text_of(item.get("content"))))
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


def remember(response_id: str, question: Question, reply: Reply, output: list[dict[str, Any]]) -> None:
    """Keep what was said under this id, for a request that names it as `previous_response_id`."""
    # Instructions are not carried over to the next response, as at the real service.
    calls = tuple(
        Call(item["call_id"], item["name"], arguments_of(item["arguments"])) for item in output if "call_id" in item
    )
    kept = tuple(turn for turn in question.turns if turn.role != "system")
    _said[response_id] = (*kept, Turn("assistant", reply.text, calls))
    while len(_said) > _KEPT:
        _said.popitem(last=False)
