"""One request in every wire format, side by side. Translation is pure, so nothing is sent, and no key is needed.

    >>> import llmlab
    >>> llmlab.rosetta("Hi", temperature=0)  # doctest: +SKIP

`python3 -m llmlab.translation` writes the table in `llmlab/dialects/README.md`: how answers translate is in there, too.
"""

from __future__ import annotations

from llmlab.translation.stone import Rosetta, Side, rosetta

__all__ = ["Rosetta", "Side", "rosetta"]
