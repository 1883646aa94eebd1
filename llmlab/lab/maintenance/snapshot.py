"""What the installed packages say, as JSON: `python -m llmlab.lab.maintenance.snapshot`.

`update` runs it in one process before the packages change, and with `--write` in another one afterwards: then it
writes the catalogue too.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Iterator
from datetime import date
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import anthropic
import openai

from llmlab.lab import bootstrap
from llmlab.lab.maintenance import catalogue
from llmlab.models.catalogue import FILE


def take(notebooks: Path) -> dict[str, Any]:
    """Return versions, catalogue, and the parameters of the SDK methods that the lessons call."""
    return {
        "versions": {found.name.lower().replace("_", "-"): found.version for found in distributions()},
        "catalogue": catalogue.generate(catalogue.load(), date.today()),
        "methods": methods(notebooks),
    }


def methods(notebooks: Path) -> dict[str, list[str]]:
    """Return the SDK methods that the lessons call, each with the names of its parameters."""
    clients = {"openai": openai.OpenAI(api_key="none"), "anthropic": anthropic.Anthropic(api_key="none")}
    found: dict[str, list[str]] = {}
    for path in sorted({path for file in notebooks.glob("*.ipynb") for path in _called(file)}):
        for name, client in clients.items():
            target: Any = client
            for part in path.split("."):
                target = getattr(target, part, None)
            if inspect.ismethod(target):
                found[f"{name}.{path}"] = [*inspect.signature(target).parameters]
    return found


def _called(notebook: Path) -> Iterator[str]:
    """Yield what the code of a notebook calls on an object, such as `responses.create`."""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        lines = "".join(cell["source"]).splitlines() if cell["cell_type"] == "code" else []
        try:
            tree = ast.parse("\n".join(line for line in lines if not line.startswith(("%", "!"))))
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                name, _, path = ast.unparse(node.func).partition(".")
                # Without a second dot it may be a method of anything.
                if name.isidentifier() and "." in path and path.replace(".", "").isidentifier():
                    yield path


if __name__ == "__main__":
    snapshot = take(bootstrap.CLONE / "notebooks")
    if "--write" in sys.argv:
        FILE.write_text(catalogue.dump(snapshot["catalogue"]), encoding="utf-8")
    print(json.dumps(snapshot))
