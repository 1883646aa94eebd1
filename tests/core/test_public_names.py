"""`llmlab.<name>`: what a user finds there, and what a type checker knows of it, are the same."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

import llmlab


@pytest.mark.parametrize("name", sorted(llmlab._HOME))
def test_every_public_name_is_there(name: str) -> None:
    """A name that the table promises and nobody has is an error on a user's first line."""
    assert getattr(llmlab, name) is getattr(import_module(f"llmlab.{llmlab._HOME[name]}"), name)
    assert name in dir(llmlab)
    assert name in llmlab.__all__


def test_type_checkers_know_the_same_names() -> None:
    """A name that only exists at run time is `Any` to mypy, and its mistakes go unseen."""
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
    with pytest.raises(AttributeError, match="no attribute 'get_provder'"):
        llmlab.get_provder  # noqa: B018
