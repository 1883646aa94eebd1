"""`python3 -m llmlab.toolkit.format_comparison`: write the tables of `llmlab/formats/README.md` anew."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from llmlab.toolkit.format_comparison.table import with_table

README: Final = Path(__file__).parents[2] / "formats" / "README.md"

if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
