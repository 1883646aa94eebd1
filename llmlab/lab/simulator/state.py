"""What a simulated service remembers from one request to the next: files, stores, batches, answers, pulled models.

One `State` belongs to one simulator. It has no lock of its own: the simulator answers one request at a time. A view is
never changed, only replaced, because an answer that was given holds it, too.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Any

from llmlab.lab.simulator.models import MODELS, Model
from llmlab.lab.simulator.question import Turn
from llmlab.lab.simulator.seed import BASE62, Seed

_KEPT_ANSWERS = 256


@dataclass(slots=True)
class File:
    """An uploaded file: as the service shows it, and its text; None for what is no text."""

    view: dict[str, Any]
    text: str | None


@dataclass(slots=True)
class Store:
    """A vector store: as the service shows it, its files, and the batches in which files came."""

    view: dict[str, Any]
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class Batch:
    """A batch: as the service shows it, its seed, its requests, its results, how often somebody asked how it goes."""

    view: dict[str, Any]
    seed: Seed
    requests: list[dict[str, Any]]
    results: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of the Responses API: as it was given, and the conversation up to it."""

    view: dict[str, Any]
    turns: tuple[Turn, ...]


class State:
    """Everything that is remembered.

    Args:
        free_requests: how many requests OpenRouter's free models answer; None for no limit.
    """

    def __init__(self, free_requests: int | None = None) -> None:
        self.free_requests = free_requests
        self.free_used = 0
        self.spent = 0.0
        self.answers: OrderedDict[str, Answered] = OrderedDict()
        self.files: dict[str, File] = {}
        self.stores: dict[str, Store] = {}
        self.batches: dict[str, Batch] = {}
        self.message_batches: dict[str, Batch] = {}
        self.installed = {model.id: model for model in MODELS["ollama"]}
        self.loaded = {MODELS["ollama"][0].id}
        self._given: Counter[str] = Counter()

    def remember(self, answer: dict[str, Any], turns: tuple[Turn, ...]) -> None:
        """Keep an answer of the Responses API; the oldest is forgotten when there are too many."""
        self.answers[answer["id"]] = Answered(answer, turns)
        while len(self.answers) > _KEPT_ANSWERS:
            self.answers.popitem(last=False)

    def models(self, service: str) -> tuple[Model, ...]:
        """Give the models that a service has now; those of Ollama can be pulled and deleted."""
        return tuple(self.installed.values()) if service == "ollama" else MODELS[service]

    def new_id(self, seed: Seed, prefix: str, length: int, alphabet: str = BASE62) -> str:
        """Draw an id for something that is kept. The same request again makes another thing, with another id."""
        first = prefix + seed.letters(prefix, length, alphabet)
        again = self._given[first]
        self._given[first] += 1
        return prefix + seed.letters(f"{prefix}{again}", length, alphabet) if again else first
