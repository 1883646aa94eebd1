"""A lock that an interrupt cannot leave held."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


class Lock:
    """A lock around one call. Reentrant: a finaliser may need it where this very thread holds it already.

    Python gives a lock back at the end of a `with` block for certain, but Ctrl-C in a traced program may come between
    the last line of the block and its end. A block on the line of its `with` has no such place.
    """

    def __init__(self) -> None:
        self.lock: Any = threading.RLock()

    @property
    def held(self) -> bool:
        """Whether this thread holds it."""
        return bool(self.lock._is_owned())

    def run(self, work: Callable[..., Result], *args: Any) -> Result:
        """Call a function with the lock held, and return its result."""
        with self.lock: return work(*args)  # fmt: skip # noqa: E701
