"""Lessons on paper: `python3 -m llmlab handout`.

A handout shows what is stored in the notebook, without running it and without the solutions unless asked. The HTML is
one file that loads nothing; the PDF is that file printed by Chromium. Look and page breaks are in `templates/handout/`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from llmlab.errors import ConfigurationError
from llmlab.lab.notebooks.normalize import clean_outputs
from llmlab.lab.notebooks.notebook_file import (
    Notebook,
    NotebookError,
    find_notebooks,
    make_folder,
    nbformat,
    read_notebook,
    tags,
)
from llmlab.lab.tape.redaction import redact_output

# After nbfile, which imports nbformat the quick way.
from nbconvert.exporters import HTMLExporter  # isort: skip
from nbconvert.preprocessors import CoalesceStreamsPreprocessor  # isort: skip
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]  # isort: skip

_TEMPLATES = Path(__file__).resolve().parent / "templates"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
_PRINT_TIMEOUT = 120  # seconds
FORMATS = ("html", "pdf")


def make_handouts(
    targets: Sequence[str | Path] = (),
    *,
    formats: Sequence[str] = FORMATS,
    solutions: bool = False,
    output: Path = Path("build/handouts"),
) -> list[Path]:
    """Write a handout per lesson and format, and return the files.

    Args:
        targets: numbers, paths or folders; none means every lesson.
        formats: "html", "pdf" or both.
        solutions: keep the solution cells, unfolded; the files are then named `…-solutions`.
        output: folder to write into.

    Raises:
        ConfigurationError: a format or target does not exist, or a PDF is asked for and there is no Chromium.
    """
    if unknown := [name for name in formats if name not in FORMATS]:
        raise ConfigurationError(f"there is no handout format {unknown[0]!r}. Known formats: {', '.join(FORMATS)}.")
    browser = find_browser() if "pdf" in formats else ""
    notebooks = find_notebooks(targets)
    make_folder(output)
    written = []
    for path in notebooks:
        page = output / f"{path.stem}{'-solutions' if solutions else ''}.html"
        page.write_text(render(read_notebook(path), path, solutions=solutions), encoding="utf-8")
        if "html" in formats:
            written.append(page)
        if "pdf" in formats:
            written.append(print_pdf(page, browser))
        if "html" not in formats:
            page.unlink()
    return written


def render(notebook: Notebook, path: Path, *, solutions: bool) -> str:
    """Return a notebook as one HTML page that loads nothing.

    Args:
        notebook: the notebook, which is not changed.
        path: its file; pictures beside it are put into the page.
        solutions: keep the cells tagged `solution`.
    """
    notebook = deepcopy(notebook)
    notebook.cells = [cell for cell in notebook.cells if solutions or "solution" not in tags(cell)]
    clean_outputs(notebook, {})
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = nbformat.from_dict(redact_output(cell.outputs))
    resources = {"handout": {"title": title_of(notebook) or path.stem, "css": _css()}}
    resources["metadata"] = {"path": str(path.resolve().parent)}
    body, _ = _exporter().from_notebook_node(notebook, resources=resources)
    # Folded parts cannot be opened on paper, and a picture from the network would be a hole there.
    body = re.sub(r"<details(?! open)", "<details open", body)
    return re.sub(r"<img\b[^>]*\bsrc=[\"'](?:https?:)?//[^>]*>", _alternative, body)


def _alternative(picture: re.Match[str]) -> str:
    text = re.search(r"alt=[\"']([^\"']*)", picture.group(0))
    return f"<em>[picture: {text.group(1) if text and text.group(1) else 'see the notebook'}]</em>"


def title_of(notebook: Notebook) -> str:
    """Return the text of the first heading; empty if there is none."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (match := re.search(r"^#\s+(.+)$", cell.source, re.MULTILINE)):
            return re.sub(r"[`*_]", "", match.group(1)).strip()
    return ""


@cache
def _css() -> str:
    colours = HtmlFormatter(style="default").get_style_defs(".highlight")
    return f"{(_TEMPLATES / 'handout' / 'handout.css').read_text(encoding='utf-8')}\n{colours}"


def _exporter() -> HTMLExporter:
    return HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="handout",
        extra_template_basedirs=[str(_TEMPLATES)],
        embed_images=True,
        exclude_anchor_links=True,
        preprocessors=[CoalesceStreamsPreprocessor],  # streamed tokens were one text to their reader
    )


def find_browser() -> str:
    """Return the program that prints.

    Raises:
        ConfigurationError: none is installed; the message says how to get one.
    """
    found = next(filter(None, map(shutil.which, (*_BROWSERS, _MAC))), None)
    if found is None:
        raise ConfigurationError(
            "a PDF is printed by Chromium or Chrome, and neither is installed. On Debian and Ubuntu: "
            "sudo apt-get install chromium. Or take --format html and print the page from your browser."
        )
    return found


def print_pdf(page: Path, browser: str) -> Path:
    """Print an HTML page to a PDF beside it.

    Args:
        page: the HTML file.
        browser: what `find_browser` found.

    Raises:
        NotebookError: the browser failed; the message ends with its last words.
    """
    pdf = page.with_suffix(".pdf")
    pdf.unlink(missing_ok=True)
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [browser, "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        command += ["--no-pdf-header-footer", "--virtual-time-budget=10000", f"--user-data-dir={profile}"]
        if sys.platform == "linux" and os.geteuid() == 0:
            command.append("--no-sandbox")  # Chromium refuses its sandbox to root, as in most containers
        command += [f"--print-to-pdf={pdf.resolve()}", page.resolve().as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_PRINT_TIMEOUT, check=False)
        except subprocess.TimeoutExpired as error:
            raise NotebookError(f"{Path(browser).name} did not print {page.name} in {_PRINT_TIMEOUT} s.") from error
    if not pdf.is_file():
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise NotebookError(f"{Path(browser).name} could not print {page.name}: {last}")
    return pdf
