"""Notebooks that have never heard of llmlab: the tape is switched on for them, before their first cell."""

from __future__ import annotations

import re
import sys

from llmlab.lab.notebooks.notebook_file import Notebook, code_cells

_KNOWS = re.compile(r"^\s*%(?:re)?load_ext\s+llmlab\b|\bllmlab\.start\(|^\s*from\s+llmlab\s+import\b.*\bstart\b", re.M)
_IMPORTS = re.compile(r"^[ \t]*(?:from|import)[ \t]+(\w+)((?:[ \t]*,[ \t]*\w+)*)", re.M)
_MAY_CALL = re.compile(r"_API_KEY|%run\b|\b(?:__import__|import_module|exec)\(")
# They do not call language models, and a quarter of a second for the tape is long beside them.
_SILENT = sys.stdlib_module_names | {"IPython", "ipywidgets", "matplotlib", "numpy", "pandas"}


def needs_tape(notebook: Notebook) -> bool:
    """Tell whether a notebook may call a language model and does not switch the tape on itself."""
    if notebook.metadata.get("kernelspec", {}).get("language", "python") != "python":
        return False
    sources = [cell.source for _, cell in code_cells(notebook)]
    if any(_KNOWS.search(source) for source in sources):
        return False
    modules = {name for source in sources for found in _IMPORTS.findall(source) for name in _names(found)}
    return bool(modules - _SILENT) or any(_MAY_CALL.search(source) for source in sources)


def _names(found: tuple[str, str]) -> list[str]:
    first, more = found
    return [first, *(name.strip() for name in more.split(",") if name.strip())]
