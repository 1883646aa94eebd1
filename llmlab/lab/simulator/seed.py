"""Ids, times and random numbers, drawn from a hash of the request: the same request gives the same bytes.

Headers are not part of the hash, because they hold the key and the version of the SDK.
"""

from __future__ import annotations

import hashlib
import json
import random
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from llmlab.lab.wire.messages import TapeRequest

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
HEX = "0123456789abcdef"
_FIRST_TIME = 1793491200  # 1 November 2026
_DAYS_20 = 20 * 24 * 3600


class Seed:
    """A source of ids, times and numbers for one request.

    Args:
        request: the request to hash.
        body: its parsed JSON body.
    """

    def __init__(self, request: TapeRequest, body: Any) -> None:
        text = json.dumps([request.method, request.alias, request.path, body], sort_keys=True, default=repr)
        self._digest = hashlib.sha256(text.encode("ascii", "backslashreplace")).digest()

    @classmethod
    def of(cls, value: object) -> Seed:
        """Return a seed that depends on this value alone."""
        return cls(TapeRequest("", "", ""), value)

    def number(self, label: str, below: int) -> int:
        """Draw a whole number from 0 to `below` - 1. Each label has its own."""
        return int.from_bytes(hashlib.sha256(self._digest + label.encode()).digest()[:8]) % below

    def letters(self, label: str, length: int, alphabet: str = BASE62) -> str:
        """Draw an id of that many characters."""
        draw = self.random(label)
        return "".join(draw.choice(alphabet) for _ in range(length))

    def random(self, label: str) -> random.Random:
        """Return a random generator for this label."""
        return random.Random(self.number(label, 2**53))

    @cached_property
    def created(self) -> int:
        """The time at which the service starts to answer, in seconds since 1970."""
        return _FIRST_TIME + self.number("created", _DAYS_20)

    def timestamp(self, seconds: float = 0.0, *, micro: bool = False) -> str:
        """Return the time that many seconds after the start, as RFC 3339 in UTC."""
        time = datetime.fromtimestamp(self.created + seconds, UTC).replace(tzinfo=None)
        return time.isoformat(timespec="microseconds" if micro else "seconds") + "Z"
