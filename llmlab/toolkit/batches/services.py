"""Batches of OpenAI and Anthropic: HTTP requests about them, and results as JSON lines.

Sources: the types of the SDKs (`openai.types.Batch`, `anthropic.types.messages.MessageBatch`), OpenAI's guide "Batch
API", and Anthropic's guide "Batch processing".
"""

from __future__ import annotations

import json
import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from llmlab.errors import LLMAPIError, LLMError, LLMInvalidRequestError
from llmlab.formats import OPENAI_CHAT, OPENAI_RESPONSES, Format
from llmlab.formats.errors import find_problem, to_error
from llmlab.formats.parsing import items, mapping, number, text
from llmlab.providers import Provider
from llmlab.toolkit.batches.batch import Batch, BatchStatus, Outcome, State
from llmlab.transport.base import WireRequest
from llmlab.transport.driver import Flow, Sleep
from llmlab.types.options import ResponseFormat
from llmlab.types.request import Request
from llmlab.types.structured_output import with_parsed

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
"""Seconds between two requests for the status. Each pause is twice as long as the one before."""
_MAX_BYTES: Final = 200 * 1024**2
_FORMATS: Final = {f"/v1{format.path}": format for format in (OPENAI_RESPONSES, OPENAI_CHAT)}
_NOT_STARTED: Final = {"batch_expired": "expired", "batch_cancelled": "cancelled"}
_STATES: Final[Mapping[str, State]] = {
    "completed": "done",
    "failed": "failed",
    "expired": "expired",
    "cancelling": "cancelling",
    "cancelled": "cancelled",
}
_log = logging.getLogger("llmlab")


class ServiceBatch(Batch):
    """A batch that a service answers within 24 hours, at half the price."""

    price_factor: ClassVar[float] = 0.5
    max_requests: ClassVar[int]
    path: ClassVar[str]

    def __init__(self, provider: Provider, batch_id: str = "") -> None:
        super().__init__(provider, batch_id)
        self._response_formats: dict[str, ResponseFormat | None] = {}
        self._next_pause = _FIRST_PAUSE

    @abstractmethod
    def _read(self, batch: Mapping[str, Any]) -> None:
        """Take the id and the status from the service's view of the batch."""

    @abstractmethod
    def _outcome(self, name: str, line: Mapping[str, Any], source: str) -> Outcome | None:
        """Return the result in a line; None if it is damaged."""

    def _check(self, requests: Sequence[Request]) -> None:
        """Refuse requests that are right one by one and wrong together."""
        if len(requests) > self.max_requests:
            limit = f"a batch holds {self.max_requests:,} requests, not {len(requests):,}"
            raise self._refuse(f"{limit}. Submit several batches")
        for index, request in enumerate(requests):
            self._response_formats[str(index)] = request.response_format
            if request.deadline is not None:
                raise self._refuse(f"request {index} has a deadline, and a batch has none. Use batch.wait(timeout=…)")

    def _create(self, body: dict[str, Any]) -> Flow[None]:
        """Create the batch. Never retried: a batch that arrives twice is paid twice."""
        self._read((yield from self._provider.post_json(WireRequest("POST", self.path, body), retry=False)))

    def _refresh(self) -> Flow[None]:
        yield from self._send("GET", f"{self.path}/{self.id}")

    def _cancel(self) -> Flow[None]:
        yield from self._send("POST", f"{self.path}/{self.id}/cancel")

    def _send(self, method: str, path: str) -> Flow[None]:
        try:
            self._read((yield from self._provider.post_json(WireRequest(method, path, None))))
        except LLMError as error:
            if error.status_code != 404:
                raise
            raise LLMInvalidRequestError(
                f"{self.provider} has no batch {self.id!r}, or not any more: services keep batches for some "
                "weeks, and show them to the keys of one project or workspace only. Check the id and the key.",
                provider=self.provider,
                status_code=404,
                request_id=error.request_id,
                code=error.code,
            ) from error

    def _pause(self, longest: float | None) -> Flow[None]:
        pause, self._next_pause = self._next_pause, min(2 * self._next_pause, _LONGEST_PAUSE)
        yield Sleep(pause if longest is None else min(pause, longest))

    def _take(self, line: Mapping[str, Any], source: str) -> None:
        """Store the result in a line. A damaged line is reported, and costs no other result."""
        name = text(line.get("custom_id"))
        outcome = self._outcome(name, line, source)
        if name and outcome is not None:
            self._results[name] = outcome
        else:
            _log.warning("a line of the results of %s cannot be used: %.120s", self.id, line)

    def _decode(self, name: str, format: Format, body: Mapping[str, Any], source: str) -> Outcome:
        """Return the answer to a request. Its latency is 0, because no call waited for it."""
        try:
            answer = replace(format.decode(body), provider=self.provider, raw_response=body, source=source)  # type: ignore[arg-type]
            return with_parsed(answer, self._response_formats.get(name))
        except LLMError as error:
            error.provider = self.provider
            return error


class AnthropicBatch(ServiceBatch):
    """Anthropic's Message Batches: all requests in one. The results stay for 29 days."""

    max_requests: ClassVar[int] = 100_000
    path: ClassVar[str] = "/v1/messages/batches"

    def _submit(self, requests: Sequence[Request]) -> Flow[None]:
        self._check(requests)
        bodies = [self._provider.encode(request, False) for request in requests]
        entries = [{"custom_id": str(index), "params": body} for index, body in enumerate(bodies)]
        yield from self._create({"requests": entries})

    def _fetch(self) -> Flow[None]:
        if self.status.over:
            # Not the address in the status: the key must not go to an address that came over the wire.
            yield from self._provider.read_lines(f"{self.path}/{self.id}/results", self._take)

    def _outcome(self, name: str, line: Mapping[str, Any], source: str) -> Outcome | None:
        result = mapping(line.get("result"))
        match text(result.get("type")):
            case "succeeded" if isinstance(message := result.get("message"), Mapping):
                return self._decode(name, self._provider.format, message, source)
            case "errored":
                error = mapping(result.get("error"))
                problem = find_problem(error)
                return to_error((problem and problem.status) or 500, {}, error, provider=self.provider)
            case "canceled":
                return self._not_started("cancelled")
            case "expired":
                return self._not_started("expired")
        return None

    def _read(self, batch: Mapping[str, Any]) -> None:
        self.id = text(batch.get("id")) or self.id
        counts = {name: number(value) for name, value in mapping(batch.get("request_counts")).items()}
        answered, failed, cancelled, expired = (
            counts.get(name, 0) for name in ("succeeded", "errored", "canceled", "expired")
        )
        state: State = "cancelled" if cancelled else "expired" if expired else "done"
        if (status := text(batch.get("processing_status"))) != "ended":
            state = "cancelling" if status == "canceling" else "running"
        end = text(batch.get("expires_at"))
        expires_at = datetime.fromisoformat(end).astimezone(UTC) if end else None
        self.status = BatchStatus(state, sum(counts.values()), answered, failed, cancelled, expired, expires_at)


class OpenAIBatch(ServiceBatch):
    """OpenAI's Batch API: a file of requests in, a file of answers and one of errors out.

    After a cancel, requests that are being answered are finished, for up to 10 minutes.
    """

    max_requests: ClassVar[int] = 50_000
    path: ClassVar[str] = "/batches"
    _batch: Mapping[str, Any] = {}

    def _submit(self, requests: Sequence[Request]) -> Flow[None]:
        self._check(requests)
        models = sorted({request.model for request in requests})
        if len(models) > 1:
            raise self._refuse(f"all requests of a batch must name one model, not {', '.join(models)}; make one each")
        url = f"/v1{self._provider.format.path}"
        lines = (
            {"custom_id": str(index), "method": "POST", "url": url, "body": self._provider.encode(request, False)}
            for index, request in enumerate(requests)
        )
        content = "".join(json.dumps(line) + "\n" for line in lines).encode()
        if len(content) > _MAX_BYTES:
            raise self._refuse("a batch holds 200 MB; submit several batches")
        upload = WireRequest("POST", "/files", {"purpose": "batch"}, files={"file": ("batch.jsonl", content)})
        file = yield from self._provider.post_json(upload)
        # The first answer of the service often has no count.
        self.status = BatchStatus("running", len(requests))
        body = {"input_file_id": text(file.get("id")), "endpoint": url, "completion_window": "24h"}
        yield from self._create(body)

    def _fetch(self) -> Flow[None]:
        for name in ("output_file_id", "error_file_id"):
            if file_id := text(self._batch.get(name)):
                yield from self._provider.read_lines(f"/files/{file_id}/content", self._take)
        for problem in self._problems():
            if line := number(problem.get("line")):
                message = f"openai refused the batch because of this request: {_reason(problem)}."
                self._results[str(line - 1)] = LLMInvalidRequestError(message, provider="openai")

    def _outcome(self, name: str, line: Mapping[str, Any], source: str) -> Outcome | None:
        if response := mapping(line.get("response")):
            body, status = response.get("body"), number(response.get("status_code"))
            if status < 400 and isinstance(body, Mapping) and not find_problem(body):
                return self._decode(name, _FORMATS[text(self._batch.get("endpoint"))], body, source)
            headers = {"x-request-id": text(response.get("request_id"))}
            return to_error(status or 500, headers, body, provider="openai")
        if not (problem := mapping(line.get("error"))):
            return None
        code = text(problem.get("code"))
        if code in _NOT_STARTED:
            return self._not_started(_NOT_STARTED[code])
        message = f"openai could not answer this request: {_reason(problem)}."
        return LLMAPIError(message, provider="openai", code=code)

    def _read(self, batch: Mapping[str, Any]) -> None:
        self._batch, self.id = batch, text(batch.get("id")) or self.id
        endpoint, counts = text(batch.get("endpoint")), mapping(batch.get("request_counts"))
        if endpoint not in _FORMATS:
            message = f"the batch {self.id} calls {endpoint}, and llmlab reads the answers of {' and '.join(_FORMATS)}"
            raise LLMError(message, provider="openai")
        total = number(counts.get("total")) or self.status.total
        state = _STATES.get(text(batch.get("status")), "running")
        answered, failed = number(counts.get("completed")), number(counts.get("failed"))
        # The service counts requests that it did not start as failed, or not at all.
        rest = max(0, total - answered - failed)
        cancelled, expired = (rest if state == one else 0 for one in ("cancelled", "expired"))
        end = batch.get("expires_at")
        expires_at = datetime.fromtimestamp(number(end), UTC) if end else None
        reason = "; ".join(map(_reason, self._problems())) if state == "failed" else ""
        self.status = BatchStatus(state, total, answered, failed, cancelled, expired, expires_at, reason)

    def _problems(self) -> list[dict[str, Any]]:
        return items(mapping(self._batch.get("errors")).get("data"))


def _reason(problem: Mapping[str, Any]) -> str:
    reason = text(problem.get("message")).rstrip(".") or text(problem.get("code")) or "no reason was given"
    return f"line {problem['line']}: {reason}" if problem.get("line") else reason
