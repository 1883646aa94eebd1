"""Batches of providers that have none: the calls are made here, several at once, behind the same interface.

With a path, requests and answers stand in a file, and the batch can be gone on with after a restart.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from llmlab.errors import ConfigurationError, LLMError, LLMInvalidRequestError
from llmlab.formats.parsing import items
from llmlab.providers import Provider
from llmlab.toolkit.batches.base import Service
from llmlab.toolkit.batches.journal import Journal, as_json, from_json
from llmlab.toolkit.batches.status import BatchStatus, State
from llmlab.toolkit.batches.workers import Crew, Job
from llmlab.transport.driver import Flow, Wait
from llmlab.types.completion import Completion
from llmlab.types.options import ResponseFormat
from llmlab.types.request import Request

_HEAD = "llmlab batch"
_numbers = itertools.count(1)


class BatchHere(Service):
    """One batch that this process runs.

    Args:
        provider: who is asked.
        in_flight: calls at once.
        path: where requests and answers are kept; None keeps them in memory.
    """

    def __init__(self, provider: Provider, in_flight: int, path: str | Path | None) -> None:
        super().__init__(provider, f"here-{next(_numbers)}" if path is None else str(path))
        self._in_flight = in_flight
        self._journal = None if path is None else Journal(path)
        self._seen = 0
        self._total = 0
        self._begun = False
        self._crew = Crew((), in_flight)

    def check(self, requests: Sequence[Request]) -> None:
        """Refuse nothing: what is right one by one is right together."""

    def submit(self, requests: Sequence[Request]) -> Flow[None]:
        """Take the requests in. Those that the file has answers to are not asked again."""
        if self._journal is not None:
            written = _written(requests)
            head, *lines = self._journal.read() or [{}]
            if self._journal.is_empty:
                self._journal.write({"kind": _HEAD, "provider": self.provider.name, "requests": written})
            elif (head.get("kind"), head.get("requests")) != (_HEAD, json.loads(json.dumps(written))):
                raise ConfigurationError(
                    f"the file {self.id} holds something else than this batch. Choose another path, or go on with what "
                    "it holds: open_batch(path, provider)"
                )
            self._read(lines)
        self._take(requests)
        yield from ()

    def open(self) -> None:
        """Take in what the file holds.

        Raises:
            LLMInvalidRequestError: if the batch was kept in memory only.
            ConfigurationError: if there is no such file, or no batch in it.
        """
        if self._journal is None or not self._journal.path.is_file():
            raise LLMInvalidRequestError(
                f"{self.provider.name} has no batches of its own, so one can be opened again only where it has a file, "
                f"and there is no file {self.id!r}: submit_batch(requests, provider, path=…) makes one."
            )
        head, *lines = self._journal.read() or [{}]
        if head.get("kind") != _HEAD or not items(head.get("requests")):
            raise ConfigurationError(f"the file {self.id} holds no batch of llmlab")
        self._read(lines)
        self._take([_read_request(self.provider, one) for one in items(head["requests"])])

    @property
    def way_on(self) -> str:
        """What somebody can do who stops waiting."""
        return super().way_on if self._journal else "The batch goes on while this process runs: wait again."

    def start(self, *, tasks: bool) -> None:
        """Begin with what has no answer yet."""
        if self._begun:
            return
        self._begun = True
        if tasks:
            self._crew.start_tasks()
        else:
            self._crew.start()

    def look(self) -> Flow[None]:
        """Count what is there."""
        self._count()
        if self._crew.failure is not None:
            raise self._crew.failure
        yield from ()

    def pause(self, longest: float | None) -> Flow[None]:
        """Wait until something has come in."""
        yield Wait(self._crew.change(self._seen, longest))

    def fetch(self) -> Flow[None]:
        """Do nothing: what has come in is there."""
        yield from ()

    def cancel(self) -> Flow[None]:
        """Begin nothing more. What is in flight is finished."""
        if not self._begun:
            raise self.refused(
                f"the batch {self.id} does not run in this process. Stop the one that runs it with Ctrl-C; what is "
                "answered stays in the file"
            )
        self._crew.stop()
        self._count()
        yield from ()

    def _take(self, requests: Sequence[Request]) -> None:
        def job(name: str, request: Request) -> Job:
            return self.provider, lambda: self._ask(name, request)

        self._total = len(requests)
        todo = {str(place): request for place, request in enumerate(requests)}
        asked = [job(name, request) for name, request in todo.items() if name not in self.found]
        self._crew = Crew(asked, self._in_flight)
        self._count()

    def _ask(self, name: str, request: Request) -> Flow[None]:
        try:
            outcome: Completion | LLMError = yield from self.provider.complete_flow(request)
        except LLMError as error:
            outcome = error
        try:
            if self._journal is not None:
                self._journal.write({"request": int(name), **as_json(outcome)})
        finally:
            # Whoever sees it here may end the process; so it is in the file before.
            self.found[name] = outcome

    def _read(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Take the answers of a file in. What failed is asked again."""
        for line in lines:
            if isinstance(outcome := from_json(line), Completion):
                self.found[str(line.get("request"))] = outcome

    def _count(self) -> None:
        # The version is read first: what comes in after this line is another change.
        self._seen, over = self._crew.version, self._crew.over
        found = list(self.found.values())
        failed = sum(isinstance(one, LLMError) for one in found)
        left = self._total - len(found)
        if over and left and self._crew.stopped:
            for name in map(str, range(self._total)):
                self.found.setdefault(name, self.not_begun("cancelled"))
        cancelled = sum(isinstance(one, LLMError) and one.code == "cancelled" for one in self.found.values())
        state: State = "cancelling" if self._crew.stopped else "running"
        if len(self.found) == self._total:
            state = "cancelled" if cancelled else "done"
        self.status = BatchStatus(state, self._total, len(found) - failed, failed, cancelled)


def _written(requests: Sequence[Request]) -> list[dict[str, Any]]:
    written = [plain(request) for request in requests]
    for number, one in enumerate(written):
        try:
            json.dumps(one)
        except (TypeError, ValueError) as error:
            raise LLMInvalidRequestError(
                f"request {number} cannot be written to a file ({error}). Leave path out, or say it as text: an image, "
                "for one, as a path or an address. Nothing was sent."
            ) from None
    return written


def plain(value: Any) -> Any:
    """Return a value as JSON would hold it; of a dataclass, the fields that say something."""
    if isinstance(value, ResponseFormat):
        return {"title": value.name, **value.schema}
    if is_dataclass(value):
        found = {item.name: getattr(value, item.name) for item in fields(value)}
        return {name: plain(one) for name, one in found.items() if one not in (None, (), {}, "")}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def _read_request(provider: Provider, written: Mapping[str, Any]) -> Request:
    options = {name: value for name, value in written.items() if name != "messages"}
    return provider.request([{"content": "", **one} for one in items(written.get("messages"))], **options)
