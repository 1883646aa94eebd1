"""Limits on requests and tokens a minute and on calls in flight: calls wait instead of fail.

    limits = Limits(requests_per_minute=60, tokens_per_minute=90_000, in_flight=4)
    llm = get_provider("openai", policies=[limits])

`rate_limit_queue` decides which call goes when; `shared_queue` makes threads and tasks wait for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from llmlab._utils.clock import now
from llmlab.errors import ConfigurationError, LLMError, LLMInvalidRequestError, LLMRateLimitError
from llmlab.policies.base import Answer, Call, Inner
from llmlab.policies.rate_limit_queue import Queue, Service, Slot
from llmlab.policies.shared_queue import SharedQueue
from llmlab.transport.driver import Flow, Wait
from llmlab.types.completion import Completion
from llmlab.types.request import Request
from llmlab.types.tokens import PER_IMAGE, estimate_tokens, texts_of
from llmlab.types.validation import is_count

_log = logging.getLogger("llmlab")

ANSWER = 1_000
"""Expected tokens of an answer without `max_tokens`."""
_MESSAGE = 8
"""Tokens around a message."""


@dataclass(frozen=True, slots=True)
class LimitWait:
    """A call that has to wait.

    Args:
        provider: the provider of the call.
        model: the model of the call.
        seconds: how long it waits, as far as that is known; 0 if it waits for other calls to end.
        ahead: how many calls wait before it.
    """

    provider: str
    model: str
    seconds: float
    ahead: int

    def __str__(self) -> str:
        how_long = f"{self.seconds:.1f} s" if self.seconds else "until another call is over"
        ahead = f", {self.ahead} {'call is' if self.ahead == 1 else 'calls are'} ahead" if self.ahead else ""
        return f"{self.provider}: waits {how_long}{ahead}"


class Limits:
    """Makes calls wait instead of fail. Share one between providers, threads and tasks.

    In no 60 seconds more calls start, or use more tokens, than the limits allow. Calls go in the order in which they
    come. Tokens are estimated before a call, from its prompt and its `max_tokens`, and corrected after it. Where a
    service reports in its answers that its own limits are reached, its calls wait, and those of others go on.

    Args:
        requests_per_minute: most calls that start in a minute, with retries.
        tokens_per_minute: most tokens of their prompts and answers.
        in_flight: most calls at the same time. A stream is in flight until it is read to its end or closed.
        on_wait: called with each call that has to wait, before it waits.

    Raises:
        ConfigurationError: for a limit below 1.
    """

    kind: ClassVar[str] = "limits"

    def __init__(
        self,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        in_flight: int | None = None,
        *,
        on_wait: Callable[[LimitWait], object] | None = None,
    ) -> None:
        limits = {
            "requests_per_minute": requests_per_minute,
            "tokens_per_minute": tokens_per_minute,
            "in_flight": in_flight,
        }
        for name, limit in limits.items():
            if limit is not None and not is_count(limit):
                raise ConfigurationError(f"{name} must be a whole number above 0, not {limit!r}")
        self._limits = limits
        self._on_wait = on_wait
        self._shared = SharedQueue(Queue(*limits.values()))
        self._services: dict[tuple[str, str], Service] = {}

    def wrap(self, call: Call, inner: Inner) -> Flow[Answer]:
        """Wait for a slot; then send the call."""
        key = call.base_url, call.request.model
        service = self._services.get(key) or self._services.setdefault(key, Service())
        slot, before = Slot(service, self._tokens(call)), call.headers
        call.at_end(partial(self._end, slot))
        try:
            if (wait := self._shared.run(self._acquire, slot, call)) is not None:
                _log.info("%s", wait)
                if self._on_wait:
                    self._on_wait(wait)
                yield Wait(slot)
            if not self._shared.start(slot):
                raise call.too_late()
            slot.sent = True
            answer = yield from inner(call)
            if call.headers is not before:
                self._shared.run(self._read_limits, call, slot)
        except BaseException as error:
            if isinstance(error, LLMError) and call.headers is not before:
                self._shared.run(self._read_limits, call, slot, error)
            self._end(slot, None, error)
            raise
        if isinstance(answer, Completion):
            self._end(slot, answer)
        return answer

    @property
    def calls_on_their_way(self) -> int:
        """Calls that have started and not ended."""
        return self._shared.queue.in_flight

    @property
    def calls_waiting(self) -> int:
        """Calls in the queue."""
        return self._shared.queue.waiting

    def __repr__(self) -> str:
        limits = [f"{name}={limit}" for name, limit in self._limits.items() if limit is not None]
        counts = f"{self.calls_on_their_way} on their way, {self.calls_waiting} waiting"
        return f"Limits({', '.join([*limits, counts])})"

    def _acquire(self, slot: Slot, call: Call) -> LimitWait | None:
        """Start a slot, or put it into the queue and return what is known of its wait. Needs the lock."""
        queue, when = self._shared.queue, self._shared.time()
        slot.ahead = when - now()
        slot.deadline = None if call.deadline is None else call.deadline + slot.ahead
        queue.acquire(slot, when)
        if not slot.waits:
            return None
        seconds = queue.expected(slot, when) - when
        return LimitWait(call.provider, call.request.model, max(0.0, seconds), queue.waiting - 1)

    def _tokens(self, call: Call) -> int:
        """Return how many tokens a call may use.

        Raises:
            LLMInvalidRequestError: if they are more than the limit of a minute.
        """
        request, limit = call.request, self._limits["tokens_per_minute"]
        prompt, answer = _prompt(request), request.max_tokens or 0
        unlimited = ANSWER if request.max_tokens is None else 0
        if limit is None:
            return prompt + answer + unlimited
        if prompt + answer > limit:
            raise LLMInvalidRequestError(
                f"this call could use {prompt + answer:,} tokens ({prompt:,} of the prompt, {answer:,} of the "
                f"answer), and the limit is {limit:,} a minute: it would wait for ever. Make the prompt shorter or "
                "max_tokens smaller, or raise the limit: Limits(tokens_per_minute=…).",
                provider=call.provider,
            )
        return min(prompt + answer + unlimited, limit)

    def _read_limits(self, call: Call, slot: Slot, error: LLMError | None = None) -> None:
        """Read what the service reports of its limits. Needs the lock."""
        when, limits = self._shared.time(), slot.service.limits
        limits.update(call.headers, when)
        if isinstance(error, LLMRateLimitError) and error.should_retry is not False:
            limits.pause(when, error.retry_after)

    def _end(self, slot: Slot, completion: Completion | None, error: BaseException | None = None) -> None:
        """Give a slot back. Only the first time counts."""
        refused = isinstance(error, LLMError) and error.status_code is not None
        # A refused call has used nothing; what any other has used is unknown.
        used = 0 if refused and completion is None else _used(None if error else completion, slot)
        self._shared.end(slot, used if slot.sent else None)


def _used(completion: Completion | None, slot: Slot) -> int:
    """Return the tokens of an answer; the expected ones where they are unknown."""
    if completion is None or completion.finish_reason is None:
        return slot.tokens
    usage = completion.usage
    return usage.total_tokens or usage.input_tokens + usage.output_tokens or slot.tokens


def _prompt(request: Request) -> int:
    """Return about how many tokens a prompt has."""
    around = sum(_MESSAGE + PER_IMAGE * len(message.images) for message in request.messages)
    return around + estimate_tokens(texts_of(request.messages, request.tools))
