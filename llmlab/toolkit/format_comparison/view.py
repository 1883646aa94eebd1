"""Columns side by side, as text and as HTML. The marks are characters, so colour is not needed."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from llmlab.toolkit.format_comparison.diff import IN_SOME, LINE, ONLY_HERE

Column: TypeAlias = tuple[str, str, list[tuple[str, str]]]
"""Title, explanation, and lines with their marks."""

COLUMN: Final = LINE + 4
GAP: Final = " │ "
WIDTH: Final = 2 * COLUMN + len(GAP)
"""Characters of two columns."""


def as_text(columns: Sequence[Column], width: int = WIDTH) -> str:
    """Return the columns as text, with as many beside each other as fit into the width, at least one."""
    beside = max(1, (width + len(GAP)) // (COLUMN + len(GAP)))
    rows = []
    for start in range(0, len(columns), beside):
        blocks = [list(_block(column)) for column in columns[start : start + beside]]
        height = max(map(len, blocks))
        filled = [block + [""] * (height - len(block)) for block in blocks]
        rows.append(
            "\n".join(GAP.join(line.ljust(COLUMN) for line in row).rstrip() for row in zip(*filled, strict=True))
        )
    return "\n\n".join([*rows, *_legend(columns)])


def as_html(columns: Sequence[Column]) -> str:
    """Return the columns as HTML. On a narrow page they are below each other."""
    blocks = []
    for title, about, lines in columns:
        shown = "\n".join(
            f"<strong>{mark} {html.escape(line)}</strong>"
            if mark == ONLY_HERE
            else html.escape(f"{mark or ' '} {line}")
            for mark, line in lines
        )
        blocks.append(
            '<div style="flex: 1 1 26em; min-width: 0">'
            f"<strong>{html.escape(title)}</strong><br><small>{html.escape(about)}</small>"
            f'<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{shown}</pre></div>'
        )
    inner = "\n".join(blocks)
    legend = "".join(f"<small>{html.escape(line)}</small>" for line in _legend(columns))
    return f'<div style="display: flex; flex-wrap: wrap; gap: 1em">\n{inner}\n</div>\n{legend}'


def _block(column: Column) -> Iterator[str]:
    title, about, lines = column
    yield title
    yield from textwrap.wrap(about, COLUMN)
    for mark, line in lines:
        text = line.lstrip(" ")
        indent = " " * (len(line) - len(text))
        wrapper = textwrap.TextWrapper(COLUMN - 2, indent, indent + "  ", break_on_hyphens=False)
        first, *rest = wrapper.wrap(text)
        yield f"{mark:<2}{first}"
        yield from (f"  {part}" for part in rest)


def _legend(columns: Sequence[Column]) -> list[str]:
    marks = {mark for _, _, lines in columns for mark, _ in lines}
    meanings = {ONLY_HERE: "stands in this body only", IN_SOME: "stands in some of them"}
    legend = [f"{mark} {meaning}" for mark, meaning in meanings.items() if mark in marks]
    return [", ".join([*legend, "unmarked: in all of them"])] if legend else []
