"""The next one answers when one does not: several providers that look like one.

    llm = Failover([get_provider("openai"), get_provider("ollama")])

A wrong request is wrong everywhere and goes to nobody else. A stream that broke after its first piece is not begun
again elsewhere: two models would have written one answer. Each provider's own retry comes before the next provider.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from llmlab.config.environment import Settings
from llmlab.errors import ConfigurationError, LLMInvalidRequestError
from llmlab.providers.base import Provider
from llmlab.providers.circuit import Circuit
from llmlab.providers.failover_calls import FailoverCalls, Member
from llmlab.types.messages import Prompt
from llmlab.types.request import Request, build_request
from llmlab.types.validation import is_count, is_number


class Failover(Provider):
    """Several providers that look like one. The first one that answers does.

    After an error that another one may not have (no connection, a timeout, 429, 5xx, no key) the next one is asked.
    Each answer says in `provider` who gave it and in `why` what happened before. Models are set where the providers are
    made; a model of one is none of the other.

    Args:
        providers: who is asked, in this order; names stand for providers with their usual settings, whose key may be
            missing.
        rest: seconds for which a provider is not asked after it has failed.
        failures: failures in a row after which it rests.
        settings: for providers that are named; else `llmlab.yaml`, if there is one.

    Raises:
        ConfigurationError: for fewer than two providers.
        MissingAPIKeyError: if none has a key.
    """

    name: ClassVar[str] = "failover"

    def __init__(
        self,
        providers: Sequence[Provider | str],
        *,
        rest: float = 30.0,
        failures: int = 1,
        settings: Settings | None = None,
    ) -> None:
        if isinstance(providers, (str, Provider)) or len(providers) < 2:
            raise ConfigurationError('a failover needs two providers or more: Failover(["openai", "ollama"])')
        if not is_number(rest) or not is_count(failures):
            raise ConfigurationError("a failover needs rest of 0 seconds or more, and failures of 1 or more")
        self.members = tuple(Member(provider, Circuit(rest, failures), settings) for provider in providers)
        there = [member.provider for member in self.members if member.provider]
        if not there:
            raise next(member.missing for member in self.members if member.missing)
        first = there[0]
        self.model, self.base_url, self.timeout, self.format = (
            first.model,
            first.base_url,
            first.timeout,
            first.format,
        )
        self._transport = first._transport
        self._calls = FailoverCalls(self.members)

    def request(self, prompt: Prompt, **options: Any) -> Request:
        """Return a prompt and its options as a checked `Request` without a model: each provider has its own."""
        if options.get("model"):
            raise LLMInvalidRequestError(
                "a failover takes no model, since each provider has its own: "
                'Failover([get_provider("openai", model=…), get_provider("ollama", model=…)])'
            )
        return build_request(prompt, "", options)

    def get_request_count(self) -> int:
        """Return how many HTTP requests were sent, by all providers together."""
        return sum(member.provider.get_request_count() for member in self.members if member.provider)

    def reset_session(self) -> None:
        """Set the counts to 0 and forget the last answers."""
        self._calls.session.reset()
        for member in self.members:
            if member.provider:
                member.provider.reset_session()

    def close(self) -> None:
        """Close the connections of all providers."""
        for member in self.members:
            if member.provider:
                member.provider.close()

    async def aclose(self) -> None:
        """The async twin of `close`."""
        for member in self.members:
            if member.provider:
                await member.provider.aclose()

    def __repr__(self) -> str:
        return f"Failover({' → '.join(f'{member.name} ({member.circuit.state})' for member in self.members)})"
