"""Arithmetic in a question: finds an expression and computes it, without ever running it as code."""

from __future__ import annotations

import ast
import math
import operator
import re

_WORDS = (
    (r"\bmultiplied by\b|\btimes\b|×|·|(?<=\d)\s*x\s*(?=\d)", " * "),
    (r"\bdivided by\b|÷", " / "),
    (r"\bplus\b", " + "),
    (r"\bminus\b|−", " - "),
    (r"\bto the power of\b|\^", " ** "),
    (r"\bsquared\b", " **2 "),
    (r"(?<=\d),(?=\d{3}\b)", ""),
)
_EXPRESSION = re.compile(r"[-+(\s]*\d[\d\s.()*/%+-]*")
_ROOT = re.compile(r"square root of (\d+(?:\.\d+)?)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|percent) of (\d+(?:\.\d+)?)")
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?|\d\d?/\d\d?/\d{2,4}")
_LIMIT = 1e15
_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


def find_sum(text: str) -> tuple[str, str] | None:
    """Find an expression with at least one operator in a text.

    Returns:
        The expression and its value as texts, or None.
    """
    text = text[:500].lower()
    if match := _ROOT.search(text):
        return f"√{match[1]}", _show(math.sqrt(float(match[1])))
    if match := _PERCENT.search(text):
        return f"{match[1]} % of {match[2]}", _show(float(match[1]) * float(match[2]) / 100)
    for pattern, sign in _WORDS:
        text = re.sub(pattern, sign, text)
    candidates = (" ".join(match[0].split()).rstrip(".+-*/% (") for match in _EXPRESSION.finditer(text))
    for candidate in sorted(candidates, key=len, reverse=True):
        if re.search(r"\d\)?\s*[-+*/%]", candidate) and not _DATE.fullmatch(candidate):
            try:
                return candidate, _show(_value(ast.parse(candidate, mode="eval").body))
            except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError, TypeError):
                continue
    return None


def _show(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.10f}".rstrip("0")


def _value(node: ast.AST) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        value: float = node.value
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _value(node.operand) * (-1 if isinstance(node.op, ast.USub) else 1)
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow) and abs(right) > 64:
            raise ValueError("power too large")
        value = _OPERATORS[type(node.op)](left, right)
    else:
        raise ValueError("not arithmetic")
    if isinstance(value, complex) or not -_LIMIT <= value <= _LIMIT:
        raise ValueError("out of bounds")
    return value
