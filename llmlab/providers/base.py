"""What all providers share: the four call types, and requests about models, tokens and health.

A provider names a service, its address and its wire format. The flows of a call are in `llmlab.providers.calls`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, TypeVar

from llmlab._utils.context_managers import AsyncClosing, Closing
from llmlab._utils.redaction import redact
from llmlab.config.addresses import service_url
from llmlab.config.environment import Secret, cleaned, dotenv_slips, find_key, stand_in
from llmlab.errors import ConfigurationError, MissingAPIKeyError
from llmlab.models import validate_stream
from llmlab.policies import Policy, RetryPolicy
from llmlab.providers.embedding import Embedding
from llmlab.providers.health_report import Health
from llmlab.providers.text_completion import TextCompletion
from llmlab.providers.tokens import TokenCount
from llmlab.transport.base import Transport
from llmlab.transport.driver import Flow, run, run_async
from llmlab.transport.http import HttpTransport
from llmlab.transport.sdk import SdkTransport
from llmlab.transport.streams import AsyncCompletionStream, CompletionStream, open_stream
from llmlab.types.completion import Completion
from llmlab.types.messages import Prompt

Result = TypeVar("Result")


class Provider(TextCompletion, Embedding, Closing, AsyncClosing):
    """A service that answers prompts. A subclass names it, its address and its wire format.

    Args:
        model: name of the model; else the provider's default.
        api_key: the key; else the environment variable, then `.env`.
        base_url: where the service is; else the provider's address.
        timeout: seconds to wait for the next sign of life; 60, or what the provider needs.
        max_retries: tries beyond the first.
        retry_delay: seconds before the first retry; each further wait is twice as long.
        max_tokens: limit of each answer in tokens, where a call gives none.
        temperature: randomness, where a call gives none.
        key_variable: name of the variable that holds the key; else the provider's usual one.
        client: an SDK client that carries the requests in place of llmlab's own transport. It brings its own key.
        policies: what happens around a call, the outermost first: a cache, a budget, limits, a retry of your own.
        log_content: whether prompts and answers may appear in the log, at level DEBUG.

    Raises:
        MissingAPIKeyError: if the provider needs a key and none was found.
        ConfigurationError: if the key holds characters that no key has, or the policies make no sense together.
    """

    default_model: ClassVar[str]
    default_base_url: ClassVar[str]
    default_timeout: ClassVar[float] = 60.0
    key_variable: ClassVar[str | None] = None
    key_page: ClassVar[str] = ""

    def __init__(
        self,
        model: str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | None = None,
        max_retries: int = 3,
        *,
        retry_delay: float = 2.0,
        max_tokens: int | None = None,
        temperature: float | None = None,
        key_variable: str | None = None,
        client: Any = None,
        policies: Sequence[Policy] = (),
        log_content: bool = False,
    ) -> None:
        self.model = model or self.default_model
        usual, path = getattr(self, "default_base_url", ""), getattr(getattr(self, "format", None), "path", "")
        self.base_url = service_url(base_url or self.find_base_url(), "base_url", usual, path)
        self.timeout = self.default_timeout if timeout is None else timeout
        self._defaults = {"max_tokens": max_tokens, "temperature": temperature}
        key = None if client is not None else self._find_key(api_key, key_variable or self.key_variable)
        self._key = key  # as long as it lives, no error, log or record holds its value
        transport: Transport
        if client is not None:
            transport = SdkTransport(client)
        else:
            transport = HttpTransport(self.base_url, self.headers(key), self.timeout)
        super().__init__(transport, policies, RetryPolicy(max_retries, retry_delay), key, log_content)

    # What a subclass may override

    def headers(self, key: Secret | None) -> dict[str, str]:
        """Return the headers of every request, the key among them."""
        return {"authorization": f"Bearer {key.reveal()}"} if key else {}

    def find_base_url(self) -> str:
        """Return where the service is, if no `base_url` is given."""
        return self.default_base_url

    # The four call types

    def complete(self, prompt: Prompt, **options: Any) -> Completion:
        """Answer a prompt, whole.

        Args:
            prompt: a string, a `Message`, or a list of messages or of dicts with role and content.
            options: `model`, `temperature`, `top_p`, `max_tokens`, `stop`, `seed`, `tools`, `tool_choice`, `reasoning`,
                `text`, `response_format`, `file_search`, `deadline`, and `extra` for fields of the vendor's own; see
                `Request`. An answer that does not match `response_format` is requested once more; a stream is not.

        Raises:
            LLMError: one of its subclasses; see `llmlab.errors`.
        """
        return run(self.complete_flow(self.request(prompt, **options)))

    async def complete_async(self, prompt: Prompt, **options: Any) -> Completion:
        """The async twin of `complete`."""
        return await run_async(self.complete_flow(self.request(prompt, **options)))

    def complete_stream(self, prompt: Prompt, **options: Any) -> CompletionStream:
        """Answer a prompt chunk by chunk. Takes what `complete` takes; after the end, `.result` is the whole answer."""
        request = self.request(prompt, **options)
        validate_stream(request, self.name)
        return open_stream(self.stream_flow(request))

    def complete_stream_async(self, prompt: Prompt, **options: Any) -> AsyncCompletionStream:
        """The async twin of `complete_stream`, for `async for` or `async with`."""
        request = self.request(prompt, **options)
        validate_stream(request, self.name)
        return AsyncCompletionStream(partial(self.stream_flow, request))

    # Models, tokens and health

    def list_models(self) -> list[str]:
        """Return the names of the models that the service offers, sorted."""
        return run(self.models_flow())

    async def list_models_async(self) -> list[str]:
        """The async twin of `list_models`."""
        return await run_async(self.models_flow())

    def count_tokens(self, prompt: Prompt, **options: Any) -> TokenCount:
        """Return how many tokens a prompt has: counted by the service where it can; `.method` says how."""
        return run(self.count_flow(self.request(prompt, **options)))

    async def count_tokens_async(self, prompt: Prompt, **options: Any) -> TokenCount:
        """The async twin of `count_tokens`."""
        return await run_async(self.count_flow(self.request(prompt, **options)))

    def health(self) -> Health:
        """Return whether the service answers, without a retry. Errors become the reason, in words."""
        return run(self.health_flow())

    async def health_async(self) -> Health:
        """The async twin of `health`."""
        return await run_async(self.health_flow())

    # The session

    def get_last_response(self) -> Completion | None:
        """Return the last whole answer, in whichever call shape it came; None before the first. A stream counts once
        it is read to its end or closed."""
        return self._record.last

    def get_request_count(self) -> int:
        """Return how many HTTP requests were sent, with retries, failed ones, and lists of models."""
        return self._sent

    def reset_session(self) -> None:
        """Set the count to 0 and forget the last answer. Connections stay open."""
        self._sent, self._record.last = 0, None

    # Opening and closing

    def close(self) -> None:
        """Close the connections."""
        self.transport.close()

    async def aclose(self) -> None:
        """The async twin of `close`."""
        await self.transport.aclose()

    def __repr__(self) -> str:
        return redact(f"{type(self).__name__}(model={self.model!r}, base_url={self.base_url!r})")

    # Running flows

    def run(self, flow: Flow[Result]) -> Result:
        """Run a flow of any provider, blocking."""
        return run(flow)

    async def run_async(self, flow: Flow[Result]) -> Result:
        """Run a flow of any provider, awaiting."""
        return await run_async(flow)

    def _find_key(self, api_key: str | None, variable: str | None) -> Secret | None:
        if not api_key and variable is None:
            return None
        key = Secret(cleaned(api_key)) if api_key else find_key(str(variable)) or stand_in()
        if key is None:
            slips = dotenv_slips([str(variable)])
            hint = f"{slips[0][0]}; {slips[0][1]}." if slips else ""
            raise MissingAPIKeyError(self.name, str(variable), get_one_at=self.key_page, hint=hint)
        if not (key.reveal().isascii() and key.reveal().isprintable() and " " not in key.reveal()):
            # No header can hold such a key, and the error of httpx2 would show it.
            source = "api_key" if api_key else variable
            raise ConfigurationError(
                f"the key for {self.name} in {source} holds a character that no key has, such as a space or a curly "
                "quote; copy it again",
                provider=self.name,
            )
        return key
