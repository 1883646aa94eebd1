"""Mends a JSON answer after a complaint about it: `year: Input should be less than or equal to 1900`.

A complaint names a field and says what is wrong, as pydantic does. Numbers are moved to the limit, texts are cut or
written large or small. What it does not understand stays wrong, as with a real model that does not learn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from llmlab.lab.simulator.json_access import parse
from llmlab.lab.simulator.question import Turn

_COMPLAINT = re.compile(r"(?:^|[;:\n])\s*`?([A-Za-z_][\w.]*)`?: ([^;\n]+)")
_RULES: tuple[tuple[str, Callable[[Any, str], Any]], ...] = (
    (r"(?:less than or equal to|at most) (-?\d+)(?! (?:char|item))", lambda value, limit: int(limit)),
    (r"(?:greater than or equal to|at least) (-?\d+)(?! (?:char|item))", lambda value, limit: int(limit)),
    (r"less than (-?\d+)", lambda value, limit: int(limit) - 1),
    (r"greater than (-?\d+)", lambda value, limit: int(limit) + 1),
    (r"multiple of (\d+)", lambda value, step: value - value % int(step)),
    (r"at most (\d+) char", lambda value, limit: value[: int(limit)]),
    (r"at most (\d+) item", lambda value, limit: value[: int(limit)]),
    (r"(?:capital|upper ?case|large) ?(?:letters)?", lambda value, _: value.upper()),
    (r"(?:small|lower ?case) ?(?:letters)?", lambda value, _: value.lower()),
)


def mended(turns: Sequence[Turn]) -> str:
    """Give the last answer once more, mended as the user wants it; nothing if there is no answer to mend."""
    if len(turns) < 2 or turns[-1].role != "user" or turns[-2].role != "assistant":
        return ""
    try:
        value = parse(turns[-2].text)
    except ValueError:
        return ""
    complaints = _COMPLAINT.findall(turns[-1].text)
    known = [(where.split("."), wrong) for where, wrong in complaints if _within(value, where.split("."))]
    if not known:
        return ""
    for path, wrong in known:
        holder = _at(value, path[:-1])
        name = _step(holder, path[-1])
        holder[name] = _better(holder[name], wrong)
    return json.dumps(value, ensure_ascii=False)


def _better(value: Any, wrong: str) -> Any:
    for pattern, mend in _RULES:
        if match := re.search(pattern, wrong, re.IGNORECASE):
            try:
                return mend(value, match[match.lastindex or 0])
            except (TypeError, AttributeError):
                return value  # the complaint is about another kind of value
    return value


def _within(value: Any, path: Sequence[str]) -> bool:
    try:
        _at(value, path)
    except (KeyError, IndexError, TypeError, ValueError):
        return False
    return True


def _at(value: Any, path: Sequence[str]) -> Any:
    for part in path:
        value = value[_step(value, part)]
    return value


def _step(value: Any, part: str) -> Any:
    return int(part) if isinstance(value, list) else part
