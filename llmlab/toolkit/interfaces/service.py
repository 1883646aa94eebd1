"""One request, one pair: `execute_llm_call(request) -> (response, error)`, for services that prefer it to exceptions.

An `LLMError` is the second of the pair and is never raised. A mistake of the program itself, such as a wrong type, is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from llmlab.errors import LLMError, LLMInvalidRequestError
from llmlab.models import ModelSpec, find_spec
from llmlab.providers import Provider, get_provider
from llmlab.toolkit.vector_stores.streams import AnswerStream, AsyncAnswerStream, Opened
from llmlab.types.completion import Completion, FileSearchResult, Usage
from llmlab.types.messages import Message, Prompt, Role, to_messages
from llmlab.types.options import FileSearch

_PASSED_ON = ("temperature", "max_tokens", "tools", "tool_choice", "reasoning", "text", "response_format", "deadline")


@dataclass(frozen=True, slots=True)
class LLMConfig:
    """Who is asked, and what.

    Args:
        prompt: a question; or else `messages`.
        messages: a conversation, as `complete` takes it.
        model: its name, or its `ModelSpec`; else the provider's default.
        provider: a name, or a provider that stays open from call to call. Else the model's, or that of the client.
        system: what the model is told before everything else.
        temperature, max_tokens, tools, tool_choice, reasoning, text, response_format, deadline: as in `complete`.
        vector_store_id: OpenAI's vector store to search, or several.
        extra: fields of the vendor's own wire format.
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
        llm: who is asked, and what.
        max_num_results: pieces of files that a search may give to the model, 1 to 50; the service's default is 20.
    """

    llm: LLMConfig
    max_num_results: int | None = None


@dataclass(frozen=True, slots=True)
class LLMCallResponse:
    """One answer.

    Args:
        completion: all that is known of it.
    """

    completion: Completion

    @property
    def message(self) -> str:
        """The answer's text."""
        return self.completion.content

    @property
    def tokens(self) -> Usage:
        """Tokens used."""
        return self.completion.usage

    @property
    def file_search_results(self) -> tuple[FileSearchResult, ...]:
        """The pieces of files that the model was given to read, each with its score."""
        return self.completion.file_search_results


Pair: TypeAlias = tuple[LLMCallResponse, None] | tuple[None, LLMError]
StreamPair: TypeAlias = tuple[AnswerStream[LLMCallResponse], None] | tuple[None, LLMError]
AsyncStreamPair: TypeAlias = tuple[AsyncAnswerStream[LLMCallResponse], None] | tuple[None, LLMError]


def execute_llm_call(request: LLMCallRequest, client: Any = None) -> Pair:
    """Make one call, and return (response, None), or (None, error).

    Args:
        request: who is asked, and what.
        client: an SDK client that carries the request, or a mock of one. Without it, llmlab's own connections do.
    """
    try:
        call = _Call(request, client)
        try:
            completion = call.provider.complete(call.prompt, **call.options)
        finally:
            call.close()
    except LLMError as error:
        return None, error
    return LLMCallResponse(completion), None


async def execute_llm_call_async(request: LLMCallRequest, client: Any = None) -> Pair:
    """The async twin of `execute_llm_call`. The client must be an async one, or a mock."""
    try:
        call = _Call(request, client)
        try:
            completion = await call.provider.complete_async(call.prompt, **call.options)
        finally:
            await call.aclose()
    except LLMError as error:
        return None, error
    return LLMCallResponse(completion), None


def execute_llm_call_stream(request: LLMCallRequest, client: Any = None) -> StreamPair:
    """Make one call, and return (stream, None), or (None, error), as soon as the first piece is there.

    After the end, `.result` of the stream is the `LLMCallResponse`. A stream that breaks after its first piece raises
    its `LLMStreamError` where it is read.
    """
    try:
        call = _Call(request, client)
        try:
            stream = call.provider.complete_stream(call.prompt, **call.options)
        except BaseException:
            call.close()
            raise
    except LLMError as error:
        return None, error
    return AnswerStream(stream, LLMCallResponse, call.close), None


async def execute_llm_call_stream_async(request: LLMCallRequest, client: Any = None) -> AsyncStreamPair:
    """The async twin of `execute_llm_call_stream`."""
    try:
        call = _Call(request, client)

        async def opening() -> Opened[LLMCallResponse]:
            return await call.provider.complete_stream_async(call.prompt, **call.options), LLMCallResponse

        try:
            stream = await AsyncAnswerStream(opening, call.aclose)
        except BaseException:
            await call.aclose()
            raise
    except LLMError as error:
        return None, error
    return stream, None


class _Call:
    """A request as `complete` takes it, and who is asked.

    Raises:
        LLMInvalidRequestError: the request contradicts itself.
        TypeError: it is no `LLMCallRequest`, or holds no `LLMConfig`.
    """

    def __init__(self, request: LLMCallRequest, client: Any) -> None:
        if not isinstance(request, LLMCallRequest):
            raise TypeError(f"execute_llm_call takes an LLMCallRequest, not {type(request).__name__}")
        config = request.llm
        if not isinstance(config, LLMConfig):
            raise TypeError(f"LLMCallRequest(llm=…) takes an LLMConfig, not {type(config).__name__}")
        self.prompt = _prompt(config)
        self.options: dict[str, Any] = {name: getattr(config, name) for name in _PASSED_ON}
        self.options["model"] = config.model.model if isinstance(config.model, ModelSpec) else config.model
        self.options["extra"] = config.extra
        if (stores := config.vector_store_id) is not None:
            ids = (stores,) if isinstance(stores, str) else stores
            # Its own check says what is no list of ids.
            self.options["file_search"] = FileSearch(cast("tuple[str, ...]", ids), request.max_num_results)
        elif request.max_num_results is not None:
            raise LLMInvalidRequestError("max_num_results is for a search; name a store: LLMConfig(vector_store_id=…)")
        self._owned = not isinstance(config.provider, Provider)
        if isinstance(config.provider, Provider):
            if client is not None:
                raise LLMInvalidRequestError("a client goes with the name of a provider, and not with a provider")
            self.provider = config.provider
        else:
            self.provider = get_provider(_provider_name(config, client), client=client)

    def close(self) -> None:
        """Close the provider that was made for this call."""
        if self._owned:
            self.provider.close()

    async def aclose(self) -> None:
        """The async twin of `close`."""
        if self._owned:
            await self.provider.aclose()


def _prompt(config: LLMConfig) -> Prompt:
    given = [one for one in (config.prompt, config.messages) if one is not None]
    if len(given) != 1:
        which = "both are" if given else "neither is"
        raise LLMInvalidRequestError(f"a request holds either a prompt or messages, and {which} given")
    system = [Message(Role.SYSTEM, config.system)] if config.system else []
    return [*system, *to_messages(given[0])]


def _provider_name(config: LLMConfig, client: Any) -> str:
    """Return who is asked: as it was said, else the vendor of the client, else that of the model, else OpenAI."""
    if config.provider is not None:
        return str(config.provider)
    if isinstance(config.model, ModelSpec):
        return config.model.provider
    # A mock with a `spec` says by its `__class__` what it stands for.
    kinds = (*type(client).__mro__, *client.__class__.__mro__)
    vendors = {base.__module__.split(".")[0] for base in kinds} & {"openai", "anthropic"}
    spec = find_spec(config.model) if isinstance(config.model, str) else None
    return vendors.pop() if vendors else spec.provider if spec else "openai"
