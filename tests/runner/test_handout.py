"""Handouts: complete, readable on paper, without solutions unless asked, and without the network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from nbformat.v4 import new_output

from llmlab.errors import ConfigurationError
from llmlab.lab.notebooks import handout
from llmlab.lab.notebooks.handout import make_handouts
from llmlab.lab.notebooks.notebook_file import NotebookError, read_notebook, write_notebook
from tests.runner.samples import code, save, text

LONG = "long_name = '" + "abcdefghij" * 30 + "'"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture
def lesson(tmp_path: Path) -> Path:
    """A lesson with every kind of output, stored."""
    head = "# Stream an *answer*\n\nSee [the docs](https://example.com/docs).\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    picture = (
        "![a rainbow](https://example.com/rainbow.png)\n\n<details><summary>Hint</summary>\n\nLook up.\n\n</details>"
    )
    path = save(
        tmp_path / "01_stream_answers.ipynb",
        *(text(head), text(picture), code("%load_ext llmlab"), code("def show(word):\n    return word  # a comment")),
        *(code(LONG), code("1 / 0", "raises-exception"), code("THE_STUB = ..."), code("THE_SOLUTION = 42", "solution")),
    )
    notebook = read_notebook(path)
    pieces = [new_output("stream", name="stdout", text=piece) for piece in ("a ", "rain", "bow \x1b[31mred\x1b[0m")]
    table = new_output("execute_result", data={"text/html": "<table><tr><td>cell</td></tr></table>", "text/plain": "-"})
    shown = [
        new_output("display_data", data={"text/markdown": "**bold answer**", "text/plain": "-"}),
        new_output("display_data", data={"image/png": PIXEL, "text/plain": "-"}),
        new_output("display_data", data={"image/svg+xml": "<svg><circle r='1'/></svg>", "text/plain": "-"}),
        new_output("display_data", data={"text/latex": "$x < y$", "text/plain": "-"}),
        new_output("stream", name="stderr", text="a warning\n"),
    ]
    error = new_output(
        "error", ename="ZeroDivisionError", evalue="by zero", traceback=["\x1b[31mZeroDivisionError\x1b[0m: by zero"]
    )
    notebook.cells[2].outputs = pieces
    notebook.cells[3].outputs = [table, *shown]
    notebook.cells[5].outputs = [error]
    write_notebook(notebook, path)
    return path


@pytest.fixture
def html(lesson: Path) -> str:
    """The HTML handout of the lesson."""
    (written,) = make_handouts([lesson], formats=["html"])
    assert written == Path("build/handouts/01_stream_answers.html")
    return written.read_text(encoding="utf-8")


def test_the_page_loads_nothing(html: str) -> None:
    """A handout opens on a train: no script, style, font or picture comes from anywhere else."""
    assert "<script" not in html
    assert "<link" not in html
    assert "@import" not in html
    assert re.findall(r"\b(?:src|srcset|data|poster|action)=(?![\"']?data:)\S+", html) == []
    assert re.findall(r"url\(", html) == []
    assert re.findall(r"""https?://[^"'\s<]+""", html) == ["https://example.com/docs"], "only what one can click"


def test_a_picture_from_the_network_leaves_its_text(html: str) -> None:
    """What cannot be printed is named instead."""
    assert "[picture: a rainbow]" in html


def test_every_kind_of_output_is_there(html: str) -> None:
    """The reader on paper sees what the reader on the screen sees; streamed pieces are one text."""
    for part in ("<td>cell</td>", "<strong>bold answer</strong>", PIXEL, "<circle", "$x &lt; y$", "a warning"):
        assert part in html
    assert "a rainbow <span" in html
    assert "ansi-red-fg" in html
    assert "ZeroDivisionError" in html
    assert "<title>Stream an answer</title>" in html


def test_code_is_in_colour(html: str) -> None:
    """Keywords and comments are marked, and the page holds the colours of the marks."""
    assert re.search(r'<span class="k">def</span>', html)
    assert re.search(r'<span class="c1"># a comment</span>', html)
    assert re.search(r"\.highlight \.k \{ color: #", html)
    assert 'class="err"' not in html, "magics are no errors"


def test_folded_hints_are_open(html: str) -> None:
    """Paper cannot be clicked."""
    assert "<details open>" in html


def test_solutions_only_when_asked(lesson: Path, html: str) -> None:
    """A learner's handout does not hold the solution, an instructor's does, and the files do not replace each other."""
    assert "THE_STUB" in html
    assert "THE_SOLUTION" not in html
    (written,) = make_handouts([lesson], formats=["html"], solutions=True)
    assert written.name == "01_stream_answers-solutions.html"
    assert "THE_SOLUTION" in written.read_text(encoding="utf-8")


def test_the_lesson_is_not_changed(lesson: Path) -> None:
    """Printing a lesson leaves the file alone."""
    before = lesson.read_bytes()
    make_handouts([lesson], formats=["html"])
    assert lesson.read_bytes() == before


def test_wrong_format_and_missing_browser_say_what_to_do(lesson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone without Chromium learns how to get it, before anything is written."""
    with pytest.raises(ConfigurationError, match=r"no handout format 'docx'\. Known formats: html, pdf"):
        make_handouts([lesson], formats=["docx"])
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ConfigurationError, match="apt-get install chromium"):
        make_handouts([lesson])
    assert not Path("build").exists()


def test_a_browser_that_fails_is_told(lesson: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No PDF is no success, and the browser's last words are in the message."""
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\necho 'no display today' >&2\n", encoding="utf-8")
    broken.chmod(0o755)
    monkeypatch.setattr(handout, "find_browser", lambda: str(broken))
    with pytest.raises(NotebookError, match="no display today"):
        make_handouts([lesson], formats=["pdf"])


def test_a_browser_that_hangs_is_ended(lesson: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that never comes back does not keep the command waiting for ever."""
    hanging = tmp_path / "chromium"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    hanging.chmod(0o755)
    monkeypatch.setattr(handout, "find_browser", lambda: str(hanging))
    monkeypatch.setattr(handout, "_PRINT_TIMEOUT", 0.2)
    with pytest.raises(NotebookError, match="did not print"):
        make_handouts([lesson], formats=["pdf"])


def _tool(name: str) -> str:
    """The path of a program; its absence is a reason to skip here, and a failure in CI."""
    path = shutil.which(name)
    if path is None:
        message = f"{name} is not installed, so PDF handouts are not tested"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    return str(path)


def test_the_pdf_holds_the_whole_text(lesson: Path) -> None:
    """Nothing is cut at the margin: the longest line is complete, the last cell is there, the solution is not."""
    _tool("chromium")
    (written,) = make_handouts([lesson], formats=["pdf"])
    assert [path.name for path in written.parent.iterdir()] == ["01_stream_answers.pdf"]
    assert written.read_bytes().startswith(b"%PDF-")
    content = subprocess.run([_tool("pdftotext"), str(written), "-"], capture_output=True, text=True, check=True).stdout
    assert content.count("\f") >= 1, "at least one page"
    assert "abcdefghij" * 30 in re.sub(r"\s", "", content)
    assert "THE_STUB" in content
    assert "THE_SOLUTION" not in content
    assert "Look up." in content, "hints are open on paper"
