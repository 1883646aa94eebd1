"""What came of one notebook: the value that the runner returns and the report shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one notebook.

    Attributes:
        notebook: the lesson.
        ok: every cell did what it should, expected failures included.
        seconds: how long it took, kernel start included.
        failing_cell: number of the cell that failed, as Run All numbers it; None when none did, or none was reached.
        traceback: why it failed, ready to print; None when it did not.
        executed: the executed copy; the file may be missing when no cell was reached.
        skipped: why it was not run at all; empty when it was.
    """

    notebook: Path
    ok: bool
    seconds: float
    failing_cell: int | None = None
    traceback: str | None = None
    executed: Path | None = None
    skipped: str = ""
