"""The models of each simulated service, as of November 2026. Any other name is an error, as at the real service.

A retired model is not in the list.
"""

from __future__ import annotations

from dataclasses import dataclass

_PROVIDERS = {"openai": "OpenAI", "nvidia": "Nvidia", "google": "Google AI Studio", "anthropic": "Anthropic"}
_ANTHROPIC_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


@dataclass(frozen=True, slots=True)
class Model:
    """One model of one service.

    Args:
        id: the name in a request.
        created: release date, `YYYY-MM-DD`.
        served_as: the name in an answer, where it differs.
        title: the name for people.
        effort: default reasoning effort; "none" when it does not reason unless asked.
        embeds: numbers of an embedding; 0 for a model that writes text.
        sees: it takes images.
        chats: it answers messages; False for one that only continues a text.
        context: tokens that fit into a request.
        output: tokens that an answer may have at most.
        prompt_price, completion_price: USD per million tokens.
        size: parameters, such as "20.9B" (local servers).
    """

    id: str
    created: str
    served_as: str = ""
    title: str = ""
    effort: str = "none"
    embeds: int = 0
    sees: bool = True
    chats: bool = True
    context: int = 1_050_000
    output: int = 128_000
    prompt_price: float = 0.0
    completion_price: float = 0.0
    size: str = ""

    @property
    def served(self) -> str:
        """The name in an answer."""
        return self.served_as or self.id

    @property
    def provider(self) -> str:
        """Who serves the model at OpenRouter."""
        return _PROVIDERS.get(self.served.split("/")[0], "Chutes")

    def native_finish(self, finish: str | None) -> str | None:
        """Translate OpenAI's reason for the end of an answer into the words of the model's maker."""
        return _ANTHROPIC_FINISH[finish] if finish and self.served.startswith("anthropic/") else finish


def _openai(name: str, created: str, effort: str = "none", context: int = 400_000, output: int = 128_000) -> Model:
    return Model(name, created, f"{name}-{created}", effort=effort, context=context, output=output)


def _claude(name: str, title: str, created: str, context: int = 1_000_000, output: int = 128_000) -> Model:
    return Model(name, created, title=f"Claude {title}", context=context, output=output)


def _gpt_oss(name: str, created: str, title: str = "", size: str = "") -> Model:
    return Model(name, created, title=title, effort="medium", context=131_072, sees=False, size=size)


def _priced(name: str, created: str, title: str, prompt: float, served: str = "", context: int = 1_050_000) -> Model:
    return Model(name, created, served, title, context=context, prompt_price=prompt, completion_price=prompt * 5)


_NEMOTRON = "nvidia/nemotron-3-super-120b-a12b:free"
_HAIKU, _SONNET = "anthropic/claude-5.5-haiku-20261006", "anthropic/claude-5.5-sonnet-20261006"

MODELS: dict[str, tuple[Model, ...]] = {
    "openai": (
        Model("text-embedding-ada-002", "2022-12-16", "text-embedding-ada-002-v2", embeds=1536, context=8192),
        Model("text-embedding-3-small", "2024-01-22", embeds=1536, context=8192),
        Model("text-embedding-3-large", "2024-01-22", embeds=3072, context=8192),
        Model("gpt-4o", "2024-05-13", "gpt-4o-2024-08-06", context=128_000, output=16_384),
        _openai("gpt-4o-mini", "2024-07-18", context=128_000, output=16_384),
        _openai("gpt-4.1", "2025-04-14", context=1_047_576, output=32_768),
        _openai("gpt-4.1-mini", "2025-04-14", context=1_047_576, output=32_768),
        _openai("gpt-5", "2025-08-07", "medium"),
        _openai("gpt-5-mini", "2025-08-07", "medium"),
        _openai("gpt-5-nano", "2025-08-07", "medium"),
        _openai("gpt-5.2", "2025-12-11"),
        _openai("gpt-5.4", "2026-03-05", context=1_050_000),
        _openai("gpt-5.4-mini", "2026-03-17"),
        _openai("gpt-5.4-nano", "2026-03-17"),
        _openai("gpt-5.5", "2026-04-23", "medium", context=1_050_000),
        Model("gpt-5.6-luna", "2026-06-30"),
        Model("gpt-5.6-terra", "2026-06-30"),
        Model("gpt-5.6-sol", "2026-06-30", effort="medium"),
        Model("gpt-6-luna", "2026-09-15"),
        Model("gpt-6-sol", "2026-09-15", effort="medium"),
        Model("gpt-6-astra", "2026-09-15", effort="medium"),
        Model("gpt-6.1-terra", "2026-10-20"),
        Model("gpt-6.1-sol", "2026-10-20", effort="medium"),
    ),
    "anthropic": (
        _claude("claude-haiku-5-5", "Haiku 5.5", "2026-10-06"),
        _claude("claude-sonnet-5-5", "Sonnet 5.5", "2026-10-06"),
        _claude("claude-opus-5-5", "Opus 5.5", "2026-10-06"),
        _claude("claude-opus-5", "Opus 5", "2026-06-18"),
        _claude("claude-sonnet-5", "Sonnet 5", "2026-06-18"),
        _claude("claude-opus-4-6", "Opus 4.6", "2026-02-05", 200_000),
        _claude("claude-sonnet-4-6", "Sonnet 4.6", "2026-02-17", 200_000),
        _claude("claude-opus-4-5-20251101", "Opus 4.5", "2025-11-24", 200_000, 64_000),
        _claude("claude-haiku-4-5-20251001", "Haiku 4.5", "2025-10-15", 200_000, 64_000),
        _claude("claude-sonnet-4-5-20250929", "Sonnet 4.5", "2025-09-29", 200_000, 64_000),
    ),
    "openrouter": (
        Model("openrouter/free", "2026-02-01", _NEMOTRON, "Free Models Router", context=200_000),
        _priced("openrouter/auto", "2023-11-08", "Auto Router", 0.1, "openai/gpt-6-luna"),
        Model(_NEMOTRON, "2026-03-11", "", "NVIDIA: Nemotron 3 Super (free)", context=262_144, sees=False),
        _gpt_oss("openai/gpt-oss-20b:free", "2025-08-05", "OpenAI: gpt-oss-20b (free)"),
        _gpt_oss("openai/gpt-oss-120b:free", "2025-08-05", "OpenAI: gpt-oss-120b (free)"),
        Model("google/gemma-4-31b-it:free", "2026-04-02", "", "Google: Gemma 4 31B (free)", context=131_072),
        Model("qwen/qwen3-coder:free", "2025-07-23", "", "Qwen: Qwen3 Coder (free)", context=262_144, sees=False),
        _priced("openai/gpt-6-luna", "2026-09-15", "OpenAI: GPT-6 Luna", 0.1),
        _priced("openai/gpt-6-sol", "2026-09-15", "OpenAI: GPT-6 Sol", 2),
        _priced("anthropic/claude-haiku-5.5", "2026-10-06", "Anthropic: Claude Haiku 5.5", 0.1, _HAIKU, 1_000_000),
        _priced("anthropic/claude-sonnet-5.5", "2026-10-06", "Anthropic: Claude Sonnet 5.5", 2, _SONNET, 1_000_000),
        Model("openai/text-embedding-3-small", "2024-01-22", embeds=1536, context=8192, prompt_price=0.02),
    ),
    "ollama": (
        _gpt_oss("gpt-oss:20b", "2026-09-30", size="20.9B"),
        Model("qwen3:8b", "2026-09-12", effort="medium", context=40_960, size="8.2B", sees=False),
        Model("embeddinggemma:latest", "2026-09-05", embeds=768, context=2048, size="307.58M"),
    ),
    "local_gpt_oss": (_gpt_oss("gpt-oss:120b", "2026-09-30", size="116.8B"),),
}  # fmt: skip

UNLISTED: dict[str, tuple[Model, ...]] = {
    "openai": (Model("gpt-3.5-turbo-instruct", "2023-08-24", chats=False, context=4096, output=4096),),
    "local_gpt_oss": (
        Model("embeddinggemma", "2026-09-05", embeds=768, context=2048, size="307.58M"),
        Model("gemma3:4b", "2025-03-12", context=131_072, size="4.3B"),
        # Local servers take this name for the model that they have, because many programs ask for it.
        Model("gpt-4", "2026-09-30", context=131_072, sees=False),
    ),
}
"""Models that answer, but are not in the service's list of models."""

PULLABLE = (
    Model("gemma3:4b", "2025-03-12", context=131_072, size="4.3B"),
    Model("gemma3:1b", "2025-03-12", context=32_768, size="999.89M", sees=False),
    Model("llama3.2:latest", "2024-09-25", context=131_072, size="3.2B", sees=False),
    Model("qwen3:4b", "2025-10-06", effort="medium", context=262_144, size="4.0B", sees=False),
    Model("deepseek-r1:8b", "2025-07-02", effort="medium", context=131_072, size="8.2B", sees=False),
    _gpt_oss("gpt-oss:120b", "2026-09-30", size="116.8B"),
    Model("nomic-embed-text:latest", "2024-02-20", embeds=768, context=2048, size="137M"),
)
"""Models of Ollama's library that are not installed at first."""

_ANTHROPIC_ALIASES = {model.id.rpartition("-")[0]: model.id for model in MODELS["anthropic"] if model.id[-8:].isdigit()}


def find(service: str, name: object, known: tuple[Model, ...] | None = None) -> Model | None:
    """Find a model by its name in a request; None if the service does not have it.

    Args:
        service: the service.
        name: the name.
        known: the models that the service has now, if they differ from the table.
    """
    if not isinstance(name, str):
        return None
    if service == "anthropic":
        name = _ANTHROPIC_ALIASES.get(name, name)
    elif service == "ollama" and ":" not in name:
        name += ":latest"
    for model in (*(MODELS[service] if known is None else known), *UNLISTED.get(service, ())):
        if name == model.id or (service == "openai" and name == model.served_as):
            return model
    return None
