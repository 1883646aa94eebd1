"""Which model is better, and how sure is that: the same prompts to several models, and live traffic split in two.

>>> result = llmlab.compare(["What is 17 * 23?"], ["openai", "ollama"])  # doctest: +SKIP
>>> result.summary()  # doctest: +SKIP
"""

from __future__ import annotations

from llmlab.toolkit.evaluation.ab_test import ABReport, ABTest
from llmlab.toolkit.evaluation.comparison import compare, compare_async
from llmlab.toolkit.evaluation.judge import Judge, Verdict
from llmlab.toolkit.evaluation.result import Comparison, Row

__all__ = ["ABReport", "ABTest", "Comparison", "Judge", "Row", "Verdict", "compare", "compare_async"]
