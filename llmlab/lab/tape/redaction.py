"""Taking secrets and personal data out of an exchange, before anything of it touches the disk.

`llmlab._utils.redaction` knows what a key looks like. This file adds what only a recording needs: names of fields that
hold secrets, values that this request used as its key, e-mail addresses, names in home directories, and secrets that a
stream delivers in pieces. Requests are redacted before they are looked up, too, so that they find their recording.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from llmlab._utils.redaction import PASSES, REDACTED, redact, secret_spans
from llmlab.lab.wire.messages import Event, TapeAnswer, TapeRequest

PLACEHOLDER = "offline-no-key-needed"
"""What stands in for a key where nothing is sent."""

_FURTHER = (
    # What calls itself a token, a secret or a key, and looks like none of a human's words.
    re.compile(
        r"""(\b(?:[a-z]+[_-])?(?:token|secret|key|credential)["']?\s*[=:]\s*["']?)"""
        r"""(?!\[redacted\])(?=[^\s"'&,;}]*\d)[A-Za-z0-9._~+/=-]{16,}""",
        re.IGNORECASE,
    ),
    # E-mail addresses, but those that RFC 2606 keeps free for examples.
    re.compile(
        r"()(?<![\w.+-])[A-Za-z0-9][\w.+-]*@(?!(?:[\w-]+\.)*example\.(?:com|org|net)\b)"
        r"(?:[A-Za-z0-9-]+\.)+(?!(?:example|invalid|test)\b)[A-Za-z]{2,}",
    ),
    # The name in a home directory, on Linux, macOS and Windows.
    re.compile(r"((?<![\w.])/(?:home|Users)/)[^/\\\s\"'`<>\[\]{}|:;,)(]+"),
    re.compile(r"(\b[A-Za-z]:\\{1,2}Users\\{1,2})[^/\\\s\"'`<>\[\]{}|:;,)(]+"),
)
_SECRET_FIELD = re.compile(
    r"^(?:.*_)?(?:api_?key|authorization|access_?token|refresh_?token|id_?token|auth_?token|session_?token|bearer_?token"
    r"|client_?secret|secret|secret_?key|secret_?access_?key|private_?key|password|passwd|cookie|credential)s?$"
)
# These may hold a word of the answer as well (see `logprobs`), so only what looks like a key counts.
_MAYBE_SECRET_FIELD = re.compile(r"^(?:.*_)?(?:token|key|auth)$")
_LIKE_A_KEY = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9._~+/=-]{16,}")
_SECRET_HEADER = re.compile(r"auth|api-?key|token|secret|cookie|password")
_SECRET_VARIABLE = re.compile(r"(?:_KEY|_TOKEN|_SECRET|_PASSWORD)$")
# Keys that local servers are given because a client insists on one. As words they are harmless.
_DUMMY = {"ollama", "empty", "none", "null", "dummy", "test", "lm-studio", "not-needed", "no-key", "no-key-needed"}
_SECRET_PARAMETER = re.compile(r"^(?:.*[_-])?(?:key|token|secret|password|apikey|sig|signature)$", re.IGNORECASE)


def known_secrets(request: TapeRequest) -> tuple[str, ...]:
    """Return the values that are secret in this exchange, whatever they look like, longest first."""
    found = {PLACEHOLDER}
    for name, value in request.headers.items():
        if _SECRET_HEADER.search(name):
            found |= _values_in(value)
    for name, value in parse_qsl(urlsplit(request.path).query):
        if _SECRET_PARAMETER.match(name):
            found.add(value)
    variables = (value for name, value in os.environ.items() if _SECRET_VARIABLE.search(name))
    found |= {value for value in variables if _LIKE_A_KEY.fullmatch(value)}
    found = {value for value in found if len(value) >= 4 and value.lower() not in _DUMMY}
    found |= {quote(value, safe="") for value in found}
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def redact_request(request: TapeRequest, secrets: Iterable[str]) -> TapeRequest:
    """Return a request without its secrets, and without its headers."""
    body = redact_value(request.body, secrets)
    return replace(request, headers={}, path=redact_path(request.path, secrets), body=body)


def redact_answer(answer: TapeAnswer, secrets: Iterable[str]) -> TapeAnswer:
    """Return an answer without secrets."""
    events = None if answer.events is None else tuple(_redact_events(answer.events, secrets))
    headers = {name: redact_text(value, secrets) for name, value in answer.headers.items()}
    return replace(answer, headers=headers, body=redact_value(answer.body, secrets), events=events)


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text without secrets, e-mail addresses and names in home directories."""
    return redact(text, secrets, _FURTHER)


def private_spans(text: str) -> list[tuple[int, int]]:
    """Return where in a text that stands which `redact_text` would take out, as (start, end)."""
    return secret_spans(text, (), _FURTHER)


def redact_path(path: str, secrets: Iterable[str] = ()) -> str:
    """Return a path whose query says no secret."""
    head, mark, query = path.partition("?")
    parameters = [parameter.partition("=") for parameter in query.split("&")]
    query = "&".join(
        f"{name}{sign}{REDACTED if value and _SECRET_PARAMETER.match(name) else value}"
        for name, sign, value in parameters
    )
    return redact_text(head + mark + query, secrets)


def redact_value(value: Any, secrets: Iterable[str] = ()) -> Any:
    """Return parsed JSON without secrets, at every depth."""
    if isinstance(value, str):
        return redact_text(value, secrets)
    if isinstance(value, bytes):
        for secret in secrets:
            value = value.replace(secret.encode(), REDACTED.encode())
        return value
    if isinstance(value, list):
        return [redact_value(item, secrets) for item in value]
    if isinstance(value, Mapping):
        return {redact_text(str(key), secrets): _redact_field(key, item, secrets) for key, item in value.items()}
    return value


def _redact_field(name: Any, value: Any, secrets: Iterable[str]) -> Any:
    name = str(name).lower().replace("-", "_")
    values = value if isinstance(value, list) else [value]
    if _SECRET_FIELD.match(name) and values and all(_is_scalar(item) for item in values):
        return [REDACTED] * len(values) if isinstance(value, list) else REDACTED
    if _MAYBE_SECRET_FIELD.match(name) and isinstance(value, str) and _LIKE_A_KEY.fullmatch(value):
        return REDACTED
    return redact_value(value, secrets)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def _values_in(header: str) -> set[str]:
    """Return the secrets in a header: all of it, what follows `Bearer`, and what `Basic` hides."""
    kind, _, token = header.partition(" ")
    found = {header, token.strip()}
    if kind.lower() == "basic":
        try:
            user, _, password = base64.b64decode(token).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return found
        found |= {f"{user}:{password}", password}
    found |= {part.partition("=")[2].strip() for part in header.split(";") if "=" in part}
    return found


def _redact_events(events: Iterable[tuple[float, Event]], secrets: Iterable[str]) -> Iterable[tuple[float, Event]]:
    """Redact each event, and what several of them spell out together, such as a key that comes as `sk-` and `abc`."""
    events = list(events)
    pieces: dict[tuple[Any, ...], list[tuple[int, str]]] = {}
    for index, (_, event) in enumerate(events):
        for place, text in _texts(event, ()):
            pieces.setdefault(place, []).append((index, text))
    cut: dict[tuple[int, tuple[Any, ...]], str] = {}
    for place, parts in pieces.items():
        if len({text for _, text in parts}) == 1:
            continue  # the same in every event: an id or a name, not a text that grows
        for (index, _), text in zip(parts, _cut_pieces([text for _, text in parts], secrets), strict=True):
            cut[index, place] = text
    for index, (moment, event) in enumerate(events):
        yield moment, redact_value(_put(event, (), index, cut), secrets)


def _cut_pieces(pieces: list[str], secrets: Iterable[str]) -> list[str]:
    """Take out of pieces of a text what would be taken out of the whole. The first piece of a secret says so."""
    for _ in range(PASSES):
        before, pieces = pieces, _cut_once(pieces, secret_spans("".join(pieces), secrets, _FURTHER))
        if pieces == before:
            break
    return pieces


def _cut_once(pieces: list[str], spans: list[tuple[int, int]]) -> list[str]:
    result: list[str] = []
    begin = 0
    for piece in pieces:
        end, kept, last = begin + len(piece), "", begin
        for start, stop in spans:
            if stop <= begin or start >= end:
                continue
            kept += piece[last - begin : max(start, begin) - begin] + (REDACTED if start >= begin else "")
            last = min(stop, end)
        result.append(kept + piece[last - begin :])
        begin = end
    return result


_WHERE = ("type", "index", "item_id", "output_index", "content_index", "summary_index")


def _texts(value: Any, place: tuple[Any, ...]) -> Iterable[tuple[tuple[Any, ...], str]]:
    """Give every text in an event, with its place: the names on the way to it, and the part of the answer."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*place, index))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, _inside(value, place, name))


def _inside(value: dict[str, Any], place: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    marks = tuple((mark, value[mark]) for mark in _WHERE if isinstance(value.get(mark), str | int))
    return (*place, marks, name)


def _put(value: Any, place: tuple[Any, ...], index: int, cut: dict[tuple[int, tuple[Any, ...]], str]) -> Any:
    if isinstance(value, str):
        return cut.get((index, place), value)
    if isinstance(value, list):
        return [_put(item, (*place, number), index, cut) for number, item in enumerate(value)]
    if isinstance(value, dict):
        return {name: _put(item, _inside(value, place, name), index, cut) for name, item in value.items()}
    return value
