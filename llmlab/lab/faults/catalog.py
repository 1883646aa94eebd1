"""Which faults there are, what each of them takes, and how to write them in one line.

The header `x-llmlab-fault` and the option `--faults` use the same notation: `rate_limit;retry_after=2`, and commas
between several faults.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final

from llmlab.errors import ConfigurationError
from llmlab.types.validation import is_number


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    Args:
        meaning: what happens, in a few words.
        defaults: its arguments with their default values.
    """

    meaning: str
    defaults: Mapping[str, Any] = field(default_factory=dict)


KINDS: Final[Mapping[str, Kind]] = {
    # The service refuses.
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
    # The answer arrives damaged.
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
    """One fault with its arguments.

    Args:
        name: one of `KINDS`.
        arguments: what this kind takes; missing ones have their default values.

    Raises:
        ConfigurationError: an argument has an invalid value.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for argument, value in self.arguments.items():
            _check(self.name, argument, value)
        object.__setattr__(self, "arguments", {**KINDS[self.name].defaults, **self.arguments})

    def __str__(self) -> str:
        defaults = KINDS[self.name].defaults
        changed = {name: value for name, value in self.arguments.items() if value != defaults[name]}
        texts = [
            f";{name}={value:g}" if isinstance(value, float) else f";{name}={value}" for name, value in changed.items()
        ]
        return self.name + "".join(texts)


def parse_notation(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the names and arguments in a line such as `rate_limit;retry_after=2;times=2, server_error`.

    Raises:
        ConfigurationError: an argument has no value.
    """
    parsed = []
    for part in _split(text):
        name, *rest = (item.strip() for item in part.split(";"))
        arguments: dict[str, Any] = {}
        for item in filter(None, rest):
            key, sign, value = item.partition("=")
            if not sign:
                raise ConfigurationError(f"{item!r} has no value. Write it as in rate_limit;retry_after=2")
            arguments[key.strip()] = _parse_value(value.strip())
        parsed.append((name, arguments))
    return parsed


def unknown(what: str, name: object, known: Iterable[str]) -> ConfigurationError:
    """Return the error for a name that does not exist. It suggests the nearest one."""
    names = list(known)
    close = difflib.get_close_matches(str(name), names, 1, 0.5)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    choice = f" Choose from {', '.join(names)}." if names else " It takes none."
    return ConfigurationError(f"there is no {what} named {name!r}.{guess}{choice}")


def _check(name: str, argument: str, value: Any) -> None:
    number = is_number(value, high=1e6)
    match argument:
        case "as_date":
            expected, valid = "True or False", isinstance(value, bool)
        case "content_type":
            expected, valid = "text", isinstance(value, str) and value.isprintable() and value.isascii() and value != ""
        case "retry_after" if not number:
            expected, valid = (
                "seconds, a date as HTTP writes it, or None",
                value is None or _is_date(value),
            )
        case "after":
            expected, valid = "a whole number of events, 0 or more", value is None or (number and value == int(value))
        case _:
            expected, valid = "seconds, 0 or more", number
    if not valid:
        raise ConfigurationError(f"{argument} of {name} must be {expected}, not {value!r}")


def _is_date(value: object) -> bool:
    try:
        parsedate_to_datetime(str(value))
    except ValueError:
        return False
    return True


def _split(text: str) -> list[str]:
    """Split at commas, but not inside a date: `retry_after=Wed, 21 Oct 2026 07:28:00 GMT`."""
    parts: list[str] = []
    for item in text.split(","):
        first = item.split(";")[0].strip()
        if parts and first[:1].isdigit():
            parts[-1] += "," + item
        elif first:
            parts.append(item.strip())
    return parts


def _parse_value(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
