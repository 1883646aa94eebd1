"""`execute_llm_call(request) -> (response, error)`: one call for services that prefer a pair to exceptions.

An `LLMError` is returned and never raised. A mistake of the program itself, such as a wrong type, is raised.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from llmlab.errors import LLMError, LLMInvalidRequestError
from llmlab.models import ModelSpec, find_spec, validate_stream
from llmlab.providers import Provider, get_provider
from llmlab.transport.driver import Flow, run
from llmlab.transport.streams import AsyncCompletionStream, CompletionStream, StreamState
from llmlab.types.completion import Completion, FileSearchResult, Usage
from llmlab.types.messages import Message, Role, to_messages
from llmlab.types.options import FileSearch

_OPTIONS = (
    *("temperature", "max_tokens", "tools", "tool_choice"),
    *("reasoning", "text", "response_format", "deadline", "extra"),
)


@dataclass(frozen=True, slots=True)
class LLMConfig:
    """The provider, the prompt and the options of a call.

    Args:
        prompt: a question; or use `messages`.
        messages: a conversation, as in `complete`.
        model: its name, or its `ModelSpec`; else the provider's default.
        provider: a name, or a provider, which stays open. Else that of the client or of the model.
        system: a system message before the prompt.
        temperature, max_tokens, tools, tool_choice, reasoning, text, response_format, deadline: as in `complete`.
        vector_store_id: the id of a vector store at OpenAI to search, or several ids.
        extra: fields of the vendor's own format.
    """

    prompt: str | None = None
    messages: Sequence[Message | Mapping[str, Any]] | None = None
    model: str | ModelSpec | None = None
    provider: str | Provider | None = None
    system: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    tools: Sequence[Any] | None = None
    tool_choice: str | None = None
    reasoning: Any = None
    text: Any = None
    response_format: Any = None
    deadline: float | None = None
    vector_store_id: str | Sequence[str] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LLMCallRequest:
    """One call.

    Args:
        llm: the provider, the prompt and the options.
        max_num_results: most chunks of files that a search gives to the model, 1 to 50; the service's default is 20.
    """

    llm: LLMConfig
    max_num_results: int | None = None


@dataclass(frozen=True, slots=True)
class LLMCallResponse:
    """One answer.

    Args:
        completion: the answer with all its details.
    """

    completion: Completion

    @property
    def message(self) -> str:
        """The text of the answer."""
        return self.completion.content

    @property
    def tokens(self) -> Usage:
        """The tokens used."""
        return self.completion.usage

    @property
    def file_search_results(self) -> tuple[FileSearchResult, ...]:
        """The chunks of files that the model read, each with its score."""
        return self.completion.file_search_results


class ResponseStream(CompletionStream):
    """An answer that is still being written. Its `result` is an `LLMCallResponse`."""

    def __init__(self, state: StreamState, at_end: Callable[[], None]) -> None:
        super().__init__(state)
        self._at_end = at_end

    @property
    def result(self) -> LLMCallResponse:  # type: ignore[override]
        """The whole response."""
        return LLMCallResponse(super().result)

    def close(self) -> None:
        """Stop reading and give the connection back. `result` then holds what had arrived."""
        super().close()
        self._at_end()


class AsyncResponseStream(AsyncCompletionStream):
    """The async twin of `ResponseStream`."""

    def __init__(self, opening: Callable[[], Flow[StreamState]], at_end: Callable[[], Awaitable[None]]) -> None:
        super().__init__(opening)
        self._at_end = at_end

    @property
    def result(self) -> LLMCallResponse:  # type: ignore[override]
        """The whole response."""
        return LLMCallResponse(super().result)

    async def aclose(self) -> None:
        """The async twin of `close`."""
        await super().aclose()
        await self._at_end()


Pair: TypeAlias = tuple[LLMCallResponse, None] | tuple[None, LLMError]
StreamPair: TypeAlias = tuple[ResponseStream, None] | tuple[None, LLMError]
AsyncStreamPair: TypeAlias = tuple[AsyncResponseStream, None] | tuple[None, LLMError]


def execute_llm_call(request: LLMCallRequest, client: Any = None) -> Pair:
    """Make one call, and return (response, None), or (None, error).

    Args:
        request: the call.
        client: an SDK client that carries the request, or a mock of one; else llmlab's own connections carry it.

    Raises:
        TypeError: it is no `LLMCallRequest`, or holds no `LLMConfig`.
    """
    try:
        call = _Call(request, client)
        with call.owner:
            return LLMCallResponse(call.provider.complete(call.prompt, **call.options)), None
    except LLMError as error:
        return None, error


async def execute_llm_call_async(request: LLMCallRequest, client: Any = None) -> Pair:
    """The async twin of `execute_llm_call`. The client must be an async one, or a mock."""
    try:
        call = _Call(request, client)
        async with call.owner:
            return LLMCallResponse(await call.provider.complete_async(call.prompt, **call.options)), None
    except LLMError as error:
        return None, error


def execute_llm_call_stream(request: LLMCallRequest, client: Any = None) -> StreamPair:
    """Make one call, and return (stream, None), or (None, error), as soon as the first chunk is there.

    After the end, `.result` of the stream is the `LLMCallResponse`. A stream that breaks after its first chunk raises
    its `LLMStreamError` to the reader.
    """
    try:
        call = _Call(request, client)
        with ExitStack() as stack:
            stack.enter_context(call.owner)
            state = run(call.open_stream())
            return ResponseStream(state, stack.pop_all().close), None
    except LLMError as error:
        return None, error


async def execute_llm_call_stream_async(request: LLMCallRequest, client: Any = None) -> AsyncStreamPair:
    """The async twin of `execute_llm_call_stream`."""
    try:
        call = _Call(request, client)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(call.owner)
            at_end = AsyncExitStack()
            stream = await AsyncResponseStream(call.open_stream, at_end.aclose)
            at_end.push_async_exit(stack.pop_all())
            return stream, None
    except LLMError as error:
        return None, error


class _Call:
    """The prompt, the options and the provider of a request. `owner` closes a provider that was created for it."""

    def __init__(self, request: LLMCallRequest, client: Any) -> None:
        if not isinstance(request, LLMCallRequest):
            raise TypeError(f"execute_llm_call takes an LLMCallRequest, not {type(request).__name__}")
        config = request.llm
        if not isinstance(config, LLMConfig):
            raise TypeError(f"LLMCallRequest(llm=…) takes an LLMConfig, not {type(config).__name__}")
        self.prompt = _prompt(config)
        self.options: dict[str, Any] = {name: getattr(config, name) for name in _OPTIONS}
        self.options["model"] = config.model.model if isinstance(config.model, ModelSpec) else config.model
        if (stores := config.vector_store_id) is not None:
            ids = (stores,) if isinstance(stores, str) else stores
            # `FileSearch` checks its ids itself.
            self.options["file_search"] = FileSearch(cast("tuple[str, ...]", ids), request.max_num_results)
        elif request.max_num_results is not None:
            raise LLMInvalidRequestError("max_num_results is for a search; name a store: LLMConfig(vector_store_id=…)")
        self.owner: Any = nullcontext()
        if not isinstance(config.provider, Provider):
            self.owner = self.provider = get_provider(_provider_name(config, client), client=client)
        elif client is not None:
            raise LLMInvalidRequestError("a client goes with the name of a provider, and not with a provider")
        else:
            self.provider = config.provider

    def open_stream(self) -> Flow[StreamState]:
        """Return the flow that opens a stream."""
        request = self.provider.request(self.prompt, **self.options)
        validate_stream(request, self.provider.name)
        return self.provider.stream_flow(request)


def _prompt(config: LLMConfig) -> list[Message]:
    prompts = [prompt for prompt in (config.prompt, config.messages) if prompt is not None]
    if len(prompts) != 1:
        which = "both are" if prompts else "neither is"
        raise LLMInvalidRequestError(f"a request holds either a prompt or messages, and {which} given")
    system = [Message(Role.SYSTEM, config.system)] if config.system else []
    return [*system, *to_messages(prompts[0])]


def _provider_name(config: LLMConfig, client: Any) -> str:
    """Return the provider of the config, else that of the client, else that of the model, else OpenAI."""
    if config.provider is not None:
        return str(config.provider)
    if isinstance(config.model, ModelSpec):
        return config.model.provider
    # The `__class__` of a mock with a `spec` is the class that it replaces.
    kinds = (*type(client).__mro__, *client.__class__.__mro__)
    vendors = {base.__module__.split(".")[0] for base in kinds} & {"openai", "anthropic"}
    spec = find_spec(config.model) if isinstance(config.model, str) else None
    return vendors.pop() if vendors else spec.provider if spec else "openai"
