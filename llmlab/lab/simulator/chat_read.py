"""Reads a Chat Completions request, for OpenAI and for the services that speak its form."""

from __future__ import annotations

from typing import Any

from llmlab.lab.simulator import openai_checks as checks
from llmlab.lab.simulator import openai_schemas as schemas
from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.errors import Refused, too_long
from llmlab.lab.simulator.images import check_sight, pictures_of
from llmlab.lab.simulator.json_access import arguments_of, as_dict, as_int, as_str, dicts, stop_texts, text_of
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.question import Call, Question, Tool, Turn
from llmlab.lab.simulator.usage import input_tokens

_ROLES = ("system", "assistant", "user", "function", "tool", "developer")
_READ_AS = {"developer": "system", "function": "tool"}


def read(ask: Ask) -> tuple[Question, Model]:
    """Check a request as its service does, and read it.

    Raises:
        Refused: what the service would not take.
    """
    body = ask.body
    if not body.get("model"):
        raise Refused(400, _NO_MODEL[ask.service])
    if ask.service == "openai":
        _check_openai(body)
    elif ask.service != "ollama":
        checks.check_decimal(body, "temperature", 0, 2)
        checks.check_decimal(body, "top_p", 0, 1)
    model = ask.model()
    if ask.service == "openai":
        _check_model(body, model)
    messages = _messages(ask, body)
    if model.embeds or not model.chats:
        raise _no_chat(ask, model)
    asked = as_dict(body.get("reasoning"))
    switched = asked.get("enabled") is True or as_int(asked.get("max_tokens"))
    effort = body.get("reasoning_effort") or asked.get("effort") or ("medium" if switched else None)
    wanted = as_int(body.get("max_completion_tokens")) or as_int(body.get("max_tokens"))
    question = Question(
        turns=tuple(_turn(message, ask.service) for message in messages),
        tools=_tools(body),
        tool_choice=_tool_choice(body.get("tool_choice")),
        parallel=body.get("parallel_tool_calls") is not False,
        stop=stop_texts(body.get("stop")),
        max_tokens=min(wanted, model.output) if wanted and wanted > 0 else model.output,
        effort=checks.effort_of(effort, "reasoning_effort", model.effort),
        schema=_schema(body),
        variant=ask.variant(body.get("temperature"), body.get("seed")),
        verbosity=checks.verbosity_of(body.get("verbosity"), "verbosity"),
    )
    check_sight([one for turn in question.turns for one in turn.pictures], ask.service, model)
    if ask.service == "openai":
        checks.check_reasoning(body, model, question.effort, "reasoning_effort")
    given = input_tokens(question)
    if given > model.context and ask.service != "ollama":  # Ollama forgets the beginning and says nothing
        raise too_long(ask.service, ask.path, given, model.context)
    return question, model


_NO_MODEL = {
    "openai": "you must provide a model parameter",
    "openrouter": "No models provided",
    "ollama": "model is required",
    "local_gpt_oss": "model name is missing from the request",
    "anthropic": "model: Field required",
}
_NO_MESSAGES = {
    "openrouter": 'Input required: specify "prompt" or "messages"',
    "ollama": "[] is too short - 'messages'",
    "local_gpt_oss": "'messages' is required",
}


def _messages(ask: Ask, body: dict[str, Any]) -> list[dict[str, Any]]:
    given = body.get("messages")
    if ask.service == "openai":
        if given is None:
            raise checks.missing("messages")
        checks.check_array(body, "messages")
        if not given:
            expected = "Expected an array with minimum length 1, but got an empty array instead."
            raise Refused(400, f"Invalid 'messages': empty array. {expected}", param="messages", code="empty_array")
    elif not isinstance(given, list) or not given:
        raise Refused(400, _NO_MESSAGES.get(ask.service, "messages is required"))
    waiting: list[str] = []
    for at, message in enumerate(given):
        if not isinstance(message, dict):
            raise checks.wrong_type(f"messages[{at}]", "an object", message)
        role = message.get("role")
        if role is None:
            raise checks.missing(f"messages[{at}].role")
        if role not in _ROLES:
            raise checks.invalid_value(f"messages[{at}].role", role, _ROLES)
        if ask.service == "openai":
            waiting = _check_order(at, message, waiting)
    if waiting:
        raise _unanswered(len(given), waiting)
    return dicts(given)


def _check_order(at: int, message: dict[str, Any], waiting: list[str]) -> list[str]:
    """Hold every tool result to a call before it, and every call to a result right after it."""
    role, calls = message["role"], dicts(message.get("tool_calls"))
    if role == "tool":
        if message.get("tool_call_id") not in waiting:
            rule = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'"
            raise Refused(400, f"Invalid parameter: {rule}.", param=f"messages.[{at}].role")
        return [one for one in waiting if one != message["tool_call_id"]]
    if waiting:
        raise _unanswered(at, waiting)
    if message.get("content") is None and not (role == "assistant" and (calls or message.get("refusal"))):
        raise checks.missing(f"messages[{at}].content") if "content" not in message else _null_content(at)
    return [as_str(call.get("id")) for call in calls]


def _null_content(at: int) -> Refused:
    message = f"Invalid value for 'content': expected a string, got null. (messages.[{at}].content)"
    return Refused(400, message, param=f"messages.[{at}].content")


def _unanswered(at: int, ids: list[str]) -> Refused:
    message = (
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(ids)}"
    )
    return Refused(400, message, param=f"messages.[{at}].role")


def _turn(message: dict[str, Any], service: str) -> Turn:
    role = as_str(message.get("role"))
    calls = []
    for call in dicts(message.get("tool_calls")):
        function = as_dict(call.get("function"))
        calls.append(
            Call(as_str(call.get("id")), as_str(function.get("name")), arguments_of(function.get("arguments")))
        )
    return Turn(
        _READ_AS.get(role, role),
        text_of(message.get("content")),
        tuple(calls),
        as_str(message.get("tool_call_id")),
        pictures=pictures_of(message, service),
    )


def _tools(body: dict[str, Any]) -> tuple[Tool, ...]:
    functions = [as_dict(tool.get("function")) for tool in dicts(body.get("tools"))]
    return tuple(
        Tool(as_str(one.get("name")), as_str(one.get("description")), as_dict(one.get("parameters")))
        for one in functions
        if as_str(one.get("name"))
    )


def _tool_choice(value: object) -> str:
    if isinstance(value, dict):
        return as_str(as_dict(value.get("function")).get("name")) or "auto"
    return as_str(value) or "auto"


def _schema(body: dict[str, Any]) -> dict[str, Any] | None:
    wanted = as_dict(body.get("response_format"))
    if wanted.get("type") == "json_schema":
        return as_dict(as_dict(wanted.get("json_schema")).get("schema"))
    return {} if wanted.get("type") == "json_object" else None


def _check_openai(body: dict[str, Any]) -> None:
    checks.check_decimal(body, "temperature", 0, 2)
    checks.check_decimal(body, "top_p", 0, 1)
    checks.check_integer(body, "max_completion_tokens", 1)
    checks.check_integer(body, "max_tokens", 1)
    checks.check_integer(body, "n", 1, 128)
    checks.check_array(body, "tools")
    wanted = as_dict(body.get("response_format"))
    # The schema stands one level deeper than in the Responses API.
    inner = as_dict(wanted.get("json_schema")) if wanted.get("type") == "json_schema" else {}
    schemas.check_format({**wanted, **inner}, "response_format" + (".json_schema" if inner else ""))
    for at, tool in enumerate(dicts(body.get("tools"))):
        schemas.check_tool(as_dict(tool.get("function")), f"tools[{at}].function")
    said = " ".join(text_of(message.get("content")) for message in dicts(body.get("messages")))
    if wanted.get("type") == "json_object" and "json" not in said.lower():
        message = (
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        )
        raise Refused(400, message, param="messages")


def _check_model(body: dict[str, Any], model: Model) -> None:
    if model.id.startswith(("gpt-5", "gpt-6", "o")) and body.get("max_tokens") is not None:
        raise checks.unsupported("max_tokens", "Use 'max_completion_tokens' instead.")


def _no_chat(ask: Ask, model: Model) -> Refused:
    if ask.service == "ollama":
        return Refused(400, f'"{model.id}" does not support chat')
    message = "This is not a chat model and thus not supported in the v1/chat/completions endpoint."
    return Refused(404, message, param="model")
