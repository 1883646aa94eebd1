"""The exercises of the notebooks, taken out of them: what a learner's kernel holds, the stub, and the solution."""

from __future__ import annotations

import ast
import dis
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@dataclass(frozen=True)
class Cell:
    """A code cell without its magics."""

    source: str
    tags: tuple[str, ...]

    @property
    def statements(self) -> list[ast.stmt]:
        if self.source.startswith("%%"):
            return []  # the whole cell belongs to its magic
        lines = ["" if line.startswith(("%", "!")) else line for line in self.source.splitlines()]
        return ast.parse("\n".join(lines)).body


def cells(notebook: Path) -> list[Cell]:
    found = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [
        Cell("".join(cell["source"]), tuple(cell["metadata"].get("tags", ())))
        for cell in found
        if cell["cell_type"] == "code"
    ]


def exercises() -> Iterator[tuple[str, Path, Cell, Cell, list[Cell]]]:
    """Yield the number of each exercise, its notebook, stub and solution, and the cells above."""
    for notebook in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
        found = cells(notebook)
        for place, cell in enumerate(found):
            if "solution" in cell.tags:
                number = next(call.args[0].value for call in calls(cell, "check"))
                yield number, notebook, found[place - 1], cell, found[: place - 1]


def calls(cell: Cell, name: str) -> Iterator[Any]:
    for statement in cell.statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield node


def kernel(above: list[Cell], code: str) -> dict[str, Any]:
    """Return the names that `code` uses, as the cells above it make them. Other statements are not run."""
    statements = [statement for cell in above for statement in cell.statements]
    wanted = loaded(ast.parse(code))
    needed: list[ast.stmt] = []
    for statement in reversed(statements):
        if defined(statement) & wanted:
            needed.insert(0, statement)
            wanted |= loaded(ast.Module([statement], []))
    names: dict[str, Any] = {}
    run(needed, names)
    return names


def loaded(tree: ast.Module) -> set[str]:
    """Return the global names that code uses; the local ones of its functions are its own."""
    left = [compile(tree, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)]
    names: set[str] = set()
    while left:
        code = left.pop()
        names |= {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
        left += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return names


def defined(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Assign):
        return {node.id for target in statement.targets for node in ast.walk(target) if isinstance(node, ast.Name)}
    return set()


def run(statements: list[ast.stmt], names: dict[str, Any]) -> Any:
    """Run statements as a cell does, and return the value of the last one if it is an expression."""
    *first, last = statements or [ast.Pass(lineno=1, col_offset=0)]
    if not isinstance(last, ast.Expr):
        first, last = [*first, last], None  # type: ignore[assignment]
    exec(compile(ast.Module(first, []), "<cell>", "exec"), names)
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names) if last else None


def verdict(above: list[Cell], code: str) -> Any:
    """Return what the last line of `code`, a call of `check`, gives in the kernel of its lesson."""
    return run(ast.parse(code).body, kernel(above, code))
