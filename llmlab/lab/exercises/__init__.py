"""Checks and hints for the exercises of the lessons: one module for each notebook, `lesson_NN.py`, loaded on first use.

    >>> llmlab.check("0.1", short_answer)  # doctest: +SKIP
    0.1 not attempted yet. Stuck? hint("0.1")

A check runs the learner's function, looks at what it did, and says so in a sentence. It never shows the solution.
"""

from __future__ import annotations

from llmlab.lab.exercises.inspect import Wrong, observed
from llmlab.lab.exercises.registry import check, exercise, hint
from llmlab.lab.exercises.result import Hint, Verdict

__all__ = ["Hint", "Verdict", "Wrong", "check", "exercise", "hint", "observed"]
