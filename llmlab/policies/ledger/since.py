"""Moments: how a user says one, and how it is written down."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from llmlab.errors import ConfigurationError

Since: TypeAlias = datetime | timedelta | str

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(since: Since) -> datetime:
    """Return a moment, in UTC.

    Args:
        since: a moment (without a time zone, it is local time), how long ago, or either as text: `2026-11-21`,
            `2026-11-21T08:30`, `90s`, `30m`, `12h`, `7d`, `2w`.

    Raises:
        ConfigurationError: for another text.
    """
    if isinstance(since, str):
        since = _read(since.strip())
    if isinstance(since, timedelta):
        return datetime.now(UTC) - since
    return since.astimezone(UTC)


def utc(time: float) -> datetime:
    """Return seconds since 1970 as a moment."""
    return datetime.fromtimestamp(time, UTC)


def _read(text: str) -> datetime | timedelta:
    try:
        if parts := re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text):
            return timedelta(**{_UNITS[parts[2]]: float(parts[1])})
        return datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{text!r} is no moment: write how long ago, such as 12h, 7d or 2w, or a day such as 2026-11-21"
        ) from None
