"""The beginning of a period, as users write it: a date, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from llmlab.errors import ConfigurationError

Since: TypeAlias = datetime | timedelta | str

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_since(since: Since) -> datetime:
    """Return the time that `since` means, in UTC.

    Args:
        since: a time (local time without a time zone), how long ago, or text: `2026-11-21`, `2026-11-21T08:30`,
            `90s`, `30m`, `12h`, `7d`, `2w`.

    Raises:
        ConfigurationError: for another text.
    """
    try:
        if isinstance(since, str):
            since = since.strip()
            amount = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", since)
            since = timedelta(**{_UNITS[amount[2]]: float(amount[1])}) if amount else datetime.fromisoformat(since)
        return datetime.now(UTC) - since if isinstance(since, timedelta) else since.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigurationError(f"invalid time {since!r}: use 12h, 7d, 2w or 2026-11-21") from None
