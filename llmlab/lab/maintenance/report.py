"""What changed between two snapshots, and between two versions of a lesson, in sentences."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Snapshot = Mapping[str, Any]


def changes(before: Snapshot, after: Snapshot, packages: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each change of versions, models and parameters."""
    for name in packages:
        old, new = (one["versions"].get(name) for one in (before, after))
        if old != new:
            yield f"{name} {old or '(not installed)'} became {new or '(not installed)'}."
    for provider, models in after["catalogue"]["models"].items():
        known = before["catalogue"]["models"].get(provider, {})
        for model, spec in models.items():
            yield from _model(f"{model} of {provider}", known.get(model), spec)
    for method, parameters in before["methods"].items():
        yield from _parameters(method, parameters, after["methods"].get(method))


def changed_outputs(lesson: str, before: str, after: str) -> Iterator[str]:
    """Yield a sentence for each cell whose output changed."""
    old, new = (json.loads(text)["cells"] for text in (before, after))
    for number, (left, right) in enumerate(zip(old, new, strict=True)):
        if left.get("outputs") != right.get("outputs"):
            yield f"{lesson}: the output of cell {number} changed."


def _model(name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Iterator[str]:
    if before is None:
        yield f"New model: {name}. If it is not in llmlab/models/kinds.py, its requests are sent unchecked."
        return
    for key, words in {
        "retired_on": "is shut down on",
        "context_window": "has a window, in tokens, of",
        "prices": "costs, in and out, in USD for a million tokens,",
        "aliases": "has the other names",
    }.items():
        if before.get(key) != after.get(key):
            yield f"{name} {words} {_text(after.get(key))}; before: {_text(before.get(key))}."


def _text(value: Any) -> str:
    return "not known" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _parameters(method: str, before: list[str], after: list[str] | None) -> Iterator[str]:
    if after is None:
        yield f"{method} no longer exists."
        return
    added = [name for name in after if name not in before]
    for name in before:
        if name not in after:
            near = difflib.get_close_matches(name, added, 1)
            yield f"{method} no longer takes {name}" + (f"; perhaps {near[0]} is its new name." if near else ".")
    if added:
        yield f"{method} now takes {', '.join(added)}."
