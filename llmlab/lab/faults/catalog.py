"""Which faults there are, what each of them takes, and how they are written down in one line.

The notation is that of the header `x-llmlab-fault` and of the option `--faults`: `rate_limit;retry_after=2`, several of
them separated by commas. What a fault looks like on the wire is said in `faults_refusals` and `faults_damage`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final

from llmlab.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    Args:
        meaning: what happens, in a few words.
        takes: its arguments with what they are when nobody says.
    """

    meaning: str
    takes: Mapping[str, Any] = field(default_factory=dict)


KINDS: Final[Mapping[str, Kind]] = {
    # The service says no.
    "unauthorized": Kind("the key is refused"),
    "forbidden": Kind("the key may not do this"),
    "not_found": Kind("the model is retired"),
    "rate_limit": Kind("too many requests", {"retry_after": 1.0, "as_date": False}),
    "quota": Kind("the credit is used up"),
    "server_error": Kind("the service fails"),
    "overloaded": Kind("too much to do; a stream stops after that many events, else in the middle", {"after": None}),
    # Nobody answers.
    "timeout": Kind("no answer within the client's time limit"),
    "connect_refused": Kind("no server at this address"),
    "dns": Kind("no such host"),
    # The answer comes, and is not what it should be.
    "cut_stream": Kind("the line breaks after that many events, else in the middle", {"after": None}),
    "malformed_json": Kind("half of a JSON document"),
    "wrong_content_type": Kind("the answer calls itself something else", {"content_type": "text/html"}),
    "empty_stream": Kind("an answer without content"),
    "slow_first_token": Kind("the answer begins later", {"seconds": 3.0}),
    "slow_chunks": Kind("each piece comes later than the one before", {"seconds": 1.0}),
    "duplicate_usage": Kind("the token counts come twice"),
    "split_utf8": Kind("pieces end in the middle of a character"),
}

_WORDS = {"true": True, "false": False, "none": None}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, ready to happen. Made by `make_fault`.

    Args:
        name: one of `KINDS`.
        arguments: all that this kind takes.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        usual = KINDS[self.name].takes
        said = [f";{name}={_said(value)}" for name, value in self.arguments.items() if value != usual[name]]
        return self.name + "".join(said)


def make_fault(name: str, arguments: Mapping[str, Any]) -> Fault:
    """Return a fault.

    Args:
        name: one of `KINDS`.
        arguments: some of those that it takes.

    Raises:
        ConfigurationError: a value makes no sense.
    """
    for argument, value in arguments.items():
        _check(name, argument, value)
    return Fault(name, {**KINDS[name].takes, **arguments})


def read_notation(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the names and arguments in a line such as `rate_limit;retry_after=2;times=2, server_error`.

    Raises:
        ConfigurationError: an argument has no value.
    """
    read = []
    for part in _parts(text):
        name, *rest = (piece.strip() for piece in part.split(";"))
        arguments: dict[str, Any] = {}
        for piece in filter(None, rest):
            key, sign, value = piece.partition("=")
            if not sign:
                raise ConfigurationError(f"{piece!r} has no value. Write it as in rate_limit;retry_after=2")
            arguments[key.strip()] = _value(value.strip())
        read.append((name, arguments))
    return read


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Return the sentence that says that there is no such name, and which one comes nearest."""
    names = list(known)
    close = difflib.get_close_matches(str(name), names, 1, 0.5)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    there = f" There is: {', '.join(names)}." if names else " It takes none."
    return f"there is no {what} named {name!r}.{guess}{there}"


def _check(name: str, argument: str, value: Any) -> None:
    if argument == "as_date":
        wanted, good = "True or False", isinstance(value, bool)
    elif argument == "content_type":
        wanted, good = "text", isinstance(value, str) and bool(value) and value.isprintable() and value.isascii()
    elif argument == "retry_after" and (value is None or isinstance(value, str)):
        wanted, good = "seconds, a date as HTTP writes it, or None", value is None or _is_date(value)
    elif argument == "after":
        wanted = "a whole number of events, 0 or more"
        good = value is None or (_is_number(value) and int(value) == value)
    else:
        wanted, good = "seconds, 0 or more", _is_number(value)
    if not good:
        raise ConfigurationError(f"{argument} of {name} must be {wanted}, not {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e6


def _is_date(text: str) -> bool:
    try:
        parsedate_to_datetime(text)
    except ValueError:
        return False
    return True


def _parts(text: str) -> list[str]:
    """Split at commas, but not inside a date: `retry_after=Wed, 21 Oct 2026 07:28:00 GMT`."""
    parts: list[str] = []
    for piece in text.split(","):
        first = piece.split(";")[0].strip()
        if parts and first[:1].isdigit():
            parts[-1] += "," + piece
        elif first:
            parts.append(piece.strip())
    return parts


def _value(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _said(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
