"""The one way in which YAML is read: no objects of Python, no dates, and no aliases that multiply."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from yaml import MarkedYAMLError, Node

MOST_REPEATED: Final = 10_000
"""Nodes that aliases may add to a document. A file of 400 bytes could hold a billion otherwise."""


@cache
def _loader(quick: bool) -> Any:
    """Return the class of a loader: in C if it is built in, or in Python, which explains what is wrong."""
    # Loaded only if there is something to read.
    import yaml

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader) if quick else yaml.SafeLoader
    resolvers = {
        first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
        for first, pairs in base.yaml_implicit_resolvers.items()
    }
    return type("Loader", (base,), {"yaml_implicit_resolvers": resolvers})


def compose_yaml(text: str) -> Node | None:
    """Return the nodes of a document, which know their lines; None for an empty one.

    Raises:
        yaml.YAMLError: the text is broken, nested too deeply, or its aliases multiply.
    """
    return _compose(_loader(False)(text), text)


def load_yaml(text: str, listed: str = "") -> tuple[Any, list[int]]:
    """Parse YAML quickly, and return the lines on which the items of one list begin, too.

    Args:
        text: YAML.
        listed: name of a list at its top.

    Raises:
        yaml.YAMLError: the text is broken, nested too deeply, or its aliases multiply.
    """
    import yaml

    loader = _loader(True)(text)
    try:
        root = _compose(loader, text)
        if root is None:
            return None, []
        # Before the value is made, which takes the nodes apart.
        pairs = root.value if isinstance(root, yaml.MappingNode) else []
        items = [
            item for name, value in pairs if name.value == listed and value.id == "sequence" for item in value.value
        ]
        return loader.construct_document(root), [item.start_mark.line + 1 for item in items]
    finally:
        loader.dispose()


def _compose(loader: Any, text: str) -> Node | None:
    try:
        root: Node | None = loader.get_single_node()
        if root is not None and "&" in text:
            sizes: dict[int, int] = {}
            if _size(root, sizes) > len(sizes) + MOST_REPEATED:
                raise _refused(root, "its aliases stand for more than a file may hold")
    except RecursionError:
        raise _refused(None, "it is nested too deeply") from None
    return root


def _size(node: Node, sizes: dict[int, int]) -> int:
    """Return how many nodes a node stands for when its aliases are written out."""
    if id(node) in sizes:
        if not sizes[id(node)]:
            raise _refused(node, "it contains itself")
        return sizes[id(node)]
    sizes[id(node)] = 0
    parts = node.value if isinstance(node.value, list) else []
    inner = (part for pair in parts for part in (pair if isinstance(pair, tuple) else (pair,)))
    sizes[id(node)] = size = 1 + sum(_size(part, sizes) for part in inner)
    return size


def _refused(node: Node | None, problem: str) -> MarkedYAMLError:
    import yaml

    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark if node else None)
