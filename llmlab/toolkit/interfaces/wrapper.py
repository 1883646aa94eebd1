"""The interface of the document "LLM Wrapper": one server that speaks OpenAI's Chat Completions.

with LLM(LLMConfig(base_url="http://127.0.0.1:8000", model="gpt-4")) as llm:
    print(llm.chat_completion([Message("user", "Hello!")]).choices[0].message.content)
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, TypeVar

from llmlab._utils.context_managers import Closing
from llmlab._utils.redaction import redact
from llmlab.errors import LLMConnectionError as LLMConnectionError
from llmlab.errors import LLMError as LLMError
from llmlab.errors import LLMInvalidRequestError, LLMResponseError
from llmlab.formats.base import options
from llmlab.policies import Policy, RetryPolicy, check_order
from llmlab.policies.retry import is_passing
from llmlab.providers.local_gpt_oss import LocalGptOssProvider
from llmlab.toolkit.interfaces.keywords import Keywords
from llmlab.toolkit.interfaces.wrapper_responses import ChatCompletionResponse, CompletionResponse, ModelsResponse
from llmlab.types.messages import Message as Message
from llmlab.types.messages import Prompt

LLMAPIError = LLMResponseError
RETRY_STATUS = frozenset({429, 500, 502, 503, 504})
_Response = TypeVar("_Response", bound=ChatCompletionResponse)
_log = logging.getLogger("llmlab")


@dataclass(frozen=True, slots=True)
class LLMConfig(Keywords):
    """Where the server is, and what every call has where it says nothing else.

    Args:
        base_url: URL of the server, with or without `/v1`.
        api_key: the key, if the server needs one.
        model: the model's name.
        temperature: randomness, 0 to 2.
        max_tokens: limit of each answer, in tokens; None leaves it to the model.
        timeout: seconds to wait for the next sign of life.
        max_retries: tries beyond the first, after the statuses 429, 500, 502, 503 and 504.
        retry_delay: seconds before the first retry; each further wait is twice as long.
    """

    base_url: str = "http://127.0.0.1:8000"
    api_key: str | None = field(default=None, repr=False)
    model: str = "gpt-4"
    temperature: float = 0.7
    max_tokens: int | None = None
    timeout: float = 30
    max_retries: int = 3
    retry_delay: float = 1.0


class LLM(Closing):
    """A client of one server. `client` is a provider of llmlab, with async calls, streams and more.

    Threads may share it: each call has a connection of its own. `get_last_response` is the last one of all threads.
    Call `reset_session` and `close` while no call runs.

    Args:
        config: the server and the defaults.
        policies: what happens around a call, the outermost first: a cache, a budget, limits, a retry of your own.
    """

    def __init__(self, config: LLMConfig | None = None, *, policies: Sequence[Policy] = ()) -> None:
        self.config = config = config or LLMConfig()
        if not isinstance(config, LLMConfig):
            raise TypeError(f"LLM takes an LLMConfig, not {type(config).__name__}")
        retry = RetryPolicy(config.max_retries, config.retry_delay, jitter=0, on=_is_retried)
        self.client = _Server(**asdict(config), policies=check_order(policies, retry))
        self._last: ChatCompletionResponse | None = None
        _log.info("LLM for %s", redact(repr(self.client)))

    def chat_completion(
        self, messages: Prompt, temperature: float | None = None, max_tokens: int | None = None, **kwargs: Any
    ) -> ChatCompletionResponse:
        """Answer messages.

        Args:
            messages: the conversation.
            temperature, max_tokens: as in the config.
            kwargs: `model`, and further fields of the API, which are sent as they are.

        Raises:
            LLMConnectionError: nothing answered.
            LLMAPIError: the server answered with an error, or the request is wrong.
        """
        answer = self.client.complete(messages, **self._options(temperature, max_tokens, kwargs))
        return self._noted(ChatCompletionResponse(answer.raw_response))

    def completion(
        self, prompt: str | list[str], temperature: float | None = None, max_tokens: int | None = None, **kwargs: Any
    ) -> CompletionResponse:
        """Continue a text, or each text of a list: a choice each, in their order. The rest is as in a chat."""
        given, texts = self._options(temperature, max_tokens, kwargs), [prompt] if isinstance(prompt, str) else prompt
        return self._noted(CompletionResponse.of(self.client.completion(texts, **given)))

    def list_models(self) -> ModelsResponse:
        """Return the models that the server has."""
        return ModelsResponse({"object": "list", "data": [{"id": name} for name in self.client.list_models()]})

    def get_last_response(self) -> ChatCompletionResponse | None:
        """Return the last answer; None before the first."""
        return self._last

    def get_request_count(self) -> int:
        """Return how many HTTP requests were sent, with retries."""
        return self.client.get_request_count()

    def reset_session(self) -> None:
        """Close the connections, set the count to 0 and forget the last answer. The next call opens new connections."""
        self.client.close()
        self.client.reset_session()
        self._last = None
        _log.info("session reset")

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        _log.info("session closed")

    def _options(self, temperature: float | None, max_tokens: int | None, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the options of a call: those of the client, and the rest as fields of the API."""
        if kwargs.get("stream"):
            raise LLMInvalidRequestError("the wrapper does not stream; use llm.client.complete_stream(messages)")
        temperature = self.config.temperature if temperature is None else temperature
        named = options(temperature=temperature, max_tokens=max_tokens, model=kwargs.pop("model", None))
        _log.debug("request: %s", named)
        return {**named, "extra": options(**kwargs)} if kwargs else named

    def _noted(self, response: _Response) -> _Response:
        self._last = response
        _log.debug("response %s: %s", response.raw.get("id"), response.raw.get("usage"))
        return response


class _Server(LocalGptOssProvider):
    """Any server that speaks Chat Completions. What it costs is not known."""

    name: ClassVar[str] = "openai_compatible"


def _is_retried(error: LLMError) -> bool:
    return error.status_code in RETRY_STATUS and is_passing(error)
