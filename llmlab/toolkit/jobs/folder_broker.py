"""A folder as a broker, for one machine: kombu's file system transport, in steps short enough for a notebook."""

from __future__ import annotations

from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.filesystem import Transport

SCHEME = "llmlab-folder"


class FolderTransport(Transport):  # type: ignore[misc]
    """Celery acknowledges messages between two looks into the folder, so a look must be short."""

    polling_interval = 0.02

    def drain_events(self, connection: Any, timeout: float | None = None, **options: Any) -> None:
        """Wait for a message, at most for one interval. Celery asks for two seconds."""
        super().drain_events(connection, timeout and min(timeout, self.polling_interval), **options)


TRANSPORT_ALIASES[SCHEME] = f"{__name__}:FolderTransport"
