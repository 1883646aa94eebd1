"""The house: what imports what, what loads when, and which names it offers. Layers are in pyproject.toml."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import llmlab

HOUSE = Path(llmlab.__file__).parent
FILES = sorted(HOUSE.rglob("*.py"))

LATE = {
    "dotenv": "only where there is a .env",
    "yaml": "only where there is a settings file",
    "genai_prices": "only where a price is needed",
    "sqlalchemy": "only where a ledger is stored in a database; an extra",
    "pydantic_core": "only where an object is shown while it is being written",
    "pandas": "only where a table is shown",
    "rich": "only where a command prints",
    "nbformat": "only where a notebook is read",
    "jupyter_client": "only where kernels are listed",
    "ipykernel": "only where a kernel is written down",
    "qdrant_client": "only where a local vector store is made",
    "fcntl": "not on Windows",
    "IPython": "only in a notebook, which has loaded it",
    "readline": "only where a person types; not on Windows",
}
"""Libraries that may be imported inside a function, and why."""

LATE_MODULES = {
    "llmlab.lab.notebooks.report": "loads nbconvert, which the rest of a run does not need",
    "llmlab.policies.ledger.view": "loads tables and charts, which a first call does not need",
}
"""Modules of the house that may be imported inside a function, and why."""

HEAVY = {"httpx", "httpx2", "pydantic", "pandas", "openai", "anthropic", "ipywidgets", "IPython", "yaml", "rich"}


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the full names of what a tree imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from (
                (f"llmlab.{alias.name}" for alias in node.names) if node.module == "llmlab" else [node.module or ""]
            )


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the functions and methods of a file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def loaded(statement: str) -> set[str]:
    """Return the top-level modules that a new Python has loaded after a statement."""
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HOUSE.parent)
    return set(result.stdout.split())


def test_no_import_hides_inside_a_function() -> None:
    """A hidden import hides a circle. The command line may: `--help` must be quick."""
    for file in FILES:
        if HOUSE / "lab" / "cli" in file.parents:
            continue
        for function in functions(file):
            for module in imported(function):
                known = module in LATE_MODULES if module.startswith("llmlab") else module.split(".")[0] in LATE
                assert known, f"{file} imports {module} in {function.name}"


@pytest.mark.parametrize("name", ["__init__", "__main__", "lab/installer", "lab/bootstrap"])
def test_what_runs_before_the_set_up_needs_the_standard_library_alone(name: str) -> None:
    """Otherwise the first command on a new machine ends in a ModuleNotFoundError."""
    tree = ast.parse((HOUSE / f"{name}.py").read_text(encoding="utf-8"))
    assert {module.split(".")[0] for module in imported(tree)} - {"llmlab"} <= sys.stdlib_module_names


def test_importing_llmlab_is_nearly_free() -> None:
    """Values come without HTTP, providers without an SDK: importing one SDK takes up to a second."""
    assert loaded("import llmlab") & HEAVY == set()
    values = "from llmlab import Message, Completion, Usage, LLMError, Request; Message('user', 'Hi')"
    assert loaded(values) & HEAVY == set()
    assert loaded("import llmlab; llmlab.get_provider('openai', api_key='k')") & HEAVY == {"httpx2"}


def test_public_names_exist_and_are_documented() -> None:
    """A name that is listed and does not exist is an error on a user's first line."""
    for name in {*llmlab.__all__} - {"__version__"}:
        value = getattr(llmlab, name)
        assert value is getattr(import_module(f"llmlab.{llmlab._HOME[name]}"), name), name
        assert value.__doc__, name
        assert name in dir(llmlab)


def test_type_checkers_know_the_public_names() -> None:
    """A name that only exists at run time is `Any` to a type checker, which then finds no mistake in its use."""
    tree = ast.parse(Path(llmlab.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    known = {
        alias.name: node.module.removeprefix("llmlab.")
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    assert known == llmlab._HOME


def test_an_unknown_name_is_an_attribute_error() -> None:
    """`hasattr` and `import` rely on it."""
    with pytest.raises(AttributeError, match="module 'llmlab' has no attribute 'get_provder'"):
        llmlab.get_provder  # noqa: B018
