"""A call as JSON, for a row: data alone, no key, and of bearable length."""

from __future__ import annotations

import json
from typing import Any, Final

from llmlab._utils.redaction import find_secrets
from llmlab.errors import LLMError, LLMInvalidRequestError
from llmlab.toolkit.batches.requests import to_json
from llmlab.toolkit.interfaces.service import (
    LLMCallRequest,
    LLMConfig,
    LLMModelSpec,
    ReasoningConfig,
    TextConfig,
)

LONGEST: Final = 1_000_000
"""Characters of a request."""
VERSION: Final = 1


def request_to_json(request: LLMCallRequest) -> str:
    """Return a request as JSON.

    Raises:
        LLMInvalidRequestError: it holds a key, a function, or more than `LONGEST` characters.
    """
    if not isinstance(request, LLMCallRequest):
        raise LLMInvalidRequestError(f"a job takes an LLMCallRequest, not {type(request).__name__}")
    try:
        text = json.dumps({"version": VERSION, **to_json(request)}, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise LLMInvalidRequestError(f"a job holds data alone, and this is none: {error}") from None
    if len(text) > LONGEST:
        raise LLMInvalidRequestError(
            f"the request of a job has at most {LONGEST:,} characters, and this one {len(text):,}"
        )
    if find_secrets(text):
        raise LLMInvalidRequestError("the request of a job is stored, and this one holds a key. Take it out")
    return text


def request_from_json(text: str) -> LLMCallRequest:
    """Return the request in a row, also of an older version. Unknown fields of a newer one are an error.

    Raises:
        LLMInvalidRequestError: it is no request.
    """
    try:
        value = json.loads(text)
        llm = dict(value["llm"])
        spec = dict(llm.pop("llm_model_spec", {}))
        if isinstance(spec.get("reasoning"), dict):
            spec["reasoning"] = ReasoningConfig(**spec["reasoning"])
        if isinstance(spec.get("text"), dict):
            spec["text"] = TextConfig(**spec["text"])
        config = LLMConfig(**llm, llm_model_spec=LLMModelSpec(**spec))
        return LLMCallRequest(config, value.get("max_num_results"))
    except LLMError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise LLMInvalidRequestError(f"the stored request cannot be read: {reason}") from None


def error_to_json(error: BaseException) -> dict[str, Any]:
    """Return an error for a row: its class and its message."""
    return {"type": type(error).__name__, "message": getattr(error, "message", None) or str(error)}
