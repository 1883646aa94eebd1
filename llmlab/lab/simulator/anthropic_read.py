"""Reads a request to Anthropic's Messages API, with the checks and the words of the real service."""

from __future__ import annotations

import re
from typing import Any, Literal, TypeAlias

from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.errors import Refused, too_long
from llmlab.lab.simulator.images import pictures_of
from llmlab.lab.simulator.json_access import as_dict, as_int, as_number, as_str, dicts, stop_texts, text_of
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.question import Call, Question, Tool, Turn
from llmlab.lab.simulator.usage import input_tokens

_SMALLEST_BUDGET = 1024
_CONSULT = "Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
_BY_BUDGET = ("-4-5", "-4-6")
"""Models that take a budget for their thoughts; those that came later think as much as they need."""

Thinking: TypeAlias = Literal["", "hidden", "shown"]
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def read(ask: Ask, *, needs_limit: bool) -> tuple[Question, Model, Thinking]:
    """Check a request as Anthropic does, and read it.

    Args:
        ask: the request.
        needs_limit: `max_tokens` is required; it is not for counting.

    Returns:
        The question, the model, and whether it thinks and shows its thoughts.

    Raises:
        Refused: what Anthropic would not take.
    """
    body = ask.body
    if "anthropic-version" not in ask.headers:
        raise Refused(400, "anthropic-version: header is required")
    for name in ("model", "max_tokens", "messages"):
        if body.get(name) is None and (needs_limit or name != "max_tokens"):
            raise Refused(400, f"{name}: Field required")
    limit = _limit(body.get("max_tokens")) if needs_limit else None
    for name in ("temperature", "top_p"):
        value = body.get(name)
        if value is not None and as_number(value) is None:
            raise Refused(400, f"{name}: Input should be a valid number")
        if value is not None and not 0 <= value <= 1:
            raise Refused(400, f"{name}: range: 0..1")
    messages = _checked(body["messages"])
    model = ask.model()
    if limit is not None and limit > model.output:
        message = (
            f"max_tokens: {limit} > {model.output}, which is the maximum allowed number of output tokens for {model.id}"
        )
        raise Refused(400, message)
    thinks = _thinks(body, model, limit)
    system = text_of(body.get("system"))
    choice = as_dict(body.get("tool_choice"))
    question = Question(
        turns=((Turn("system", system),) if system else ()) + tuple(turn for one in messages for turn in _turns(one)),
        tools=_tools(body),
        tool_choice={"any": "required", "none": "none", "tool": as_str(choice.get("name"))}.get(
            as_str(choice.get("type")), "auto"
        ),
        parallel=choice.get("disable_parallel_tool_use") is not True,
        stop=stop_texts(body.get("stop_sequences")),
        max_tokens=limit,
        effort=_effort(body) if thinks else "none",
        schema=_schema(body),
        variant=ask.variant(body.get("temperature"), body.get("seed")),
    )
    given = input_tokens(question)
    if given > model.context:
        raise too_long(ask.service, ask.path, given, model.context)
    return question, model, thinks


def _thinks(body: dict[str, Any], model: Model, limit: int | None) -> Thinking:
    """Tell whether thinking is on and shown, and hold it to its conditions."""
    thinking = as_dict(body.get("thinking"))
    kind = thinking.get("type", "disabled")
    if kind not in ("enabled", "adaptive", "disabled"):
        raise Refused(400, f"thinking: Input tag '{kind}' found using 'type' does not match any of the expected tags")
    if kind == "enabled":
        budget = as_int(thinking.get("budget_tokens"))
        if budget is None:
            raise Refused(400, "thinking.enabled.budget_tokens: Field required")
        if budget < _SMALLEST_BUDGET:
            message = f"Input should be greater than or equal to {_SMALLEST_BUDGET}"
            raise Refused(400, f"thinking.enabled.budget_tokens: {message}")
        if limit is not None and limit <= budget:
            raise Refused(400, f"`max_tokens` must be greater than `thinking.budget_tokens`. {_CONSULT}")
    if kind == "disabled":
        return ""
    early = next((name for name in _BY_BUDGET if name in model.id), "")
    if kind == "adaptive" and early == "-4-5":
        raise Refused(400, "adaptive thinking is not supported on this model")
    if kind == "enabled" and not early:
        told = 'Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
        raise Refused(400, f'"thinking.type.enabled" is not supported for this model. {told}')
    if body.get("temperature") not in (None, 1):
        raise Refused(400, f"`temperature` may only be set to 1 when thinking is enabled. {_CONSULT}")
    if as_dict(body.get("tool_choice")).get("type") in ("any", "tool"):
        raise Refused(400, "Thinking may not be enabled when tool_choice forces tool use.")
    # Later models show their thoughts only when they are told to.
    return "shown" if thinking.get("display", "summarized" if early else "omitted") == "summarized" else "hidden"


def _effort(body: dict[str, Any]) -> str:
    effort = as_dict(body.get("output_config")).get("effort", "low")
    if effort not in ("low", "medium", "high", "xhigh", "max"):
        raise Refused(400, "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'")
    return str(effort)


def _limit(value: object) -> int:
    limit = as_int(value)
    if limit is None:
        raise Refused(400, "max_tokens: Input should be a valid integer")
    if limit < 1:
        raise Refused(400, "max_tokens: Input should be greater than or equal to 1")
    return limit


def _checked(messages: object) -> list[dict[str, Any]]:
    if not isinstance(messages, list):
        raise Refused(400, "messages: Input should be a valid list")
    if not messages:
        raise Refused(400, "messages: at least one message is required")
    called: list[str] = []
    for at, message in enumerate(messages):
        if not isinstance(message, dict):
            raise Refused(400, f"messages.{at}: Input should be a valid dictionary or object to extract fields from")
        role, content = message.get("role"), message.get("content")
        if role == "system":
            raise Refused(
                400,
                'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, '
                'not "system" as an input message role.',
            )
        if role not in ("user", "assistant"):
            raise Refused(400, f"messages.{at}.role: Input should be 'user' or 'assistant'")
        if "content" not in message:
            raise Refused(400, f"messages.{at}.content: Field required")
        if not isinstance(content, (str, list)):
            raise Refused(400, f"messages.{at}.content: Input should be a valid string or a valid list")
        if not content and not (role == "assistant" and at == len(messages) - 1):
            raise Refused(
                400,
                f"messages.{at}: all messages must have non-empty content except for the optional final assistant "
                "message",
            )
        called = _check_results(at, dicts(content), called)
    return messages


def _check_results(at: int, blocks: list[dict[str, Any]], called: list[str]) -> list[str]:
    """Hold every tool result to a call in the message before, and every call to a result in the message after."""
    answered = [as_str(block.get("tool_use_id")) for block in blocks if block.get("type") == "tool_result"]
    for number, block in enumerate(blocks):
        if block.get("type") == "tool_result" and as_str(block.get("tool_use_id")) not in called:
            raise Refused(
                400,
                f"messages.{at}.content.{number}: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{as_str(block.get('tool_use_id'))}. Each `tool_result` block must have a corresponding `tool_use` "
                "block in the previous message.",
            )
    if waiting := [one for one in called if one not in answered]:
        raise Refused(
            400,
            f"messages.{at - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(waiting)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
            "message.",
        )
    return [as_str(block.get("id")) for block in blocks if block.get("type") == "tool_use"]


def _turns(message: dict[str, Any]) -> list[Turn]:
    content = message["content"]
    if isinstance(content, str):
        return [Turn(message["role"], content)]
    turns, calls, said = [], [], []
    for block in dicts(content):
        if block.get("type") == "tool_result":
            result, call_id = text_of(block.get("content")), as_str(block.get("tool_use_id"))
            turns.append(Turn("tool", result, call_id=call_id, failed=block.get("is_error") is True))
        elif block.get("type") == "tool_use":
            calls.append(Call(as_str(block.get("id")), as_str(block.get("name")), as_dict(block.get("input"))))
        else:
            said.append(block)
    if said or calls:
        pictures = pictures_of({"content": said}, "anthropic")
        turns.append(Turn(message["role"], text_of(said), tuple(calls), pictures=pictures))
    return turns


def _tools(body: dict[str, Any]) -> tuple[Tool, ...]:
    tools = []
    for at, tool in enumerate(dicts(body.get("tools"))):
        name = as_str(tool.get("name"))
        if not _TOOL_NAME.fullmatch(name):
            raise Refused(400, f"tools.{at}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        if tool.get("type", "custom") != "custom":
            continue  # the service's own tools, such as web search
        if "input_schema" not in tool:
            raise Refused(400, f"tools.{at}.custom.input_schema: Field required")
        tools.append(Tool(name, as_str(tool.get("description")), as_dict(tool.get("input_schema"))))
    return tuple(tools)


def _schema(body: dict[str, Any]) -> dict[str, Any] | None:
    wanted = as_dict(as_dict(body.get("output_config")).get("format")) or as_dict(body.get("output_format"))
    return as_dict(wanted.get("schema")) if wanted.get("type") == "json_schema" else None
