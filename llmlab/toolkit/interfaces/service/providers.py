"""Providers execute requests; their factory knows them by name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, ClassVar

from llmlab.errors import LLMError, LLMInvalidRequestError, UnsupportedProviderError
from llmlab.models import validate_stream
from llmlab.providers import Provider, get_provider, provider_class, provider_names
from llmlab.toolkit.interfaces.service.request import CallError, LLMCallRequest, LLMCallResponse, Pair
from llmlab.toolkit.interfaces.service.streams import (
    AsyncResponseStream,
    Opened,
    ResponseStream,
    open_stream,
    open_stream_async,
)
from llmlab.toolkit.interfaces.service.transformers import (
    TransformationError,
    TransformerFactory,
    checked,
    provider_name,
)
from llmlab.transport.driver import Flow
from llmlab.transport.streams import StreamState


class BaseProvider:
    """Executes requests through llmlab's provider of that name. A subclass may ask any other service.

    Args:
        client: an SDK client that carries the requests, or a mock of one; or a provider of llmlab, which stays open.
            Without it, llmlab's own connections carry them.
    """

    def __init__(self, client: Any = None) -> None:
        self.client = client

    def build_params(self, request: LLMCallRequest) -> dict[str, Any]:
        """Return the fields to send, as the transformer of the request's provider writes them.

        Raises:
            LLMInvalidRequestError: the request is wrong, or its model does not take it.
            TransformationError: there is no transformer, or it failed.
        """
        name = provider_name(request, self.client)
        transformer = TransformerFactory.create(name, request.llm.llm_model_spec.model)
        transformer.validate(request)
        try:
            return transformer.transform(request)
        except LLMError:
            raise
        except Exception as error:
            reason = f"{type(transformer).__name__} failed: {type(error).__name__}: {error}"
            raise TransformationError(reason, provider=name) from error

    def execute(self, request: LLMCallRequest) -> Pair:
        """Make a call, and return (response, None), or (None, error)."""
        try:
            with self._open(request) as llm:
                return LLMCallResponse.of(llm.complete(request.llm.prompt, **self._options(request))), None
        except LLMError as error:
            return None, CallError.of(error)

    async def execute_async(self, request: LLMCallRequest) -> Pair:
        """The async twin of `execute`. An `execute` of a subclass runs in a thread."""
        if self._is_custom():
            return await asyncio.to_thread(self.execute, request)
        try:
            async with self._open(request) as llm:
                answer = await llm.complete_async(request.llm.prompt, **self._options(request))
            return LLMCallResponse.of(answer), None
        except LLMError as error:
            return None, CallError.of(error)

    def stream(self, request: LLMCallRequest) -> ResponseStream:
        """Return the answer while it is being written.

        Raises:
            LLMError: it did not begin.
        """
        return open_stream(self._open(request, stream=True), lambda llm: self._stream_flow(llm, request))

    async def stream_async(self, request: LLMCallRequest) -> AsyncResponseStream:
        """The async twin of `stream`."""
        opened = self._open(request, stream=True)
        return await open_stream_async(opened, lambda llm: self._stream_flow(llm, request))

    def _is_custom(self) -> bool:
        return type(self).execute is not BaseProvider.execute

    def _open(self, request: LLMCallRequest, *, stream: bool = False) -> Opened:
        if stream and self._is_custom():
            raise LLMInvalidRequestError(f"{type(self).__name__} answers whole, not in chunks: use execute_llm_call")
        name = provider_name(request, self.client)
        return nullcontext(self.client) if isinstance(self.client, Provider) else get_provider(name, client=self.client)

    def _options(self, request: LLMCallRequest) -> dict[str, Any]:
        """Return the options of `complete`. The fields of a custom transformer replace those of llmlab."""
        if TransformerFactory.is_custom(provider_name(request, self.client)):
            return {"model": request.llm.llm_model_spec.model, "extra": self.build_params(request)}
        return request.options()

    def _stream_flow(self, llm: Provider, request: LLMCallRequest) -> Flow[StreamState]:
        encoded = llm.request(request.llm.prompt, **self._options(request))
        validate_stream(encoded, llm.name)
        return llm.stream_flow(encoded)


class OpenAIProvider(BaseProvider):
    """Executes requests at OpenAI: reasoning, structured answers and the search of vector stores included."""


class ProviderFactory:
    """Providers by name."""

    registered: ClassVar[dict[str, type[BaseProvider]]] = {"openai": OpenAIProvider}

    @classmethod
    def register_provider(cls, name: str, provider: type[BaseProvider]) -> None:
        """Let a class execute all requests to a provider, until the process ends.

        Raises:
            ConfigurationError: it is no subclass of `BaseProvider`.
        """
        cls.registered[name] = checked(name, provider, BaseProvider)

    @classmethod
    def create(cls, name: str, client: Any = None) -> BaseProvider:
        """Return the provider of a name: a registered one, else llmlab's.

        Raises:
            UnsupportedProviderError: lists the names that there are.
        """
        if name not in cls.registered:
            try:
                provider_class(name)
            except UnsupportedProviderError:
                raise UnsupportedProviderError(name, SUPPORTED_PROVIDERS) from None
        return cls.registered.get(name, BaseProvider)(client)


class _Names(Sequence[str]):
    """The names of all providers, also of those that are registered later."""

    def _now(self) -> list[str]:
        return list(dict.fromkeys([*provider_names(), *ProviderFactory.registered]))

    def __getitem__(self, index: Any) -> Any:
        return self._now()[index]

    def __len__(self) -> int:
        return len(self._now())

    def __repr__(self) -> str:
        return repr(self._now())


SUPPORTED_PROVIDERS: Sequence[str] = _Names()
"""The names of all providers: llmlab's, and those that are registered, also later."""
