"""Finds an arithmetic expression in a question and works it out, without ever running what it was given."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable

_WORDS = (
    (r"\bmultiplied by\b|\btimes\b|×|·|(?<=\d)\s*x\s*(?=\d)", "*"),
    (r"\bdivided by\b|÷", "/"),
    (r"\bplus\b", "+"),
    (r"\bminus\b|−", "-"),
    (r"\bto the power of\b|\^", "**"),
    (r"\bsquared\b", "**2"),
    (r"(?<=\d),(?=\d{3}\b)", ""),
)
_EXPRESSION = re.compile(r"[-+(\s]*\d[\d\s.()*/%+-]*")
_ROOT = re.compile(r"square root of (\d+(?:\.\d+)?)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|percent) of (\d+(?:\.\d+)?)")
_LIMIT = 1e15

_OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


def find(text: str) -> tuple[str, str] | None:
    """Find an expression with at least one operator in a text, and its value.

    Args:
        text: a question such as "What is 17 * 23?" or "twelve" (which has none: only digits count).

    Returns:
        The expression as written and its value, both as text; nothing when there is none that can be worked out.
    """
    text = text[:500].lower()
    if match := _ROOT.search(text):
        return f"√{match[1]}", show(math.sqrt(float(match[1])))
    if match := _PERCENT.search(text):
        return f"{match[1]} % of {match[2]}", show(float(match[1]) * float(match[2]) / 100)
    for pattern, sign in _WORDS:
        text = re.sub(pattern, f" {sign} " if sign else "", text)
    candidates = (" ".join(match[0].split()).rstrip(".+-*/% (") for match in _EXPRESSION.finditer(text))
    for candidate in sorted(candidates, key=len, reverse=True):
        if _is_date(candidate) or not re.search(r"\d\)?\s*[-+*/%]", candidate):
            continue
        value = work_out(candidate)
        if value is not None:
            return candidate, show(value)
    return None


def work_out(expression: str) -> float | None:
    """Work out an expression of numbers, brackets and + - * / // % **; nothing when it has anything else in it."""
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError, TypeError):
        return None


def show(value: float) -> str:
    """Write a number the way people do: no `.0`, no more than ten decimals."""
    if value == int(value):
        return str(int(value))
    return f"{value:.10f}".rstrip("0")


def _value(node: ast.AST) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return _bounded(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _value(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow) and abs(right) > 64:
            raise ValueError("too large a power")
        return _bounded(_OPERATORS[type(node.op)](left, right))
    raise ValueError("not arithmetic")


def _bounded(value: float) -> float:
    if isinstance(value, complex) or not -_LIMIT <= value <= _LIMIT:
        raise ValueError("out of bounds")
    return value


def _is_date(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d?-\d\d?|\d\d?/\d\d?/\d{2,4}", text) is not None
