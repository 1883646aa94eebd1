"""The way of one call: what a provider does, step by step, to answer.

A call runs through a chain of policies down to the sending: parse the structured answer, record the call, suggest
models, then the policies of the user (cache, budget, retry, limits). Each flow is written once and runs sync or async;
see `llmlab.transport.driver`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, cast

from llmlab._utils.clock import now
from llmlab._utils.redaction import redact
from llmlab.config.environment import Secret
from llmlab.errors import LLMError, ModelNotFoundError
from llmlab.formats import Format
from llmlab.formats.errors import find_problem, no_answer, to_error
from llmlab.formats.parsing import items, number, text
from llmlab.formats.sse import JSONLines
from llmlab.models import known_models, validate
from llmlab.policies import Answer, Attempt, Call, Policy, RetryPolicy, chain, check_order
from llmlab.providers.call_policies import ParseStructured, RecordCall, SuggestModels
from llmlab.providers.health_report import Health
from llmlab.providers.tokens import TokenCount, count_messages, encoding_of
from llmlab.transport.base import Transport, WireReply, WireRequest
from llmlab.transport.driver import Flow, Open, Read, Send
from llmlab.transport.streams import StreamState
from llmlab.types.completion import Completion
from llmlab.types.messages import Prompt
from llmlab.types.request import Request, build_request

_log = logging.getLogger("llmlab")


class Calls:
    """The flows of a provider.

    Args:
        transport: carries the requests.
        policies: what happens around a call, the outermost first.
        retry: the retry where `policies` hold none.
        key: the key, so that no error repeats it.
        log_content: whether prompts and answers may appear in the log.
    """

    name: ClassVar[str]
    models_path: ClassVar[str] = "/models"
    format: Format
    base_url: str
    model: str
    _defaults: dict[str, Any]

    def __init__(
        self,
        transport: Transport,
        policies: Sequence[Policy],
        retry: RetryPolicy,
        key: Secret | None,
        log_content: bool,
    ) -> None:
        self.transport = transport
        self.policies = check_order(policies, retry)
        # Other requests than calls are retried, and pass no other policy.
        self.retry = next((policy for policy in self.policies if isinstance(policy, RetryPolicy)), retry)
        self._record = RecordCall(log_content)
        first = (ParseStructured(self.encode), self._record, SuggestModels(self._add_models))
        self._run_policies = chain((*first, *self.policies), self._send_and_decode)
        self._secrets = (key.reveal(),) if key else ()
        self._sent = 0
        # A stream may end in a finaliser, which may run where this very thread holds the lock.
        self._lock = threading.RLock()

    # The way of one call

    def request(self, prompt: Prompt, **options: Any) -> Request:
        """Return a prompt and its options as a checked `Request`. Takes what `complete` takes; nothing is sent."""
        request = build_request(prompt, self.model, {**self._defaults, **options})
        validate(request, self.name)
        return request

    def complete_flow(self, request: Request) -> Flow[Completion]:
        """Return the flow that sends a request and returns the whole answer."""
        body = self.encode(request, False)
        call = Call(self.name, self.base_url, self.format, request, body, stream=False)
        self._record.last = answer = cast("Completion", (yield from self._run_policies(call)))
        return answer

    def stream_flow(self, request: Request) -> Flow[StreamState]:
        """Return the flow that sends a request and returns the stream, read up to its first chunk."""
        body = self.encode(request, True)
        call = Call(self.name, self.base_url, self.format, request, body, stream=True)
        return cast("StreamState", (yield from self._run_policies(call)))

    def _send_and_decode(self, call: Call) -> Flow[Answer]:
        """Send a request once, and decode the answer, or the first chunk of a stream."""
        call.elapsed, started = 0.0, now()
        with self._lock: self._sent += 1  # fmt: skip # noqa: E701 - see Lock
        try:
            if call.stream:
                answer: Answer = yield from self._open_stream(call)
            else:
                reply = yield Send(call.wire(), self.transport)
                call.headers, call.elapsed = reply.headers, reply.elapsed
                self._check(reply, call.request.model)
                answer = call.decode(reply)
        except LLMError as error:
            # A transport knows addresses, not providers.
            error.provider = error.provider or self.name
            error.args = (redact(error.message, self._secrets),)
            ended = now()
            call.attempts.append(Attempt(started, ended, call.elapsed or ended - started, error))
            if (late := call.in_time(error)) is not error:
                raise late from error
            raise
        call.attempts.append(Attempt(started, now(), call.elapsed))
        return answer

    def _open_stream(self, call: Call) -> Flow[StreamState]:
        """Open a stream and read its first chunk."""
        opened = yield Open(call.wire(), self.transport)
        if isinstance(opened, WireReply):
            call.headers, call.elapsed = opened.headers, opened.elapsed
            raise self.to_error(opened, call.request.model)
        return (yield from call.prime(opened))

    def _check(self, reply: WireReply, model: str) -> None:
        """Refuse an answer that is an error, or no JSON object."""
        if reply.status >= 300 or find_problem(reply.body):
            raise self.to_error(reply, model)
        if not isinstance(reply.body, Mapping):
            raise no_answer(reply.body)

    # What a subclass may override

    def encode(self, request: Request, stream: bool) -> dict[str, Any]:
        """Return the wire JSON of a request."""
        return self.format.encode(request, stream)

    def model_names(self, body: Mapping[str, Any]) -> list[str]:
        """Return the names in an answer of the list of models."""
        return [name for item in items(body.get("data")) if (name := text(item.get("id")))]

    def count_request(self, request: Request) -> WireRequest | None:
        """Return the request that lets the service count tokens; None if it cannot."""
        return None

    # Other requests

    def post_json(self, wire: WireRequest, model: str = "", *, retry: bool = True) -> Flow[Mapping[str, Any]]:
        """Return the flow that sends a request of the vendor's own, of any method, and returns the JSON of its answer.

        Args:
            wire: the request.
            model: which it is about, if it is about one.
            retry: whether to try again, as calls do.
        """
        try:
            send = partial(self._send_json, wire, model)
            reply = yield from (self.retry.run(send) if retry else send())
        except LLMError as error:
            failure = (yield from self._add_models(error)) if isinstance(error, ModelNotFoundError) else error
            _log.error("%s failed: %s: %s", self.name, type(failure).__name__, failure)
            raise failure from failure.__cause__
        return cast("Mapping[str, Any]", reply.body)

    def read_lines(self, path: str, take: Callable[[Mapping[str, Any], str], None]) -> Flow[None]:
        """Return the flow that fetches a file of JSON lines.

        Args:
            path: of the file.
            take: gets each line as soon as it is there, and its source. A line that is not JSON is an error event.
        """
        yield from self.retry.run(partial(self._read_lines, path, take))

    def models_flow(self) -> Flow[list[str]]:
        """Return the flow that returns the names of the models, sorted."""
        body = yield from self.post_json(WireRequest("GET", self.models_path))
        return sorted(self.model_names(body))

    def count_flow(self, request: Request) -> Flow[TokenCount]:
        """Return the flow that counts the tokens of a request, by the service where it can."""
        wire = self.count_request(request)
        if wire is None:
            return count_messages(request.messages, encoding_of(request.model), request.tools)
        body = yield from self.post_json(wire, request.model)
        if not (count := number(body.get("input_tokens"))):
            raise no_answer(body)
        return TokenCount(count, "endpoint")

    def health_flow(self) -> Flow[Health]:
        """Return the flow that asks for the models, once, and turns any error into words."""
        try:
            reply = yield from self._send_json(WireRequest("GET", self.models_path), "")
        except LLMError as error:
            return Health(self.name, False, error.message)
        count = len(self.model_names(reply.body))
        models = "1 model" if count == 1 else f"{count} models"
        return Health(self.name, True, f"answers, with {models}", reply.elapsed)

    def to_error(self, reply: WireReply, model: str = "") -> LLMError:
        """Return the error for an error response."""
        return to_error(reply.status, reply.headers, reply.body, provider=self.name, model=model, secrets=self._secrets)

    def _send_json(self, wire: WireRequest, model: str) -> Flow[WireReply]:
        self._count_request()
        reply: WireReply = yield Send(wire, self.transport)
        self._check(reply, model)
        return reply

    def _read_lines(self, path: str, take: Callable[[Mapping[str, Any], str], None]) -> Flow[None]:
        self._count_request()
        opened = yield Open(WireRequest("GET", path, framing=JSONLines), self.transport)
        if isinstance(opened, WireReply):
            raise self.to_error(opened)
        source = opened.wire.headers.get("x-llmlab-source", "live")
        while (events := (yield Read(opened))) is not None:
            for event in events:
                take(event, source)

    def _add_models(self, error: ModelNotFoundError, timeout: float | None = None) -> Flow[ModelNotFoundError]:
        """Return the error with the names of the models that exist, if they come within `timeout` seconds."""
        try:
            reply = yield from self._send_json(WireRequest("GET", self.models_path, timeout=timeout), "")
            available = self.model_names(reply.body)
        except LLMError:
            # The list is a courtesy. Without it, the names in the catalogue still help.
            available = list(known_models(self.name))
        return error.with_models(available)

    def _count_request(self) -> None:
        with self._lock: self._sent += 1  # fmt: skip # noqa: E701 - see Lock
