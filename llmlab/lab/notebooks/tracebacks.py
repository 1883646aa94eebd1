"""Tracebacks as a learner needs them: the own lines and the error, without the way through libraries.

An error of a service comes from a dozen frames down, and its message, which names the next step, would stand below a
hundred lines that nobody of the readers wrote. `%tb` still shows all of them.
"""

from __future__ import annotations

import re
import sys
from types import TracebackType
from typing import Any

_CELL = "File <ipython-input"
"""How IPython in a terminal calls a cell; a kernel says `Cell In[1]`."""
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def plain(text: str) -> str:
    """Return terminal text without its colours."""
    return _ANSI.sub("", text)


def short_traceback(lines: list[str]) -> list[str]:
    """Keep the reader's own frames and the error; leave out the frames inside libraries and the errors before."""
    texts = [plain(line) for line in lines]
    starts = [number for number, text in enumerate(texts) if "Traceback (most recent call last)" in text]
    if not starts:
        return lines
    rule = lines[:1] if texts[0].startswith("-----") else []
    rest = zip(lines[starts[-1] :], texts[starts[-1] :], strict=True)
    return rule + [line for line, text in rest if not text.startswith("File ") or text.startswith(_CELL)]


def show(
    shell: Any, kind: type[BaseException], error: BaseException, trace: TracebackType, tb_offset: int | None = None
) -> None:
    """Show an error with a short traceback; a handler for IPython's `set_custom_exc`."""
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace  # what %tb and %debug look at
    lines = shell.InteractiveTB.structured_traceback(kind, error, trace, tb_offset=tb_offset)
    shell._showtraceback(kind, error, short_traceback(lines))
