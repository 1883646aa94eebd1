"""Finding the recording of a request.

The key is method, service, path with query, and the body as canonical JSON. Several recordings with one key are
answered in their order, and the last one repeats.
"""

from __future__ import annotations

import difflib
import json
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from llmlab.errors import LLMError, RecordingMissError
from llmlab.lab.tape.cassette import Recorded
from llmlab.lab.tape.redaction import known_secrets, redact_request
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest, canonical_json, key_of

_ABSENT = object()


def without_repeats(recordings: Iterable[Recorded]) -> list[Recorded]:
    """Return recordings without those at the end of a key's row that say what the one before them says.

    The last answer repeats by itself, so they change nothing.
    """
    rows: dict[str, list[Recorded]] = {}
    recordings = list(recordings)
    for recording in recordings:
        rows.setdefault(key_of(recording.request), []).append(recording)
    repeats = set()
    for row in rows.values():
        while len(row) > 1 and row[-1].answer == row[-2].answer:
            repeats.add(id(row.pop()))
    return [recording for recording in recordings if id(recording) not in repeats]


def without_mishaps(recordings: Iterable[Recorded]) -> list[Recorded]:
    """Return recordings without refusals of requests that were answered another time.

    A lesson may leave its key out to see what happens; a request with a key must not meet that answer elsewhere.
    """
    recordings = list(recordings)
    answered = {key_of(recording.request) for recording in recordings if recording.answer.status < 400}
    return [item for item in recordings if item.answer.status < 400 or key_of(item.request) not in answered]


class Replay:
    """The recordings of a lesson, to be looked up. Threads may share it.

    Args:
        recordings: in their order.
    """

    def __init__(self, recordings: Iterable[Recorded] = ()) -> None:
        self.recordings = tuple(recordings)
        self._by_key: dict[str, list[Recorded]] = {}
        self._asked: dict[str, int] = {}
        self._lock = threading.Lock()
        for recording in self.recordings:
            self._by_key.setdefault(key_of(recording.request), []).append(recording)

    def find(self, request: TapeRequest) -> TapeAnswer | None:
        """Return the next answer to a request, or None if there is no recording of it."""
        key = key_of(redact_request(request, known_secrets(request)))
        with self._lock:
            found = self._by_key.get(key)
            if found is None:
                return None
            position = self._asked.get(key, 0)
            self._asked[key] = position + 1
        return found[min(position, len(found) - 1)].answer

    def peek(self, request: TapeRequest) -> TapeAnswer | None:
        """Return what `find` would return, without taking its turn."""
        key = key_of(redact_request(request, known_secrets(request)))
        with self._lock:
            found, position = self._by_key.get(key), self._asked.get(key, 0)
        return found[min(position, len(found) - 1)].answer if found else None

    def unused(self) -> list[Recorded]:
        """Return the recordings that nobody has asked for yet."""
        with self._lock:
            used = {id(item) for key, count in self._asked.items() for item in self._by_key[key][:count]}
        return [item for item in self.recordings if id(item) not in used]

    def miss(self, request: TapeRequest, lesson: str | None = None) -> LLMError:
        """Return the error that says which recording comes nearest, where it differs, and how to record it anew.

        Args:
            request: what was asked.
            lesson: whose recordings these are.
        """
        next_step = _NEXT.format(lesson=lesson or "NN")
        asked = redact_request(request, known_secrets(request))
        what = f"there is no recording of {asked.method} {asked.alias} {asked.path}"
        if not self.recordings:
            message = f"{what}: nothing is recorded for this lesson. {next_step}"
            return as_seen_by_sdks(RecordingMissError, message)
        nearest = max(self.recordings, key=lambda item: _likeness(item.request, asked))
        first, *others = list(_differences(nearest.request, asked)) or ["the form of its query"]
        more = f" (and {len(others)} more)" if others else ""
        message = f"{what}. The nearest is {nearest.origin}; it differs in {first}{more}. {next_step}"
        return as_seen_by_sdks(RecordingMissError, message)


_NEXT = (
    "Undo the change, or let the simulator answer: %llmlab offline. To record it: python3 -m llmlab record {lesson} "
    "(with your own key; --authored records what the simulator says)."
)


def as_seen_by_sdks(kind: type[LLMError], message: str) -> LLMError:
    """Return an error that reaches the reader unchanged, whichever SDK it has to pass through.

    OpenAI's SDK and ollama let foreign exceptions pass. Anthropic's would retry for seconds and then report a
    connection error, but lets its own kind pass; so where it is loaded, the error is of that kind, too.
    """
    anthropic = sys.modules.get("anthropic")
    if anthropic is not None:
        kind = type(kind.__name__, (kind, anthropic.AnthropicError), {"__module__": kind.__module__})
    return kind(message)


def _likeness(recorded: TapeRequest, asked: TapeRequest) -> tuple[bool, bool, float]:
    first, second = canonical_json(recorded.body)[:2000], canonical_json(asked.body)[:2000]
    likeness = difflib.SequenceMatcher(None, first, second, autojunk=False).quick_ratio()
    same_path = (recorded.method, recorded.path) == (asked.method, asked.path)
    return recorded.alias == asked.alias, same_path, likeness


def _differences(recorded: TapeRequest, asked: TapeRequest) -> Iterator[str]:
    for name in ("method", "alias", "path"):
        yield from _compare(name, getattr(recorded, name), getattr(asked, name))
    yield from _compare("body", recorded.body, asked.body)


def _compare(name: str, recorded: Any, asked: Any) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(asked, dict):
        for key in {**recorded, **asked}:
            yield from _compare(f"{name}.{key}", recorded.get(key, _ABSENT), asked.get(key, _ABSENT))
    elif isinstance(recorded, list) and isinstance(asked, list):
        for index in range(max(len(recorded), len(asked))):
            pair = [side[index] if index < len(side) else _ABSENT for side in (recorded, asked)]
            yield from _compare(f"{name}[{index}]", *pair)
    elif canonical_json(recorded) != canonical_json(asked):
        start = _first_difference(recorded, asked)
        yield f"{name}: recorded {_brief(recorded, start)}, asked {_brief(asked, start)}"


def _first_difference(recorded: Any, asked: Any) -> int:
    if not (isinstance(recorded, str) and isinstance(asked, str)):
        return 0
    pairs = zip(recorded, asked, strict=False)
    same = next((index for index, (one, other) in enumerate(pairs) if one != other), min(len(recorded), len(asked)))
    return max(0, same - 30)


def _brief(value: Any, start: int) -> str:
    if value is _ABSENT:
        return "nothing"
    if isinstance(value, str):
        piece = value[start : start + 60]
        return repr(("…" if start else "") + piece + ("…" if start + 60 < len(value) else ""))
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else text[:60] + "…"
