"""One request in every wire format, side by side. Nothing is sent, so no key is needed.

>>> import llmlab
>>> llmlab.rosetta("Hi", temperature=0)  # doctest: +SKIP
"""

from __future__ import annotations

from llmlab.toolkit.format_comparison.compare import Rosetta, Side, rosetta

__all__ = ["Rosetta", "Side", "rosetta"]
