"""Which model is better, and how sure is that? The same prompts to several models, and live traffic split in two.

>>> found = llmlab.compare(["What is 17 * 23?"], ["openai", "ollama"])  # doctest: +SKIP
>>> found.summary()  # doctest: +SKIP
"""

from __future__ import annotations

from llmlab.comparing.comparison import Comparison, Row
from llmlab.comparing.judge import Judge, Verdict
from llmlab.comparing.running import compare, compare_async
from llmlab.comparing.split import ABTest
from llmlab.comparing.split_report import ABReport

__all__ = ["ABReport", "ABTest", "Comparison", "Judge", "Row", "Verdict", "compare", "compare_async"]
