"""Providers execute requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from llmlab.errors import LLMError, LLMInvalidRequestError
from llmlab.models import validate_stream
from llmlab.providers import Provider, get_provider
from llmlab.toolkit.interfaces.service.request import CallError, LLMCallRequest, LLMCallResponse, Pair
from llmlab.toolkit.interfaces.service.streams import (
    AsyncResponseStream,
    Opened,
    ResponseStream,
    open_stream,
    open_stream_async,
)
from llmlab.toolkit.interfaces.service.transformers import TransformationError, TransformerFactory, provider_name
from llmlab.transport.driver import Flow
from llmlab.transport.streams import StreamState


class BaseProvider:
    """Executes requests through llmlab's provider of that name. A subclass may ask any other service.

    Args:
        client: an SDK client that carries the requests, or a mock of one; or a provider of llmlab, which stays open.
            Without it, llmlab's own connections carry them.
    """

    name: str = ""
    """Its name in the factory; without one, the name in each request."""

    def __init__(self, client: Any = None) -> None:
        self.client = client

    def build_params(self, request: LLMCallRequest) -> dict[str, Any]:
        """Return the fields to send, as the transformer of the request's provider writes them.

        Raises:
            LLMInvalidRequestError: the request is wrong, or its model does not take it.
            TransformationError: there is no transformer, or it failed.
        """
        name, client = self.name or provider_name(request, self.client), self.client
        if isinstance(client, Provider) and not TransformerFactory.is_custom(name):
            return client.encode(client.request(request.llm.prompt, **request.options()), False)
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
            opened, options = self._prepare(request)
            with opened as llm:
                return LLMCallResponse.of(llm.complete(request.llm.prompt, **options)), None
        except LLMError as error:
            return None, CallError.of(error)

    async def execute_async(self, request: LLMCallRequest) -> Pair:
        """The async twin of `execute`. An `execute` of a subclass runs in a thread."""
        if self._is_custom():
            return await asyncio.to_thread(self.execute, request)
        try:
            opened, options = self._prepare(request)
            async with opened as llm:
                return LLMCallResponse.of(await llm.complete_async(request.llm.prompt, **options)), None
        except LLMError as error:
            return None, CallError.of(error)

    def stream(self, request: LLMCallRequest) -> ResponseStream:
        """Return the answer while it is being written.

        Raises:
            LLMError: it did not begin, or a subclass has an `execute` alone.
        """
        return open_stream(*self._prepare_stream(request))

    async def stream_async(self, request: LLMCallRequest) -> AsyncResponseStream:
        """The async twin of `stream`."""
        return await open_stream_async(*self._prepare_stream(request))

    def _is_custom(self) -> bool:
        return type(self).execute is not BaseProvider.execute

    def _prepare(self, request: LLMCallRequest) -> tuple[Opened, dict[str, Any]]:
        """Return the provider of llmlab, and the options of its `complete`."""
        name, client = self.name or provider_name(request, self.client), self.client
        if TransformerFactory.is_custom(name):
            # The fields of the transformer replace those of llmlab.
            options = {"model": request.llm.llm_model_spec.model, "extra": self.build_params(request)}
        else:
            options = request.options()
        return nullcontext(client) if isinstance(client, Provider) else get_provider(name, client=client), options

    def _prepare_stream(self, request: LLMCallRequest) -> tuple[Opened, Callable[[Provider], Flow[StreamState]]]:
        if self._is_custom():
            raise LLMInvalidRequestError(f"{type(self).__name__} answers whole, not in chunks: use execute_llm_call")
        opened, options = self._prepare(request)

        def flow(llm: Provider) -> Flow[StreamState]:
            encoded = llm.request(request.llm.prompt, **options)
            validate_stream(encoded, llm.name)
            return llm.stream_flow(encoded)

        return opened, flow


class OpenAIProvider(BaseProvider):
    """Executes requests at OpenAI: reasoning, structured answers and the search of vector stores included."""
