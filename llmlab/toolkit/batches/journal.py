"""A file of results, one JSON object per line, written as they come, so that a stopped run can continue.

A damaged line, such as the last one of a killed process, counts as not written.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from llmlab.errors import ConfigurationError, LLMError
from llmlab.formats.parsing import mapping, read_json
from llmlab.types.completion import Completion, FileSearchResult, Usage
from llmlab.types.messages import ToolCall

_ERROR_FIELDS = ("provider", "status_code", "request_id", "code", "retry_after", "should_retry")
_log = logging.getLogger("llmlab")


class Journal:
    """A file of JSON lines that grows. Safe with threads.

    Args:
        path: of the file; its folder must exist.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.size = 0
        """Bytes that were read and written here."""
        self._lock = threading.Lock()

    @property
    def has_news(self) -> bool:
        """Whether another process has written since the last `read`."""
        return self.size != (self.path.stat().st_size if self.path.exists() else 0)

    def read(self) -> list[dict[str, Any]]:
        """Return the lines; none if the file does not exist yet.

        Raises:
            ConfigurationError: if it cannot be read.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            if not self.path.parent.is_dir():
                # Before anything is sent and paid.
                raise ConfigurationError(f"the file {self.path} cannot be written: there is no such folder") from None
            return []
        except OSError as error:
            raise ConfigurationError(f"the file {self.path} cannot be read: {error.strerror}") from None
        self.size = len(data)
        lines = []
        for number, line in enumerate(data.splitlines(), 1):
            try:
                value = read_json(line)
            except ValueError:
                value = None
            if isinstance(value, dict):
                lines.append(value)
            elif line.strip():
                _log.warning("line %d of %s is damaged and counts as not written", number, self.path)
        return lines

    def write(self, value: Mapping[str, Any]) -> None:
        """Add a line.

        Raises:
            ConfigurationError: if it cannot be written.
        """
        data = json.dumps(value).encode() + b"\n"
        try:
            with self._lock, self.path.open("ab+") as file:
                if file.tell():
                    # The line before may be cut off.
                    file.seek(-1, 2)
                    data = data if file.read() == b"\n" else b"\n" + data
                file.write(data)
                self.size += len(data)
        except OSError as error:
            raise ConfigurationError(f"the file {self.path} cannot be written: {error.strerror}") from None


def outcome_to_json(outcome: Completion | LLMError) -> dict[str, Any]:
    """Return an answer or an error as JSON, without the raw response and the parsed object."""
    if isinstance(outcome, LLMError):
        details = {name: value for name in _ERROR_FIELDS if (value := getattr(outcome, name)) is not None}
        return {"error": {"type": type(outcome).__name__, "message": outcome.message, **details}}
    values = asdict(replace(outcome, raw_response={}, parsed=None))
    return {"answer": {name: value for name, value in values.items() if value not in (None, "", (), {})}}


def answer_from_json(line: Mapping[str, Any]) -> Completion | None:
    """Return the answer in a line; None if it has none, or a damaged one."""
    answer = mapping(line.get("answer"))
    if not answer:
        return None
    try:
        names = {field.name for field in fields(Completion)}
        values = {name: value for name, value in answer.items() if name in names}
        values["usage"] = Usage(**mapping(values.get("usage")))
        values["tool_calls"] = tuple(ToolCall(**one) for one in values.get("tool_calls", ()))
        values["file_search_results"] = tuple(FileSearchResult(**one) for one in values.get("file_search_results", ()))
        others = (answer_from_json({"answer": one}) for one in values.get("alternatives", ()))
        values["alternatives"] = tuple(filter(None, others))
        return Completion(**{"content": "", **values})
    except (TypeError, AttributeError):
        _log.warning("an answer in a file is damaged and counts as not written")
        return None
