"""The file that holds the recordings of one lesson: YAML that a person can review in a diff.

    provenance: authored            # or recorded; an authored answer was written from the documented wire format
    date: '2026-11-14'
    sdk: {openai: 3.52.0}           # which clients asked
    models: [gpt-6-luna]            # which models were asked for
    exchanges:
    - request:
        method: POST
        alias: openai
        path: /v1/responses
        body: {...}
      answer:
        status: 200
        headers: {content-type: text/event-stream}
        framing: named_sse
        events:
        - [0.41, {type: response.created, ...}]

The same value always gives the same text. It is written beside the file and then renamed, so that a reader never sees
half a file. Redaction is done before, in `redaction.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import yaml

from llmlab.errors import ConfigurationError
from llmlab.lab.tape.yaml_format import OneLineList, OneLineMapping, dump_yaml, load_yaml
from llmlab.lab.wire.messages import Framing, TapeAnswer, TapeRequest

_KEPT_HEADERS = re.compile(
    r"content-type|location|retry-after(?:-ms)?|(?:x-)?request-id|openai-(?:processing-ms|version|model)|x-should-retry"
    r"|(?:anthropic|x)-ratelimit-[a-z0-9-]+|anthropic-priority-[a-z0-9-]+"
)
_FRAMINGS = get_args(Framing)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded exchange.

    Args:
        request: what was asked, redacted.
        answer: what was answered, redacted.
        origin: file and line, for people.
    """

    request: TapeRequest
    answer: TapeAnswer
    origin: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.origin}: {self.request.method} {self.request.alias} {self.request.path}"


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """All exchanges of one lesson.

    Args:
        provenance: authored or recorded.
        date: the day, as 2026-11-14.
        exchanges: in the order in which they were started.
        sdk: versions of the libraries that asked.
    """

    provenance: str
    date: str
    exchanges: tuple[Recorded, ...] = ()
    sdk: Mapping[str, str] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        """The models that were asked for, in their order."""
        bodies = [item.request.body for item in self.exchanges]
        names = [body.get("model") for body in bodies if isinstance(body, dict)]
        return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def keep_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an answer that a recording may hold, in order of their names."""
    return {name: headers[name] for name in sorted(headers) if _KEPT_HEADERS.fullmatch(name)}


def read_recording(path: Path) -> RecordingFile:
    """Read a file of recordings.

    Raises:
        ConfigurationError: the file is broken; the message names the line.
    """
    try:
        data, lines = load_yaml(path.read_text("utf-8"), "exchanges")
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise _broken(f"{path.name}{line}", str(error.problem)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _broken(path.name, str(error).splitlines()[0]) from None
    header = _mapping(data, path.name, "the file")
    exchanges = header.get("exchanges") or []
    if header.get("provenance") not in ("authored", "recorded"):
        raise _broken(path.name, "its first line must say provenance: authored, or recorded")
    if not isinstance(exchanges, list):
        raise _broken(path.name, "exchanges must be a list")
    read = tuple(_read(item, f"{path.name}, line {line}") for item, line in zip(exchanges, lines, strict=True))
    return RecordingFile(header["provenance"], str(header.get("date", "")), read, header.get("sdk") or {})


def write_recording(path: Path, file: RecordingFile, texts: Iterable[str] | None = None) -> None:
    """Write a file of recordings, beside its place first.

    Args:
        path: where to.
        file: what.
        texts: the exchanges as YAML, where they are at hand already (see `dump_exchange`).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        aside.write_bytes(dump_recording(file, texts).encode("utf-8"))
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def dump_recording(file: RecordingFile, texts: Iterable[str] | None = None) -> str:
    """Return a file of recordings as YAML."""
    head = {
        "provenance": file.provenance,
        "date": file.date,
        "sdk": OneLineMapping(file.sdk),
        "models": OneLineList(file.models),
    }
    if not file.exchanges:
        return dump_yaml({**head, "exchanges": []})
    texts = map(dump_exchange, file.exchanges) if texts is None else texts
    return dump_yaml(head) + "exchanges:\n" + "".join(texts)


def dump_exchange(item: Recorded) -> str:
    """Return one exchange as an item of a YAML list."""
    request, answer = item.request, item.answer
    asked = {"method": request.method, "alias": request.alias, "path": request.path}
    if request.body is not None:
        asked["body"] = request.body
    answered: dict[str, Any] = {"status": answer.status}
    if answer.headers:
        answered["headers"] = answer.headers
    if answer.seconds:
        answered["seconds"] = round(answer.seconds, 3)
    answered["framing"] = answer.framing
    if answer.events is not None:
        answered["events"] = [OneLineList([round(moment, 3), event]) for moment, event in answer.events]
    elif answer.body is not None:
        answered["body"] = answer.body
    return dump_yaml([{"request": asked, "answer": answered}])


def _read(item: Any, where: str) -> Recorded:
    item = _mapping(item, where, "it")
    request, answer = _mapping(item.get("request"), where, "request"), _mapping(item.get("answer"), where, "answer")
    for name in ("method", "alias", "path"):
        if not isinstance(request.get(name), str):
            raise _broken(where, f"request.{name} must be text")
    framing, events, status = answer.get("framing", "json"), answer.get("events"), answer.get("status", 200)
    headers, seconds = answer.get("headers") or {}, answer.get("seconds", 0.0)
    if framing not in _FRAMINGS:
        raise _broken(where, f"answer.framing must be one of {', '.join(_FRAMINGS)}, not {framing!r}")
    if not isinstance(status, int) or not isinstance(seconds, int | float):
        raise _broken(where, "answer.status and answer.seconds must be numbers")
    return Recorded(
        TapeRequest(request["method"], request["alias"], request["path"], {}, request.get("body")),
        TapeAnswer(
            status=status,
            headers={str(name).lower(): str(value) for name, value in _mapping(headers, where, "headers").items()},
            body=answer.get("body"),
            events=None if events is None else tuple(_event(event, where) for event in _list(events, where)),
            framing=framing,
            seconds=float(seconds),
        ),
        where,
    )


def _event(event: Any, where: str) -> tuple[float, Any]:
    match event:
        case [int() | float() as moment, dict() | str() as said]:
            return float(moment), said
    raise _broken(where, f"an event must be [seconds, JSON object or text], not {str(event)[:60]}")


def _mapping(value: Any, where: str, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _broken(where, f"{what} must hold names and values")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise _broken(where, "answer.events must be a list")
    return value


def _broken(where: str, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"the recordings in {where} cannot be read: {problem}. Get the file back from git, or record the lesson again."
    )
