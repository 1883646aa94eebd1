"""OpenAI's models. Source of what they can do and take: developers.openai.com, "Models" and "Reasoning models".

A reasoning model takes a temperature only while it does not reason, and most of them reason when nobody says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from llmlab.models.model import ModelCapabilities, ModelSpec, ParameterSpec, Prices

_ALL = ("none", "low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class _Kind:
    """What models of one kind have in common."""

    capabilities: ModelCapabilities
    parameters: tuple[ParameterSpec, ...]


def _reasoner(efforts: tuple[str, ...], default: str = "medium", *, verbosity: bool = True) -> _Kind:
    """A model that reasons."""
    # At their defaults, both do no harm; a model that always reasons takes no others.
    sampling = (
        ParameterSpec("temperature", "number", 0, 2, default=1, exclusive_with=("reasoning.effort",)),
        ParameterSpec("top_p", "number", 0, 1, default=1, exclusive_with=("reasoning.effort",)),
    )
    asked = ParameterSpec("reasoning.effort", "text", choices=efforts, default=default)
    worded = ParameterSpec("text.verbosity", "text", choices=("low", "medium", "high"), default="medium")
    can = ModelCapabilities(True, True, True, True, True, verbosity, True, True)
    return _Kind(can, (*sampling, asked, *([worded] if verbosity else [])))


def _talker(*, vision: bool = True, structured: bool = True) -> _Kind:
    """A model that answers at once."""
    sampling = (
        ParameterSpec("temperature", "number", 0, 2, default=1),
        ParameterSpec("top_p", "number", 0, 1, default=1),
    )
    return _Kind(ModelCapabilities(True, True, True, vision, False, False, structured, structured), sampling)


_GPT_6 = _reasoner(_ALL)
_ALWAYS = _reasoner(_ALL[1:])
_GPT_5_5 = _reasoner(_ALL[:5])
_GPT_5_4 = _reasoner(_ALL[:5], "none")
_GPT_5_1 = _reasoner(_ALL[:4], "none")
_GPT_5 = _reasoner(("minimal", "low", "medium", "high"))
_PRO = _reasoner(("medium", "high", "xhigh"))
_O = _reasoner(("low", "medium", "high"), verbosity=False)
_TALKER = _talker()
_EARLY = _talker(structured=False)
_BLIND = _talker(vision=False, structured=False)
_O3_MINI = _Kind(ModelCapabilities(True, True, True, False, True, False, True, True), _O.parameters)

_LONG, _MIDDLE = (1_050_000, 128_000), (400_000, 128_000)
_O_SIZE, _GPT_4O, _GPT_4_1 = (200_000, 100_000), (128_000, 16_384), (1_000_000, 32_768)


def _spec(
    model: str,
    kind: _Kind,
    size: tuple[int, int],
    price: tuple[float, float],
    ends: tuple[int, int, int] | None = None,
    *days: str,
) -> ModelSpec:
    """Return a model with its window and longest answer, its prices, its last day, and the days of its snapshots."""
    aliases = tuple(f"{model}-{day}" for day in days)
    return ModelSpec(
        *(model, "openai", kind.capabilities, kind.parameters, *size, Prices(*price)),
        date(*ends) if ends else None,
        aliases,
    )


OPENAI: Final = (
    _spec("gpt-6-astra", _ALWAYS, _LONG, (10, 50)),
    _spec("gpt-6.1-sol", _ALWAYS, _LONG, (2, 10)),
    _spec("gpt-6.1-terra", _GPT_6, _LONG, (1, 5)),
    _spec("gpt-6-sol", _GPT_6, _LONG, (2, 10)),
    _spec("gpt-6-luna", _GPT_6, _LONG, (0.1, 0.5)),
    _spec("gpt-5.6-sol", _GPT_6, _LONG, (4, 20)),
    _spec("gpt-5.6-terra", _GPT_6, _LONG, (2, 12)),
    _spec("gpt-5.6-luna", _GPT_6, _LONG, (0.2, 1.2)),
    _spec("gpt-5.5", _GPT_5_5, (1_000_000, 128_000), (5, 30), None, "2026-04-23"),
    _spec("gpt-5.5-pro", _PRO, (1_000_000, 128_000), (30, 180), None, "2026-04-23"),
    _spec("gpt-5.4", _GPT_5_4, _LONG, (2.5, 15)),
    _spec("gpt-5.4-mini", _GPT_5_4, _MIDDLE, (0.75, 4.5), None, "2026-03-17"),
    _spec("gpt-5.4-nano", _GPT_5_4, _MIDDLE, (0.2, 1.25), (2027, 4, 1), "2026-03-17"),
    _spec("gpt-5.2", _GPT_5_4, _MIDDLE, (1.75, 14), None, "2025-12-11"),
    _spec("gpt-5.2-pro", _PRO, _MIDDLE, (21, 168), None, "2025-12-11"),
    _spec("gpt-5.1", _GPT_5_1, _MIDDLE, (1.25, 10), (2027, 4, 1), "2025-11-13"),
    _spec("gpt-5", _GPT_5, _MIDDLE, (1.25, 10), (2026, 12, 11), "2025-08-07"),
    _spec("gpt-5-mini", _GPT_5, _MIDDLE, (0.25, 2), (2026, 12, 11), "2025-08-07"),
    _spec("gpt-5-nano", _GPT_5, _MIDDLE, (0.05, 0.4), (2026, 12, 11), "2025-08-07"),
    _spec("gpt-4.1", _TALKER, _GPT_4_1, (2, 8), (2027, 1, 14), "2025-04-14"),
    _spec("gpt-4.1-mini", _TALKER, _GPT_4_1, (0.4, 1.6), (2027, 1, 14), "2025-04-14"),
    _spec("gpt-4.1-nano", _TALKER, _GPT_4_1, (0.1, 0.4), (2026, 10, 23), "2025-04-14"),
    _spec("gpt-4o", _TALKER, _GPT_4O, (2.5, 10), (2027, 1, 14), "2024-11-20", "2024-08-06"),
    _spec("gpt-4o-mini", _TALKER, _GPT_4O, (0.15, 0.6), (2027, 1, 14), "2024-07-18"),
    _spec("o3", _O, _O_SIZE, (2, 8), (2026, 12, 11), "2025-04-16"),
    _spec("o4-mini", _O, _O_SIZE, (1.1, 4.4), (2026, 10, 23), "2025-04-16"),
    _spec("o3-mini", _O3_MINI, _O_SIZE, (1.1, 4.4), (2026, 10, 23), "2025-01-31"),
    _spec("o1", _O, _O_SIZE, (15, 60), (2026, 10, 23), "2024-12-17"),
    _spec("gpt-4-turbo", _EARLY, (128_000, 4_096), (10, 30), (2026, 10, 23), "2024-04-09"),
    _spec("gpt-4", _BLIND, (8_192, 8_192), (30, 60), (2026, 10, 23), "0613"),
    _spec("gpt-3.5-turbo", _BLIND, (16_385, 4_096), (0.5, 1.5), (2026, 10, 23), "0125"),
)
