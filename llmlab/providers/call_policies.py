"""The policies around every call: parse a structured answer, record the call, suggest models."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, cast

from llmlab._utils.clock import now
from llmlab.errors import LLMError, ModelNotFoundError, StructuredOutputError
from llmlab.policies import Answer, Call, Inner
from llmlab.policies.ledger import ledger
from llmlab.transport.driver import Flow
from llmlab.types.completion import Completion
from llmlab.types.request import Request
from llmlab.types.structured_output import may_be_repaired, repair, with_parsed

_log = logging.getLogger("llmlab")


class ParseStructured:
    """Parses an answer by its `response_format`. An answer that does not match is requested once more.

    A stream is parsed by its reader, and not requested again: its text was shown.

    Args:
        encode: makes the wire JSON of a request.
    """

    kind: ClassVar[str] = "parse"

    def __init__(self, encode: Callable[[Request, bool], dict[str, Any]]) -> None:
        self._encode = encode

    def wrap(self, call: Call, inner: Inner) -> Flow[Answer]:
        """Return the parsed answer, where one is expected."""
        if call.stream or call.request.response_format is None:
            return inner(call)
        return self._parse_structured(call, inner)

    def _parse_structured(self, call: Call, inner: Inner) -> Flow[Answer]:
        request = call.request
        answer = cast("Completion", (yield from inner(call)))
        try:
            return with_parsed(answer, request.response_format)
        except StructuredOutputError as error:
            if not may_be_repaired(error):
                raise
            left = request.deadline and max(request.deadline - (now() - call.started), 1e-9)
            request = replace(request, messages=repair(request.messages, error), deadline=left)
        body = self._encode(request, False)
        again = Call(call.provider, call.base_url, call.format, request, body, stream=False)
        repaired = cast("Completion", (yield from inner(again)))
        return with_parsed(replace(repaired, usage=answer.usage + repaired.usage), request.response_format)


class RecordCall:
    """Writes each call into the ledger and the log, and keeps the last answer.

    Args:
        log_content: whether prompts and answers may appear in the log, at level DEBUG.
    """

    kind: ClassVar[str] = "record"

    def __init__(self, log_content: bool) -> None:
        self.last: Completion | None = None
        self._log_content = log_content

    def wrap(self, call: Call, inner: Inner) -> Flow[Answer]:
        """Run a call, and record it when it is over: here, or when its stream has been read."""
        request, how = call.request, "stream" if call.stream else "whole"
        _log.info("request to %s: %s, %d messages, %s", call.provider, request.model, len(request.messages), how)
        if self._log_content:
            _log.debug("prompt: %s", request.messages)
        try:
            try:
                call.at_end(partial(self._record, call))
                answer = yield from inner(call)
                if isinstance(answer, Completion):
                    call.end(answer)
                else:
                    answer.opened.at_close = call.end
                return answer
            except BaseException as error:
                call.end(None, error if isinstance(error, LLMError) else None)
                raise
        except BaseException:
            # Ctrl-C may have come while the call was ending.
            call.end()
            raise

    def _record(self, call: Call, answer: Completion | None, error: LLMError | None) -> None:
        if call.recorded:
            return
        call.recorded = True
        ledger().note(call, answer, error)
        if error is not None:
            _log.error("%s failed: %s: %s", call.provider, type(error).__name__, error)
        elif answer is not None and call.request.max_tokens != 0:  # an embedding writes no answer
            self.last = answer
            _log.info(
                "answer from %s: %s, %d + %d tokens, %s, request %s",
                answer.provider,
                answer.model,
                answer.usage.input_tokens,
                answer.usage.output_tokens,
                answer.finish_reason,
                call.headers.get("x-request-id") or call.headers.get("request-id") or "without id",
            )
            if self._log_content:
                _log.debug("answer: %s", answer.content)


class SuggestModels:
    """Adds the names of the models that exist to the error for one that does not.

    Args:
        add_models: asks the service for them.
    """

    kind: ClassVar[str] = "suggest"

    def __init__(self, add_models: Callable[[ModelNotFoundError, float | None], Flow[ModelNotFoundError]]) -> None:
        self._add_models = add_models

    def wrap(self, call: Call, inner: Inner) -> Flow[Answer]:
        """Run a call."""
        try:
            return (yield from inner(call))
        except ModelNotFoundError as error:
            left = call.deadline and max(call.deadline - now(), 0.001)
            failure = yield from self._add_models(error, left)
            raise failure from None
