"""Carry wire JSON through an SDK client of the user: OpenAI, Anthropic, or a mock with the same methods.

A real client carries bytes: its authentication, proxies and headers hold, and its answers are decoded by the same
formats as all others, not by its typed objects. Its own retries are off, because the provider retries. A mock is called
as its user set it up (`client.responses.create(...)`), and the value that it returns is read as JSON.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2

from llmlab.errors import LLMAPIError, LLMConnectionError, LLMError, LLMInvalidRequestError, LLMTimeoutError
from llmlab.transport.base import WireReply, WireRequest, WireStream
from llmlab.transport.deadlines import TimeLeft, keep_deadlines
from llmlab.transport.http import read_reply
from llmlab.transport.http_stream import HTTP_ERRORS, HttpStream, translate

# The method that a user calls for a path, by the end of the path.
_METHODS = {
    "/responses/input_tokens": "responses.input_tokens.count",
    "/responses": "responses.create",
    "/chat/completions": "chat.completions.create",
    "/completions": "completions.create",
    "/messages/count_tokens": "messages.count_tokens",
    "/messages": "messages.create",
    "/models": "models.list",
    "/embeddings": "embeddings.create",
}
# The SDKs' own switch for an unread answer; `with_streaming_response` sets it too.
_UNREAD: dict[str, Any] = {"headers": {"X-Stainless-Raw-Response": "stream"}}


class SdkTransport:
    """The transport through an SDK client. Closing it leaves the client open, which belongs to the user.

    Args:
        client: `OpenAI`, `AsyncOpenAI`, `Anthropic`, `AsyncAnthropic`, or a mock with the same methods.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        vendor = any(base.__module__.split(".")[0] in ("openai", "anthropic") for base in type(client).__mro__)
        self._once = client.with_options(max_retries=0) if vendor else None
        if vendor:  # a mock has every attribute
            keep_deadlines(getattr(client, "_client", None))

    def send(self, request: WireRequest) -> WireReply:
        """Send a request and return the whole answer."""
        started = time.perf_counter()
        try:
            real, answer = self._call(request, asynchronous=False)
            if real:
                answer.read()
                return read_reply(answer, started)
            return WireReply(200, {}, as_json(answer), time.perf_counter() - started)
        except Exception as error:  # noqa: BLE001 - an SDK's errors are known by name only
            return _error_reply(error, request, started)

    async def send_async(self, request: WireRequest) -> WireReply:
        """The async twin of `send`."""
        started = time.perf_counter()
        try:
            real, answer = self._call(request, asynchronous=True)
            answer = await answer if inspect.isawaitable(answer) else answer
            if real:
                await answer.aread()
                return read_reply(answer, started)
            return WireReply(200, {}, as_json(answer), time.perf_counter() - started)
        except Exception as error:  # noqa: BLE001 - an SDK's errors are known by name only
            return _error_reply(error, request, started)

    def open(self, request: WireRequest) -> WireStream | WireReply:
        """Send a request and return the answer while it is still arriving."""
        started = time.perf_counter()
        try:
            return _stream(*self._call(request, asynchronous=False), request, started)
        except Exception as error:  # noqa: BLE001 - an SDK's errors are known by name only
            return _error_reply(error, request, started)

    async def open_async(self, request: WireRequest) -> WireStream | WireReply:
        """The async twin of `open`."""
        started = time.perf_counter()
        try:
            real, answer = self._call(request, asynchronous=True)
            answer = await answer if inspect.isawaitable(answer) else answer
            return _stream(real, answer, request, started)
        except Exception as error:  # noqa: BLE001 - an SDK's errors are known by name only
            return _error_reply(error, request, started)

    def close(self) -> None:
        """Do nothing: the client is the user's."""

    async def aclose(self) -> None:
        """Do nothing: the client is the user's."""

    def __repr__(self) -> str:
        return f"SdkTransport({type(self._client).__name__})"

    def _call(self, request: WireRequest, *, asynchronous: bool) -> tuple[bool, Any]:
        """Call the client. Returns whether it is a real one, and its answer, which an async client has to be awaited
        for."""
        method = self._method(request)
        # A real client whose method was patched for a test counts as a mock.
        if self._once is not None and inspect.ismethod(method):
            return True, self._send_unread(self._once, request, asynchronous=asynchronous)
        answer = method(**(request.body or {}))
        if not asynchronous and (inspect.iscoroutine(answer) or inspect.isasyncgen(answer)):
            if inspect.iscoroutine(answer):
                answer.close()
            raise _wrong_kind(self._client, "async")
        return False, answer

    def _send_unread(self, client: Any, request: WireRequest, *, asynchronous: bool) -> Any:
        if inspect.iscoroutinefunction(client.post) is not asynchronous:
            raise _wrong_kind(client, "sync" if asynchronous else "async")
        # An OpenAI client has /v1 in its base URL already, an Anthropic client does not.
        path = request.path.removeprefix("/v1") if hasattr(client, "chat") else request.path
        options = _UNREAD
        if request.timeout is not None:
            options = {**_UNREAD, "timeout": TimeLeft(request.timeout, time.perf_counter() + request.timeout)}
        if request.method == "GET":
            return client.get(path, cast_to=httpx2.Response, options=options)
        return client.post(path, cast_to=httpx2.Response, body=request.body, options=options)

    def _method(self, request: WireRequest) -> Any:
        path = request.path.partition("?")[0]
        name = next((method for ending, method in _METHODS.items() if path.endswith(ending)), None)
        if name is None:
            raise LLMInvalidRequestError(f"an SDK client cannot carry {request.path}; leave client= out for this call")
        method = self._client
        for part in name.split("."):
            try:
                method = getattr(method, part)
            except AttributeError:
                raise LLMInvalidRequestError(
                    f"client={type(self._client).__name__} has no {name}, which this call needs. Name the provider "
                    'whose client it is; one of OpenAI with nothing but chat.completions.create goes with api="chat".'
                ) from None
        return method


class _MockStream:
    """The events that a mock returned, one at a time."""

    def __init__(self, events: Any, started: float) -> None:
        self.headers: Mapping[str, str] = {}
        self._events = events
        self._started = started

    def __iter__(self) -> Generator[list[dict[str, Any]]]:
        with self._errors():
            for event in self._events:
                yield [_event(event)]

    async def __aiter__(self) -> AsyncGenerator[list[dict[str, Any]]]:
        with self._errors():
            if hasattr(type(self._events), "__aiter__"):
                async for event in self._events:
                    yield [_event(event)]
            else:
                for event in self._events:
                    yield [_event(event)]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Translate the error that an SDK's stream raises half-way."""
        if not hasattr(type(self._events), "__aiter__") and not hasattr(type(self._events), "__iter__"):
            raise LLMAPIError(
                f"the client returned no events but a {type(self._events).__name__}; return a list of them"
            )
        try:
            yield
        except Exception as error:
            # Both SDKs use this name for the root of their errors.
            if "APIError" not in {base.__name__ for base in type(error).__mro__}:
                raise
            raise LLMAPIError(f"the stream broke off: {error}") from error

    def elapsed(self) -> float:
        """Return the seconds from the request until now."""
        return time.perf_counter() - self._started

    def close(self) -> None:
        """Close what the mock returned, if it can be closed."""
        if callable(close := getattr(self._events, "close", None)):
            close()

    async def aclose(self) -> None:
        """The async twin of `close`."""
        closing = getattr(self._events, "aclose", None) or getattr(self._events, "close", None)
        if callable(closing) and inspect.isawaitable(closed := closing()):
            await closed

    def finish(self) -> None:
        """Do nothing: no connection waits."""

    async def afinish(self) -> None:
        """Do nothing: no connection waits."""


def _stream(real: bool, answer: Any, request: WireRequest, started: float) -> WireStream:
    return HttpStream(answer, request.framing(), started, request.path) if real else _MockStream(answer, started)


def _event(value: Any) -> dict[str, Any]:
    read = as_json(value)
    if not isinstance(read, dict):
        raise LLMAPIError(
            f"the client returned {str(read)[:80]!r}, which is no event of a stream; return dicts or objects"
        )
    return read


def as_json(value: Any) -> Any:
    """Return an SDK object, or a mock of one, as JSON. Of a mock, only the values that its user set are read."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if "_mock_children" in vars(type(value)) or "_mock_children" in getattr(value, "__dict__", {}):
        meant = {key: item for key, item in vars(value).items() if not key.startswith(("_", "method_calls"))}
        children = {key: item for key, item in vars(value)["_mock_children"].items() if not key.startswith("_")}
        read = {key: as_json(item) for key, item in {**children, **meant}.items()}
        return {key: item for key, item in read.items() if item != {}}
    if callable(dump := getattr(value, "model_dump", None)):
        # Fields that were not sent stay out, as on the wire.
        return dump(mode="json", exclude_unset=True, warnings=False)
    return {key: as_json(item) for key, item in vars(value).items()} if hasattr(value, "__dict__") else str(value)


def _error_reply(error: Exception, request: WireRequest, started: float) -> WireReply:
    """Return the answer inside an SDK's error; raise an error without an answer."""
    if isinstance(error, HTTP_ERRORS):
        raise translate(error, request.path) from error
    kinds = {base.__name__ for base in type(error).__mro__}
    if isinstance(error.__cause__, LLMError):
        raise error.__cause__ from None
    if "APITimeoutError" in kinds:
        raise LLMTimeoutError(f"no answer in time: {error}. Give the client more time: timeout=<seconds>.") from error
    if "APIConnectionError" in kinds:
        raise LLMConnectionError(f"no answer: {error.__cause__ or error}. Is the address right?") from error
    response = getattr(error, "response", None)
    if "APIStatusError" in kinds and response is not None:
        return read_reply(response, started)
    raise error


def _wrong_kind(client: Any, kind: str) -> LLMInvalidRequestError:
    other = "the methods that end in _async" if kind == "async" else "the methods without _async"
    return LLMInvalidRequestError(
        f"client={type(client).__name__} is {kind}. Use {other}, or hand in the other kind of client."
    )
