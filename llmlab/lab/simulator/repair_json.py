"""Repair of a JSON answer after a complaint such as `year: Input should be less than or equal to 1900`.

A complaint names a field and the problem, as pydantic does. Numbers move to the limit; texts are cut, or change their
case. Any other problem stays, as with a real model that does not learn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from llmlab.lab.simulator.conversation import Turn
from llmlab.lab.simulator.json_access import parse

_COMPLAINT = re.compile(r"(?:^|[;:\n])\s*`?([A-Za-z_][\w.]*)`?: ([^;\n]+)")
_REPAIRS: tuple[tuple[str, Callable[[Any, str], Any]], ...] = (
    (r"(?:less than or equal to|at most) (-?\d+)(?! (?:char|item))", lambda value, limit: int(limit)),
    (r"(?:greater than or equal to|at least) (-?\d+)(?! (?:char|item))", lambda value, limit: int(limit)),
    (r"less than (-?\d+)", lambda value, limit: int(limit) - 1),
    (r"greater than (-?\d+)", lambda value, limit: int(limit) + 1),
    (r"multiple of (\d+)", lambda value, step: value - value % int(step)),
    (r"at most (\d+) (?:char|item)", lambda value, limit: value[: int(limit)]),
    (r"(capital|upper ?case|large)", lambda value, _: value.upper()),
    (r"(small|lower ?case)", lambda value, _: value.lower()),
)


def repaired(turns: Sequence[Turn]) -> str:
    """Return the last answer with the user's complaints resolved; an empty text if there is nothing to repair."""
    if [turn.role for turn in turns[-2:]] != ["assistant", "user"]:
        return ""
    try:
        answer = parse(turns[-2].text)
    except ValueError:
        return ""
    known = False
    for field, problem in _COMPLAINT.findall(turns[-1].text):
        keys = [int(part) if part.isdecimal() else part for part in field.split(".")]
        try:
            holder = answer
            for key in keys[:-1]:
                holder = holder[key]
            holder[keys[-1]] = _repair(holder[keys[-1]], problem)
            known = True
        except (KeyError, IndexError, TypeError):
            continue  # the answer has no such field
    return json.dumps(answer, ensure_ascii=False) if known else ""


def _repair(value: Any, problem: str) -> Any:
    for pattern, repair in _REPAIRS:
        if match := re.search(pattern, problem, re.IGNORECASE):
            try:
                return repair(value, match[1])
            except (TypeError, AttributeError, ValueError, ZeroDivisionError):
                return value  # the complaint is about another type of value
    return value
