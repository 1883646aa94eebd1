"""OpenAI's Batch API: a file of requests in, a file of answers and one of errors out.

Fields as in the SDK's types (`openai.types.Batch`) and the guide "Batch API".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from llmlab.errors import LLMAPIError, LLMError, LLMInvalidRequestError
from llmlab.formats import OPENAI_CHAT, OPENAI_RESPONSES
from llmlab.formats.errors import find_problem, to_error
from llmlab.formats.parsing import items, mapping, number, text
from llmlab.toolkit.batches.base import Outcome, Service
from llmlab.toolkit.batches.http import again, lines, once
from llmlab.toolkit.batches.status import BatchStatus, State
from llmlab.transport.base import WireRequest
from llmlab.transport.driver import Flow
from llmlab.types.request import Request

_MOST_BYTES = 200 * 1024**2
_DIALECTS = {f"/v1{format.path}": format for format in (OPENAI_RESPONSES, OPENAI_CHAT)}
_STATES: Mapping[str, State] = {
    "completed": "done",
    "failed": "failed",
    "expired": "expired",
    "cancelling": "cancelling",
    "cancelled": "cancelled",
}
_NOT_BEGUN = {"batch_expired": "expired", "batch_cancelled": "cancelled"}


class OpenAIBatch(Service):
    """One batch at OpenAI. It is done within 24 hours, at half the price."""

    share: ClassVar[float] = 0.5
    most: ClassVar[int] = 50_000
    _view: Mapping[str, Any] = {}

    def check(self, requests: Sequence[Request]) -> None:
        """Refuse what one file of OpenAI's cannot hold."""
        super().check(requests)
        models = sorted({request.model for request in requests})
        if len(models) > 1:
            raise self.refused(f"all requests of a batch must name one model, not {', '.join(models)}; make one each")

    def submit(self, requests: Sequence[Request]) -> Flow[None]:
        """Upload the requests, and make a batch of them."""
        url = f"/v1{self.provider.format.path}"
        written = (
            {"custom_id": str(place), "method": "POST", "url": url, "body": self.provider.encode(request, False)}
            for place, request in enumerate(requests)
        )
        content = "".join(json.dumps(line) + "\n" for line in written).encode()
        if len(content) > _MOST_BYTES:
            raise self.refused("a batch holds 200 MB; submit several batches")
        upload = WireRequest("POST", "/files", {"purpose": "batch"}, files={"file": ("batch.jsonl", content)})
        file_id = text((yield from again(self.provider, upload, "")).get("id"))
        body = {"input_file_id": file_id, "endpoint": url, "completion_window": "24h"}
        self._read((yield from once(self.provider, WireRequest("POST", "/batches", body))), len(requests))

    def look(self) -> Flow[None]:
        """Ask for the batch."""
        self._read((yield from again(self.provider, WireRequest("GET", f"/batches/{self.id}"), self.id)))

    def cancel(self) -> Flow[None]:
        """Ask for the batch to be stopped. What is being answered is finished, for up to 10 minutes."""
        path = f"/batches/{self.id}/cancel"
        self._read((yield from again(self.provider, WireRequest("POST", path), self.id)))

    def fetch(self) -> Flow[None]:
        """Get both files, if they are there."""
        for name in ("output_file_id", "error_file_id"):
            if file_id := text(self._view.get(name)):
                yield from lines(self.provider, f"/files/{file_id}/content", self._take)
        for problem in items(mapping(self._view.get("errors")).get("data")):
            if line := number(problem.get("line")):
                self.found[str(line - 1)] = LLMInvalidRequestError(
                    f"openai refused the batch because of this request: {_said(problem)}.", provider="openai"
                )

    def _take(self, line: Mapping[str, Any], source: str) -> None:
        name, response = text(line.get("custom_id")), mapping(line.get("response"))
        if name and (outcome := self._outcome(name, line, response, source)) is not None:
            self.found[name] = outcome
        else:
            self.damaged(line)

    def _outcome(self, name: str, line: Mapping[str, Any], response: Mapping[str, Any], source: str) -> Outcome | None:
        body, status = response.get("body"), number(response.get("status_code"))
        if response:
            if status < 400 and isinstance(body, Mapping) and not find_problem(body):
                return self.answer(name, _DIALECTS[text(self._view.get("endpoint"))], body, source)
            headers = {"x-request-id": text(response.get("request_id"))}
            return to_error(status or 500, headers, body, provider=self.provider.name)
        if not (problem := mapping(line.get("error"))):
            return None
        code = text(problem.get("code"))
        if code in _NOT_BEGUN:
            return self.not_begun(_NOT_BEGUN[code])
        return LLMAPIError(f"openai could not answer this request: {_said(problem)}.", provider="openai", code=code)

    def _read(self, view: Mapping[str, Any], total: int = 0) -> None:
        self._view, self.id = view, text(view.get("id")) or self.id
        endpoint, counts = text(view.get("endpoint")), mapping(view.get("request_counts"))
        if endpoint not in _DIALECTS:
            raise LLMError(
                f"the batch {self.id} asks {endpoint}, and llmlab reads those of {' and '.join(_DIALECTS)}",
                provider="openai",
            )
        total = number(counts.get("total")) or total or self.status.total
        state = _STATES.get(text(view.get("status")), "running")
        answered, failed = number(counts.get("completed")), number(counts.get("failed"))
        # The service counts what it did not begin among the failed, or nowhere.
        rest = {state: max(0, total - answered - failed)} if state in ("cancelled", "expired") else {}
        self.status = BatchStatus(
            state,
            total,
            answered,
            failed,
            rest.get("cancelled", 0),
            rest.get("expired", 0),
            datetime.fromtimestamp(number(view.get("expires_at")), UTC) if view.get("expires_at") else None,
            "; ".join(map(_said, items(mapping(view.get("errors")).get("data")))) if state == "failed" else "",
        )


def _said(problem: Mapping[str, Any]) -> str:
    said = text(problem.get("message")).rstrip(".") or text(problem.get("code")) or "no reason was given"
    return f"line {problem['line']}: {said}" if problem.get("line") else said
