"""A folder as a broker, for one machine: kombu's file system transport with whole messages and short steps."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem

SCHEME = "llmlab-folder"


class FolderChannel(filesystem.Channel):  # type: ignore[misc]
    """Writes and takes messages by renaming files, so that nobody reads a half of one, and no two the same."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._waiting: list[str] = []
        """Names of messages as of the last look into the folder, newest first."""

    def get_table(self, exchange: str) -> list[tuple[str, str, str]]:
        """Lead each exchange to the queue of its name. Kombu's table in a file may be read while it is written."""
        return [(exchange, "", exchange)]

    def _queue_bind(self, *_: Any) -> None:
        """There is nothing to note."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:
        file = Path(self.data_folder_out, f"{time.time_ns()}_{uuid.uuid4().hex}.{queue}.msg")
        draft = file.with_name(f".{file.name}")
        draft.write_text(json.dumps(payload), encoding="utf-8")
        draft.rename(file)

    def _get(self, queue: str) -> Any:
        folder = Path(self.data_folder_in)
        if not self._waiting:
            names = (file.name for file in folder.iterdir())
            self._waiting = sorted((name for name in names if name.partition(".")[2] == f"{queue}.msg"), reverse=True)
        while self._waiting:
            file = folder / self._waiting.pop()
            mine = file.with_name(f".{file.name}")
            try:
                file.rename(mine)
            except OSError:
                continue  # Another worker has it.
            text = mine.read_text(encoding="utf-8")
            mine.unlink()
            return json.loads(text)
        raise Empty


class FolderTransport(filesystem.Transport):  # type: ignore[misc]
    """Celery acknowledges messages between two looks into the folder, so a look must be short."""

    Channel = FolderChannel
    polling_interval = 0.02

    def drain_events(self, connection: Any, timeout: float | None = None, **options: Any) -> None:
        """Wait for a message, at most for one interval. Celery asks for two seconds."""
        super().drain_events(connection, timeout and min(timeout, self.polling_interval), **options)


TRANSPORT_ALIASES[SCHEME] = f"{__name__}:FolderTransport"
