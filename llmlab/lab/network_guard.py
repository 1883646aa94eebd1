"""Refuse connections that leave this machine: while a lesson is proven from recordings, and in offline mode.

The guard stands below the tape, which sees httpx only: an audit hook sees all sockets and look-ups of Python, whatever
library opens them. A hook cannot be taken off again, so it is added in notebooks and commands only.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import Any, Final

from llmlab.config.addresses import is_loopback

LESSON: Final = (
    "Lessons are proven from their recordings; record the answer first: python3 -m llmlab record"  # refused always
)
OFFLINE: Final = (
    "In offline and replay modes nothing is sent. Use mode live (%llmlab live, or --mode live), or set the variable "
    "LLMLAB_NETWORK=allow to let other code than llmlab's through"
)
# Where an event has its target: the address of a socket, or the host of a look-up.
_EVENTS: Final = {
    **dict.fromkeys(("socket.connect", "socket.sendto", "socket.sendmsg"), 1),
    **dict.fromkeys(("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"), 0),
}
_THIS_MACHINE: Final = {"", "0.0.0.0", "::", "localhost.localdomain"}


class NetworkGuard:
    """The guard of this process."""

    def __init__(self) -> None:
        self.lesson = False
        """Whether a lesson is proven."""
        self.offline = False
        """Whether the tape is on and nothing shall be sent."""
        self._armed = False

    def arm(self, *, lesson: bool = False) -> None:
        """Refuse from now on, while one of the two holds."""
        self.lesson = self.lesson or lesson
        if not self._armed:
            sys.addaudithook(self.check)
            self._armed = True

    def check(self, event: str, args: tuple[Any, ...]) -> None:
        """Look at one audit event.

        Raises:
            PermissionError: it would reach another machine.
        """
        position = _EVENTS.get(event)
        if position is None or not (self.lesson or self.offline):
            return
        target = args[position]
        # An address is a tuple; a path (str or bytes) is a Unix socket, and None is where a socket is connected to.
        if event == "socket.getnameinfo" or position == 1:
            if not isinstance(target, tuple):
                return
            target = target[0]
        if is_this_machine(target):
            return
        if self.lesson:
            raise PermissionError(f"no network here: a cell tried to reach {target!r}. {LESSON}")
        if os.environ.get("LLMLAB_NETWORK") != "allow":
            raise PermissionError(f"no network here: something tried to reach {target!r}. {OFFLINE}.")


def is_this_machine(host: Any) -> bool:
    """Tell whether `host`, a name or an address, is this machine."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
    return name in _THIS_MACHINE or is_loopback(name) or name == socket.gethostname()


GUARD: Final = NetworkGuard()
