"""One record for each call: what is known when it is over, and what it cost."""

from __future__ import annotations

import json
import time
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

from llmlab._utils.clock import now
from llmlab._utils.redaction import SUSPECTS, redact
from llmlab.errors import LLMError
from llmlab.models import LOCAL, rates
from llmlab.policies import Call
from llmlab.types.completion import Completion

SECTION: ContextVar[str] = ContextVar("section", default="")
"""What the calls of this thread or task are for, in the user's words."""
CACHE_NOT_IN_INPUT: Final = ("anthropic",)
"""Services that count cached tokens apart from the input tokens."""
_NO_ANSWER: Final = Completion("", "")


class AttemptRecord(NamedTuple):
    """One attempt of a call.

    Args:
        wait: seconds since the end of the attempt before.
        seconds: how long it took.
        error: class of the error, or "".
    """

    wait: float
    seconds: float
    error: str


class CallRecord(NamedTuple):
    """One call.

    Args:
        time: when it began, in seconds since 1970, UTC.
        provider: name of the provider.
        model: the model that answered; without an answer, the requested one.
        asked_model: the requested model.
        shape: whole or stream.
        source: live, recorded, simulated or cached; "" without an answer.
        section: what the call was for, in the user's words.
        input_tokens, output_tokens, cached_tokens, reasoning_tokens: as in `Usage`.
        cost: USD; None if not looked up yet, or not known. See `price`.
        priced: where the cost comes from: service, list, local, cached, failed or unpriced; "" if not looked up yet.
        latency: seconds to the end of the answer; of a failed call, those of its last attempt.
        time_to_first_token: seconds, of a stream.
        finish_reason: why the answer ended.
        error: class of the error; "cancelled", also for a stream that was not read to its end; or "".
        request_id: the service's identifier, for its support.
        attempts: the requests that were sent.
        prompt: the messages as JSON, if content is on.
        answer: the text of the answer, if content is on.
    """

    time: float
    provider: str
    model: str
    asked_model: str
    shape: str
    source: str
    section: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost: float | None
    priced: str
    latency: float
    time_to_first_token: float | None
    finish_reason: str
    error: str
    request_id: str
    attempts: tuple[AttemptRecord, ...]
    prompt: str = ""
    answer: str = ""

    @property
    def tokens_per_second(self) -> float | None:
        """Output tokens per second; of a stream, since its first token."""
        seconds = self.latency - (self.time_to_first_token or 0.0)
        return self.output_tokens / seconds if self.output_tokens and seconds > 0 else None

    def price(self) -> tuple[float | None, str]:
        """Return the cost in USD and where it comes from: the service, else the price list, looked up now.

        Not included: tokens written to a service's prompt cache, searches, discounts.
        """
        if self.priced:
            return self.cost, self.priced
        if self.provider in LOCAL:
            return 0.0, "local"
        if not (self.input_tokens or self.output_tokens):
            # A refused call is free. A call that was stopped half-way may be billed, and its tokens are not known.
            refused = self.error not in ("", "cancelled", "LLMStreamError")
            return (0.0, "failed") if refused else (None, "unpriced")
        steps = rates(self.model, self.provider) or rates(self.asked_model, self.provider)
        if not steps:
            return None, "unpriced"
        sent = self.input_tokens + (self.cached_tokens if self.provider in CACHE_NOT_IN_INPUT else 0)
        rate = next(rate for rate in steps if sent > rate.above or not rate.above)
        fresh = sent - self.cached_tokens
        cost = fresh * rate.input + self.cached_tokens * rate.cached + self.output_tokens * rate.output
        return round(cost, 12), "list"


def record_call(call: Call, completion: Completion | None, error: LLMError | None, content: bool) -> CallRecord:
    """Return what is known of a call that is over; prompt and answer only with `content`."""
    headers, requested, attempts = call.headers, call.request.model, call.attempts
    usage, cached = (answer := completion or _NO_ANSWER).usage, answer.source == "cached"
    cost, priced = (0.0, "cached") if cached else (usage.cost, "" if usage.cost is None else "service")
    latency = answer.latency if completion or not attempts else attempts[-1].seconds
    request_id = headers.get("x-request-id") or headers.get("request-id") or (error and error.request_id) or ""
    names = answer.model or requested, requested, answer.finish_reason or "", request_id
    suspicious = any(map(" ".join(names).lower().__contains__, SUSPECTS.marks or SUSPECTS.learn()))
    model, requested, reason, request_id = map(redact, names) if suspicious else names
    sent, ended = list[AttemptRecord](), 0.0
    for one in attempts:
        # Only the names of the errors are stored: an error holds a whole call stack.
        error_name = type(one.error).__name__ if one.error else ""
        sent.append(AttemptRecord(max(0.0, one.started - ended) if sent else 0.0, one.seconds, error_name))
        ended = one.ended
    return CallRecord(
        # The clock of the policies has no date. Waits that the tape shortened count in full on it.
        time.time() - (now() - call.started),
        call.provider,
        model,
        requested,
        "stream" if call.stream else "whole",
        answer.source if completion else "",
        SECTION.get(),
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
        cost,
        priced,
        latency,
        answer.time_to_first_token,
        reason,
        type(error).__name__ if error else "" if completion and call.finished else "cancelled",
        request_id,
        tuple(sent),
        _messages(call) if content else "",
        redact(answer.content) if content else "",
    )


def storable(value: Any) -> Any:
    """Return a value that files and databases can hold: no half characters, no null characters, no huge integers."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode().replace("\0", "")
    return min(value, 2**63 - 1) if isinstance(value, int) else value


def _messages(call: Call) -> str:
    messages = [{"role": str(one.role), "content": redact(one.content)} for one in call.request.messages]
    return json.dumps(messages, ensure_ascii=False)
