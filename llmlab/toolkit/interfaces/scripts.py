"""The interface of the document "LLM Scripts Specification": five providers, configured alike.

    get_provider(ProviderType.OPENROUTER, timeout=60.0).complete([Message("user", "Hi")]).content

A provider's `client` is the one of llmlab: its other methods, policies, ledger and tape are at hand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from llmlab import providers
from llmlab._utils.context_managers import AsyncClosing, Closing
from llmlab.config.environment import ProviderSettings
from llmlab.config.settings import load_settings
from llmlab.formats.openai_chat import function_call
from llmlab.providers import ProviderType as ProviderType
from llmlab.toolkit.interfaces.keywords import Keywords
from llmlab.types.completion import Completion
from llmlab.types.messages import Message as Message
from llmlab.types.messages import Prompt

_CALLER = {"referer": "https://github.com/codomyrmex", "title": "Codomyrmex"}
"""The document's values of the headers HTTP-Referer and X-Title."""
_TYPES = {str(one): one for one in ProviderType}


@dataclass(frozen=True, slots=True)
class ProviderConfig(Keywords):
    """What a provider needs. None leaves it to `llmlab.yaml`, then to the provider.

    Args:
        api_key: the key; else the provider's environment variable, then `.env`.
        base_url: where the service is.
        default_model: name of the model, where a call gives none.
        timeout: seconds to wait for the next sign of life; 60, or 120 for a local server.
        max_retries: tries beyond the first; 3.
    """

    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    default_model: str | None = None
    timeout: float | None = None
    max_retries: int | None = None


@dataclass(frozen=True, slots=True)
class CompletionResponse:
    """One whole answer.

    Args:
        content: the text.
        model: the model that answered.
        provider: the provider that answered.
        finish_reason: why the answer ended, such as "stop" or "length"; empty if unknown.
        usage: counts of tokens: prompt_tokens, completion_tokens, total_tokens.
        tool_calls: tools that the model wants called, as OpenAI writes them. A `Message` takes them.
        raw_response: the JSON of the service.
    """

    content: str
    model: str
    provider: ProviderType | str
    finish_reason: str = ""
    usage: dict[str, int] = field(default_factory=dict)
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    raw_response: Any = field(default=None, repr=False)

    @classmethod
    def of(cls, answer: Completion) -> Self:
        """Return the response for an answer of the client."""
        tokens = answer.usage
        usage = {"prompt_tokens": tokens.input_tokens, "completion_tokens": tokens.output_tokens}
        usage["total_tokens"] = tokens.total_tokens
        provider, calls = _TYPES.get(answer.provider, answer.provider), [*map(function_call, answer.tool_calls)]
        reason = answer.finish_reason or ""
        return cls(answer.content, answer.model, provider, reason, usage, calls, answer.raw_response)


class Provider(Closing, AsyncClosing):
    """A provider of the document.

    Args:
        provider: its type, or the name of a registered one.
        config: what it needs.
        options: further arguments of `llmlab.get_provider`.

    Raises:
        LLMError: as `llmlab.get_provider`, such as `MissingAPIKeyError`, which says how to set the key up.
    """

    def __init__(self, provider: ProviderType | str, config: ProviderConfig, **options: Any) -> None:
        if not isinstance(config, ProviderConfig):
            raise TypeError(f"{type(self).__name__} takes a ProviderConfig, not {type(config).__name__}")
        options |= {name: getattr(config, name) for name in ("api_key", "base_url", "timeout", "max_retries")}
        self.config = config
        self.client = providers.get_provider(provider, config.default_model, **options)

    def complete(self, messages: Prompt, **options: Any) -> CompletionResponse:
        """Answer messages, whole. Takes and raises what `complete` of the client does."""
        return CompletionResponse.of(self.client.complete(messages, **options))

    async def complete_async(self, messages: Prompt, **options: Any) -> CompletionResponse:
        """The async twin of `complete`."""
        return CompletionResponse.of(await self.client.complete_async(messages, **options))

    def complete_stream(self, messages: Prompt, **options: Any) -> Iterator[str]:
        """Answer messages piece by piece, as text. The request is sent when the first piece is asked for."""
        with self.client.complete_stream(messages, **options) as chunks:
            yield from (chunk.text for chunk in chunks if chunk.text)

    def list_models(self) -> list[str]:
        """Return the names of the models that the service offers, sorted."""
        return self.client.list_models()

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    async def aclose(self) -> None:
        """The async twin of `close`."""
        await self.client.aclose()


class OpenRouterProvider(Provider):
    """Models of many vendors through OpenRouter.

    It is told who calls: `referer` and `title` of `openrouter` in `llmlab.yaml`, else the variables OPENROUTER_REFERER
    and OPENROUTER_TITLE, else the values of the document. Without a config, settings and environment say all.
    """

    def __init__(self, config: ProviderConfig | None = None) -> None:
        settings = load_settings()
        own = settings.providers.get("openrouter", ProviderSettings())
        others = [
            name for name in _CALLER if not getattr(own, name) and not os.environ.get(f"OPENROUTER_{name.upper()}")
        ]
        caller = {name: _CALLER[name] for name in others}
        super().__init__(ProviderType.OPENROUTER, config or ProviderConfig(), settings=settings, **caller)


def get_provider(provider: ProviderType | str, **options: Any) -> Provider:
    """Return a provider by its type, or by the name of a registered one. The options are those of `ProviderConfig`."""
    config = ProviderConfig(**options)
    return OpenRouterProvider(config) if provider == ProviderType.OPENROUTER else Provider(provider, config)
