"""Text completion: a text that the model continues, as before there were roles. Only some servers still have it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, cast, overload

from llmlab.errors import LLMInvalidRequestError
from llmlab.formats import Format
from llmlab.models import validate_stream
from llmlab.policies import Call
from llmlab.providers.calls import Calls
from llmlab.transport.driver import Flow, run, run_async
from llmlab.transport.streams import AsyncCompletionStream, CompletionStream, StreamState, open_stream
from llmlab.types.completion import Completion
from llmlab.types.request import Request


class TextCompletion(Calls):
    """The part of a provider that continues texts. `text_format` is its format; None where the service has none."""

    text_format: ClassVar[Format | None] = None

    @overload
    def completion(self, prompt: str, **options: Any) -> Completion: ...
    @overload
    def completion(self, prompt: list[str] | tuple[str, ...], **options: Any) -> list[Completion]: ...
    def completion(self, prompt: str | list[str] | tuple[str, ...], **options: Any) -> Completion | list[Completion]:
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
        answers = run(self._texts_flow(self._text_requests(prompt, options)))
        return answers[0] if isinstance(prompt, str) else answers

    @overload
    async def completion_async(self, prompt: str, **options: Any) -> Completion: ...
    @overload
    async def completion_async(self, prompt: list[str] | tuple[str, ...], **options: Any) -> list[Completion]: ...
    async def completion_async(
        self, prompt: str | list[str] | tuple[str, ...], **options: Any
    ) -> Completion | list[Completion]:
        """The async twin of `completion`."""
        answers = await run_async(self._texts_flow(self._text_requests(prompt, options)))
        return answers[0] if isinstance(prompt, str) else answers

    def completion_stream(self, prompt: str, **options: Any) -> CompletionStream:
        """Continue a text chunk by chunk. Takes what `completion` takes, for one text."""
        return open_stream(self._text_stream_flow(self._text_stream_request(prompt, options)))

    def completion_stream_async(self, prompt: str, **options: Any) -> AsyncCompletionStream:
        """The async twin of `completion_stream`, for `async for` or `async with`."""
        return AsyncCompletionStream(partial(self._text_stream_flow, self._text_stream_request(prompt, options)))

    def _texts_flow(self, requests: Sequence[Request]) -> Flow[list[Completion]]:
        format = cast("Format", self.text_format)
        # All are encoded before the first one is sent.
        bodies = [format.encode(request, False) for request in requests]
        answers = []
        for request, body in zip(requests, bodies, strict=True):
            call = Call(self.name, self.base_url, format, request, body, stream=False)
            answer = yield from self._run_policies(call)
            answers.append(cast("Completion", answer))
        return answers

    def _text_stream_flow(self, request: Request) -> Flow[StreamState]:
        format = cast("Format", self.text_format)
        call = Call(self.name, self.base_url, format, request, format.encode(request, True), stream=True)
        return cast("StreamState", (yield from self._run_policies(call)))

    def _text_stream_request(self, prompt: object, options: dict[str, Any]) -> Request:
        """Return the checked request for one streamed text."""
        if isinstance(prompt, (list, tuple)):
            raise LLMInvalidRequestError(
                "a stream continues one text. Call completion_stream for each, or completion with the list.",
                provider=self.name,
            )
        (request,) = self._text_requests(prompt, options)
        validate_stream(request, self.name)
        return request

    def _text_requests(self, prompt: object, options: dict[str, Any]) -> list[Request]:
        """Return the checked requests for texts."""
        if self.text_format is None:
            raise LLMInvalidRequestError(
                f"{self.name} has no text completion. Use complete(prompt), which every provider has, or ask openai, "
                "ollama or local_gpt_oss.",
                provider=self.name,
            )
        texts = [prompt] if isinstance(prompt, str) else prompt
        if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
            raise LLMInvalidRequestError(
                "completion takes a text or a list of texts. For messages there is complete(messages).",
                provider=self.name,
            )
        return [self.request(text, **options) for text in texts]
