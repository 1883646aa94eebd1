"""What looks random in an answer (ids, times, jitter) is drawn from a hash of the request.

So the same request gives the same bytes, on every machine. Headers are left out of the hash: they change with the
version of an SDK and hold the key.
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
BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
HEX = "0123456789abcdef"
_EPOCH = 1793491200  # 1 November 2026, the month in which the simulator was written
_DAYS_20 = 20 * 24 * 3600


class Seed:
    """Draws ids, times and numbers from a request.

    Args:
        request: the request whose hash everything comes from.
        body: its parsed JSON, as the simulator reads it.
    """

    def __init__(self, request: TapeRequest, body: Any) -> None:
        text = json.dumps([request.method, request.alias, request.path, body], sort_keys=True, default=repr)
        self._digest = hashlib.sha256(text.encode("ascii", "backslashreplace")).digest()

    @classmethod
    def of(cls, value: object) -> Seed:
        """Draw from some value alone, such as the `seed` that a request gives."""
        return cls(TapeRequest("", "", ""), value)

    def number(self, label: str, below: int) -> int:
        """Draw a whole number from 0 to below - 1; every label gives its own."""
        return int.from_bytes(hashlib.sha256(self._digest + label.encode()).digest()[:8]) % below

    def letters(self, label: str, length: int, alphabet: str = BASE62) -> str:
        """Draw an id of that many characters."""
        draw = self.jitter(label)
        return "".join(draw.choice(alphabet) for _ in range(length))

    def jitter(self, label: str) -> random.Random:
        """Give a random generator of its own for this label."""
        return random.Random(self.number(label, 2**53))

    @cached_property
    def created(self) -> int:
        """When the service began to answer, in seconds since 1970."""
        return _EPOCH + self.number("created", _DAYS_20)

    def timestamp(self, seconds: float = 0.0, *, micro: bool = False) -> str:
        """Write the time, that many seconds after the beginning, as RFC 3339 in UTC."""
        moment = datetime.fromtimestamp(self.created + seconds, UTC).replace(tzinfo=None)
        return moment.isoformat(timespec="microseconds" if micro else "seconds") + "Z"
