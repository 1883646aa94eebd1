"""Says how far something is: one line that is written over, in a notebook or a terminal; nothing where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeAlias, cast

Show: TypeAlias = Callable[[str], None]


class Progress:
    """A line that says how far something is.

    Args:
        shown: True for where there is somebody to look, False for never, or a function that is given the text.
    """

    def __init__(self, shown: bool | Show) -> None:
        self._show = shown if callable(shown) else _place() if shown else None
        self._said = ""

    def say(self, text: str) -> None:
        """Show a text in the place of the one before."""
        if self._show is not None and text != self._said:
            self._said = text
            self._show(text)

    def end(self) -> None:
        """Leave the line as it stands."""
        if isinstance(self._show, _Terminal) and self._said:
            self._show.leave()


class _Terminal:
    def __init__(self) -> None:
        self._width = 0

    def __call__(self, text: str) -> None:
        sys.stderr.write(f"\r{text:<{self._width}}")
        sys.stderr.flush()
        self._width = len(text)

    def leave(self) -> None:
        sys.stderr.write("\n")


class _Notebook:
    def __init__(self) -> None:
        self._handle: Any = None

    def __call__(self, text: str) -> None:
        # Somebody who looks at a notebook has it loaded.
        from IPython import display

        shown, put = {"text/plain": text}, cast("Any", display).display
        if self._handle is None:
            self._handle = put(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)


def _place() -> Show | None:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None and hasattr(shell, "kernel"):
        return _Notebook()
    return _Terminal() if sys.stderr is not None and sys.stderr.isatty() else None
