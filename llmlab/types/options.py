"""What a request may wish for beside its messages: how much to think, how much to say, in which form, from which files.

Each is a plain value with its checks. Which model can do it is the specs' business, how it looks on the wire the
formats'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeAlias, get_args

from llmlab.errors import LLMInvalidRequestError

Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Summary: TypeAlias = Literal["auto", "concise", "detailed"]
Verbosity: TypeAlias = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class ReasoningConfig:
    """How much a model shall think before it answers.

    Args:
        effort: none, minimal, low, medium, high, xhigh or max. A model has some of these; its spec says which.
        summary: how its thoughts are told, where the service can be told: auto, concise or detailed.
        budget_tokens: limit of its thoughts in tokens, where the service counts them so (Anthropic, OpenRouter).

    Raises:
        LLMInvalidRequestError: for another value, or when effort and budget are both given.
    """

    effort: Effort | None = None
    summary: Summary | None = None
    budget_tokens: int | None = None

    def __post_init__(self) -> None:
        _one_of("effort", self.effort, get_args(Effort))
        _one_of("summary", self.summary, get_args(Summary))
        budget = self.budget_tokens
        if budget is not None and (isinstance(budget, bool) or not isinstance(budget, int) or budget < 1):
            raise LLMInvalidRequestError(f"budget_tokens must be a whole number above 0, not {budget!r}")
        if self.effort and budget:
            raise LLMInvalidRequestError("give effort or budget_tokens; each says how much to think")


@dataclass(frozen=True, slots=True)
class TextConfig:
    """How much a model shall say.

    Args:
        verbosity: low, medium or high.

    Raises:
        LLMInvalidRequestError: for another value.
    """

    verbosity: Verbosity | None = None

    def __post_init__(self) -> None:
        _one_of("verbosity", self.verbosity, get_args(Verbosity))


@dataclass(frozen=True, slots=True)
class FileSearch:
    """What to search while answering, where the service can.

    Args:
        vector_store_ids: the service's ids of the stores.
        max_num_results: pieces of files that the model is given at most, 1 to 50; else as many as the service likes.

    Raises:
        LLMInvalidRequestError: for ids that are none, or another number.
    """

    vector_store_ids: tuple[str, ...]
    max_num_results: int | None = None

    def __post_init__(self) -> None:
        ids, most = self.vector_store_ids, self.max_num_results
        if not isinstance(ids, (list, tuple)) or not ids or not all(isinstance(item, str) and item for item in ids):
            raise LLMInvalidRequestError("file_search needs the ids of stores: FileSearch((store.id,))")
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= 50):
            raise LLMInvalidRequestError(f"max_num_results must be a whole number from 1 to 50, not {most!r}")
        object.__setattr__(self, "vector_store_ids", tuple(ids))


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """The form that an answer shall have.

    Args:
        name: of the form: letters, digits, `_` and `-`.
        schema: JSON schema of an object.
        model: the pydantic model that the answer becomes; without one it becomes a dict, unchecked.
    """

    name: str
    schema: Mapping[str, Any] = field(repr=False)
    model: Any = None

    @classmethod
    def of(cls, value: Any) -> Self:
        """Return the form that a pydantic model or a JSON schema describes.

        Raises:
            LLMInvalidRequestError: if it is neither, or does not describe an object.
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
        # pydantic has several for a field that JSON has no form for, and none of them is known here.
        reason = str(error).partition("\n")[0].rstrip(".")
        raise LLMInvalidRequestError(
            f"response_format: {model.__name__} has no JSON schema: {reason}. Give its fields types that JSON has."
        ) from error
    return schema


def made(kind: type[Any], value: Any) -> Any:
    """Return a value of one of these kinds: it itself, or built from a dict.

    Raises:
        LLMInvalidRequestError: names the field that is wrong, and what would be right.
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


def _one_of(name: str, value: object, choices: Sequence[str]) -> None:
    if value is not None and value not in choices:
        raise LLMInvalidRequestError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
