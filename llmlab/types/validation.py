"""The check that every policy makes of the numbers it is given, since `"5"` or NaN would be heard of only in a call."""

from __future__ import annotations

import math
from typing import TypeGuard


def is_amount(value: object) -> TypeGuard[float]:
    """Tell whether something is a number of 0 or more, and neither infinite nor NaN."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


def is_count(value: object) -> TypeGuard[int]:
    """Tell whether something is a whole number of 1 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
