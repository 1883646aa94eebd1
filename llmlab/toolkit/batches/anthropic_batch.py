"""Anthropic's Message Batches: all requests in one, and the results as JSON lines.

Source: the types of the SDK (`anthropic.types.messages.MessageBatch`) and the guide "Batch processing".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from llmlab.formats.errors import find_problem, to_error
from llmlab.formats.parsing import mapping, number, text
from llmlab.toolkit.batches.base import BatchService, BatchStatus, Outcome, State
from llmlab.transport.base import WireRequest
from llmlab.transport.driver import Flow
from llmlab.types.request import Request

_PATH = "/v1/messages/batches"


class AnthropicBatch(BatchService):
    """A batch at Anthropic. It is done within 24 hours, at half the price; its results stay for 29 days."""

    price_factor: ClassVar[float] = 0.5
    max_requests: ClassVar[int] = 100_000

    def submit(self, requests: Sequence[Request]) -> Flow[None]:
        """Submit the requests. Never retried: a batch that arrives twice is paid twice."""
        entries = [
            {"custom_id": str(index), "params": self.provider.encode(request, False)}
            for index, request in enumerate(requests)
        ]
        wire = WireRequest("POST", _PATH, {"requests": entries})
        self._read((yield from self.provider.post_json(wire, retry=False)))

    def refresh(self) -> Flow[None]:
        self._read((yield from self.send("GET", f"{_PATH}/{self.id}")))

    def cancel(self) -> Flow[None]:
        """Stop the batch. Requests that are being answered are finished."""
        self._read((yield from self.send("POST", f"{_PATH}/{self.id}/cancel")))

    def fetch(self) -> Flow[None]:
        """Get the results, which are available when the batch is over."""
        if self.status.over:
            # Not the address in the status: the key must not go to an address that came over the wire.
            yield from self.provider.read_lines(f"{_PATH}/{self.id}/results", self._take)

    def _take(self, line: Mapping[str, Any], source: str) -> None:
        name = text(line.get("custom_id"))
        self.take(line, name, self._outcome(name, mapping(line.get("result")), source))

    def _outcome(self, name: str, result: Mapping[str, Any], source: str) -> Outcome | None:
        match text(result.get("type")):
            case "succeeded" if isinstance(message := result.get("message"), Mapping):
                return self.decode(name, self.provider.format, message, source)
            case "errored":
                error = mapping(result.get("error"))
                problem = find_problem(error)
                return to_error((problem and problem.status) or 500, {}, error, provider=self.provider.name)
            case "canceled":
                return self.not_started("cancelled")
            case "expired":
                return self.not_started("expired")
        return None

    def _read(self, batch: Mapping[str, Any]) -> None:
        self.id = text(batch.get("id")) or self.id
        counts = {name: number(value) for name, value in mapping(batch.get("request_counts")).items()}
        expires = text(batch.get("expires_at"))
        self.status = BatchStatus(
            _state(text(batch.get("processing_status")), counts),
            sum(counts.values()),
            counts.get("succeeded", 0),
            counts.get("errored", 0),
            counts.get("canceled", 0),
            counts.get("expired", 0),
            datetime.fromisoformat(expires).astimezone(UTC) if expires else None,
        )


def _state(status: str, counts: Mapping[str, int]) -> State:
    if status != "ended":
        return "cancelling" if status == "canceling" else "running"
    if counts.get("canceled"):
        return "cancelled"
    return "expired" if counts.get("expired") else "done"
