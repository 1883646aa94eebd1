"""When to try again: what headers and words of an error say about it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_DAILY = re.compile(r"\b(?:per|a)[ -]?day\b|\bdaily\b")
_WAIT = re.compile(
    r"(?:again in|retry in|reset after|\"retryDelay\":) \"?"
    r"((?:[\d.]+ ?(?:days?|hours?|minutes?|seconds?|ms|[dhms])(?![a-z])[ ,]*)+)"
)
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait before the next try, or None.

    `retry-after-ms` is OpenAI's; `retry-after` holds seconds or a date (RFC 9110, section 10.2.3). A date follows the
    clock of the service, which its `date` header shows; the clock here may be wrong. `x-ratelimit-reset` in
    milliseconds since 1970 is OpenRouter's.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "")
        try:
            return max(0.0, float(value) / unit)
        except ValueError:
            if not value:
                continue
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - service_time(headers))
        except ValueError:
            continue
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal() and len(reset) == _DIGITS_OF_MILLISECONDS:
        return max(0.0, int(reset) / 1000 - service_time(headers))
    return None


_DIGITS_OF_MILLISECONDS = 13
"""How long a moment of this century is, in milliseconds since 1970."""


def service_time(headers: Mapping[str, str]) -> float:
    """Return the time by the service's clock, in seconds; by the clock here without a `date` header."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        return time.time()


def wait_in_words(message: str) -> float | None:
    """Return the seconds in "try again in 1h2m3.5s", or in Google's `retryDelay`; None without."""
    if (found := _WAIT.search(message)) is None:
        return None
    parts = re.findall(r"([\d.]+) ?(ms|[dhms])", found[1])
    try:
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    except ValueError:
        return None


def is_daily(message: str, body: str) -> bool:
    """Return whether an error is about the quota of a day. Google says it in the name of the quota."""
    return bool(_DAILY.search(message)) or "PerDay" in body


def end_of_day(wait: float | None, headers: Mapping[str, str]) -> str:
    """Return when the quota of a day ends."""
    if wait is None or wait < 60:  # Google names the seconds of another limit beside that of the day.
        return "The quota is that of a day, which ends at midnight, mostly in UTC."
    end = datetime.fromtimestamp(min(service_time(headers) + wait, 32e9), UTC)
    return f"The quota is that of a day, which ends at {end:%Y-%m-%d %H:%M} UTC."
