"""One request in every wire format, side by side. Translation is pure, so nothing is sent, and no key is needed.

    >>> import llmlab
    >>> llmlab.rosetta("Hi", temperature=0)  # doctest: +SKIP

`python3 -m llmlab.toolkit.format_comparison` writes the table in `llmlab/formats/README.md`.
"""

from __future__ import annotations

from llmlab.toolkit.format_comparison.compare import Rosetta, Side, rosetta

__all__ = ["Rosetta", "Side", "rosetta"]
