"""Answers in a given form: from text to an object, also while the text is still being written.

Which wire asks for the form in which way is the formats' business.
"""

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
"""Small models put their JSON into fenced code, however they were asked."""

_NUMBER = re.compile(r"(?<=[:,\[\s])[-+.\deE]+\Z")
"""At the end of what has come so far, a number may have more digits to come."""

LONGEST = 1000
"""Characters of a complaint that the model is told."""


def with_parsed(answer: Completion, form: ResponseFormat | None) -> Completion:
    """Return an answer with its object in `parsed`. Without a form, or where the model wants tools called, as it is.

    Raises:
        StructuredOutputError: says why the answer is no such object.
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
        # A validator of the form that met what it did not expect, or JSON that is too deep.
        raise _failure(answer, form, f"{type(error).__name__}: {error}") from error


def may_be_repaired(error: StructuredOutputError) -> bool:
    """Return whether the model could do better when it is told what was wrong."""
    answer: Completion = error.completion
    return not answer.refusal and answer.finish_reason not in ("length", "content_filter")


def repair(messages: Sequence[Message], error: StructuredOutputError) -> tuple[Message, ...]:
    """Return the conversation that goes on with what was wrong."""
    answer: Completion = error.completion
    told = f"This is not what was asked for: {error.complaint[:LONGEST]}\nAnswer again with the JSON object alone."
    # An empty turn is refused by some services.
    said = (Message(Role.ASSISTANT, answer.content),) if answer.content.strip() else ()
    return (*messages, *said, Message(Role.USER, told))


def partial_object(text: str) -> Any:
    """Return the JSON object as far as it has been written; None before it begins, or if it is none.

    It only grows: a text gets longer, and a number is there once it is whole.
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
        told = (
            f"{'.'.join(map(str, item['loc'])) or 'the answer'}: {item['msg']}"
            for item in details(include_url=False, include_input=False)
        )
        return "; ".join(told)
    return f"the answer is not JSON: {error}" if isinstance(error, json.JSONDecodeError) else str(error)


def _failure(answer: Completion, form: ResponseFormat, complaint: str) -> StructuredOutputError:
    return StructuredOutputError.of(answer, form.name, complaint)
