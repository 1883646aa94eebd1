"""CONTRIBUTING.md: each way to add something is followed, step by step, in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(python|markdown|sh)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PLACE = re.compile(r"# (\S+?)(?:, after: (.*))?")


def steps(*titles: str) -> list[tuple[str, str]]:
    """Return the language and the text of the code blocks below headings."""
    sections = dict(section.split("\n", 1) for section in PAGE.split("\n## ")[1:])
    return [block for title in titles for block in BLOCK.findall(sections[title])]


def write(clone: Path, text: str) -> None:
    """Write a new file, or lines into a file after a line of it."""
    for part in re.split(r"^(?=# \S+(?:, after: .*)?$)", text, flags=re.MULTILINE)[1:]:
        first, _, rest = part.partition("\n")
        match = PLACE.fullmatch(first)
        assert match, first
        file, line = clone / match.group(1), match.group(2)
        if line is None:
            file.write_text(rest, encoding="utf-8")
        else:
            before, found, after = file.read_text(encoding="utf-8").partition(f"{line}\n")
            assert found, f"{match.group(1)} has no line {line!r}"
            file.write_text(before + found + rest + after, encoding="utf-8")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git would clone. The additions do not meet, so one copy serves all."""
    clone = tmp_path_factory.mktemp("contributing") / "clone"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        target = clone / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copyfile(ROOT / name, target)
    return clone


@pytest.mark.parametrize(
    "titles",
    [("Add a command",), ("Add a provider",), ("Add a wire format",), ("Add a lesson", "Add a recording")],
    ids=["command", "provider", "format", "lesson-and-recording"],
)
def test_each_step_works(titles: tuple[str, ...], clone: Path) -> None:
    """Whoever follows the page comes to the end of it."""
    env = {**os.environ, "PYTHONPATH": str(clone)}
    for language, text in steps(*titles):
        if language != "sh":
            write(clone, text)
            continue
        script = text.replace("python3", sys.executable)
        done = subprocess.run(["sh", "-ec", script], cwd=clone, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
