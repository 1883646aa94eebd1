"""The flows of a provider: what happens, step by step, when it is asked something.

Each is written once and driven sync or async. A flow knows wire requests and formats, and neither sockets nor tapes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar, cast

from llmlab._utils.clock import now
from llmlab.config.environment import Secret
from llmlab.errors import LLMAPIError, LLMError, LLMStreamError, ModelNotFoundError, StructuredOutputError
from llmlab.formats import Format
from llmlab.formats.errors import find_problem, to_error
from llmlab.formats.parsing import number
from llmlab.models import known_models
from llmlab.policies import Answer, Attempt, Call, Policy, RetryPolicy, retried, run_through
from llmlab.policies.ledger import note
from llmlab.providers.health_report import Health
from llmlab.providers.session import Session
from llmlab.providers.tokens import TokenCount, count_messages, encoding_of
from llmlab.transport.base import WireReply, WireRequest
from llmlab.transport.driver import Flow, Open, OpenStream, Read, Send
from llmlab.transport.streams import StreamState
from llmlab.types.completion import Completion, Source
from llmlab.types.request import Request
from llmlab.types.structured_output import may_be_repaired, repair, with_parsed

Result = TypeVar("Result")
_log = logging.getLogger("llmlab")


class Asked(Protocol):
    """What the flows need to know of a provider."""

    @property
    def name(self) -> str: ...
    @property
    def base_url(self) -> str: ...
    @property
    def format(self) -> Format: ...
    @property
    def models_path(self) -> str: ...
    def encode(self, request: Request, stream: bool) -> dict[str, Any]: ...
    def model_names(self, body: Mapping[str, Any]) -> list[str]: ...
    def count_request(self, request: Request) -> WireRequest | None: ...


class Calls:
    """The flows of one provider.

    Args:
        provider: who is asked.
        policies: what happens around a call, the outermost first.
        key: the key, so that no error repeats it.
        log_content: whether prompts and answers may appear in the log.
    """

    def __init__(self, provider: Asked, policies: Sequence[Policy], key: Secret | None, log_content: bool) -> None:
        self._provider = provider
        self._policies = policies
        # Questions about models and tokens are tried again, and pass no other policy.
        self._retry = next((policy for policy in policies if isinstance(policy, RetryPolicy)), RetryPolicy())
        self._key = key
        self._log_content = log_content
        self.session = Session()

    def completion(self, request: Request) -> Flow[Completion]:
        """Ask, and return the whole answer. One that has not the form that was asked for is asked for once more."""
        started = now()
        answer = yield from self._encoded(request)
        try:
            return self._formed(answer, request)
        except StructuredOutputError as error:
            if not may_be_repaired(error):
                raise
            left = request.deadline and max(request.deadline - (now() - started), 1e-9)
            repaired = replace(request, messages=repair(request.messages, error), deadline=left)
        again = yield from self._encoded(repaired)
        return self._formed(replace(again, usage=answer.usage + again.usage), request)

    def _encoded(self, request: Request) -> Flow[Completion]:
        return self._whole(request, self._provider.format, self._provider.encode(request, False))

    def _formed(self, answer: Completion, request: Request) -> Completion:
        if request.response_format is None:
            return answer
        answer = with_parsed(answer, request.response_format)
        self.session.answered(answer)
        return answer

    def texts(self, requests: Sequence[Request], format: Format) -> Flow[list[Completion]]:
        """Have texts continued, one after the other. All are encoded before the first one is sent."""
        bodies = [format.encode(request, False) for request in requests]
        answers = []
        for request, body in zip(requests, bodies, strict=True):
            answers.append((yield from self._whole(request, format, body)))
        return answers

    def aside(self, request: Request, format: Format) -> Flow[Mapping[str, Any]]:
        """Ask something else than for an answer, through the policies, and return the JSON of what comes."""
        call = self._call(request, format, format.encode(request, False), stream=False)
        answer = yield from self._ended(call)
        return cast("Mapping[str, Any]", answer.raw_response)

    def _whole(self, request: Request, format: Format, body: dict[str, Any]) -> Flow[Completion]:
        call = self._call(request, format, body, stream=False)
        answer = yield from self._ended(call)
        return self._noted(answer, call.headers)

    def _ended(self, call: Call) -> Flow[Completion]:
        answer = cast("Completion", (yield from self._explained(lambda: self._through(call))))
        call.end(answer)
        return answer

    def stream(self, request: Request, text_format: Format | None = None) -> Flow[StreamState]:
        """Ask, and return the stream, read up to its first piece. Until there, everything can be tried again.

        Args:
            request: what is asked.
            text_format: to have a text continued in this format; else the provider's own.
        """
        body = text_format.encode(request, True) if text_format else self._provider.encode(request, True)
        call = self._call(request, text_format or self._provider.format, body, stream=True)
        return cast("StreamState", (yield from self._explained(lambda: self._through(call))))

    def _call(self, request: Request, format: Format, body: dict[str, Any], *, stream: bool) -> Call:
        how = "stream" if stream else "whole"
        _log.info("request to %s: %s, %d messages, %s", self._provider.name, request.model, len(request.messages), how)
        if self._log_content:
            _log.debug("prompt: %s", request.messages)
        attempt = self._first_piece if stream else self._answer
        call = Call(self._provider.name, self._provider.base_url, format, request, body, stream, attempt)
        call.at_end(partial(note, call))
        return call

    def _through(self, call: Call) -> Flow[Answer]:
        return run_through(self._policies, call, lambda: self._tried(call))

    def _tried(self, call: Call) -> Flow[Answer]:
        """Send once, and note how it went."""
        call.elapsed, started = 0.0, now()
        self.session.sent()
        try:
            answer = yield from call.attempt(call)
        except LLMError as error:
            # A transport knows addresses, not providers.
            error.provider = error.provider or call.provider
            ended = now()
            call.attempts.append(Attempt(started, ended, call.elapsed or ended - started, error))
            raise
        call.attempts.append(Attempt(started, now(), call.elapsed))
        return answer

    def _answer(self, call: Call) -> Flow[Answer]:
        reply = yield from self._reply(_wire(call), call.request.model, call)
        answer = call.format.decode(reply.body)
        return replace(
            answer,
            provider=call.provider,
            model=answer.model or call.request.model,
            raw_response=reply.body,
            source=_source(reply.headers),
            latency=reply.elapsed,
        )

    def _first_piece(self, call: Call) -> Flow[Answer]:
        opened: OpenStream | WireReply = yield Open(_wire(call))
        if isinstance(opened, WireReply):
            call.headers, call.elapsed = opened.headers, opened.elapsed
            raise self.error(opened, call.request.model)
        call.headers = opened.wire.headers
        state = StreamState(opened, call.format.stream(), call.provider, _Ending(self, call))
        try:
            while not state.decoder.finished:
                events = yield Read(opened)
                call.elapsed = opened.wire.elapsed()
                if events is None:
                    state.check_end()
                elif state.read_first(events):
                    break
        except LLMError as error:
            raise state.broken(error) from error
        return state

    def finished(self, call: Call, state: StreamState) -> Completion:
        """Return what a stream has given as a `Completion`, and end its call."""
        answer = self.so_far(state)
        call.finished = state.decoder.finished
        if call.finished:
            # An answer of another form is an error, but of the one who asks for the result.
            with suppress(StructuredOutputError):
                answer = with_parsed(answer, call.request.response_format)
        call.end(answer)
        return self._noted(answer, state.opened.wire.headers)

    def so_far(self, state: StreamState) -> Completion:
        """Return what a stream has given so far."""
        wire = state.opened.wire
        return replace(
            state.decoder.completion(),
            provider=state.provider,
            raw_response=state.events,
            source=_source(wire.headers),
            latency=wire.elapsed(),
            time_to_first_token=state.first_token,
        )

    def models(self) -> Flow[list[str]]:
        """Ask for the names of the models."""
        try:
            return (yield from retried(self._listed, self._retry))
        except LLMError as error:
            self._note_failure(error)
            raise

    def count(self, request: Request) -> Flow[TokenCount]:
        """Ask for the number of tokens, or count without asking."""
        wire = self._provider.count_request(request)
        if wire is None:
            return count_messages(request.messages, encoding_of(request.model), request.tools)
        reply = yield from self._asked(wire, request.model)
        return TokenCount(number(reply.body.get("input_tokens")), "endpoint")

    def post(self, wire: WireRequest, model: str) -> Flow[Mapping[str, Any]]:
        """Ask something of the vendor's own, and return the JSON of the answer."""
        reply = yield from self._asked(wire, model)
        body: Mapping[str, Any] = reply.body
        return body

    def health(self) -> Flow[Health]:
        """Ask for the models, once, and turn whatever happens into words."""
        try:
            reply = yield from self._sent(WireRequest("GET", self._provider.models_path), "")
        except LLMError as error:
            return Health(self._provider.name, False, error.message)
        count = len(self._provider.model_names(reply.body))
        models = "1 model" if count == 1 else f"{count} models"
        return Health(self._provider.name, True, f"answers, with {models}", reply.elapsed)

    def error(self, reply: WireReply, model: str) -> LLMError:
        """Return the error that an answer stands for."""
        return to_error(
            reply.status,
            reply.headers,
            reply.body,
            provider=self._provider.name,
            model=model,
            secrets=(self._key.reveal(),) if self._key else (),
        )

    def _asked(self, wire: WireRequest, model: str) -> Flow[WireReply]:
        """Ask something that is no call of a model, and try again as calls do."""
        return self._explained(lambda: retried(lambda: self._sent(wire, model), self._retry))

    def _sent(self, wire: WireRequest, model: str) -> Flow[WireReply]:
        self.session.sent()
        return (yield from self._reply(wire, model))

    def _reply(self, wire: WireRequest, model: str, call: Call | None = None) -> Flow[WireReply]:
        reply: WireReply = yield Send(wire)
        if call is not None:
            call.headers, call.elapsed = reply.headers, reply.elapsed
        if reply.status >= 400 or find_problem(reply.body):
            raise self.error(reply, model)
        if not isinstance(reply.body, Mapping):
            raise LLMAPIError(
                f"{self._provider.name} answered {reply.status}, but not with JSON: {str(reply.body)[:80]!r}. "
                "Is the base URL right?",
                provider=self._provider.name,
                status_code=reply.status,
            )
        return reply

    def _listed(self) -> Flow[list[str]]:
        reply = yield from self._sent(WireRequest("GET", self._provider.models_path), "")
        return sorted(self._provider.model_names(reply.body))

    def _explained(self, asked: Callable[[], Flow[Result]]) -> Flow[Result]:
        """If the model does not exist, find out which ones do; note what fails for good."""
        try:
            return (yield from asked())
        except ModelNotFoundError as error:
            try:
                available = yield from self._listed()
            except LLMError:
                # The list is a courtesy. Without it, what the catalogue knows is still of use.
                available = list(known_models(self._provider.name))
            failure = error.with_models(available)
            self._note_failure(failure)
            raise failure from None
        except LLMError as error:
            self._note_failure(error)
            raise

    def _note_failure(self, error: LLMError) -> None:
        _log.error("%s failed: %s: %s", self._provider.name, type(error).__name__, error)

    def _noted(self, answer: Completion, headers: Mapping[str, str]) -> Completion:
        self.session.answered(answer)
        _log.info(
            "answer from %s: %s, %d + %d tokens, %s, request %s",
            answer.provider,
            answer.model,
            answer.usage.input_tokens,
            answer.usage.output_tokens,
            answer.finish_reason,
            headers.get("x-request-id") or headers.get("request-id") or "without id",
        )
        if self._log_content:
            _log.debug("answer: %s", answer.content)
        return answer


class _Ending:
    """What is done at the end of a stream of these flows."""

    def __init__(self, calls: Calls, call: Call) -> None:
        self._calls = calls
        self._call = call

    def check_time(self) -> None:
        self._call.remaining()

    def formed(self, state: StreamState, answer: Completion) -> Completion:
        is_formed = answer.parsed is not None or not state.decoder.finished
        return answer if is_formed else with_parsed(answer, self._call.request.response_format)

    def finished(self, state: StreamState) -> Completion:
        return self._calls.finished(self._call, state)

    def failed(self, state: StreamState, error: LLMStreamError) -> None:
        self._call.end(self._calls.so_far(state), error)

    def abandoned(self, state: StreamState) -> None:
        self._call.finished = False
        self._call.end(self._calls.so_far(state))


def _wire(call: Call) -> WireRequest:
    return WireRequest("POST", call.format.path, call.body, call.format.framing, call.remaining())


def _source(headers: Mapping[str, str]) -> Source:
    # The tape, where one is switched on, says so itself.
    return cast("Source", headers.get("x-llmlab-source", "live"))
