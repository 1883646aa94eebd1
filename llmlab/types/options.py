"""Options that are values of their own: reasoning, verbosity, file search and the form of the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeAlias

from llmlab.errors import LLMInvalidRequestError
from llmlab.types.validation import check_choice, is_count, is_name

Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Summary: TypeAlias = Literal["auto", "concise", "detailed"]
Verbosity: TypeAlias = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class ReasoningConfig:
    """How much a model thinks before it answers.

    Args:
        effort: none, minimal, low, medium, high, xhigh or max. Each model has some of these.
        summary: how its thoughts are shown, where the service has a choice: auto, concise or detailed.
        budget_tokens: limit of its thoughts in tokens, where the service has one (Anthropic, OpenRouter).

    Raises:
        LLMInvalidRequestError: for another value, or for an effort beside a budget.
    """

    effort: Effort | None = None
    summary: Summary | None = None
    budget_tokens: int | None = None

    def __post_init__(self) -> None:
        check_choice("effort", self.effort, Effort)
        check_choice("summary", self.summary, Summary)
        if self.budget_tokens is not None and not is_count(self.budget_tokens):
            raise LLMInvalidRequestError(f"budget_tokens must be a whole number above 0, not {self.budget_tokens!r}")
        if self.effort and self.budget_tokens:
            raise LLMInvalidRequestError("use effort or budget_tokens, not both; each says how much to think")


@dataclass(frozen=True, slots=True)
class TextConfig:
    """How much a model writes.

    Args:
        verbosity: low, medium or high.

    Raises:
        LLMInvalidRequestError: for another value.
    """

    verbosity: Verbosity | None = None

    def __post_init__(self) -> None:
        check_choice("verbosity", self.verbosity, Verbosity)


@dataclass(frozen=True, slots=True)
class FileSearch:
    """Vector stores that the service searches before it answers.

    Args:
        vector_store_ids: the service's ids of the stores.
        max_num_results: most pieces of files for the model, 1 to 50; by default the service decides.

    Raises:
        LLMInvalidRequestError: for anything but ids, or for another number.
    """

    vector_store_ids: tuple[str, ...]
    max_num_results: int | None = None

    def __post_init__(self) -> None:
        ids, most = self.vector_store_ids, self.max_num_results
        if not isinstance(ids, (list, tuple)) or not ids or not all(map(is_name, ids)):
            raise LLMInvalidRequestError("file_search needs the ids of stores: FileSearch((store.id,))")
        if most is not None and not is_count(most, high=50):
            raise LLMInvalidRequestError(f"max_num_results must be a whole number from 1 to 50, not {most!r}")
        object.__setattr__(self, "vector_store_ids", tuple(ids))


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """The form of an answer.

    Args:
        name: letters, digits, `_` and `-`.
        schema: JSON schema of an object.
        model: the pydantic model for the answer; without it the answer becomes a dict, unchecked.
    """

    name: str
    schema: Mapping[str, Any] = field(repr=False)
    model: Any = None

    @classmethod
    def of(cls, value: Any) -> Self:
        """Return the form of a pydantic model or a JSON schema.

        Raises:
            LLMInvalidRequestError: for anything else, or if it does not describe an object.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, type) and hasattr(value, "model_json_schema"):
            schema, model = _schema_of(value), value
        elif isinstance(value, Mapping):
            schema, model = value, None
        else:
            raise LLMInvalidRequestError(
                f"response_format must be a class derived from pydantic.BaseModel, or a JSON schema, not {value!r}"
            )
        if schema.get("type") != "object" and "$ref" not in schema:
            raise LLMInvalidRequestError(
                'response_format must describe an object: {"type": "object", "properties": {…}}. Put a list or a value '
                "into a field of one."
            )
        title = schema.get("title") or (model.__name__ if model else "answer")
        name = re.sub(r"[^A-Za-z0-9_-]", "_", str(title))[:64]
        return cls(name, schema, model)


def _schema_of(model: Any) -> Mapping[str, Any]:
    try:
        schema: Mapping[str, Any] = model.model_json_schema()
    except Exception as error:
        # pydantic raises several kinds for a field that has no JSON form.
        reason = str(error).partition("\n")[0].rstrip(".")
        raise LLMInvalidRequestError(
            f"response_format: {model.__name__} has no JSON schema: {reason}. Give its fields types that JSON has."
        ) from error
    return schema


def build_option(kind: type[Any], value: Any) -> Any:
    """Return an option of a class above: the value itself, or one built from a dict.

    Raises:
        LLMInvalidRequestError: names the field that is wrong, and what is expected.
    """
    if isinstance(value, kind):
        return value
    known = ", ".join(kind.__dataclass_fields__)
    if not isinstance(value, Mapping):
        raise LLMInvalidRequestError(f"use {kind.__name__}({known}), or a dict of these, not {value!r}")
    if unknown := sorted(str(name) for name in value if name not in kind.__dataclass_fields__):
        raise LLMInvalidRequestError(f"{kind.__name__} has no {unknown[0]!r}; it has {known}")
    try:
        return kind(**value)
    except TypeError:
        raise LLMInvalidRequestError(f"{kind.__name__} needs {known}") from None
