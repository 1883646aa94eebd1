"""One line that shows how far the work is, updated in place: in a notebook or a terminal, and nowhere else.

A progress bar of `tqdm` in a notebook is a widget, which a stored notebook does not show.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeAlias, cast

Show: TypeAlias = Callable[[str], object]


class Progress:
    """The line.

    Args:
        shown: True for a notebook or a terminal, False for never, or a function that gets the text.
    """

    def __init__(self, shown: bool | Show) -> None:
        self._callback = shown if callable(shown) else None
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython else None
        self._in_notebook = shown is True and hasattr(shell, "kernel")
        is_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._in_terminal = shown is True and not self._in_notebook and is_terminal
        self._text, self._handle = "", cast("Any", None)

    def show(self, text: str) -> None:
        """Show a text in place of the one before."""
        if text == self._text:
            return
        if self._callback is not None:
            self._callback(text)
        elif self._in_notebook:
            from IPython import display

            if self._handle is None:
                self._handle = cast("Any", display).display({"text/plain": text}, raw=True, display_id=True)
            else:
                self._handle.update({"text/plain": text}, raw=True)
        elif self._in_terminal:
            sys.stderr.write(f"\r{text:<{len(self._text)}}")
            sys.stderr.flush()
        self._text = text

    def end(self) -> None:
        """Leave the line as it is."""
        if self._in_terminal and self._text:
            sys.stderr.write("\n")
