"""OpenAI's Batch API: a file of requests in, a file of answers and one of errors out.

Source: the types of the SDK (`openai.types.Batch`) and the guide "Batch API".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from llmlab.errors import LLMAPIError, LLMError, LLMInvalidRequestError
from llmlab.formats import OPENAI_CHAT, OPENAI_RESPONSES
from llmlab.formats.errors import find_problem, to_error
from llmlab.formats.parsing import items, mapping, number, text
from llmlab.toolkit.batches.base import BatchService, BatchStatus, Outcome, State
from llmlab.transport.base import WireRequest
from llmlab.transport.driver import Flow
from llmlab.types.request import Request

_MAX_BYTES: Final = 200 * 1024**2
_FORMATS: Final = {f"/v1{format.path}": format for format in (OPENAI_RESPONSES, OPENAI_CHAT)}
_STATES: Final[Mapping[str, State]] = {
    "completed": "done",
    "failed": "failed",
    "expired": "expired",
    "cancelling": "cancelling",
    "cancelled": "cancelled",
}
_NOT_STARTED: Final = {"batch_expired": "expired", "batch_cancelled": "cancelled"}


class OpenAIBatch(BatchService):
    """A batch at OpenAI. It is done within 24 hours, at half the price."""

    price_factor: ClassVar[float] = 0.5
    max_requests: ClassVar[int] = 50_000
    _batch: Mapping[str, Any] = {}

    def check(self, requests: Sequence[Request]) -> None:
        """Refuse requests that one file of OpenAI cannot hold."""
        super().check(requests)
        models = sorted({request.model for request in requests})
        if len(models) > 1:
            raise self.refuse(f"all requests of a batch must name one model, not {', '.join(models)}; make one each")

    def submit(self, requests: Sequence[Request]) -> Flow[None]:
        """Upload the requests, and create a batch of them. Creating is never retried: two batches are paid twice."""
        url = f"/v1{self.provider.format.path}"
        lines = (
            {"custom_id": str(index), "method": "POST", "url": url, "body": self.provider.encode(request, False)}
            for index, request in enumerate(requests)
        )
        content = "".join(json.dumps(line) + "\n" for line in lines).encode()
        if len(content) > _MAX_BYTES:
            raise self.refuse("a batch holds 200 MB; submit several batches")
        upload = WireRequest("POST", "/files", {"purpose": "batch"}, files={"file": ("batch.jsonl", content)})
        file = yield from self.provider.post_json(upload)
        body = {"input_file_id": text(file.get("id")), "endpoint": url, "completion_window": "24h"}
        batch = yield from self.provider.post_json(WireRequest("POST", "/batches", body), retry=False)
        self._read(batch, len(requests))

    def refresh(self) -> Flow[None]:
        self._read((yield from self.send("GET", f"/batches/{self.id}")))

    def cancel(self) -> Flow[None]:
        """Stop the batch. Requests that are being answered are finished, for up to 10 minutes."""
        self._read((yield from self.send("POST", f"/batches/{self.id}/cancel")))

    def fetch(self) -> Flow[None]:
        """Get the files of answers and errors, if they are available."""
        for name in ("output_file_id", "error_file_id"):
            if file_id := text(self._batch.get(name)):
                yield from self.provider.read_lines(f"/files/{file_id}/content", self._take)
        for problem in self._problems():
            if line := number(problem.get("line")):
                message = f"openai refused the batch because of this request: {_reason(problem)}."
                self.results[str(line - 1)] = LLMInvalidRequestError(message, provider="openai")

    def _take(self, line: Mapping[str, Any], source: str) -> None:
        name = text(line.get("custom_id"))
        self.take(line, name, self._outcome(name, line, source))

    def _outcome(self, name: str, line: Mapping[str, Any], source: str) -> Outcome | None:
        if response := mapping(line.get("response")):
            body, status = response.get("body"), number(response.get("status_code"))
            if status < 400 and isinstance(body, Mapping) and not find_problem(body):
                return self.decode(name, _FORMATS[text(self._batch.get("endpoint"))], body, source)
            headers = {"x-request-id": text(response.get("request_id"))}
            return to_error(status or 500, headers, body, provider="openai")
        if not (problem := mapping(line.get("error"))):
            return None
        code = text(problem.get("code"))
        if code in _NOT_STARTED:
            return self.not_started(_NOT_STARTED[code])
        message = f"openai could not answer this request: {_reason(problem)}."
        return LLMAPIError(message, provider="openai", code=code)

    def _read(self, batch: Mapping[str, Any], total: int = 0) -> None:
        self._batch, self.id = batch, text(batch.get("id")) or self.id
        endpoint, counts = text(batch.get("endpoint")), mapping(batch.get("request_counts"))
        if endpoint not in _FORMATS:
            message = f"the batch {self.id} calls {endpoint}, and llmlab reads the answers of {' and '.join(_FORMATS)}"
            raise LLMError(message, provider="openai")
        total = number(counts.get("total")) or total or self.status.total
        state = _STATES.get(text(batch.get("status")), "running")
        answered, failed = number(counts.get("completed")), number(counts.get("failed"))
        # The service counts requests that it did not start as failed, or not at all.
        rest = max(0, total - answered - failed)
        expires = batch.get("expires_at")
        self.status = BatchStatus(
            state,
            total,
            answered,
            failed,
            rest if state == "cancelled" else 0,
            rest if state == "expired" else 0,
            datetime.fromtimestamp(number(expires), UTC) if expires else None,
            "; ".join(map(_reason, self._problems())) if state == "failed" else "",
        )

    def _problems(self) -> list[Mapping[str, Any]]:
        return items(mapping(self._batch.get("errors")).get("data"))


def _reason(problem: Mapping[str, Any]) -> str:
    reason = text(problem.get("message")).rstrip(".") or text(problem.get("code")) or "no reason was given"
    return f"line {problem['line']}: {reason}" if problem.get("line") else reason
