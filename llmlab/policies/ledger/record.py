"""One line of the ledger: what is known of a call when it is over. Content stays out of it, unless it is wanted."""

from __future__ import annotations

import json
import time
from contextvars import ContextVar
from typing import NamedTuple

from llmlab._utils.clock import now
from llmlab._utils.redaction import redact
from llmlab.errors import LLMError
from llmlab.policies import Attempt, Call
from llmlab.types.completion import Completion
from llmlab.types.messages import Message

SECTION: ContextVar[str] = ContextVar("section", default="")
"""What the calls of this thread or task are made for, in the user's words."""


class Tried(NamedTuple):
    """One attempt of a call.

    Args:
        wait: seconds since the end of the attempt before.
        seconds: that it took.
        error: class of the error, or "".
    """

    wait: float
    seconds: float
    error: str


class Entry(NamedTuple):
    """One call.

    Args:
        time: its beginning, in seconds since 1970, UTC.
        provider: who was asked.
        model: who answered; where nobody did, who was asked for.
        asked_model: who was asked for.
        shape: whole or stream.
        source: live, recorded, simulated or cached; "" where nothing was answered.
        section: what it was made for, in the user's words.
        input_tokens, output_tokens, cached_tokens, reasoning_tokens: as `Usage` has them.
        cost: in USD; None while it is not looked up, or not known.
        priced: where the cost is from: service, list, local, cached, failed or unpriced; "" while it is not looked up.
        latency: seconds to the end of the answer; of a call that failed, those of its last attempt.
        time_to_first_token: seconds, of a stream.
        finish_reason: why the answer ended.
        error: class of the error; "cancelled", also for a stream that was left before its end; or "".
        request_id: the vendor's identifier, for its support.
        attempts: what was sent for it.
        prompt: the messages as JSON, where content is kept.
        answer: the answer's text, where content is kept.
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
    attempts: tuple[Tried, ...]
    prompt: str = ""
    answer: str = ""

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens written a second, from the first one on where that moment is known."""
        seconds = self.latency - (self.time_to_first_token or 0.0)
        return self.output_tokens / seconds if self.output_tokens and seconds > 0 else None


def entry_of(call: Call, completion: Completion | None, error: LLMError | None, content: bool) -> Entry:
    """Return what is known of a call that is over."""
    asked, headers, tried = call.request.model, call.headers, call.attempts
    # The policies' clock counts from no known day. Waits that the tape shortened count in full on it.
    began = time.time() - (now() - call.started)
    request_id = headers.get("x-request-id") or headers.get("request-id") or ""
    prompt = _prompt(call.request.messages) if content else ""
    section, shape = SECTION.get(), "stream" if call.stream else "whole"
    failure = type(error).__name__ if error else "" if completion and call.finished else "cancelled"
    if len(tried) == 1:
        one = tried[0]
        attempts: tuple[Tried, ...] = (Tried(0.0, one.seconds, type(one.error).__name__ if one.error else ""),)
    else:
        attempts = _attempts(tried)
    if completion is None:
        latency = tried[-1].seconds if tried else 0.0
        if error is not None:
            request_id = request_id or error.request_id or ""
        return Entry(
            *(began, call.provider, asked, asked, shape, "", section, 0, 0, 0, 0, None, "", latency, None),
            *("", failure, request_id, attempts, prompt),
        )
    usage, cost, priced = completion.usage, completion.usage.cost, ""
    if completion.source == "cached":
        cost, priced = 0.0, "cached"
    elif cost is not None:
        priced = "service"
    return Entry(
        began,
        call.provider,
        completion.model or asked,
        asked,
        shape,
        completion.source,
        section,
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
        cost,
        priced,
        completion.latency,
        completion.time_to_first_token,
        completion.finish_reason or "",
        failure,
        request_id,
        attempts,
        prompt,
        redact(completion.content) if content else "",
    )


def _attempts(tried: list[Attempt]) -> tuple[Tried, ...]:
    found, free = [], tried[0].started if tried else 0.0
    for one in tried:
        # The errors themselves hold on to what was sent, and are not kept.
        name = type(one.error).__name__ if one.error else ""
        found.append(Tried(max(0.0, one.started - free), one.seconds, name))
        free = one.ended
    return tuple(found)


def _prompt(messages: tuple[Message, ...]) -> str:
    said = [{"role": str(one.role), "content": redact(one.content)} for one in messages]
    return json.dumps(said, ensure_ascii=False)
