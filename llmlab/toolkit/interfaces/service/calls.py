"""`execute_llm_call(request, client) -> (response, error)`, also async and streamed."""

from __future__ import annotations

import logging
from typing import Any, TypeAlias

from llmlab.errors import APICallError, LLMError
from llmlab.toolkit.interfaces.service.factory import ProviderFactory
from llmlab.toolkit.interfaces.service.providers import BaseProvider
from llmlab.toolkit.interfaces.service.request import CallError, LLMCallRequest, LLMCallResponse, LLMConfig
from llmlab.toolkit.interfaces.service.streams import AsyncResponseStream, ResponseStream
from llmlab.toolkit.interfaces.service.transformers import provider_name

_log = logging.getLogger("llmlab")

CallPair: TypeAlias = tuple[LLMCallResponse, None] | tuple[None, CallError]
StreamPair: TypeAlias = tuple[ResponseStream, None] | tuple[None, CallError]
AsyncStreamPair: TypeAlias = tuple[AsyncResponseStream, None] | tuple[None, CallError]


def execute_llm_call(request: LLMCallRequest, client: Any = None) -> CallPair:
    """Make one call, and return (response, None), or (None, error).

    Args:
        request: the call.
        client: an SDK client that carries the request, a mock of one, or a provider of llmlab, which stays open;
            else llmlab's own connections carry it.

    Raises:
        TypeError: it is no `LLMCallRequest`, or holds no `LLMConfig`.
    """
    _check(request)
    try:
        return _checked(*_provider(request, client).execute(request))
    except Exception as error:  # noqa: BLE001 - a provider of the user may raise anything
        return None, _failure(error, client)


async def execute_llm_call_async(request: LLMCallRequest, client: Any = None) -> CallPair:
    """The async twin of `execute_llm_call`. The client must be an async one, or a mock."""
    _check(request)
    try:
        return _checked(*await _provider(request, client).execute_async(request))
    except Exception as error:  # noqa: BLE001 - a provider of the user may raise anything
        return None, _failure(error, client)


def execute_llm_call_stream(request: LLMCallRequest, client: Any = None) -> StreamPair:
    """Make one call, and return (stream, None), or (None, error), as soon as the first chunk is there.

    After the end, `.result` of the stream is the whole `Completion`. A stream that breaks after its first chunk raises
    its `LLMStreamError` to the reader.
    """
    _check(request)
    try:
        return _provider(request, client).stream(request), None
    except Exception as error:  # noqa: BLE001 - a provider of the user may raise anything
        return None, _failure(error, client)


async def execute_llm_call_stream_async(request: LLMCallRequest, client: Any = None) -> AsyncStreamPair:
    """The async twin of `execute_llm_call_stream`."""
    _check(request)
    try:
        return await _provider(request, client).stream_async(request), None
    except Exception as error:  # noqa: BLE001 - a provider of the user may raise anything
        return None, _failure(error, client)


def _check(request: LLMCallRequest) -> None:
    if not isinstance(request, LLMCallRequest):
        raise TypeError(f"execute_llm_call takes an LLMCallRequest, not {type(request).__name__}")
    if not isinstance(request.llm, LLMConfig):
        raise TypeError(f"LLMCallRequest(llm=…) takes an LLMConfig, not {type(request.llm).__name__}")


def _provider(request: LLMCallRequest, client: Any) -> BaseProvider:
    return ProviderFactory.create(provider_name(request, client), client)


def _checked(response: LLMCallResponse | None, error: str | None) -> CallPair:
    """Return the pair of a provider, whose error may be a mere text."""
    if response is not None:
        return response, None
    return None, error if isinstance(error, CallError) else CallError.of(APICallError(error or "no answer"))


def _failure(error: Exception, client: Any) -> CallError:
    """Return an error that was raised as one to return."""
    if isinstance(error, LLMError):
        return CallError.of(error)
    key = getattr(client, "api_key", None)
    secrets = (key,) if isinstance(key, str) else ()
    failure = APICallError(f"the call failed: {type(error).__name__}: {error}", secrets=secrets)
    failure.__cause__ = error
    _log.error("%s", failure)
    return CallError.of(failure)
