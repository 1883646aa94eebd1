"""Refuse every connection that leaves this machine. Armed inside a kernel that replays recordings.

It stands below the tape: should a lesson reach the network in a way that the tape does not see, the cell fails
instead of quietly asking a real service. An audit hook sees all of Python's sockets and cannot be taken off again.
"""

from __future__ import annotations

import ipaddress
import sys
from typing import Any

_NAMED = {"localhost", "localhost.localdomain", "", "0.0.0.0", "::"}
_EVENTS = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0}
_armed = False


def is_local(host: Any) -> bool:
    """Tell whether `host`, a name or an address, is this machine."""
    if host is None:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if name.lower() in _NAMED:
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def refuse(event: str, args: tuple[Any, ...]) -> None:
    """Look at one audit event.

    Raises:
        PermissionError: it would reach another machine.
    """
    position = _EVENTS.get(event)
    if position is None:
        return
    target = args[position]
    # A path (str or bytes) is a Unix socket, which stays on this machine; look-ups carry the host itself.
    if position == 1:
        if not isinstance(target, tuple):
            return
        target = target[0]
    if not is_local(target):
        raise PermissionError(
            f"no network here: a cell tried to reach {target!r}. Lessons are proven from their recordings; "
            "record the answer first: python3 -m llmlab record"
        )


def arm() -> None:
    """Refuse from now on. Calling it again changes nothing."""
    global _armed
    if not _armed:
        sys.addaudithook(refuse)
        _armed = True
