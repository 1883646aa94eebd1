"""The models of each simulated service, as of November 2026 (`data/models.json`).

Any other name is an error, as at the real service; a retired model is not in the list. An unlisted model answers too:
local servers take the name "gpt-4" for the model that they have, because many programs ask for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from llmlab.lab.simulator.json_access import data

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
        first: seconds to the first token; a rough picture, not measured.
        rate: tokens per second.
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
    first: float = 0.7
    rate: float = 70.0

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


_ALL = {name: tuple(Model(**row) for row in rows) for name, rows in data("models").items()}
MODELS: Final = {name: models for name, models in _ALL.items() if " " not in name}
"""The models in each service's list."""
PULLABLE: Final = _ALL["ollama's library"]
"""Models of Ollama's library that are not installed at first."""


def find(service: str, name: object, known: tuple[Model, ...] | None = None) -> Model | None:
    """Find a model by its name in a request, listed or not; None if the service does not have it.

    Args:
        service: the service.
        name: the name.
        known: the models that the service has now, if they differ from the table.
    """
    if not isinstance(name, str):
        return None
    if service == "ollama" and ":" not in name:
        name += ":latest"
    for model in (*(MODELS[service] if known is None else known), *_ALL.get(f"unlisted {service}", ())):
        # Anthropic takes a name without its date too, and OpenAI one with it.
        undated = model.id.rpartition("-")[0] if service == "anthropic" and model.id[-8:].isdigit() else ""
        if name in (model.id, undated, model.served_as if service == "openai" else ""):
            return model if name else None
    return None
