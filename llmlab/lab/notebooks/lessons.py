"""What a lesson says about itself in its head cells: its title, its time, and what it costs live."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson, as its head cells describe it.

    Args:
        path: the notebook.
        title: its first heading.
        does: what the learner will do, in one sentence.
        minutes: how long that takes.
        cost: what it costs live, in words.
    """

    path: Path
    title: str
    does: str
    minutes: int
    cost: str

    @property
    def number(self) -> str:
        """The two digits that its name begins with."""
        return self.path.stem[:2]


def read_lesson(path: Path) -> Lesson:
    """Read the head cells of a notebook.

    Raises:
        ValueError: names what its head does not say.
    """
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    head = "\n\n".join("".join(cell["source"]) for cell in cells[:3] if cell["cell_type"] == "markdown")

    def find(what: str, pattern: str) -> str:
        found = re.search(pattern, head, re.DOTALL)
        if not found:
            raise ValueError(f"{path.name}: the head does not say {what}")
        return " ".join(found.group(1).split())

    return Lesson(
        path,
        find("its title", r"^# (.+?)\n"),
        find("what you'll do", r"\*\*What you'll do:\*\*(.+?)\n\n"),
        int(find("its minutes", r"(\d+) minutes")),
        find("what it costs live", r"live, this\s+lesson\s+(.+?)(?:\n\n|$)"),
    )


def all_lessons(folder: Path) -> list[Lesson]:
    """Return the lessons of a folder, in order."""
    return [read_lesson(path) for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))]
