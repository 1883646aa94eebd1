"""Recording beside the recordings: what a run writes takes the place of the old file when the run has gone well."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Self


class Aside:
    """A folder beside a notebook, for as long as it is being recorded.

    It holds a copy of the old file, because an authored recording keeps what somebody has written by hand.

    Args:
        notebook: the notebook.
        place: where its recordings belong.
    """

    def __init__(self, notebook: Path, place: Path) -> None:
        self._parent = notebook.resolve().parent
        self._place = place

    def __enter__(self) -> Self:
        self.folder = Path(mkdtemp(prefix=".recording-", dir=self._parent))
        self._file = self.folder / self._place.name
        if self._place.is_file():
            shutil.copy2(self._place, self._file)
        self._before = self._state()
        return self

    def keep(self) -> None:
        """Put what was recorded into its place. Where nothing was, the old file stays."""
        if self._state() != self._before:
            self._place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(self._file, self._place)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _state(self) -> tuple[int, int] | None:
        if not self._file.is_file():
            return None
        seen = self._file.stat()
        return seen.st_ino, seen.st_mtime_ns
