"""JSON bodies as lines, each with a mark that says whether it stands in the other bodies, too.

Compared is what stands where: a value and the names that lead to it. The place in a list does not count, and neither
does the name of the model, which is each vendor's own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

ONLY_HERE: Final = "*"
IN_SOME: Final = "~"
LINE: Final = 52
"""Characters in which a line of JSON should fit."""
LONG_TEXT: Final = 300
"""Characters of one text that are shown."""

Leaf: TypeAlias = tuple[tuple[str, ...], str]


def marked(bodies: Sequence[Mapping[str, Any]]) -> list[list[tuple[str, str]]]:
    """Return the lines of each body, each with its mark: `*` stands only here, `~` in some others, "" in all."""
    counts = Counter(leaf for body in bodies for leaf in set(_leaves(body)))

    def mark(leaves: list[Leaf]) -> str:
        rarest = min((counts[leaf] for leaf in leaves), default=len(bodies))
        return "" if rarest == len(bodies) else ONLY_HERE if rarest == 1 else IN_SOME

    return [[(mark(leaves), line) for line, leaves in _lines(body)] for body in bodies]


def _lines(
    value: Any, path: tuple[str, ...] = (), name: str = "", indent: str = ""
) -> Iterator[tuple[str, list[Leaf]]]:
    """Yield the lines of a value with the leaves that stand on them. What fits on a line stands on one."""
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
    """Shorten long texts, such as a picture's, at every depth."""
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shortened(item) for item in value]
    if isinstance(value, str) and len(value) > LONG_TEXT:
        return f"{value[: LONG_TEXT // 3]}… {len(value) - LONG_TEXT // 3} more characters"
    return value
