"""Text completion: a text that goes on, as before there were roles. Only some servers still have it."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, TypeVar, overload

from llmlab.errors import LLMInvalidRequestError
from llmlab.formats import Format
from llmlab.models import validate_stream
from llmlab.providers.calls import Calls
from llmlab.transport.driver import Flow
from llmlab.transport.streams import AsyncCompletionStream, CompletionStream, StreamState
from llmlab.types.completion import Completion
from llmlab.types.messages import Prompt
from llmlab.types.request import Request

Result = TypeVar("Result")


class _Asked(Protocol):
    """What text completion needs of a provider."""

    name: ClassVar[str]
    text_format: ClassVar[Format | None]
    _calls: Calls

    def request(self, prompt: Prompt, **options: Any) -> Request: ...
    def run(self, flow: Flow[Result]) -> Result: ...
    async def run_async(self, flow: Flow[Result]) -> Result: ...


class TextCompletion:
    """The part of a provider that continues texts. `text_format` is its format; None where the service has none."""

    text_format: ClassVar[Format | None] = None

    @overload
    def completion(self: _Asked, prompt: str, **options: Any) -> Completion: ...
    @overload
    def completion(self: _Asked, prompt: list[str] | tuple[str, ...], **options: Any) -> list[Completion]: ...
    def completion(
        self: _Asked, prompt: str | list[str] | tuple[str, ...], **options: Any
    ) -> Completion | list[Completion]:
        """Continue a text, or each text of a list, one request after the other.

        OpenAI, Ollama and local servers have it. OpenAI's chat models refuse it: name a model made for it. Its server
        ends an answer after 16 tokens where `max_tokens` is not given.

        Args:
            prompt: a text, or a list of texts.
            options: as in `complete`, without tools.

        Returns:
            one answer for a text; for a list, a list of answers in its order.

        Raises:
            LLMInvalidRequestError: before anything is sent, where the service has no text completion.
            LLMError: one of its other subclasses; see `llmlab.errors`.
        """
        requests, format = _prepared(self, prompt, options)
        answers = self.run(self._calls.texts(requests, format))
        return answers[0] if isinstance(prompt, str) else answers

    @overload
    async def completion_async(self: _Asked, prompt: str, **options: Any) -> Completion: ...
    @overload
    async def completion_async(
        self: _Asked, prompt: list[str] | tuple[str, ...], **options: Any
    ) -> list[Completion]: ...
    async def completion_async(
        self: _Asked, prompt: str | list[str] | tuple[str, ...], **options: Any
    ) -> Completion | list[Completion]:
        """The async twin of `completion`."""
        requests, format = _prepared(self, prompt, options)
        answers = await self.run_async(self._calls.texts(requests, format))
        return answers[0] if isinstance(prompt, str) else answers

    def completion_stream(self: _Asked, prompt: str, **options: Any) -> CompletionStream:
        """Continue a text piece by piece. Takes what `completion` takes, for one text."""
        request, format = _prepared_stream(self, prompt, options)
        return CompletionStream(self.run(self._calls.stream(request, format)))

    def completion_stream_async(self: _Asked, prompt: str, **options: Any) -> AsyncCompletionStream:
        """The async twin of `completion_stream`, for `async for` or `async with`."""
        request, format = _prepared_stream(self, prompt, options)

        async def opening() -> StreamState:
            return await self.run_async(self._calls.stream(request, format))

        return AsyncCompletionStream(opening)


def _prepared_stream(provider: _Asked, prompt: object, options: dict[str, Any]) -> tuple[Request, Format]:
    if isinstance(prompt, (list, tuple)):
        raise LLMInvalidRequestError(
            "a stream continues one text. Call completion_stream for each, or completion with the list.",
            provider=provider.name,
        )
    (request,), format = _prepared(provider, prompt, options)
    validate_stream(request, provider.name)
    return request, format


def _prepared(provider: _Asked, prompt: object, options: dict[str, Any]) -> tuple[list[Request], Format]:
    """Return the requests for the texts, checked, and the format that they are sent in."""
    if provider.text_format is None:
        raise LLMInvalidRequestError(
            f"{provider.name} has no text completion. Use complete(prompt), which every provider has, or ask openai, "
            "ollama or local_gpt_oss.",
            provider=provider.name,
        )
    texts = [prompt] if isinstance(prompt, str) else prompt
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
        raise LLMInvalidRequestError(
            "completion takes a text or a list of texts. For messages there is complete(messages).",
            provider=provider.name,
        )
    return [provider.request(text, **options) for text in texts], provider.text_format
