"""Finds the recording of a request by its key; see `key_of`.

Several recordings with one key are used in their order, and the last one repeats.
"""

from __future__ import annotations

import difflib
import json
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any, Final

from llmlab._utils.text import shorten
from llmlab.errors import LLMError, RecordingMissError
from llmlab.lab.tape.cassette import Interaction
from llmlab.lab.tape.redaction import known_secrets, redact_request
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest, canonical_json, key_of

_ABSENT: Final = object()
_NEXT: Final = (
    "Undo the change, or let the simulator answer: %llmlab offline. To record it: python3 -m llmlab record {lesson} "
    "(with your own key; --authored records what the simulator says)."
)


class Matcher:
    """The recordings of a lesson, by key. Threads may share it.

    Args:
        recordings: in their order.
    """

    def __init__(self, recordings: Iterable[Interaction] = ()) -> None:
        self.recordings = tuple(recordings)
        self._by_key = by_key(self.recordings)
        self._used: dict[str, int] = {}
        self._lock = threading.Lock()

    def find(self, request: TapeRequest, *, use: bool = True) -> TapeAnswer | None:
        """Return the next answer to a request, or None if it is not recorded. Without `use`, it stays the next one."""
        key = key_of(redact_request(request, known_secrets(request)))
        row = self._by_key.get(key)
        if row is None:
            return None
        with self._lock:
            used = self._used.get(key, 0)
            self._used[key] = used + use
        return row[min(used, len(row) - 1)].answer

    def unused(self) -> list[Interaction]:
        """Return the recordings that were not used yet."""
        with self._lock:
            used = {id(item) for key, count in self._used.items() for item in self._by_key[key][:count]}
        return [item for item in self.recordings if id(item) not in used]

    def miss(self, request: TapeRequest, lesson: str | None = None) -> LLMError:
        """Return the error that names the nearest recording, the field that differs, and the command that records.

        Args:
            request: a request that is not recorded.
            lesson: the lesson of these recordings.
        """
        request = redact_request(request, known_secrets(request))
        if self.recordings:
            nearest = max(self.recordings, key=lambda item: _likeness(item.request, request))
            first, *others = list(_differences(nearest.request, request)) or ["the form of its query"]
            more = f" (and {len(others)} more)" if others else ""
            why = f". The nearest is {nearest.origin}; it differs in {first}{more}"
        else:
            why = ": nothing is recorded for this lesson"
        next_step = _NEXT.format(lesson=lesson or "NN")
        return as_seen_by_sdks(RecordingMissError, f"there is no recording of {request}{why}. {next_step}")


def without_repeats(recordings: Iterable[Interaction]) -> list[Interaction]:
    """Return recordings without answers that repeat the last one of their key; that one repeats by itself."""
    recordings = list(recordings)
    repeats = set()
    for row in by_key(recordings).values():
        while len(row) > 1 and row[-1].answer == row[-2].answer:
            repeats.add(id(row.pop()))
    return [item for item in recordings if id(item) not in repeats]


def without_refusals(recordings: Iterable[Interaction]) -> list[Interaction]:
    """Return recordings without refusals of requests that have an answer, too.

    A lesson may leave its key out on purpose; a request with a key must not get that answer.
    """
    recordings = list(recordings)
    answered = {item.key for item in recordings if item.answer.status < 400}
    return [item for item in recordings if item.answer.status < 400 or item.key not in answered]


def as_seen_by_sdks(kind: type[LLMError], message: str) -> LLMError:
    """Return an error that reaches the reader unchanged through every SDK.

    The SDK of OpenAI and ollama let foreign exceptions pass. Anthropic's would retry for seconds and then report a
    connection error, but lets its own kind pass; if it is loaded, the error is of that kind, too.
    """
    anthropic = sys.modules.get("anthropic")
    if anthropic is not None:
        kind = type(kind.__name__, (kind, anthropic.AnthropicError), {"__module__": kind.__module__})
    return kind(message)


def by_key(recordings: Iterable[Interaction]) -> dict[str, list[Interaction]]:
    """Return recordings by key, those of one key in their order."""
    rows: dict[str, list[Interaction]] = {}
    for item in recordings:
        rows.setdefault(item.key, []).append(item)
    return rows


def _likeness(recorded: TapeRequest, asked: TapeRequest) -> tuple[bool, bool, float]:
    first, second = canonical_json(recorded.body)[:2000], canonical_json(asked.body)[:2000]
    likeness = difflib.SequenceMatcher(None, first, second, autojunk=False).quick_ratio()
    same_path = (recorded.method, recorded.path) == (asked.method, asked.path)
    return recorded.alias == asked.alias, same_path, likeness


def _differences(recorded: TapeRequest, asked: TapeRequest) -> Iterator[str]:
    for name in ("method", "alias", "path", "body"):
        yield from _compare(name, getattr(recorded, name), getattr(asked, name))


def _compare(name: str, recorded: Any, asked: Any) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(asked, dict):
        for key in {**recorded, **asked}:
            yield from _compare(f"{name}.{key}", recorded.get(key, _ABSENT), asked.get(key, _ABSENT))
    elif isinstance(recorded, list) and isinstance(asked, list):
        for index in range(max(len(recorded), len(asked))):
            pair = [side[index] if index < len(side) else _ABSENT for side in (recorded, asked)]
            yield from _compare(f"{name}[{index}]", *pair)
    elif canonical_json(recorded) != canonical_json(asked):
        start = 0
        if isinstance(recorded, str) and isinstance(asked, str):
            start = max(0, first_difference(recorded, asked) - 30)
        yield f"{name}: recorded {_brief(recorded, start)}, asked {_brief(asked, start)}"


def first_difference(one: str, other: str) -> int:
    """Return the index of the first character that differs between two texts."""
    pairs = zip(one, other, strict=False)
    return next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def excerpt(text: str, start: int, length: int) -> str:
    """Return a part of a text in quotes, with dots where more of it follows."""
    dots = "…" if start + length < len(text) else ""
    return repr(("…" if start else "") + text[start : start + length] + dots)


def _brief(value: Any, start: int) -> str:
    if value is _ABSENT:
        return "nothing"
    if isinstance(value, str):
        return excerpt(value, start, 60)
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return shorten(text, 61)
