"""Removes secrets and personal data from an exchange, before anything of it touches the disk.

`llmlab._utils.redaction` knows how keys look. A recording needs more: fields that hold secrets, the key that this
request was sent with, e-mail addresses, names in home directories, and secrets that a stream delivers in pieces.
Requests are redacted before they are looked up, too, so that they find their recording.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from llmlab._utils.redaction import PASSES, REDACTED, redact, secret_spans
from llmlab.config.environment import PLACEHOLDER, read_dotenv
from llmlab.errors import ConfigurationError
from llmlab.lab.wire.messages import Event, TapeAnswer, TapeRequest

Place: TypeAlias = tuple[Any, ...]
"""The way to a text inside an event: names, indexes, and the part of the answer that it belongs to."""

_MORE_PATTERNS: Final = (
    # A token, secret or key by its name, with a value that is not a word.
    re.compile(
        r"""(\b(?:[a-z]+[_-])?(?:token|secret|key|credential)["']?\s*[=:]\s*["']?)"""
        r"""(?!\[redacted\])(?=[A-Za-z0-9._~+/=-]{16})[A-Za-z._~+/=-]*+(\d[A-Za-z0-9._~+/=-]*+)?""",
        re.IGNORECASE,
    ),
    # E-mail addresses, except those that RFC 2606 reserves for examples.
    re.compile(
        r"()(?<![\w.+-])[A-Za-z0-9][\w.+-]*@(?!(?:[\w-]+\.)*example\.(?:com|org|net)\b)"
        r"(?:[A-Za-z0-9-]+\.)+(?!(?:example|invalid|test)\b)[A-Za-z]{2,}",
    ),
    # The name in a home directory, on Linux, macOS and Windows.
    re.compile(r"((?<![\w.])/(?:home|Users)/)[^/\\\s\"'`<>\[\]{}|:;,)(]+"),
    re.compile(r"(\b[A-Za-z]:\\{1,2}Users\\{1,2})[^/\\\s\"'`<>\[\]{}|:;,)(]+"),
)
_SECRET_FIELD: Final = re.compile(
    r"^(?:.*_)?(?:api_?key|authorization|access_?token|refresh_?token|id_?token|auth_?token|session_?token|bearer_?token"
    r"|client_?secret|secret|secret_?key|secret_?access_?key|private_?key|password|passwd|cookie|credential)s?$"
)
# These may also hold a word of the answer (see `logprobs`), so only a value that looks like a key counts.
_MAYBE_SECRET_FIELD: Final = re.compile(r"^(?:.*_)?(?:token|key|auth)$")
_LIKE_A_KEY: Final = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9._~+/=-]{16,}")
_SECRET_HEADER: Final = re.compile(r"auth|api-?key|token|secret|cookie|password")
_SECRET_VARIABLE: Final = re.compile(r"(?:_KEY|_TOKEN|_SECRET|_PASSWORD)$")
_SECRET_PARAMETER: Final = re.compile(r"^(?:.*[_-])?(?:key|token|secret|password|apikey|sig|signature)$", re.IGNORECASE)
# Keys of local servers, for clients that need one.
_DUMMY: Final = {
    *("ollama", "empty", "none", "null", "dummy", "test", "lm-studio", "not-needed", "no-key", "no-key-needed")
}
HIDDEN: Final[set[str]] = set()
"""Keys of the environment that code does not see while the lab is offline."""
_PART: Final = ("type", "index", "item_id", "output_index", "content_index", "summary_index")
"""Fields that tell the parts of an answer apart, whose texts grow side by side."""


def known_secrets(request: TapeRequest) -> tuple[str, ...]:
    """Return the values that are secret in this exchange, whatever they look like, longest first."""
    found = {PLACEHOLDER}
    for name, value in request.headers.items():
        if _SECRET_HEADER.search(name):
            found |= _header_secrets(value)
            found |= {part.partition("=")[2].strip() for part in value.split(";")} if name == "cookie" else set()
    parameters = parse_qsl(urlsplit(request.path).query)
    found |= {value for name, value in parameters if _SECRET_PARAMETER.match(name)}
    found |= {*HIDDEN, *secret_variables().values()}
    found = {value for value in found if len(value) >= 4 and value.lower() not in _DUMMY}
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def secret_variables(variables: Mapping[str, str | None] = os.environ) -> dict[str, str]:
    """Return the variables that hold a key, by their name and their look."""
    return {
        name: value.strip()
        for name, value in variables.items()
        if value and value != PLACEHOLDER and _SECRET_VARIABLE.search(name) and _LIKE_A_KEY.fullmatch(value.strip())
    }


def secrets_in_use() -> tuple[str, ...]:
    """Return the keys of the environment, of `.env`, and those that are hidden while the lab is offline."""
    found = {*HIDDEN, *secret_variables().values()}
    with suppress(ConfigurationError):
        found |= set(secret_variables(read_dotenv()).values())
    return tuple(sorted(found))


def redact_output(value: Any) -> Any:
    """Return what a cell has put out, as JSON, without secrets; what only looks personal stays."""
    secrets = secrets_in_use()

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: clean(item) for name, item in value.items()}
        if isinstance(value, list):
            return [clean(item) for item in value]
        return redact(value, secrets) if isinstance(value, str) else value

    return clean(value)


def redact_request(request: TapeRequest, secrets: Iterable[str] = ()) -> TapeRequest:
    """Return a request without secrets and headers."""
    path, mark, query = request.path.partition("?")
    parameters = [parameter.partition("=") for parameter in query.split("&")]
    query = "&".join(
        f"{name}{sign}{REDACTED if value and _SECRET_PARAMETER.match(name) else value}"
        for name, sign, value in parameters
    )
    body = redact_value(request.body, secrets)
    return replace(request, headers={}, path=redact_text(path + mark + query, secrets), body=body)


def redact_answer(answer: TapeAnswer, secrets: Iterable[str] = ()) -> TapeAnswer:
    """Return an answer without secrets."""
    events = None if answer.events is None else tuple(_redact_events(answer.events, secrets))
    headers = {name: redact_text(value, secrets) for name, value in answer.headers.items()}
    return replace(answer, headers=headers, body=redact_value(answer.body, secrets), events=events)


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text without secrets, e-mail addresses and names in home directories."""
    return redact(text, secrets, _MORE_PATTERNS)


def private_spans(text: str) -> list[tuple[int, int]]:
    """Return the (start, end) of everything that `redact_text` would remove."""
    return secret_spans(text, (), _MORE_PATTERNS)


def redact_value(value: Any, secrets: Iterable[str] = ()) -> Any:
    """Return parsed JSON without secrets, at every depth."""
    if isinstance(value, str):
        return redact_text(value, secrets)
    if isinstance(value, bytes):
        return redact(value.decode("latin-1"), secrets).encode("latin-1")
    if isinstance(value, list):
        return [redact_value(item, secrets) for item in value]
    if isinstance(value, Mapping):
        return {redact_text(str(key), secrets): _redact_field(key, item, secrets) for key, item in value.items()}
    return value


def _redact_field(name: Any, value: Any, secrets: Iterable[str]) -> Any:
    name = str(name).lower().replace("-", "_")
    values = value if isinstance(value, list) else [value]
    plain = all(isinstance(item, str | int) and not isinstance(item, bool) and item != "" for item in values)
    if _SECRET_FIELD.match(name) and values and plain:
        return [REDACTED] * len(values) if isinstance(value, list) else REDACTED
    if _MAYBE_SECRET_FIELD.match(name) and isinstance(value, str) and _LIKE_A_KEY.fullmatch(value):
        return REDACTED
    return redact_value(value, secrets)


def _header_secrets(header: str) -> set[str]:
    """Return the secrets in a header: all of it, what follows `Bearer`, and the password in `Basic`."""
    kind, _, token = header.partition(" ")
    found = {header, token.strip()}
    if kind.lower() == "basic":
        try:
            user, _, password = base64.b64decode(token).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return found
        found |= {f"{user}:{password}", password}
    return found


def _redact_events(events: Iterable[tuple[float, Event]], secrets: Iterable[str]) -> Iterator[tuple[float, Event]]:
    """Redact each event, and what several of them spell out together, such as a key that comes as `sk-` and `abc`."""
    events = list(events)
    texts: dict[Place, list[str]] = {}

    def collect(place: Place, text: str) -> str:
        texts.setdefault(place, []).append(text)
        return text

    for _, event in events:
        _map_texts(event, (), collect)
    # The same text in every event is an id or a name, not a text that grows.
    cleaned = {
        place: iter(_redact_pieces(pieces, secrets)) if len(set(pieces)) > 1 else iter(pieces)
        for place, pieces in texts.items()
    }
    for moment, event in events:
        yield moment, redact_value(_map_texts(event, (), lambda place, _: next(cleaned[place])), secrets)


def _map_texts(value: Any, place: Place, change: Callable[[Place, str], str]) -> Any:
    """Return an event with every text changed."""
    if isinstance(value, str):
        return change(place, value)
    if isinstance(value, list):
        return [_map_texts(item, (*place, index), change) for index, item in enumerate(value)]
    if isinstance(value, dict):
        part = tuple((name, value[name]) for name in _PART if isinstance(value.get(name), str | int))
        return {name: _map_texts(item, (*place, part, name), change) for name, item in value.items()}
    return value


def _redact_pieces(pieces: list[str], secrets: Iterable[str]) -> list[str]:
    """Remove from the pieces of a text what would be removed from the whole text."""
    for _ in range(PASSES):
        before, pieces = pieces, _cut(pieces, secret_spans("".join(pieces), secrets, _MORE_PATTERNS))
        if pieces == before:
            break
    return pieces


def _cut(pieces: list[str], spans: list[tuple[int, int]]) -> list[str]:
    """Return pieces with `[redacted]` where a span of their joined text starts, and without the rest of the span."""
    result: list[str] = []
    begin = 0
    for piece in pieces:
        end, left, last = begin + len(piece), "", begin
        for start, stop in spans:
            if stop > begin and start < end:
                left += piece[last - begin : max(start, begin) - begin] + (REDACTED if start >= begin else "")
                last = min(stop, end)
        result.append(left + piece[last - begin :])
        begin = end
    return result
