"""The conventions for single cells: short, executed, honest about failures, and nothing in them that should not travel.

Used by `lint.py`. Each rule takes a notebook and yields the cell's id and a message.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable, Iterator
from statistics import median

from llmlab.lab.notebooks.notebook_file import Notebook, tags
from llmlab.lab.notebooks.tracebacks import plain
from llmlab.lab.tape.secret_scan import find_leaks
from llmlab.models import MODELS, RETIRED, SPECS

Finding = tuple[str, str]
MEDIAN_LINES, MOST_LINES, LONG_LINES = 5, 25, 60
"""Lines of half of the code cells, of any of them, and of the one in a lesson that may be tagged `long`."""

_PATH = re.compile(r"(?<![\w.:/~-])/(?:home|Users|root|work|tmp|mnt|opt|var)/\w|\b[A-Za-z]:\\[A-Za-z]{2}")
_CLOCK = re.compile(
    r"^\s*%{1,2}time(?:it)?\b|\b(?:time\.(?:perf_counter|time|monotonic|ctime|strftime)|perf_counter|monotonic)\(|"
    r"\b(?:datetime|date)\.(?:now|utcnow|today)\(",
    re.MULTILINE,
)
# Two prices in one paragraph: Jupyter takes what stands between their signs for a formula.
_MATH = re.compile(r"(?<![\\$])\$(?=\d)(?:(?!\n\n)[^$])+(?<!\\)\$(?=\d)")
_QUOTED = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_MAGIC = re.compile(r"^[ \t]*[%!].*$", re.MULTILINE)
_MODEL_NAMES = sorted({*MODELS.values(), *RETIRED.values(), *(spec.model for spec in SPECS)})
_MODEL = re.compile(r"(?<![\w./:-])(?:" + "|".join(map(re.escape, _MODEL_NAMES)) + r")(?![\w:/-]|\.\w)")


def _code(notebook: Notebook) -> list[Notebook]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _lines(cell: Notebook) -> int:
    return len(cell.source.strip().splitlines())


def _length(notebook: Notebook) -> Iterator[Finding]:
    sizes = [_lines(cell) for cell in _code(notebook)]
    if sizes and median(sizes) > MEDIAN_LINES:
        yield "", f"half of the code cells must have {MEDIAN_LINES} lines or fewer; the median is {median(sizes):g}"
    long = [cell for cell in _code(notebook) if "long" in tags(cell)]
    for cell in _code(notebook):
        most = LONG_LINES if cell in long[:1] else MOST_LINES
        if _lines(cell) > most:
            message = f"{_lines(cell)} lines of code, and {most} are the limit; the rest belongs into the package"
            yield cell["id"], message
    for cell in long[1:]:
        yield cell["id"], "one cell of a lesson may be tagged long, and there is one before it"


def _hiding(notebook: Notebook) -> Iterator[Finding]:
    for cell in _code(notebook):
        if re.search(r"^%%capture\b", cell.source, re.MULTILINE):
            yield cell["id"], "%%capture hides what the cell prints from its reader"
        if cell.metadata.get("jupyter", {}).get("source_hidden") and "solution" not in tags(cell):
            yield cell["id"], "only the source of a solution is folded"
        if cell.metadata.get("jupyter", {}).get("outputs_hidden"):
            yield cell["id"], "outputs are not folded"


def _failures(notebook: Notebook) -> Iterator[Finding]:
    for cell in _code(notebook):
        if any(output.output_type == "error" for output in cell.outputs):
            yield cell["id"], "the stored output is an error; an expected one needs %%expect and its name"
        if "raises-exception" in tags(cell):
            yield (
                cell["id"],
                "papermill does not know the tag raises-exception; write %%expect and the error's name",
            )


def _executed(notebook: Notebook) -> Iterator[Finding]:
    number = 0
    for cell in _code(notebook):
        if not cell.source.strip():
            yield cell["id"], "an empty code cell"
            continue
        number += 1
        if cell.execution_count != number:
            yield cell["id"], f"executed as [{cell.execution_count or ' '}], and Run All would make it [{number}]"


def _secrets(notebook: Notebook) -> Iterator[Finding]:
    for cell in notebook.cells:
        for place, text in _texts(cell):
            # The finding itself is not repeated: it may be real.
            if find_leaks(text):
                yield cell["id"], f"something in its {place} looks like a key, or like personal data"


def _paths(notebook: Notebook) -> Iterator[Finding]:
    for cell in notebook.cells:
        for place, text in _texts(cell):
            if match := _PATH.search(text):
                yield cell["id"], f"an absolute path in its {place}: {text[match.start() : match.start() + 40]!r}"


def _models(notebook: Notebook) -> Iterator[Finding]:
    for cell in _code(notebook):
        for name in sorted({name for text in _literals(cell.source) for name in _MODEL.findall(text)}):
            yield cell["id"], f"the model name {name!r} is typed in; take it from llmlab.MODELS"


def _clocks(notebook: Notebook) -> Iterator[Finding]:
    for cell in _code(notebook):
        if match := _CLOCK.search(cell.source):
            yield cell["id"], f"{match.group(0).strip()!r} reads the clock: what it gives is different on every run"


def _dollars(notebook: Notebook) -> Iterator[Finding]:
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (match := _MATH.search(_QUOTED.sub("", cell.source))):
            yield cell["id"], f"{match.group(0)!r} is drawn as a formula; say cents, or write \\$"


def _texts(cell: Notebook) -> Iterator[tuple[str, str]]:
    """Yield every text of a cell that a person can read, and where it stands."""
    yield "source", cell.source
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            yield "output", plain(output.text)
        elif output.output_type == "error":
            yield "output", plain("\n".join([output.evalue, *output.traceback]))
        else:
            for mime, value in output.data.items():
                if not mime.startswith("image/") or mime == "image/svg+xml":
                    yield "output", plain(value if isinstance(value, str) else str(value))


def _literals(source: str) -> Iterator[str]:
    """Yield the magics, strings and comments of a cell, or the cell itself where it is no Python."""
    yield from _MAGIC.findall(source)
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(_MAGIC.sub("", source)).readline))
    except (tokenize.TokenError, SyntaxError):
        yield source
        return
    wanted = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in tokens:
        if token.type in wanted:
            yield token.string


CELL_RULES: dict[str, Callable[[Notebook], Iterator[Finding]]] = {
    "length": _length,
    "hiding": _hiding,
    "failures": _failures,
    "executed": _executed,
    "secrets": _secrets,
    "paths": _paths,
    "models": _models,
    "clocks": _clocks,
    "dollars": _dollars,
}
