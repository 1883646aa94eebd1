"""Several providers that look like one: the next one answers when one does not.

    llm = Failover([get_provider("openai"), get_provider("ollama")])

A wrong request is wrong everywhere and goes to no other provider. A stream that broke after its first chunk is not
started again elsewhere: two models would have written one answer. Each provider's own retry comes before the next
provider.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, ClassVar, TypeVar

from llmlab._utils.clock import now
from llmlab.config.environment import Settings
from llmlab.config.settings import load_settings
from llmlab.errors import (
    AllProvidersFailedError,
    ConfigurationError,
    LLMAPIError,
    LLMConnectionError,
    LLMError,
    LLMInvalidRequestError,
    LLMRateLimitError,
    LLMStreamError,
    MissingAPIKeyError,
)
from llmlab.providers.base import Provider
from llmlab.providers.circuit import CircuitBreaker
from llmlab.providers.health_report import Health
from llmlab.providers.registry import build_provider
from llmlab.providers.tokens import TokenCount
from llmlab.transport.base import WireRequest
from llmlab.transport.driver import Flow
from llmlab.transport.streams import StreamState
from llmlab.types.completion import Completion
from llmlab.types.messages import Prompt
from llmlab.types.request import Request, build_request
from llmlab.types.validation import is_count, is_number

Result = TypeVar("Result")
_log = logging.getLogger("llmlab")

FALLBACK_ERRORS = (
    LLMConnectionError,
    LLMRateLimitError,
    LLMAPIError,
    LLMStreamError,
    MissingAPIKeyError,
    AllProvidersFailedError,
)
"""Errors after which another provider may have an answer. A stream error here is one before the first chunk."""


class Target:
    """One provider of a failover, or why there is none, and its circuit breaker."""

    def __init__(self, provider: Provider | str, circuit: CircuitBreaker, settings: Settings | None = None) -> None:
        self.circuit = circuit
        self.provider: Provider | None = None
        self.missing: MissingAPIKeyError | None = None
        if isinstance(provider, Provider):
            self.name, self.provider = provider.name, provider
            return
        self.name = str(provider)
        try:
            self.provider = build_provider(self.name, settings or load_settings(), {})
        except MissingAPIKeyError as error:
            self.missing = error

    def run(self, flow: Flow[Result]) -> Flow[Result]:
        """Run a flow of this provider, and tell the circuit breaker how it went."""
        try:
            result = yield from flow
        except FALLBACK_ERRORS as error:
            if error.code == "deadline" and error.__cause__ is None:
                # There was no time for our own queue: the service was not called.
                self.circuit.undecided()
            else:
                self.circuit.failed(error.retry_after or 0.0)
            raise
        except LLMError:
            # The service answers; the request is wrong.
            self.circuit.succeeded()
            raise
        except BaseException:
            self.circuit.undecided()
            raise
        self.circuit.succeeded()
        return result

    def skip_reason(self, error: LLMError | None) -> str:
        """Return in a few words why this provider did not answer."""
        if self.missing:
            return f"{self.name} has no key"
        return f"{self.name} failed ({type(error).__name__})" if error else f"{self.name} rests after a failure"


class Failover(Provider):
    """Several providers that look like one. The first one that answers does.

    After an error that another one may not have (no connection, a timeout, 429, 5xx, no key) the next one is called.
    Each answer says in `provider` who gave it and in `why` what happened before. Models are set where the providers are
    created, because each provider has its own.

    Args:
        providers: in the order of calling; names stand for providers with their usual settings, whose key may be
            missing.
        cooldown: seconds for which a provider is not called after it has failed.
        failures: failures in a row after which the cooldown begins.
        settings: for providers by name; else `llmlab.yaml`, if there is one.
        fallback_on: the errors after which the next provider is called.

    Raises:
        ConfigurationError: for fewer than two providers.
        MissingAPIKeyError: if none has a key.
    """

    name: ClassVar[str] = "failover"

    def __init__(
        self,
        providers: Sequence[Provider | str],
        *,
        cooldown: float = 30.0,
        failures: int = 1,
        settings: Settings | None = None,
        fallback_on: tuple[type[LLMError], ...] = FALLBACK_ERRORS,
    ) -> None:
        if isinstance(providers, (str, Provider)) or len(providers) < 2:
            raise ConfigurationError('a failover needs two providers or more: Failover(["openai", "ollama"])')
        if not is_number(cooldown) or not is_count(failures):
            raise ConfigurationError("a failover needs cooldown of 0 seconds or more, and failures of 1 or more")
        self._fallback_on = fallback_on
        self.targets = tuple(Target(one, CircuitBreaker(cooldown, failures), settings) for one in providers)
        self._providers = [target.provider for target in self.targets if target.provider]
        if not self._providers:
            raise next(target.missing for target in self.targets if target.missing)
        first = self._providers[0]
        self.format = first.format
        super().__init__(first.model, base_url=first.base_url, timeout=first.timeout)

    def request(self, prompt: Prompt, **options: Any) -> Request:
        """Return a prompt and its options as a checked `Request` without a model: each provider has its own."""
        if options.get("model"):
            raise LLMInvalidRequestError(
                "a failover takes no model, since each provider has its own: "
                'Failover([get_provider("openai", model=…), get_provider("ollama", model=…)])'
            )
        return build_request(prompt, "", options)

    def complete_flow(self, request: Request) -> Flow[Completion]:
        """Return the flow that returns the whole answer of the first provider that gives one."""
        plan = self._plan(request, stream=False)
        answer, _, why = yield from self._first(request, lambda one, request: one.complete_flow(request), plan)
        # An answer of a failover inside this one brings a reason of its own.
        self._record.last = answer = replace(answer, why="; ".join(filter(None, (why, answer.why))))
        return answer

    def stream_flow(self, request: Request) -> Flow[StreamState]:
        """Return the flow that returns the stream of the first provider whose first chunk arrives."""
        plan = self._plan(request, stream=True)
        state, target, why = yield from self._first(request, lambda one, request: one.stream_flow(request), plan)
        state.details["why"] = "; ".join(filter(None, (why, state.details.get("why"))))

        def ended(answer: Completion | None, error: LLMError | None) -> None:
            if error is not None:
                target.circuit.failed()
            elif answer is not None:
                self._record.last = answer

        state.observer.at_end(ended)
        return state

    def models_flow(self) -> Flow[list[str]]:
        """Return the flow that lists the models of the first provider that answers."""
        return (yield from self._first(None, lambda one, _: one.models_flow(), {}))[0]

    def count_flow(self, request: Request) -> Flow[TokenCount]:
        """Return the flow that has the first provider that answers count tokens."""
        plan = self._plan(request, stream=False)
        return (yield from self._first(request, lambda one, request: one.count_flow(request), plan))[0]

    def health_flow(self) -> Flow[Health]:
        """Return the flow that checks every provider. One that answers is enough."""
        results = []
        for target in self.targets:
            if target.provider is None:
                results.append(Health(target.name, False, str(target.missing)))
            else:
                results.append((yield from target.provider.health_flow()))
        reason = "; ".join(f"{one.provider} {one.reason if one.ok else f'fails: {one.reason}'}" for one in results)
        return Health("failover", any(results), reason, max((one.latency for one in results if one.ok), default=0.0))

    def post_json(self, wire: WireRequest, model: str = "", *, retry: bool = True) -> Flow[Mapping[str, Any]]:
        """Refuse: a request of one vendor's own goes to that vendor."""
        raise LLMInvalidRequestError(
            f"a failover has no {wire.path}; use one of its providers: failover.targets[0].provider"
        )

    def get_request_count(self) -> int:
        """Return how many HTTP requests were sent, by all providers together."""
        return sum(provider.get_request_count() for provider in self._providers)

    def reset_session(self) -> None:
        """Set the counts to 0 and forget the last answers."""
        super().reset_session()
        for provider in self._providers:
            provider.reset_session()

    def close(self) -> None:
        """Close the connections of all providers."""
        for provider in self._providers:
            provider.close()

    async def aclose(self) -> None:
        """The async twin of `close`."""
        for provider in self._providers:
            await provider.aclose()

    def __repr__(self) -> str:
        return f"Failover({' → '.join(f'{target.name} ({target.circuit.state})' for target in self.targets)})"

    def _plan(self, request: Request, *, stream: bool) -> dict[Target, Request]:
        """Return the request for each provider. What one of them cannot do is refused before anything is sent."""
        options = {
            item.name: value
            for item in fields(request)
            if item.name not in ("messages", "model", "deadline")
            and (value := getattr(request, item.name)) not in (None, (), {})
        }
        plan = {}
        for target in self.targets:
            if target.provider is not None:
                try:
                    plan[target] = target.provider.request(request.messages, **options)
                    target.provider.encode(plan[target], stream)
                except LLMInvalidRequestError as error:
                    raise LLMInvalidRequestError(
                        f"{target.name} could not stand in: {error.message}", provider=target.name
                    ) from None
        return plan

    def _first(
        self, request: Request | None, call: Callable[[Provider, Request], Flow[Result]], plan: Mapping[Target, Request]
    ) -> Flow[tuple[Result, Target, str]]:
        """Call one provider after the other. Returns the first answer, whose it is, and why."""
        end = now() + request.deadline if request and request.deadline else None
        skipped: list[str] = []
        errors: list[LLMError] = []
        for target, provider in self._in_order(skipped, errors):
            planned = plan.get(target, _NO_REQUEST)
            if end is not None:
                planned = replace(planned, deadline=max(end - now(), 1e-9))
            try:
                answer = yield from target.run(call(provider, planned))
            except self._fallback_on as error:
                errors.append(error)
                skipped.append(target.skip_reason(error))
                _log.warning("%s did not answer, the next one is asked: %s", target.name, error)
                if end is not None and now() >= end:
                    raise
            else:
                return answer, target, f"{', '.join(skipped)}; so {target.name} answered" if skipped else ""
        if len(errors) == 1:
            raise errors[0]
        raise AllProvidersFailedError.of(errors)

    def _in_order(self, skipped: list[str], errors: list[LLMError]) -> Iterator[tuple[Target, Provider]]:
        """Yield the providers to call. If all rest, they are called all the same, the longest rest last."""
        called, resting = False, []
        for target in self.targets:
            if target.provider is None:
                skipped.append(target.skip_reason(None))
                errors += [target.missing] if target.missing else []
            elif target.circuit.allow():
                called = True
                yield target, target.provider
            else:
                skipped.append(target.skip_reason(None))
                resting.append((target, target.provider))
        if not called:
            yield from sorted(resting, key=lambda pair: pair[0].circuit.seconds_left)


_NO_REQUEST = Request((), "")
