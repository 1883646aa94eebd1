"""Answers and errors in a file, one JSON object a line, written as they come, so that a stopped run can go on.

A line that is damaged, such as the last one of a run that was killed, counts as not written. What came over the wire
and parsed objects are left out.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from llmlab import errors
from llmlab.errors import ConfigurationError, LLMError
from llmlab.formats.parsing import mapping, text
from llmlab.types.completion import Completion, FileSearchResult, Usage
from llmlab.types.messages import ToolCall

_log = logging.getLogger("llmlab")
_LEFT_OUT = ("raw_response", "parsed")
_ERROR = ("provider", "status_code", "request_id", "code", "retry_after")
_LISTS = {"tool_calls": ToolCall, "file_search_results": FileSearchResult}


class Journal:
    """A file of JSON lines that grows. Safe with threads.

    Args:
        path: of the file; its folder must be there.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._whole_lines = False
        self._known = 0

    def read(self) -> list[dict[str, Any]]:
        """Return the lines; none if there is no file yet.

        Raises:
            ConfigurationError: if it cannot be read.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            if not self.path.parent.is_dir():
                # Said before anything is asked and paid.
                raise ConfigurationError(f"the file {self.path} cannot be written: there is no such folder") from None
            return []
        except OSError as error:
            raise ConfigurationError(f"the file {self.path} cannot be read: {error.strerror}") from None
        self._known = len(data)
        found = []
        for number, line in enumerate(data.splitlines(), 1):
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                value = None
            if isinstance(value, dict):
                found.append(value)
            elif line.strip():
                _log.warning("line %d of %s is damaged and counts as not written", number, self.path)
        return found

    @property
    def is_empty(self) -> bool:
        """Whether nothing is written yet, not even something else."""
        return not (self.path.exists() and self.path.stat().st_size)

    @property
    def has_news(self) -> bool:
        """Whether another process has written since this one has read."""
        return self.path.exists() and self.path.stat().st_size != self._known

    def write(self, value: Mapping[str, Any]) -> None:
        """Add a line.

        Raises:
            ConfigurationError: if it cannot be written.
        """
        data = json.dumps(value).encode() + b"\n"
        try:
            with self._lock, self.path.open("ab+") as file:
                if not self._whole_lines and file.tell():
                    file.seek(-1, 2)
                    data = data if file.read() == b"\n" else b"\n" + data
                file.write(data)
                self._whole_lines = True
                self._known += len(data)
        except OSError as error:
            raise ConfigurationError(f"the file {self.path} cannot be written: {error.strerror}") from None


def as_json(outcome: Completion | LLMError) -> dict[str, Any]:
    """Return an answer or an error as JSON."""
    if isinstance(outcome, LLMError):
        details = {name: value for name in _ERROR if (value := getattr(outcome, name)) is not None}
        return {"error": {"type": type(outcome).__name__, "message": outcome.message, **details}}
    values = {item.name: getattr(outcome, item.name) for item in fields(outcome) if item.name not in _LEFT_OUT}
    values["usage"] = asdict(outcome.usage)
    for name in _LISTS:
        values[name] = [asdict(one) for one in values[name]]
    return {"answer": {name: value for name, value in values.items() if value not in (None, "", [])}}


def from_json(value: Mapping[str, Any]) -> Completion | LLMError | None:
    """Return the answer or the error that a line holds; None if it holds none."""
    try:
        if answer := mapping(value.get("answer")):
            known = {item.name for item in fields(Completion)}
            values = {name: one for name, one in answer.items() if name in known}
            values["usage"] = Usage(**mapping(values.get("usage")))
            for name, part in _LISTS.items():
                values[name] = tuple(part(**one) for one in values.get(name, ()))
            return Completion(**{"content": "", **values})
        if told := mapping(value.get("error")):
            kind: type[LLMError] = getattr(errors, text(told.get("type")), LLMError)
            error = kind.__new__(kind)
            details: dict[str, Any] = {name: told.get(name) for name in _ERROR}
            # The subclasses take other arguments than the message.
            LLMError.__init__(error, text(told.get("message")), **details)
            return error
    except (TypeError, AttributeError):
        _log.warning("an answer in a file is damaged and counts as not written")
    return None
