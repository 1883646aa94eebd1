"""One list of environment variables: the code, config.VARIABLES and .env.example must not drift apart."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from llmlab.config.environment import VARIABLES
from llmlab.lab.bootstrap import CLONE

# Set by the system, conda, ssh or Jupyter, and never by a reader of .env.example.
OTHERS = {
    "CONDA_PREFIX",
    "DISPLAY",
    "JUPYTER_DEFAULT_PROVISIONER_NAME",
    "JPY_SESSION_NAME",
    "PYTHONPATH",
    "SSH_CONNECTION",
    "SSH_TTY",
    "WAYLAND_DISPLAY",
}
EXAMPLE = (CLONE / ".env.example").read_text(encoding="utf-8")


def strings(tree: ast.AST) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def read_in(path: Path) -> Iterator[str]:
    """Yield the names that a file reads from the environment, by os.environ, getenv or a helper of config."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func)
            if re.search(r"(environ(ment)?\.get|getenv|server_url|find_key)$", called):
                yield from (arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant))
        elif (
            isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and "environ" in ast.unparse(node.value)
        ):
            yield from strings(node.slice)
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "key_variable" and node.value:
            yield from strings(node.value)


def all_read() -> set[str]:
    return {name for path in (CLONE / "llmlab").rglob("*.py") for name in read_in(path)}


def test_every_variable_that_is_read_is_documented() -> None:
    """A variable that nobody wrote down is one that nobody can set."""
    assert all_read() - set(VARIABLES) - OTHERS == set()


def test_every_documented_variable_is_read() -> None:
    """A variable that does nothing costs its reader an hour."""
    assert set(VARIABLES) - all_read() == set()


def test_the_example_lists_them_all_with_what_they_mean() -> None:
    """Who copies .env.example sees every variable with the words that the code has for it, in the same order."""
    listed = re.findall(r"^# (.+)\n(?:# )?([A-Z][A-Z_]+)=", EXAMPLE, re.MULTILINE)
    assert [(name, meaning) for meaning, name in listed] == list(VARIABLES.items())


def test_the_example_holds_no_value() -> None:
    """A key pasted into the wrong file would be committed."""
    assert re.findall(r"^(?:# )?[A-Z][A-Z_]+=(.+)$", EXAMPLE, re.MULTILINE) == []


def test_only_keys_are_switched_on_in_the_example() -> None:
    """An empty OLLAMA_HOST= in a copy must not take the place of the default."""
    assert re.findall(r"^([A-Z_]+)=", EXAMPLE, re.MULTILINE) == [name for name in VARIABLES if name.endswith("_KEY")]
