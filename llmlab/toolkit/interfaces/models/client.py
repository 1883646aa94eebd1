"""A client that tries one service, then another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from llmlab._utils.context_managers import AsyncClosing, Closing
from llmlab.config.environment import Settings
from llmlab.config.settings import load_settings
from llmlab.errors import LLMAuthenticationError, LLMInvalidRequestError, MissingAPIKeyError
from llmlab.providers import Failover, Health, Provider
from llmlab.providers.failover import FALLBACK_ERRORS
from llmlab.providers.registry import build_provider
from llmlab.toolkit.interfaces.models.types import (
    OLLAMA_URL,
    OPENAI_URL,
    CompletionOptions,
    Config,
    Messages,
    TokenUsage,
)
from llmlab.types.completion import Chunk, Completion

Plan: TypeAlias = Sequence[tuple[str, Mapping[str, Any]]]
"""Providers in the order of calling: the name of each, and arguments of its class."""

# In the document, a refused key and a refused request are reasons for the fallback, too.
_ANY_ERROR: Final = (*FALLBACK_ERRORS, LLMAuthenticationError, LLMInvalidRequestError)
_NO_OPTIONS: Final = CompletionOptions()


class ChatCompletionClient(Closing, AsyncClosing):
    """A client that tries one service, then another after any error, and counts the tokens of both.

    Args:
        config: the services, OpenAI and then Ollama by default; or a provider of llmlab.
        usage: where tokens are counted; else in a count of its own.

    Raises:
        MissingAPIKeyError: no service has its key.
    """

    def __init__(self, config: Config | Provider | None = None, usage: TokenUsage | None = None) -> None:
        self.provider = config if isinstance(config, Provider) else connect(_plan(config or Config()), load_settings())
        self.usage = usage or TokenUsage()

    def complete(self, messages: Messages, options: CompletionOptions = _NO_OPTIONS) -> Completion:
        """Return the answer of the first service that gives one; its `provider` and `why` say which.

        Raises:
            AllProvidersFailedError: no service answered; `errors` holds their errors.
            LLMError: without a fallback, the error itself.
        """
        answer = self.provider.complete(messages, **options.given())
        self.usage.add(answer)
        return answer

    async def complete_async(self, messages: Messages, options: CompletionOptions = _NO_OPTIONS) -> Completion:
        """The async twin of `complete`."""
        answer = await self.provider.complete_async(messages, **options.given())
        self.usage.add(answer)
        return answer

    def complete_stream(self, messages: Messages, options: CompletionOptions = _NO_OPTIONS) -> Iterator[Chunk]:
        """Yield the answer chunk by chunk. Takes what `complete` takes."""
        with self.provider.complete_stream(messages, **options.given()) as stream:
            yield from stream
        self.usage.add(stream.result)

    async def complete_stream_async(
        self, messages: Messages, options: CompletionOptions = _NO_OPTIONS
    ) -> AsyncIterator[Chunk]:
        """The async twin of `complete_stream`."""
        async with self.provider.complete_stream_async(messages, **options.given()) as stream:
            async for chunk in stream:
                yield chunk
        self.usage.add(stream.result)

    def count_tokens(self, messages: Messages) -> int:
        """Return how many tokens messages have."""
        return self.provider.count_tokens(messages)

    async def count_tokens_async(self, messages: Messages) -> int:
        """The async twin of `count_tokens`."""
        return await self.provider.count_tokens_async(messages)

    def health(self) -> Health:
        """Return whether a service answers, or why not."""
        return self.provider.health()

    async def health_async(self) -> Health:
        """The async twin of `health`."""
        return await self.provider.health_async()

    def close(self) -> None:
        """Close the connections."""
        self.provider.close()

    async def aclose(self) -> None:
        """The async twin of `close`."""
        await self.provider.aclose()


def connect(plan: Plan, settings: Settings) -> Provider:
    """Return the only provider of a plan, or all of them as a `Failover`, in which one may lack its key."""
    found: list[Provider | str] = []
    for name, given in plan:
        # The document speaks Chat Completions, as servers with OpenAI's interface do.
        given = {"api": "chat", **given} if name == "openai" else given
        try:
            found.append(build_provider(name, settings, given))
        except MissingAPIKeyError:
            found.append(name)
    if len(found) > 1:
        return Failover(found, settings=settings, fallback_on=_ANY_ERROR)
    name, given = plan[0]
    return found[0] if isinstance(found[0], Provider) else build_provider(name, settings, given)


def _plan(config: Config) -> Plan:
    """Return the services of a configuration as providers."""
    services = [(_url(config.base_url), config.model, config.api_key)]
    if config.fallback_url and urlsplit(second := _url(config.fallback_url)).netloc != urlsplit(services[0][0]).netloc:
        services.append((second, config.fallback_model, None))
    plan = []
    for url, model, key in services:
        # The usual address gives way to OLLAMA_HOST and to llmlab.yaml.
        given = {"base_url": None if url in (OPENAI_URL, OLLAMA_URL) else url, "model": model, "api_key": key}
        common = {"timeout": config.timeout, "max_retries": config.max_retries}
        plan.append((_name(url, key), {**given, **common}))
    return plan


def _url(url: str) -> str:
    return url if "://" in url else f"http://{url}"


def _name(url: str, key: str | None = None) -> str:
    return "ollama" if ":11434" in url else "openai" if key or "openai.com" in url else "local_gpt_oss"
