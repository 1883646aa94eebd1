"""nbformat, imported a second faster. Everything of this room that needs it takes it from here.

It imports nothing else of llmlab, because pytest loads it before it measures coverage.
"""

from __future__ import annotations

import sys
from typing import Any


def _import_nbformat() -> Any:
    """Import nbformat without the grammars for internationalised URLs.

    nbformat imports jsonschema, which builds the grammars of `rfc3987_syntax` at import: 1.0 to 1.3 seconds for a check
    that no notebook uses. jsonschema does without when the module cannot be imported, so for this moment it cannot.
    """
    hidden = "rfc3987_syntax" not in sys.modules
    if hidden:
        sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    try:
        import nbformat
    finally:
        if hidden:
            del sys.modules["rfc3987_syntax"]
    return nbformat


nbformat: Any = _import_nbformat()
