"""What calls share: the interface of a provider, where it is, the options of a call, and the tokens used."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

from llmlab.toolkit.interfaces.keywords import Keywords
from llmlab.types.completion import Completion, Usage
from llmlab.types.messages import Message

OPENAI_URL: Final = "https://api.openai.com/v1"
OLLAMA_URL: Final = "http://localhost:11434"

Messages: TypeAlias = Sequence[Message | Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Config(Keywords):
    """Where a client sends its calls.

    Args:
        base_url: the service. Port 11434 is Ollama; another server without a key speaks Chat Completions.
        model: its model; else the provider's default.
        api_key: the key; else that of the environment or of `.env`.
        fallback_url: the service that answers when the first one does not; None for none. The usual address of Ollama
            gives way to OLLAMA_HOST.
        fallback_model: its model; else the provider's default.
        timeout: seconds to wait for the next sign of life.
        max_retries: tries beyond the first, for each service.

    Raises:
        TypeError: names an unknown argument, and the nearest one.
    """

    base_url: str = OPENAI_URL
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    fallback_url: str | None = OLLAMA_URL
    fallback_model: str | None = None
    timeout: float | None = None
    max_retries: int | None = None


@dataclass(frozen=True, slots=True)
class CompletionOptions(Keywords):
    """Options of a call, the same for all providers; see `llmlab.Request` for what each means.

    Raises:
        TypeError: names an unknown option, and the nearest one.
    """

    model: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: str | Sequence[str] | None = None
    seed: int | None = None
    tools: Sequence[Any] | None = None
    tool_choice: str | None = None
    response_format: Any = None
    deadline: float | None = None
    extra: Mapping[str, Any] | None = None

    def given(self) -> dict[str, Any]:
        """Return the options that have a value, by name."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}


class TokenUsage:
    """Tokens used, by provider. Safe with threads."""

    def __init__(self) -> None:
        self.by_provider: dict[str, Usage] = {}
        self._lock = threading.Lock()

    @property
    def total(self) -> Usage:
        """The tokens of all providers."""
        with self._lock:
            return sum(self.by_provider.values(), Usage())

    def add(self, answer: Completion) -> None:
        """Count the tokens of an answer."""
        with self._lock:
            self.by_provider[answer.provider] = self.by_provider.get(answer.provider, Usage()) + answer.usage

    def __repr__(self) -> str:
        return f"TokenUsage({', '.join(f'{name}={usage!r}' for name, usage in self.by_provider.items())})"


@runtime_checkable
class LLMProvider(Protocol):
    """What every provider can do."""

    def complete(self, messages: Messages, options: CompletionOptions = ..., /) -> Completion:
        """Return the whole answer."""

    def count_tokens(self, messages: Messages, /) -> int:
        """Return how many tokens messages have."""
