"""Checks of single values, for every room that takes one from a user.

Wrong numbers are refused where they are written: `"5"`, NaN or True would otherwise fail only in a call.
"""

from __future__ import annotations

import math
from typing import Any, TypeGuard, get_args

from llmlab.errors import LLMInvalidRequestError


def is_number(value: object, low: float = 0, high: float = math.inf) -> TypeGuard[float]:
    """Return whether a value is a finite number from `low` to `high`."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high and value < math.inf


def is_count(value: object, low: float = 1, high: float = math.inf) -> TypeGuard[int]:
    """Return whether a value is a whole number from `low` to `high`."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def is_name(value: object) -> TypeGuard[str]:
    """Return whether a value is a text that is not empty."""
    return isinstance(value, str) and bool(value)


def check_choice(name: str, value: object, choices: Any) -> None:
    """Refuse a value that is neither None nor one of the choices of a `Literal`.

    Raises:
        LLMInvalidRequestError: names the choices.
    """
    if value is not None and value not in get_args(choices):
        raise LLMInvalidRequestError(f"{name} must be one of {', '.join(get_args(choices))}, not {value!r}")
