"""`%%expect NotFoundError`: a cell that is expected to fail, with the error shown without its traceback.

The cell succeeds when it raises that error (or a subclass), and fails when it raises another one or none. So every tool
that executes notebooks (JupyterLab, papermill, nbval, nbconvert) treats an expected failure as what it is.

The first line of the cell becomes a marker in its code, and the rest is run inside a `with` block. That keeps line
numbers, several-line strings and a top-level `await`, which a cell magic that runs code itself would lose.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MAGIC = "%%expect"
_HELPER = "_llmlab_expected"


class ExpectedError(Exception):
    """A cell raised another error than the expected one, or none."""


@contextmanager
def expected(name: str) -> Iterator[None]:
    """Show the error `name` and go on; fail if the block raises another error or none.

    Args:
        name: class name of the error, or of one of its base classes.

    Raises:
        ExpectedError: the block did not raise it.
    """
    try:
        yield
    except Exception as error:
        if name not in (kind.__name__ for kind in type(error).__mro__):
            raise ExpectedError(f"expected {name}, but this cell raised {type(error).__name__}") from error
        # Notes say how to go on; they are a part of the message that a traceback shows.
        print(f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ()), sep="\n", file=sys.stderr)
    else:
        raise ExpectedError(f"expected {name}, but this cell raised no error")


def mark(lines: list[str]) -> list[str]:
    """Turn the magic's line into a string; an input transformer of IPython."""
    first = lines[0].split() if lines else []
    if not first or first[0] != MAGIC:
        return lines
    if len(first) != 2 or not first[1].isidentifier():
        raise SyntaxError(f"{MAGIC} takes one name of an error, such as: {MAGIC} ModelNotFoundError")
    return [f"{' '.join(first)!r}\n", *lines[1:]]


class Wrap(ast.NodeTransformer):
    """Put the code of a marked cell into a `with` block; a syntax tree transformer of IPython."""

    def visit_Module(self, node: ast.Module) -> ast.Module:
        """Return the module, wrapped if its first statement is the marker."""
        name = _marker(node)
        if name is None:
            return node
        call = ast.Call(ast.Name(_HELPER, ast.Load()), [ast.Constant(name)], [])
        block = ast.With([ast.withitem(call)], node.body[1:] or [ast.Pass()])
        node.body = [ast.fix_missing_locations(ast.copy_location(block, node.body[0]))]
        return node


def _marker(module: ast.Module) -> str | None:
    match module.body[:1]:
        case [ast.Expr(ast.Constant(str(text)))] if text.startswith(f"{MAGIC} "):
            return text.split()[1]
    return None


def install(shell: Any) -> None:
    """Make IPython understand the magic.

    Args:
        shell: IPython's.
    """
    remove(shell)
    shell.input_transformers_cleanup.append(mark)
    shell.ast_transformers.append(Wrap())
    shell.user_ns_hidden[_HELPER] = shell.user_ns[_HELPER] = expected


def remove(shell: Any) -> None:
    """Undo `install`."""
    if mark in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(mark)
    shell.ast_transformers[:] = [one for one in shell.ast_transformers if not isinstance(one, Wrap)]
    shell.user_ns.pop(_HELPER, None)
