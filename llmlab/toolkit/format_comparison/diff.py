"""JSON bodies as lines, each with a mark that says whether the other bodies have it too.

Two values are the same if they are equal and have the same path of names. The position in a list does not count, nor
does the name of the model.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

ONLY_HERE: Final = "*"
IN_SOME: Final = "~"
LINE: Final = 52
"""Characters of a line of JSON; a longer value is broken into several lines."""
LONG_TEXT: Final = 300
"""Longest text that is shown whole, in characters."""

Leaf: TypeAlias = tuple[tuple[str, ...], str]


def marked(bodies: Sequence[Mapping[str, Any]]) -> list[list[tuple[str, str]]]:
    """Return the lines of each body with their marks: `*` only in this body, `~` in some others, "" in all."""
    counts = Counter(leaf for body in bodies for leaf in set(_leaves(body)))

    def mark(leaves: list[Leaf]) -> str:
        rarest = min((counts[leaf] for leaf in leaves), default=len(bodies))
        return "" if rarest == len(bodies) else ONLY_HERE if rarest == 1 else IN_SOME

    return [[(mark(leaves), line) for line, leaves in _lines(body)] for body in bodies]


def _lines(
    value: Any, path: tuple[str, ...] = (), name: str = "", indent: str = ""
) -> Iterator[tuple[str, list[Leaf]]]:
    """Yield the lines of a value, each with its leaves. What fits on one line is on one line."""
    line = indent + name + json.dumps(shortened(value), ensure_ascii=False)
    if not isinstance(value, (dict, list)) or not value or (path and len(line) <= LINE):
        yield line, list(_leaves(value, path))
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    yield f"{indent}{name}{opening}", []
    inner = list(value.items()) if isinstance(value, dict) else [("", item) for item in value]
    for place, (key, item) in enumerate(inner, start=1):
        label = f"{json.dumps(key, ensure_ascii=False)}: " if isinstance(value, dict) else ""
        *lines, (last, leaves) = _lines(item, (*path, key), label, indent + "  ")
        yield from lines
        yield last + ("," if place < len(inner) else ""), leaves
    yield f"{indent}{closing}", []


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list) and value:
        for item in value:
            yield from _leaves(item, (*path, ""))
    else:
        yield path, "" if path == ("model",) else json.dumps(value, ensure_ascii=False)


def shortened(value: Any) -> Any:
    """Shorten long texts, such as the data of an image, at every depth."""
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shortened(item) for item in value]
    if isinstance(value, str) and len(value) > LONG_TEXT:
        return f"{value[: LONG_TEXT // 3]}… {len(value) - LONG_TEXT // 3} more characters"
    return value
