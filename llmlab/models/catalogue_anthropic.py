"""Anthropic's models. Source of what they can do and take: platform.claude.com, "Models overview" and "Effort".

None takes a temperature: the current API has no field for it. An effort of "none" stands for thinking that is disabled,
which the models that always think refuse.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from llmlab.models.model import ModelCapabilities, ModelSpec, ParameterSpec, Prices

_ALL = ("low", "medium", "high", "xhigh", "max")
_OFF = ("none", *_ALL)
_BUDGET = ParameterSpec("reasoning.budget_tokens", "integer", 1024)


def _effort(choices: tuple[str, ...], default: str = "high") -> tuple[ParameterSpec, ...]:
    return (ParameterSpec("reasoning.effort", "text", choices=choices, default=default),)


# Thinking on a budget came first, then the effort beside it, then the effort alone.
_BY_BUDGET = (*_effort(("none",), "none"), _BUDGET)
_BOTH = (*_effort(("none", "low", "medium", "high", "max")), _BUDGET)
_OPUS_4_5 = (*_effort(("none", "low", "medium", "high")), _BUDGET)
_NO_THINKING = _effort(("none",), "none")

_LONG, _MIDDLE = (1_000_000, 128_000), (200_000, 64_000)


def _spec(
    model: str,
    parameters: tuple[ParameterSpec, ...],
    size: tuple[int, int],
    price: tuple[float, float],
    ends: tuple[int, int, int] | None = None,
    *aliases: str,
    structured: bool = True,
) -> ModelSpec:
    """Return a model with its window and longest answer, its prices, its last day and its other names."""
    reasons = parameters is not _NO_THINKING
    can = ModelCapabilities(True, True, True, True, reasons, False, structured, False)
    return ModelSpec(
        *(model, "anthropic", can, parameters, *size, Prices(*price)), date(*ends) if ends else None, aliases
    )


ANTHROPIC: Final = (
    _spec("claude-fable-5-2", _effort(_ALL), _LONG, (8, 40)),
    _spec("claude-mythos-5-2", _effort(_ALL), _LONG, (8, 40)),
    _spec("claude-opus-5-5", _effort(_ALL, "medium"), _LONG, (4, 20)),
    _spec("claude-sonnet-5-5", _effort(_ALL), _LONG, (2, 10)),
    _spec("claude-haiku-5-5", _effort(_OFF, "medium"), _LONG, (0.1, 0.5)),
    _spec("claude-fable-5-1", _effort(_ALL), _LONG, (10, 50)),
    _spec("claude-mythos-5-1", _effort(_ALL), _LONG, (10, 50)),
    _spec("claude-fable-5", _effort(_ALL), _LONG, (10, 50)),
    _spec("claude-mythos-5", _effort(_ALL), _LONG, (10, 50)),
    _spec("claude-opus-5", _effort(_OFF), _LONG, (5, 25)),
    _spec("claude-sonnet-5", _effort(_OFF), _LONG, (2, 10)),
    _spec("claude-opus-4-8", _effort(_OFF), _LONG, (5, 25)),
    _spec("claude-opus-4-7", _effort(_OFF), _LONG, (5, 25)),
    _spec("claude-opus-4-6", _BOTH, _LONG, (5, 25)),
    _spec("claude-sonnet-4-6", _BOTH, _LONG, (3, 15)),
    _spec("claude-opus-4-5", _OPUS_4_5, _MIDDLE, (5, 25), None, "claude-opus-4-5-20251101"),
    _spec("claude-haiku-4-5", _BY_BUDGET, _MIDDLE, (1, 5), None, "claude-haiku-4-5-20251001"),
    _spec("claude-sonnet-4-5", _BY_BUDGET, _MIDDLE, (3, 15), (2026, 11, 30), "claude-sonnet-4-5-20250929"),
    _spec(
        *("claude-sonnet-4-0", _BY_BUDGET, _MIDDLE, (3, 15), (2026, 6, 15), "claude-sonnet-4-20250514"),
        structured=False,
    ),
    _spec(
        *("claude-opus-4-0", _BY_BUDGET, (200_000, 32_000), (15, 75), (2026, 6, 15), "claude-opus-4-20250514"),
        structured=False,
    ),
    _spec(
        *("claude-3-7-sonnet-latest", _BY_BUDGET, _MIDDLE, (3, 15), (2026, 2, 19), "claude-3-7-sonnet-20250219"),
        structured=False,
    ),
    _spec(
        *("claude-3-5-haiku-latest", _NO_THINKING, (200_000, 8_192), (0.8, 4), (2026, 2, 19)),
        "claude-3-5-haiku-20241022",
        structured=False,
    ),
    _spec("claude-3-opus-20240229", _NO_THINKING, (200_000, 4_096), (15, 75), (2026, 1, 5), structured=False),
)
