"""Batches for providers without them: this process sends the calls, several at once, behind the same interface.

With a path, requests and answers are stored in a file, and the batch can continue after a restart.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from llmlab.errors import ConfigurationError, LLMError, LLMInvalidRequestError
from llmlab.formats.parsing import items
from llmlab.providers import Provider
from llmlab.toolkit.batches.base import BatchService, BatchStatus, Outcome, State
from llmlab.toolkit.batches.journal import Journal, answer_from_json, outcome_to_json
from llmlab.toolkit.batches.requests import to_json
from llmlab.toolkit.batches.workers import Workers
from llmlab.transport.driver import Flow
from llmlab.types.request import Request

_KIND = "llmlab batch"
_numbers = itertools.count(1)


class LocalBatch(BatchService):
    """A batch that this process runs.

    Args:
        provider: who answers.
        in_flight: calls at once.
        path: file of requests and answers; None keeps them in memory.
    """

    def __init__(self, provider: Provider, in_flight: int, path: str | Path | None) -> None:
        super().__init__(provider, f"here-{next(_numbers)}" if path is None else str(path))
        self._in_flight = in_flight
        self._journal = None if path is None else Journal(path)
        self._total = 0
        self._started = False
        self._workers = Workers((), in_flight)
        self._change = self._workers.next_change()

    def check(self, requests: Sequence[Request]) -> None:
        """Refuse nothing: requests that are right one by one are right together."""

    def submit(self, requests: Sequence[Request]) -> Flow[None]:
        """Take the requests. Requests with an answer in the file are not sent again."""
        if self._journal is not None:
            written = _written(requests)
            head, *lines = self._journal.read() or [{}]
            if not self._journal.size:
                self._journal.write({"kind": _KIND, "provider": self.provider.name, "requests": written})
            elif (head.get("kind"), head.get("requests")) != (_KIND, json.loads(json.dumps(written))):
                raise ConfigurationError(
                    f"the file {self.id} holds something else than this batch. Use another path, or continue the batch "
                    "in the file: open_batch(path, provider)"
                )
            self._read(lines)
        self._prepare(requests)
        yield from ()

    def open(self) -> None:
        """Take the requests and answers of the file.

        Raises:
            LLMInvalidRequestError: if the batch was in memory only.
            ConfigurationError: if the file holds no batch.
        """
        if self._journal is None or not self._journal.path.is_file():
            raise LLMInvalidRequestError(
                f"{self.provider.name} has no batches of its own, so only a batch with a file can be opened again, "
                f"and there is no file {self.id!r}: submit_batch(requests, provider, path=…) creates one."
            )
        head, *lines = self._journal.read() or [{}]
        if head.get("kind") != _KIND or not items(head.get("requests")):
            raise ConfigurationError(f"the file {self.id} holds no batch of llmlab")
        self._read(lines)
        self._prepare([_read_request(self.provider, one) for one in items(head["requests"])])

    @property
    def resume_hint(self) -> str:
        if self._journal is not None:
            return super().resume_hint
        return "The batch continues while this process runs: wait again."

    def start(self, *, tasks: bool) -> None:
        """Start with the requests that have no answer yet. A second time changes nothing."""
        if not self._started:
            self._started = True
            self._workers.start(tasks=tasks)

    def refresh(self) -> Flow[None]:
        self._count()
        if self._workers.failure is not None:
            raise self._workers.failure
        yield from ()

    def pause(self, longest: float | None) -> Flow[None]:
        """Wait for the next result."""
        yield from self._workers.wait(self._change, longest)

    def fetch(self) -> Flow[None]:
        """Do nothing: the results are here."""
        yield from ()

    def cancel(self) -> Flow[None]:
        """Start no more calls. Calls in flight are finished."""
        if not self._started:
            raise self.refuse(
                f"the batch {self.id} does not run in this process. Stop the process that runs it with Ctrl-C; the "
                "answers stay in the file"
            )
        self._workers.stop()
        self._count()
        yield from ()

    def _prepare(self, requests: Sequence[Request]) -> None:
        self._total = len(requests)
        missing = [
            partial(self._complete, number, request)
            for number, request in enumerate(requests)
            if str(number) not in self.results
        ]
        self._workers = Workers(missing, self._in_flight)
        self._count()

    def _complete(self, number: int, request: Request) -> Flow[None]:
        outcome: Outcome
        try:
            outcome = yield from self.provider.complete_flow(request)
        except LLMError as error:
            outcome = error
        try:
            if self._journal is not None:
                self._journal.write({"request": number, **outcome_to_json(outcome)})
        finally:
            # After the file: a program that sees the last result may end.
            self.results[str(number)] = outcome

    def _read(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Take the answers of the file. Failed requests are sent again."""
        for line in lines:
            if (answer := answer_from_json(line)) is not None:
                self.results[str(line.get("request"))] = answer

    def _count(self) -> None:
        # Taken first: a result that comes in after this line is the next change.
        self._change = self._workers.next_change()
        stopped = self._workers.stopped
        if stopped and self._workers.idle:
            for number in range(self._total):
                self.results.setdefault(str(number), self.not_started("cancelled"))
        results = list(self.results.values())
        errors = [one for one in results if isinstance(one, LLMError)]
        cancelled = sum(error.code == "cancelled" for error in errors)
        state: State = "cancelling" if stopped else "running"
        if len(results) == self._total:
            state = "cancelled" if cancelled else "done"
        answered = len(results) - len(errors)
        self.status = BatchStatus(state, self._total, answered, len(errors) - cancelled, cancelled)


def _written(requests: Iterable[Request]) -> list[dict[str, Any]]:
    """Return requests as JSON values, for the file."""
    written = [to_json(request) for request in requests]
    for number, one in enumerate(written):
        try:
            json.dumps(one)
        except (TypeError, ValueError) as error:
            raise LLMInvalidRequestError(
                f"request {number} cannot be written to a file ({error}). Omit path, or write it as text: an image, "
                "for example, as a path or an address. Nothing was sent."
            ) from None
    return written


def _read_request(provider: Provider, written: Mapping[str, Any]) -> Request:
    options = {name: value for name, value in written.items() if name != "messages"}
    return provider.request([{"content": "", **one} for one in items(written.get("messages"))], **options)
