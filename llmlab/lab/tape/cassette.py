"""The file with the recordings of one lesson: YAML that a person can review in a diff.

    provenance: authored            # or recorded; an authored answer was written from the documented wire format
    date: '2026-11-14'
    sdk: {openai: 3.52.0}           # versions of the clients
    models: [gpt-6-luna]            # models in the requests
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

The same value always gives the same text. `redaction.py` removes secrets before anything is written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, get_args

import yaml

from llmlab.config.safe_yaml import load_yaml
from llmlab.errors import ConfigurationError
from llmlab.lab.tape.yaml_format import OneLineList, OneLineMapping, dump_yaml
from llmlab.lab.wire.messages import Framing, TapeAnswer, TapeRequest, key_of

_STORED_HEADERS: Final = re.compile(
    r"content-type|location|retry-after(?:-ms)?|(?:x-)?request-id|openai-(?:processing-ms|version|model)|x-should-retry"
    r"|(?:anthropic|x)-ratelimit-[a-z0-9-]+|anthropic-priority-[a-z0-9-]+"
)
_FRAMINGS: Final = get_args(Framing)


@dataclass(frozen=True)
class Interaction:
    """One recorded request with its answer, both redacted.

    Args:
        request: the request.
        answer: the answer.
        origin: file and line, for people.
    """

    request: TapeRequest
    answer: TapeAnswer
    origin: str = field(default="", compare=False)

    @cached_property
    def key(self) -> str:
        """The key of the request; see `key_of`."""
        return key_of(self.request)

    @property
    def line(self) -> int:
        """The line on which it begins."""
        return int(self.origin.rpartition(" ")[2])

    def __str__(self) -> str:
        return f"{self.origin}: {self.request}"


@dataclass(frozen=True, slots=True)
class Cassette:
    """All recordings of one lesson.

    Args:
        provenance: authored or recorded.
        date: the day, as 2026-11-14.
        interactions: in the order in which they were started.
        sdk: versions of the clients.
    """

    provenance: str
    date: str
    interactions: tuple[Interaction, ...] = ()
    sdk: Mapping[str, str] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        """The models in the requests, in their order."""
        return list(dict.fromkeys(item.request.model for item in self.interactions if item.request.model))


def keep_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an answer that a recording may hold, in order of their names."""
    return {name: headers[name] for name in sorted(headers) if _STORED_HEADERS.fullmatch(name)}


def write_cassette(path: Path, file: Cassette, texts: Iterable[str] | None = None) -> None:
    """Write a file of recordings beside its place, then rename it, so that nobody reads half a file.

    Args:
        path: the file.
        file: its content.
        texts: the interactions as YAML, if they are known (see `dump_interaction`).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(dump_cassette(file, texts).encode("utf-8"))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def dump_cassette(file: Cassette, texts: Iterable[str] | None = None) -> str:
    """Return a file of recordings as YAML."""
    head = {
        "provenance": file.provenance,
        "date": file.date,
        "sdk": OneLineMapping(file.sdk),
        "models": OneLineList(file.models),
    }
    if not file.interactions:
        return dump_yaml({**head, "exchanges": []})
    texts = map(dump_interaction, file.interactions) if texts is None else texts
    return dump_yaml(head) + "exchanges:\n" + "".join(texts)


def dump_interaction(item: Interaction) -> str:
    """Return one interaction as an item of a YAML list."""
    request: dict[str, Any] = {name: getattr(item.request, name) for name in ("method", "alias", "path")}
    if item.request.body is not None:
        request["body"] = item.request.body
    answer: dict[str, Any] = {"status": item.answer.status}
    if item.answer.headers:
        answer["headers"] = item.answer.headers
    if item.answer.seconds:
        answer["seconds"] = round(item.answer.seconds, 3)
    answer["framing"] = item.answer.framing
    if item.answer.events is not None:
        answer["events"] = [OneLineList([round(moment, 3), event]) for moment, event in item.answer.events]
    elif item.answer.body is not None:
        answer["body"] = item.answer.body
    return dump_yaml([{"request": request, "answer": answer}])


def read_cassette(path: Path) -> Cassette:
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
    head = _expect(dict, data, path.name, "the file")
    items = _expect(list, head.get("exchanges") or [], path.name, "exchanges")
    if head.get("provenance") not in ("authored", "recorded"):
        raise _broken(path.name, "its first line must say provenance: authored, or recorded")
    if len(lines) != len(items):
        raise _broken(path.name, "exchanges must stand once, and as a list of their own")
    interactions = (_parse(item, f"{path.name}, line {line}") for item, line in zip(items, lines, strict=True))
    sdk = _expect(dict, head.get("sdk") or {}, path.name, "sdk")
    return Cassette(head["provenance"], str(head.get("date", "")), tuple(interactions), sdk)


def _parse(item: Any, where: str) -> Interaction:
    item = _expect(dict, item, where, "it")
    request, answer = (_expect(dict, item.get(name), where, name) for name in ("request", "answer"))
    method, alias, path = (
        _expect(str, request.get(name), where, f"request.{name}") for name in ("method", "alias", "path")
    )
    framing, events = answer.get("framing", "json"), answer.get("events")
    if framing not in _FRAMINGS:
        raise _broken(where, f"answer.framing must be one of {', '.join(_FRAMINGS)}, not {framing!r}")
    headers = _expect(dict, answer.get("headers") or {}, where, "answer.headers")
    return Interaction(
        TapeRequest(method, alias, path, {}, request.get("body")),
        TapeAnswer(
            status=_expect(int, answer.get("status", 200), where, "answer.status"),
            headers={str(name).lower(): str(value) for name, value in headers.items()},
            body=answer.get("body"),
            events=None if events is None else tuple(_parse_events(events, where)),
            framing=framing,
            seconds=float(_expect((int, float), answer.get("seconds", 0.0), where, "answer.seconds")),
        ),
        where,
    )


def _parse_events(events: Any, where: str) -> Iterable[tuple[float, Any]]:
    for event in _expect(list, events, where, "answer.events"):
        match event:
            case [int() | float() as moment, dict() | str() as data]:
                yield float(moment), data
            case _:
                raise _broken(where, f"an event must be [seconds, JSON object or text], not {str(event)[:60]}")


def _expect(kind: Any, value: Any, where: str, what: str) -> Any:
    if not isinstance(value, kind):
        expected = {dict: "a mapping", list: "a list", str: "text"}.get(kind, "a number")
        raise _broken(where, f"{what} must be {expected}")
    return value


def _broken(where: str, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"the recordings in {where} cannot be read: {problem}. Get the file back from git, or record the lesson again."
    )
