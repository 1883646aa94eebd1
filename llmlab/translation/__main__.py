"""`python3 -m llmlab.translation`: write the tables of `llmlab/dialects/README.md` anew."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from llmlab.translation.table import with_table

README: Final = Path(__file__).parents[1] / "dialects" / "README.md"

if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
