"""Anthropic's Message Batches: many requests in one, and their results as a JSON document a line.

Fields as in the SDK's types (`anthropic.types.messages.MessageBatch`) and the guide "Batch processing".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from llmlab.formats.errors import find_problem, to_error
from llmlab.formats.parsing import mapping, number, text
from llmlab.toolkit.batches.base import Outcome, Service
from llmlab.toolkit.batches.http import again, lines, once
from llmlab.toolkit.batches.status import BatchStatus, State
from llmlab.transport.base import WireRequest
from llmlab.transport.driver import Flow
from llmlab.types.request import Request

PATH = "/v1/messages/batches"


class AnthropicBatch(Service):
    """One batch at Anthropic. It is done within 24 hours, at half the price; its results stay for 29 days."""

    share: ClassVar[float] = 0.5
    most: ClassVar[int] = 100_000

    def submit(self, requests: Sequence[Request]) -> Flow[None]:
        """Hand the requests in."""
        wanted = [
            {"custom_id": str(place), "params": self.provider.encode(request, False)}
            for place, request in enumerate(requests)
        ]
        self._read((yield from once(self.provider, WireRequest("POST", PATH, {"requests": wanted}))))

    def look(self) -> Flow[None]:
        """Ask for the batch."""
        self._read((yield from again(self.provider, WireRequest("GET", f"{PATH}/{self.id}"), self.id)))

    def cancel(self) -> Flow[None]:
        """Ask for the batch to be stopped. What is being answered is finished."""
        self._read((yield from again(self.provider, WireRequest("POST", f"{PATH}/{self.id}/cancel"), self.id)))

    def fetch(self) -> Flow[None]:
        """Get the results, which are there when the batch is over."""
        if self.status.over:
            # The path is ours: a key must not follow an address that came over the wire.
            yield from lines(self.provider, f"{PATH}/{self.id}/results", self._take)

    def _take(self, line: Mapping[str, Any], source: str) -> None:
        name, result = text(line.get("custom_id")), mapping(line.get("result"))
        if name and (outcome := self._outcome(name, result, source)) is not None:
            self.found[name] = outcome
        else:
            self.damaged(line)

    def _outcome(self, name: str, result: Mapping[str, Any], source: str) -> Outcome | None:
        match text(result.get("type")):
            case "succeeded" if isinstance(message := result.get("message"), Mapping):
                return self.answer(name, self.provider.format, message, source)
            case "errored":
                error = mapping(result.get("error"))
                problem = find_problem(error)
                status = (problem.status if problem else None) or 500
                return to_error(status, {}, error, provider=self.provider.name)
            case "canceled":
                return self.not_begun("cancelled")
            case "expired":
                return self.not_begun("expired")
        return None

    def _read(self, view: Mapping[str, Any]) -> None:
        self.id = text(view.get("id")) or self.id
        counts = {name: number(value) for name, value in mapping(view.get("request_counts")).items()}
        expires = text(view.get("expires_at"))
        self.status = BatchStatus(
            _state(text(view.get("processing_status")), counts),
            sum(counts.values()),
            counts.get("succeeded", 0),
            counts.get("errored", 0),
            counts.get("canceled", 0),
            counts.get("expired", 0),
            datetime.fromisoformat(expires).astimezone(UTC) if expires else None,
        )


def _state(status: str, counts: Mapping[str, int]) -> State:
    if status == "canceling":
        return "cancelling"
    if status != "ended":
        return "running"
    if counts.get("canceled"):
        return "cancelled"
    return "expired" if counts.get("expired") else "done"
