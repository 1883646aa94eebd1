"""The order of the rooms. If one fails, a room reaches back, and the house can no longer be read from top to bottom."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import llmlab

HOUSE = Path(llmlab.__file__).parent

ROOMS = (
    "_utils",
    "errors",
    "types",
    "config",
    "formats",
    "models",
    "transport",
    "policies",
    "providers",
    "toolkit",
    "lab",
)
"""From the top of the house to the bottom; a room imports only what stands before it."""

LATE = {
    "dotenv": "only where there is a .env",
    "yaml": "only where there is a settings file",
    "genai_prices": "only where a price is asked",
    "sqlalchemy": "only where a ledger is kept in a database; an extra",
    "pydantic_core": "only where an object is looked at while it is being written",
    "pandas": "only where a table is shown",
    "rich": "only where a command prints",
    "nbformat": "only where a notebook is read",
    "jupyter_client": "only where kernels are looked up",
    "ipykernel": "only where a kernel is written down",
    "qdrant_client": "only where a local vector store is made",
    "fcntl": "not on Windows",
    "IPython": "only in a notebook, which has it loaded",
    "readline": "only where a person types; not on Windows",
}
"""Libraries that may be imported inside a function, and when they are."""

LATE_MODULES = {
    "llmlab.lab.notebooks.report": "loads nbconvert, which nothing else of a run needs",
    "llmlab.policies.ledger.view": "loads tables and pictures, for which no first call should wait",
}
"""Modules of our own that may be imported inside a function, and why."""

LATE_ROOMS = ("llmlab.lab.cli",)
"""A command loads only what it needs, so that `--help` is quick."""


def files() -> list[Path]:
    return sorted(HOUSE.rglob("*.py"))


def room_of(module: str) -> str:
    return [*module.split("."), ""][1]


def name_of(file: Path) -> str:
    return ".".join(("llmlab", *file.relative_to(HOUSE).with_suffix("").parts)).removesuffix(".__init__")


def imported(node: ast.AST, file: Path) -> list[str]:
    """The full names of what an import statement imports; of `from llmlab import x`, x counts as a room."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{file.name} imports relatively"
        if node.module == "llmlab":
            return [f"llmlab.{alias.name}" for alias in node.names]
        return [node.module or ""]
    return []


def late(tree: ast.AST) -> Iterator[ast.AST]:
    """The import statements inside functions."""
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from (node for node in ast.walk(function) if isinstance(node, (ast.Import, ast.ImportFrom)))


def test_every_room_has_its_place() -> None:
    """A room that is in no list is held to no rule."""
    there = {room_of(name_of(file)) for file in files()} - {""}
    assert there - {*ROOMS, "__main__"} == set()


@pytest.mark.parametrize("file", files(), ids=name_of)
def test_a_room_imports_only_rooms_above_it(file: Path) -> None:
    room = room_of(name_of(file))
    if room in ("", "__main__"):
        return  # llmlab/__init__.py hands out everybody's names, each on first use
    allowed = {*ROOMS[: ROOMS.index(room)], room}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        for module in imported(node, file):
            if module.startswith("llmlab.") and hasattr(llmlab, room_of(module)) and room_of(module) not in ROOMS:
                continue  # a value such as __version__
            if module.startswith("llmlab."):
                assert room_of(module) in allowed, f"{room} imports {module}"


@pytest.mark.parametrize("file", files(), ids=name_of)
def test_no_import_hides_inside_a_function(file: Path) -> None:
    for node in late(ast.parse(file.read_text(encoding="utf-8"))):
        for module in imported(node, file):
            top = module.split(".")[0]
            known = name_of(file).startswith(LATE_ROOMS) or module in LATE_MODULES if top == "llmlab" else top in LATE
            assert known, f"{name_of(file)} imports {module} inside a function"


@pytest.mark.parametrize("room", ["lab/installer", "lab/bootstrap", "__main__"])
def test_what_runs_before_anything_is_installed_needs_nothing_installed(room: str) -> None:
    """Else the first command on a fresh machine ends in a ModuleNotFoundError."""
    file = HOUSE / f"{room}.py"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    modules = {module for node in ast.walk(tree) for module in imported(node, file)}
    outside = {module.split(".")[0] for module in modules} - {"llmlab"}
    assert outside <= sys.stdlib_module_names


def loaded(statement: str) -> set[str]:
    """The top-level modules that a fresh Python holds after a statement."""
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HOUSE.parent)
    return set(result.stdout.split())


HEAVY = {"httpx", "httpx2", "pydantic", "pandas", "openai", "anthropic", "ipywidgets", "IPython", "yaml", "rich"}


def test_importing_llmlab_is_nearly_free() -> None:
    assert loaded("import llmlab") & HEAVY == set()


def test_values_are_had_without_the_network() -> None:
    statement = "from llmlab import Message, Completion, Usage, LLMError, Request; Message('user', 'Hi')"
    assert loaded(statement) & HEAVY == set()


def test_a_provider_loads_no_sdk() -> None:
    """Importing one takes up to a second."""
    statement = "import llmlab; llmlab.get_provider('openai', api_key='k')"
    assert loaded(statement) & HEAVY == {"httpx2"}


@pytest.mark.parametrize("name", [name for name in llmlab.__all__ if name not in ("__version__",)])
def test_every_public_name_is_there_and_explained(name: str) -> None:
    assert name in dir(llmlab)
    value = getattr(llmlab, name)
    assert value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'llmlab' has no attribute 'chat'"):
        _ = llmlab.chat
