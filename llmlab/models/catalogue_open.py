"""What OpenRouter, Ollama and a local gpt-oss server serve. Both serve many models more; those pass unchecked.

Sources: OpenRouter's list of models and "Free Models Router"; Ollama's library and "Thinking"; OpenAI's model card of
gpt-oss. OpenRouter leaves out what a model does not take and maps the effort, so there is little to refuse.
"""

from __future__ import annotations

from typing import Final

from llmlab.models.model import ModelCapabilities, ModelSpec, ParameterSpec, Prices

_SAMPLING = (
    ParameterSpec("temperature", "number", 0, 2, default=1),
    ParameterSpec("top_p", "number", 0, 1, default=1),
)
_ANY_EFFORT = ParameterSpec(
    "reasoning.effort", "text", choices=("none", "minimal", "low", "medium", "high", "xhigh", "max")
)
_ANY_BUDGET = ParameterSpec("reasoning.budget_tokens", "integer", 1)
_WORDED = ParameterSpec("text.verbosity", "text", choices=("low", "medium", "high"))
_ROUTED = (_ANY_EFFORT, _ANY_BUDGET)

_ROUTER = ModelCapabilities(streaming=True, tools=True, vision=True, structured_output=True, file_search=False)
_HOSTED = ModelCapabilities(True, True, True, True, True, True, True, False)
_GPT_OSS = ModelCapabilities(True, True, True, False, True, False, True, False)

OPENROUTER: Final = (
    ModelSpec("openrouter/free", "openrouter", _ROUTER, context_window=200_000),
    ModelSpec("openrouter/auto", "openrouter", _ROUTER),
    *(
        ModelSpec(model, "openrouter", _HOSTED, (*_ROUTED, _WORDED), window, 128_000, Prices(*price))
        for model, window, price in (
            ("openai/gpt-6-luna", 1_050_000, (0.1, 0.5)),
            ("openai/gpt-6-sol", 1_050_000, (2, 10)),
            ("anthropic/claude-haiku-5.5", 1_000_000, (0.1, 0.5)),
            ("anthropic/claude-sonnet-5.5", 1_000_000, (2, 10)),
        )
    ),
    *(
        ModelSpec(
            f"openai/gpt-oss-{size}:free", "openrouter", _GPT_OSS, (*_SAMPLING, *_ROUTED), 131_072, prices=Prices(0, 0)
        )
        for size in ("20b", "120b")
    ),
)

_EFFORT = ParameterSpec("reasoning.effort", "text", choices=("low", "medium", "high"), default="medium")
# Thinking is on or off here; every effort but "none" switches it on.
_SWITCH = ParameterSpec("reasoning.effort", "text", choices=("none", "low", "medium", "high"), default="medium")
_OSS_TAKES = (*_SAMPLING, _EFFORT)
_NO_TOOLS = ModelCapabilities(True, False, False, True, False, False, True, False)

OLLAMA: Final = (
    ModelSpec("gpt-oss:20b", "ollama", _GPT_OSS, _OSS_TAKES, 131_072, aliases=("gpt-oss", "gpt-oss:latest")),
    ModelSpec("gpt-oss:120b", "ollama", _GPT_OSS, _OSS_TAKES, 131_072),
    ModelSpec("qwen3:8b", "ollama", _GPT_OSS, (*_SAMPLING, _SWITCH), 40_960, aliases=("qwen3", "qwen3:latest")),
    ModelSpec("gemma3:4b", "ollama", _NO_TOOLS, _SAMPLING, 131_072, aliases=("gemma3", "gemma3:latest")),
)

LOCAL_GPT_OSS: Final = (
    ModelSpec("gpt-oss:120b", "local_gpt_oss", _GPT_OSS, _OSS_TAKES, 131_072),
    ModelSpec("gpt-oss:20b", "local_gpt_oss", _GPT_OSS, _OSS_TAKES, 131_072),
)
