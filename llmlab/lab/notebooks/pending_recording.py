"""Recording into a temporary folder: the new file replaces the old one only when the run has succeeded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def pending_recording(notebook: Path, place: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """Give a folder to record into, and the function that replaces the old recordings by the new ones.

    The folder holds a copy of the old file, because an authored recording keeps what somebody has written by hand.

    Args:
        notebook: the notebook; the folder is beside it.
        place: the file that holds its recordings.
    """
    with TemporaryDirectory(prefix=".recording-", dir=notebook.resolve().parent) as folder:
        file = Path(folder) / place.name
        if place.is_file():
            shutil.copy2(place, file)

        def state() -> tuple[int, int] | None:
            seen = file.stat() if file.is_file() else None
            return seen and (seen.st_ino, seen.st_mtime_ns)

        before = state()

        def accept() -> None:
            if state() != before:  # where nothing was recorded, the old file stays
                place.parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, place)

        yield Path(folder), accept
