"""Keywords of the interfaces: one that a document does not name is refused by its name."""

from __future__ import annotations

import difflib
from typing import Any, Self


class Keywords:
    """A dataclass that refuses an unknown keyword with the nearest known one.

    Raises:
        TypeError: names both.
    """

    __slots__ = ()

    def __new__(cls, *_: Any, **options: Any) -> Self:
        known = getattr(cls, "__dataclass_fields__", {})
        for name in options:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}."
                raise TypeError(f"{cls.__name__} has no {name!r}; {hint}")
        return super().__new__(cls)
