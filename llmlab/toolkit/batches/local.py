"""Batches for providers without them: this process sends the calls, several at once, behind the same interface.

With a path, requests and answers are stored in a file, and the batch can continue after a restart.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from llmlab.errors import ConfigurationError, LLMError, LLMInvalidRequestError
from llmlab.formats.parsing import items
from llmlab.providers import Provider
from llmlab.toolkit.batches.batch import Batch, BatchStatus, Outcome, State
from llmlab.toolkit.batches.journal import Journal, answer_from_json, outcome_to_json
from llmlab.toolkit.batches.requests import to_json
from llmlab.toolkit.batches.workers import Workers
from llmlab.transport.driver import Flow
from llmlab.types.request import Request

_KIND = "llmlab batch"
_numbers = itertools.count(1)


class LocalBatch(Batch):
    """A batch that this process runs.

    Args:
        provider: who answers.
        path: file of requests and answers; None keeps them in memory.
        in_flight: calls at once.
    """

    is_remote: ClassVar[bool] = False

    def __init__(self, provider: Provider, path: str | Path | None, in_flight: int) -> None:
        super().__init__(provider, f"here-{next(_numbers)}" if path is None else str(path))
        self._in_flight = in_flight
        self._journal = None if path is None else Journal(path)
        self._started = False
        self._workers = Workers((), in_flight)
        self._change = self._workers.next_change()

    def _submit(self, requests: Sequence[Request]) -> Flow[None]:
        """Take the requests. Requests with an answer in the file are not sent again."""
        if self._journal is not None:
            written = _to_json(requests)
            head, *lines = self._journal.read() or [{}]
            if not self._journal.size:
                self._journal.write({"kind": _KIND, "provider": self.provider, "requests": written})
            elif (head.get("kind"), head.get("requests")) != (_KIND, json.loads(json.dumps(written))):
                raise ConfigurationError(
                    f"the file {self.id} holds something else than this batch. Use another path, or continue the batch "
                    "in the file: open_batch(path, provider)"
                )
            self._read(lines)
        self._prepare(requests)
        yield from ()

    def _open(self) -> Flow[None]:
        """Take the requests and answers of the file."""
        if self._journal is None or not self._journal.path.is_file():
            raise LLMInvalidRequestError(
                f"{self.provider} has no batches of its own, so only a batch with a file can be opened again, "
                f"and there is no file {self.id!r}: submit_batch(requests, provider, path=…) creates one."
            )
        head, *lines = self._journal.read() or [{}]
        if head.get("kind") != _KIND or not items(head.get("requests")):
            raise ConfigurationError(f"the file {self.id} holds no batch of llmlab")
        self._read(lines)
        self._prepare([_from_json(self._provider, one) for one in items(head["requests"])])
        yield from ()

    def _start(self, *, tasks: bool) -> None:
        """Start with the requests that have no answer yet. A second time changes nothing."""
        if not self._started:
            self._started = True
            self._workers.start(tasks=tasks)

    def _refresh(self) -> Flow[None]:
        self._count()
        if self._workers.failure is not None:
            raise self._workers.failure
        yield from ()

    def _pause(self, longest: float | None) -> Flow[None]:
        yield from self._workers.wait(self._change, longest)

    def _fetch(self) -> Flow[None]:
        yield from ()

    def _cancel(self) -> Flow[None]:
        if not self._started:
            raise self._refuse(
                f"the batch {self.id} does not run in this process. Stop the process that runs it with Ctrl-C; the "
                "answers stay in the file"
            )
        self._workers.stop()
        self._count()
        yield from ()

    @property
    def _resume_hint(self) -> str:
        if self._journal is not None:
            return super()._resume_hint
        return "The batch continues while this process runs: wait again."

    def _read(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Take the answers of the file. Failed requests are sent again."""
        for line in lines:
            if (answer := answer_from_json(line)) is not None:
                self._results[str(line.get("request"))] = answer

    def _prepare(self, requests: Sequence[Request]) -> None:
        missing = [
            partial(self._complete, str(number), request)
            for number, request in enumerate(requests)
            if str(number) not in self._results
        ]
        self._workers = Workers(missing, self._in_flight)
        self.status = BatchStatus("running", len(requests))
        self._count()

    def _complete(self, name: str, request: Request) -> Flow[None]:
        outcome: Outcome
        try:
            outcome = yield from self._provider.complete_flow(request)
        except LLMError as error:
            outcome = error
        try:
            if self._journal is not None:
                self._journal.write({"request": int(name), **outcome_to_json(outcome)})
        finally:
            # After the file: a program that sees the last result may end.
            self._results[name] = outcome

    def _count(self) -> None:
        """Bring the status up to date."""
        # Taken first: a result that comes in after this line is the next change.
        self._change = self._workers.next_change()
        stopped, total = self._workers.stopped, self.status.total
        if stopped and self._workers.idle:
            for number in range(total):
                self._results.setdefault(str(number), self._not_started("cancelled"))
        results = list(self._results.values())
        errors = [one for one in results if isinstance(one, LLMError)]
        cancelled = sum(error.code == "cancelled" for error in errors)
        state: State = "cancelling" if stopped else "running"
        if len(results) == total:
            state = "cancelled" if cancelled else "done"
        self.status = BatchStatus(state, total, len(results) - len(errors), len(errors) - cancelled, cancelled)


def _to_json(requests: Iterable[Request]) -> list[dict[str, Any]]:
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


def _from_json(provider: Provider, written: Mapping[str, Any]) -> Request:
    options = {name: value for name, value in written.items() if name != "messages"}
    return provider.request([{"content": "", **one} for one in items(written.get("messages"))], **options)
