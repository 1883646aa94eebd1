"""Faults on demand: which there are (`catalog`), when they happen (`plan`), how they look (`refusals`, `damage`)."""

from llmlab.lab.faults.plan import FaultPlan, inject

__all__ = ["FaultPlan", "inject"]
