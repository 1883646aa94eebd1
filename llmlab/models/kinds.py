"""What models can do and take, by name: the part of the catalogue that no package knows.

Sources: developers.openai.com, "Models" and "Reasoning models"; platform.claude.com, "Models overview" and "Effort";
OpenRouter's list of models and "Free Models Router"; Ollama's library and "Thinking"; OpenAI's model card of gpt-oss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from llmlab.models.model import ModelCapabilities, ParameterSpec

_ALL = ("none", "low", "medium", "high", "xhigh", "max")
_ALWAYS = _ALL[1:]


@dataclass(frozen=True, slots=True)
class Kind:
    """What some models have in common.

    Args:
        capabilities: what they can do.
        parameters: what they take.
        max_output_tokens: the longest answer, in tokens; None if there is no limit of its own.
    """

    capabilities: ModelCapabilities
    parameters: tuple[ParameterSpec, ...] = ()
    max_output_tokens: int | None = None


def _sampling(*exclusive_with: str) -> tuple[ParameterSpec, ...]:
    return (
        ParameterSpec("temperature", "float", 0, 2, default=1, exclusive_with=exclusive_with),
        ParameterSpec("top_p", "float", 0, 1, default=1, exclusive_with=exclusive_with),
    )


def _effort(choices: tuple[str, ...], default: str | None = "medium") -> ParameterSpec:
    return ParameterSpec("reasoning.effort", "str", choices=choices, default=default)


def _verbosity(*choices: str, default: str | None = "medium") -> ParameterSpec:
    return ParameterSpec("text.verbosity", "str", choices=choices or ("low", "medium", "high"), default=default)


# OpenAI's models without a choice take the name of what they do anyway.
_MEDIUM = _verbosity("medium")


def _gpt_5(efforts: tuple[str, ...], default: str = "medium") -> Kind:
    """Return a model of OpenAI's that reasons; while it reasons, it takes no temperature but the default."""
    can = ModelCapabilities(True, True, True, True, True, True, True, True)
    return Kind(can, (*_sampling("reasoning.effort"), _effort(efforts, default), _verbosity()), 128_000)


def _gpt_4(max_output_tokens: int, *, vision: bool = True, structured: bool = True) -> Kind:
    """Return a model of OpenAI's that answers at once. Whether those without schemas search files is not known."""
    can = ModelCapabilities(True, True, True, vision, False, False, structured, structured or None)
    return Kind(can, (*_sampling(), _MEDIUM), max_output_tokens)


_O = Kind(
    ModelCapabilities(True, True, True, True, True, False, True, True),
    (*_sampling("reasoning.effort"), _effort(("low", "medium", "high")), _MEDIUM),
    100_000,
)

_OPENAI = {
    "gpt-6-astra gpt-6.1-sol": _gpt_5(_ALWAYS),
    "gpt-6.1-terra gpt-6-sol gpt-6-luna gpt-5.6-sol gpt-5.6-terra gpt-5.6-luna": _gpt_5(_ALL),
    "gpt-5.5": _gpt_5(_ALL[:5]),
    "gpt-5.5-pro gpt-5.2-pro": _gpt_5(("medium", "high", "xhigh")),
    "gpt-5.4 gpt-5.4-mini gpt-5.4-nano gpt-5.2": _gpt_5(_ALL[:5], "none"),
    "gpt-5.1": _gpt_5(_ALL[:4], "none"),
    "gpt-5 gpt-5-mini gpt-5-nano": _gpt_5(("minimal", "low", "medium", "high")),
    "o3 o4-mini o1": _O,
    "o3-mini": replace(_O, capabilities=replace(_O.capabilities, vision=False)),
    "gpt-4.1 gpt-4.1-mini gpt-4.1-nano": _gpt_4(32_768),
    "gpt-4o gpt-4o-mini": _gpt_4(16_384),
    "gpt-4-turbo": _gpt_4(4_096, structured=False),
    "gpt-4": _gpt_4(8_192, vision=False, structured=False),
    "gpt-3.5-turbo": _gpt_4(4_096, vision=False, structured=False),
}


def _claude(
    parameters: tuple[ParameterSpec, ...], max_output_tokens: int = 128_000, *, structured: bool = True
) -> Kind:
    """Return a model of Anthropic's. None takes a temperature: the current API has no field for it.

    An effort of "none" stands for thinking that is disabled, which models that always think refuse.
    """
    reasons = any(one.choices != ("none",) for one in parameters)
    return Kind(
        ModelCapabilities(True, True, True, True, reasons, False, structured, False), parameters, max_output_tokens
    )


_BUDGET = ParameterSpec("reasoning.budget_tokens", "int", 1024)
# Thinking on a budget came first, then the effort beside it, then the effort alone.
_BY_BUDGET = (_effort(("none",), "none"), _BUDGET)

_ANTHROPIC = {
    "claude-fable-5-2 claude-mythos-5-2 claude-sonnet-5-5 claude-fable-5-1 claude-mythos-5-1 "
    "claude-fable-5 claude-mythos-5": _claude((_effort(_ALWAYS, "high"),)),
    "claude-opus-5-5": _claude((_effort(_ALWAYS),)),
    "claude-haiku-5-5": _claude((_effort(_ALL),)),
    "claude-opus-5 claude-sonnet-5 claude-opus-4-8 claude-opus-4-7": _claude((_effort(_ALL, "high"),)),
    "claude-opus-4-6 claude-sonnet-4-6": _claude((_effort(("none", "low", "medium", "high", "max"), "high"), _BUDGET)),
    "claude-opus-4-5": _claude((_effort(_ALL[:4], "high"), _BUDGET), 64_000),
    "claude-haiku-4-5 claude-sonnet-4-5": _claude(_BY_BUDGET, 64_000),
    "claude-sonnet-4-0 claude-3-7-sonnet-latest": _claude(_BY_BUDGET, 64_000, structured=False),
    "claude-opus-4-0": _claude(_BY_BUDGET, 32_000, structured=False),
    "claude-3-5-haiku-latest": _claude(_BY_BUDGET[:1], 8_192, structured=False),
    "claude-3-opus-20240229": _claude(_BY_BUDGET[:1], 4_096, structured=False),
}

# OpenRouter leaves out what a model does not take and maps the effort, so there is little to refuse.
_ROUTED = (_effort(("none", "minimal", *_ALWAYS), None), ParameterSpec("reasoning.budget_tokens", "int", 1))
_ROUTER = ModelCapabilities(streaming=True, tools=True, vision=True, structured_output=True, file_search=False)
_HOSTED = ModelCapabilities(True, True, True, True, True, True, True, False)
_GPT_OSS = ModelCapabilities(True, True, True, False, True, False, True, False)

_OPENROUTER = {
    "openrouter/free openrouter/auto": Kind(_ROUTER),
    "openai/gpt-6-luna openai/gpt-6-sol anthropic/claude-haiku-5.5 anthropic/claude-sonnet-5.5": Kind(
        _HOSTED, (*_ROUTED, _verbosity(default=None)), 128_000
    ),
    "openai/gpt-oss-20b:free openai/gpt-oss-120b:free": Kind(_GPT_OSS, (*_sampling(), *_ROUTED)),
}
_SERVED = {
    "gpt-oss:20b gpt-oss:120b": Kind(_GPT_OSS, (*_sampling(), _effort(("low", "medium", "high")))),
    # Thinking is on or off here; every effort but "none" switches it on.
    "qwen3:8b": Kind(_GPT_OSS, (*_sampling(), _effort(_ALL[:4]))),
    "gemma3:4b": Kind(ModelCapabilities(True, False, False, True, False, False, True, False), _sampling()),
}

_TABLES = {
    "openai": _OPENAI,
    "anthropic": _ANTHROPIC,
    "openrouter": _OPENROUTER,
    "ollama": _SERVED,
    "local_gpt_oss": _SERVED,
}
KINDS: Final[Mapping[tuple[str, str], Kind]] = {
    (provider, model): kind
    for provider, table in _TABLES.items()
    for models, kind in table.items()
    for model in models.split()
}
"""The kind of each model, by provider and name. Of a model that is missing here, only name, window, price are known."""
