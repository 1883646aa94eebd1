"""The async interface of a provider, and its implementation over the providers of llmlab."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from llmlab import errors
from llmlab.models import find_spec
from llmlab.models.validation import refusal_of
from llmlab.providers import Failover, Provider
from llmlab.toolkit.interfaces.assistant.result import CompletionResult, with_calls
from llmlab.types.messages import Prompt, ToolDefinition
from llmlab.types.request import Request

_log = logging.getLogger("llmlab")


class LLMConnectionError(errors.LLMConnectionError):
    """No answer came. A timeout is not one of these, so the order of `except` does not matter."""


class LLMProvider(ABC):
    """The base of every provider. A provider of your own has `complete` and `stream_complete`.

    Args:
        config: its section of the configuration.
    """

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        self.config = dict(config or {})

    @abstractmethod
    async def complete(self, messages: Prompt, **options: Any) -> CompletionResult:
        """Return the answer to messages."""

    @abstractmethod
    def stream_complete(self, messages: Prompt, **options: Any) -> AsyncIterator[str]:
        """Yield the answer in parts of its text."""

    async def close(self) -> None:
        """Close what was opened. Here that is nothing."""
        return


class ClientProvider(LLMProvider):
    """A provider of llmlab.

    Args:
        client: the provider.
    """

    def __init__(self, client: Provider) -> None:
        super().__init__()
        self.client = client
        self._takes_temperature = _takes_temperature(client)

    async def complete(
        self,
        messages: Prompt,
        *,
        tools: Sequence[ToolDefinition] | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        **options: Any,
    ) -> CompletionResult:
        """Return the answer to messages.

        Args:
            messages: the conversation. The call of a tool may be missing before its result.
            tools: what the model may call.
            temperature: randomness, from 0 to 2; left out where the model takes none.
            max_tokens: limit of the answer, in tokens.
            options: what `llmlab.Provider.complete` takes beside these.

        Raises:
            LLMError: one of its subclasses.
        """
        options |= {"tools": tools, "temperature": temperature, "max_tokens": max_tokens}
        with _DocumentedErrors():
            return CompletionResult.of(await self.client.complete_async(with_calls(messages), **self._fit(options)))

    async def stream_complete(
        self,
        messages: Prompt,
        *,
        tools: Sequence[ToolDefinition] | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        **options: Any,
    ) -> AsyncIterator[str]:
        """Yield the answer in parts of its text. Takes what `complete` takes."""
        options |= {"tools": tools, "temperature": temperature, "max_tokens": max_tokens}
        with _DocumentedErrors():
            async with self.client.complete_stream_async(with_calls(messages), **self._fit(options)) as stream:
                async for chunk in stream:
                    if chunk.text:
                        yield chunk.text

    async def close(self) -> None:
        """Close the connections."""
        await self.client.aclose()

    def _fit(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return options without None, which would hide a setting, and without a temperature that is not taken."""
        options = {name: value for name, value in options.items() if value is not None}
        if "temperature" in options and not self._takes_temperature and not options.keys() & {"model", "reasoning"}:
            _log.info("%s takes no temperature, so none is sent", self.client.model)
            del options["temperature"]
        return options


def takes_temperature(model: str, provider: str) -> bool:
    """Return whether a model takes a temperature, as far as is known."""
    spec = find_spec(model, provider)
    return spec is None or refusal_of(Request((), model, temperature=0.5), spec) is None


def _takes_temperature(client: Provider) -> bool:
    if isinstance(client, Failover):
        return all(_takes_temperature(target.provider) for target in client.targets if target.provider)
    return takes_temperature(client.model, client.name)


class _DocumentedErrors:
    """Turns a lost connection into the class of the document, which a timeout is not."""

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, errors.LLMConnectionError) and not isinstance(error, errors.LLMTimeoutError):
            raise LLMConnectionError(error.message, provider=error.provider, code=error.code) from error
