"""Wait for your turn: so many requests and tokens a minute, so many calls at once, and whatever the service asks for.

    limits = Limits(requests_per_minute=60, tokens_per_minute=90_000, in_flight=4)
    llm = get_provider("openai", policies=[limits])

Who may go when is decided in `waiting_line`, and how threads and tasks wait for it in `shared_line`.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from llmlab._utils.clock import now
from llmlab.errors import ConfigurationError, LLMError, LLMInvalidRequestError, LLMRateLimitError
from llmlab.policies.base import Answer, Call, Inner
from llmlab.policies.rate_limit_queue import Line, Place, Service
from llmlab.policies.shared_queue import SharedLine
from llmlab.transport.driver import Flow, Wait
from llmlab.types.completion import Completion
from llmlab.types.request import Request
from llmlab.types.validation import is_count

_log = logging.getLogger("llmlab")

ANSWER = 1_000
"""Tokens that an answer without `max_tokens` is taken to have, until it is there."""
_BYTES, _MESSAGE, _IMAGE = 3, 8, 1_000
"""Bytes of a token, a little fewer than most texts have; tokens around a message, and of an image."""


@dataclass(frozen=True, slots=True)
class LimitWait:
    """A call that has to wait.

    Args:
        provider: who will be asked.
        model: that is asked for.
        seconds: how long it waits, as far as anybody can know; 0 if it waits for other calls to end.
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

    In no 60 seconds more calls start, or use more tokens, than was said. Calls go in the order in which they come.
    Tokens are estimated before a call, from its prompt and its `max_tokens`, and corrected after it. Where a service
    says in its answers that it has had enough, its calls wait, and those of others go on.

    Args:
        requests_per_minute: calls that start, retries among them.
        tokens_per_minute: tokens that they read and write.
        in_flight: calls that are on their way at once. A stream is, until it is read to its end or closed.
        on_wait: is told of each call that has to wait, before it waits.

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
        given = {
            "requests_per_minute": requests_per_minute,
            "tokens_per_minute": tokens_per_minute,
            "in_flight": in_flight,
        }
        for name, limit in given.items():
            if limit is not None and not is_count(limit):
                raise ConfigurationError(f"{name} must be a whole number above 0, not {limit!r}")
        self._given = {name: limit for name, limit in given.items() if limit is not None}
        self._most_tokens = tokens_per_minute
        self._on_wait = on_wait
        self._line = SharedLine(Line(requests_per_minute, tokens_per_minute, in_flight))
        self._services: defaultdict[tuple[str, str], Service] = defaultdict(Service)

    def wrap(self, call: Call, inner: Inner) -> Flow[Answer]:
        """Wait for one's turn; then have a call sent."""
        place, wait = self._enter(call)
        try:
            if wait is not None:
                self._tell(wait)
                yield Wait(place)
            if not self._line.go(place):
                raise call.too_late()
        except BaseException:
            with self._line as line:
                line.leave(place)
            raise
        before = call.headers
        try:
            answer = yield from inner(call)
        except BaseException as error:
            # What was refused has used nothing; of everything else nobody knows.
            refused = isinstance(error, LLMError) and error.status_code is not None
            self._hear(call, place, before, 0 if refused else place.tokens, error)
            raise
        if isinstance(answer, Completion):
            self._hear(call, place, before, _used(answer, place))
        else:
            self._hear(call, place, before)
            call.at_end(lambda completion, error: self._line.end(place, _used(None if error else completion, place)))
        return answer

    @property
    def calls_on_their_way(self) -> int:
        """Calls that have started and are not over."""
        return self._line.line.flying

    @property
    def calls_waiting(self) -> int:
        """Calls that wait for their turn."""
        return self._line.line.waiting

    def __repr__(self) -> str:
        said = [f"{name}={limit}" for name, limit in self._given.items()]
        return f"Limits({', '.join([*said, f'{self.calls_on_their_way} on their way, {self.calls_waiting} waiting'])})"

    def _enter(self, call: Call) -> tuple[Place, LimitWait | None]:
        """Stand in the line. Returns the place, and what is known of the wait if there is one."""
        tokens = self._tokens(call)
        with self._line as line:
            moment = self._line.moment()
            place = Place(self._services[call.base_url, call.request.model], tokens, moment - now(), call.deadline)
            line.enter(place, moment)
            if not place.waits:
                return place, None
            seconds = line.expected(place, moment) - moment
            return place, LimitWait(call.provider, call.request.model, max(0.0, seconds), line.waiting - 1)

    def _tokens(self, call: Call) -> int:
        """Return how many tokens a call may use.

        Raises:
            LLMInvalidRequestError: more than may be used in a minute.
        """
        asked, limit = call.request, self._most_tokens
        prompt = _prompt(asked)
        wanted = prompt + (asked.max_tokens or 0)
        if limit is None:
            return wanted + (ANSWER if asked.max_tokens is None else 0)
        if wanted > limit:
            raise LLMInvalidRequestError(
                f"this call could use {wanted:,} tokens ({prompt:,} of the prompt, {asked.max_tokens or 0:,} of the "
                f"answer), and the limit is {limit:,} a minute: it would wait for ever. Make the prompt shorter or "
                "max_tokens smaller, or raise the limit: Limits(tokens_per_minute=…).",
                provider=call.provider,
            )
        return min(wanted + ANSWER, limit) if asked.max_tokens is None else wanted

    def _tell(self, wait: LimitWait) -> None:
        _log.info("%s", wait)
        if self._on_wait:
            self._on_wait(wait)

    def _hear(
        self, call: Call, place: Place, before: object, used: int | None = None, error: BaseException | None = None
    ) -> None:
        """Take in what the service says of its own limits, and how many tokens were used if that is the end."""
        with self._line as line:
            if call.headers is not before:
                moment, room = self._line.moment(), place.service.room
                room.hear(call.headers, moment)
                if isinstance(error, LLMRateLimitError):
                    room.pause(moment, error.retry_after)
            if used is not None:
                line.settle(place, used)


def _used(completion: Completion | None, place: Place) -> int:
    """Return the tokens of an answer; where nobody knows them, what was expected."""
    if completion is None or completion.finish_reason is None:
        return place.tokens
    usage = completion.usage
    return usage.total_tokens or usage.input_tokens + usage.output_tokens or place.tokens


def _prompt(request: Request) -> int:
    """Return about how many tokens a prompt has."""
    size, tokens = 0, 0
    for message in request.messages:
        size += len(message.content) if message.content.isascii() else len(message.content.encode())
        tokens += _MESSAGE + _IMAGE * len(getattr(message, "images", ()))
        for call in message.tool_calls:
            size += len(str(call.arguments))
    for tool in request.tools:
        size += len(tool.description) + len(str(tool.parameters))
    return tokens + size // _BYTES
