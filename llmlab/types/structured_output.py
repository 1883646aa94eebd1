"""Structured output: the object in an answer, also in a part of one."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from llmlab.errors import StructuredOutputError
from llmlab.types.completion import Completion
from llmlab.types.messages import Message, Role
from llmlab.types.options import ResponseFormat

_FENCE = re.compile(r"\s*```(?:json)?\s*\n(.*?)(?:\n\s*`|\Z)", re.DOTALL)
"""Fenced code, into which small models put their JSON."""

_NUMBER = re.compile(r"(?<=[:,\[\s])[-+.\deE]+\Z")
"""A number at the end of a partial text, which may get more digits."""

LONGEST = 1000
"""Characters of a complaint that is sent to the model."""


def with_parsed(answer: Completion, form: ResponseFormat | None) -> Completion:
    """Return an answer with its object in `parsed`; unchanged without a form or with tool calls.

    Raises:
        StructuredOutputError: says why the answer does not match the form.
    """
    if form is None or answer.tool_calls:
        return answer
    if answer.refusal:
        raise _failure(answer, form, f"the model refused: {answer.refusal}")
    if answer.finish_reason == "content_filter":
        raise _failure(answer, form, "the service's filter cut the answer off")
    if answer.finish_reason == "length":
        raise _failure(answer, form, "the answer was cut off; give it more room: max_tokens=<tokens>")
    text = _plain(answer.content)
    try:
        return replace(answer, parsed=form.model.model_validate_json(text) if form.model else _object(text))
    except ValueError as error:
        # pydantic's errors are ValueErrors, too.
        raise _failure(answer, form, _complaint(error)) from None
    except Exception as error:
        # A validator of the form failed, or the JSON is nested too deeply.
        raise _failure(answer, form, f"{type(error).__name__}: {error}") from error


def may_be_repaired(error: StructuredOutputError) -> bool:
    """Return whether the model could correct its answer."""
    answer: Completion = error.completion
    return not answer.refusal and answer.finish_reason not in ("length", "content_filter")


def repair(messages: Sequence[Message], error: StructuredOutputError) -> tuple[Message, ...]:
    """Return the conversation with a message that asks for a corrected answer."""
    answer: Completion = error.completion
    # Some services refuse an empty turn.
    turn = (Message(Role.ASSISTANT, answer.content),) if answer.content.strip() else ()
    request = f"This is not what was asked for: {error.complaint[:LONGEST]}\nAnswer again with the JSON object alone."
    return (*messages, *turn, Message(Role.USER, request))


def partial_object(text: str) -> Any:
    """Return the JSON object in a partial text; None before it begins, or for anything else.

    It only grows: texts get longer, and a number appears once it is complete.
    """
    # Loaded only where partial objects are looked at.
    from pydantic_core import from_json

    try:
        found = from_json(_NUMBER.sub("", _plain(text)), allow_partial="trailing-strings")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _plain(text: str) -> str:
    found = _FENCE.match(text)
    return found.group(1) if found else text


def _object(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"it is a JSON {type(found).__name__}, not an object")
    return found


def _complaint(error: ValueError) -> str:
    if callable(details := getattr(error, "errors", None)):
        complaints = (
            f"{'.'.join(map(str, item['loc'])) or 'the answer'}: {item['msg']}"
            for item in details(include_url=False, include_input=False)
        )
        return "; ".join(complaints)
    return f"the answer is not JSON: {error}" if isinstance(error, json.JSONDecodeError) else str(error)


def _failure(answer: Completion, form: ResponseFormat, complaint: str) -> StructuredOutputError:
    return StructuredOutputError.of(answer, form.name, complaint)
