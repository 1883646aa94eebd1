"""The models that each simulated service knows. Any other name is an error, as it is at the real service.

The names are those of November 2026; a retired model is simply not in the list.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """One model of one service.

    Args:
        id: the name that a request gives.
        created: release date, `YYYY-MM-DD`.
        served_as: the name in the answer, where it differs.
        title: the name for people.
        effort: default reasoning effort; "none" when it does not reason unless asked.
        embeds: how many numbers an embedding has; 0 for a model that writes text.
        sees: it looks at pictures.
        chats: it answers messages; False for one that only continues a text.
        context: tokens that fit into a request.
        output: tokens that an answer may have at most.
        prompt_price, completion_price: dollars per million tokens.
        size: what a local server says of it, such as "20.9B".
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
        """The name in the answer."""
        return self.served_as or self.id


_OPENAI = (
    Model("text-embedding-ada-002", "2022-12-16", "text-embedding-ada-002-v2", embeds=1536, context=8192),
    Model("text-embedding-3-small", "2024-01-22", embeds=1536, context=8192),
    Model("text-embedding-3-large", "2024-01-22", embeds=3072, context=8192),
    Model("gpt-4o", "2024-05-13", "gpt-4o-2024-08-06", context=128_000, output=16_384),
    Model("gpt-4o-mini", "2024-07-18", "gpt-4o-mini-2024-07-18", context=128_000, output=16_384),
    Model("gpt-4.1", "2025-04-14", "gpt-4.1-2025-04-14", context=1_047_576, output=32_768),
    Model("gpt-4.1-mini", "2025-04-14", "gpt-4.1-mini-2025-04-14", context=1_047_576, output=32_768),
    Model("gpt-5", "2025-08-07", "gpt-5-2025-08-07", effort="medium", context=400_000),
    Model("gpt-5-mini", "2025-08-07", "gpt-5-mini-2025-08-07", effort="medium", context=400_000),
    Model("gpt-5-nano", "2025-08-07", "gpt-5-nano-2025-08-07", effort="medium", context=400_000),
    Model("gpt-5.2", "2025-12-11", "gpt-5.2-2025-12-11", context=400_000),
    Model("gpt-5.4", "2026-03-05", "gpt-5.4-2026-03-05"),
    Model("gpt-5.4-mini", "2026-03-17", "gpt-5.4-mini-2026-03-17", context=400_000),
    Model("gpt-5.4-nano", "2026-03-17", "gpt-5.4-nano-2026-03-17", context=400_000),
    Model("gpt-5.5", "2026-04-23", "gpt-5.5-2026-04-23", effort="medium"),
    Model("gpt-5.6-luna", "2026-06-30"),
    Model("gpt-5.6-terra", "2026-06-30"),
    Model("gpt-5.6-sol", "2026-06-30", effort="medium"),
    Model("gpt-6-luna", "2026-09-15"),
    Model("gpt-6-sol", "2026-09-15", effort="medium"),
    Model("gpt-6-astra", "2026-09-15", effort="medium"),
    Model("gpt-6.1-terra", "2026-10-20"),
    Model("gpt-6.1-sol", "2026-10-20", effort="medium"),
)

_ANTHROPIC = (
    Model("claude-haiku-5-5", "2026-10-06", title="Claude Haiku 5.5", context=1_000_000),
    Model("claude-sonnet-5-5", "2026-10-06", title="Claude Sonnet 5.5", context=1_000_000),
    Model("claude-opus-5-5", "2026-10-06", title="Claude Opus 5.5", context=1_000_000),
    Model("claude-opus-5", "2026-06-18", title="Claude Opus 5", context=1_000_000),
    Model("claude-sonnet-5", "2026-06-18", title="Claude Sonnet 5", context=1_000_000),
    Model("claude-opus-4-6", "2026-02-05", title="Claude Opus 4.6", context=200_000),
    Model("claude-sonnet-4-6", "2026-02-17", title="Claude Sonnet 4.6", context=200_000),
    Model("claude-opus-4-5-20251101", "2025-11-24", title="Claude Opus 4.5", context=200_000, output=64_000),
    Model("claude-haiku-4-5-20251001", "2025-10-15", title="Claude Haiku 4.5", context=200_000, output=64_000),
    Model("claude-sonnet-4-5-20250929", "2025-09-29", title="Claude Sonnet 4.5", context=200_000, output=64_000),
)
_ANTHROPIC_SHORT = {
    "claude-opus-4-5": "claude-opus-4-5-20251101",
    "claude-haiku-4-5": "claude-haiku-4-5-20251001",
    "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
}

_NEMOTRON = "nvidia/nemotron-3-super-120b-a12b:free"
_OPENROUTER = (
    Model("openrouter/free", "2026-02-01", _NEMOTRON, "Free Models Router", context=200_000),
    Model("openrouter/auto", "2023-11-08", "openai/gpt-6-luna", "Auto Router", prompt_price=0.1, completion_price=0.5),
    Model(_NEMOTRON, "2026-03-11", "", "NVIDIA: Nemotron 3 Super (free)", context=262_144, sees=False),
    Model(
        "openai/gpt-oss-20b:free", "2025-08-05", "", "OpenAI: gpt-oss-20b (free)", "medium", context=131_072, sees=False
    ),
    Model(
        "openai/gpt-oss-120b:free",
        "2025-08-05",
        "",
        "OpenAI: gpt-oss-120b (free)",
        "medium",
        context=131_072,
        sees=False,
    ),
    Model("google/gemma-4-31b-it:free", "2026-04-02", "", "Google: Gemma 4 31B (free)", context=131_072),
    Model("qwen/qwen3-coder:free", "2025-07-23", "", "Qwen: Qwen3 Coder (free)", context=262_144, sees=False),
    Model("openai/gpt-6-luna", "2026-09-15", "", "OpenAI: GPT-6 Luna", prompt_price=0.1, completion_price=0.5),
    Model("openai/gpt-6-sol", "2026-09-15", "", "OpenAI: GPT-6 Sol", prompt_price=2, completion_price=10),
    Model(
        "anthropic/claude-haiku-5.5",
        "2026-10-06",
        "anthropic/claude-5.5-haiku-20261006",
        "Anthropic: Claude Haiku 5.5",
        context=1_000_000,
        prompt_price=0.1,
        completion_price=0.5,
    ),
    Model(
        "anthropic/claude-sonnet-5.5",
        "2026-10-06",
        "anthropic/claude-5.5-sonnet-20261006",
        "Anthropic: Claude Sonnet 5.5",
        context=1_000_000,
        prompt_price=2,
        completion_price=10,
    ),
    Model("openai/text-embedding-3-small", "2024-01-22", embeds=1536, context=8192, prompt_price=0.02),
)

_OLLAMA = (
    Model("gpt-oss:20b", "2026-09-30", effort="medium", context=131_072, size="20.9B", sees=False),
    Model("qwen3:8b", "2026-09-12", effort="medium", context=40_960, size="8.2B", sees=False),
    Model("embeddinggemma:latest", "2026-09-05", embeds=768, context=2048, size="307.58M"),
)

_LOCAL = (Model("gpt-oss:120b", "2026-09-30", effort="medium", context=131_072, size="116.8B", sees=False),)

MODELS: dict[str, tuple[Model, ...]] = {
    "openai": _OPENAI,
    "anthropic": _ANTHROPIC,
    "openrouter": _OPENROUTER,
    "ollama": _OLLAMA,
    "local_gpt_oss": _LOCAL,
}

UNLISTED: dict[str, tuple[Model, ...]] = {
    "openai": (Model("gpt-3.5-turbo-instruct", "2023-08-24", chats=False, context=4096, output=4096),),
    "local_gpt_oss": (
        Model("embeddinggemma", "2026-09-05", embeds=768, context=2048, size="307.58M"),
        Model("gemma3:4b", "2025-03-12", context=131_072, size="4.3B"),
    ),
}
"""Models that answer, but that the list of models does not name any more."""

PULLABLE = (
    Model("gemma3:4b", "2025-03-12", context=131_072, size="4.3B"),
    Model("gemma3:1b", "2025-03-12", context=32_768, size="999.89M", sees=False),
    Model("llama3.2:latest", "2024-09-25", context=131_072, size="3.2B", sees=False),
    Model("qwen3:4b", "2025-10-06", effort="medium", context=262_144, size="4.0B", sees=False),
    Model("deepseek-r1:8b", "2025-07-02", effort="medium", context=131_072, size="8.2B", sees=False),
    Model("gpt-oss:120b", "2026-09-30", effort="medium", context=131_072, size="116.8B", sees=False),
    Model("nomic-embed-text:latest", "2024-02-20", embeds=768, context=2048, size="137M"),
)
"""What Ollama's library has beyond the models that are installed."""


def find(service: str, name: object, known: tuple[Model, ...] | None = None) -> Model | None:
    """Find a model by the name a request gives, or nothing.

    Args:
        service: whose model.
        name: what the request says.
        known: the models that the service has now; without them, those of the table.
    """
    if not isinstance(name, str):
        return None
    if service == "anthropic":
        name = _ANTHROPIC_SHORT.get(name, name)
    elif service == "ollama" and ":" not in name:
        name += ":latest"
    for model in (*(MODELS[service] if known is None else known), *UNLISTED.get(service, ())):
        if name == model.id or (service == "openai" and name == model.served_as):
            return model
    return None
