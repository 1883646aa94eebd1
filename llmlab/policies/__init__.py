"""What happens around a call. Each policy exists once, as a step of the one flow, and so works in every call shape."""

from __future__ import annotations

from llmlab.policies.base import Answer, Attempt, Call, Policy, arranged, run_through
from llmlab.policies.budget import Budget
from llmlab.policies.cache import Cache, CacheStats
from llmlab.policies.from_settings import policies_from
from llmlab.policies.limits import Limits, LimitWait
from llmlab.policies.retry import RetryEvent, RetryPolicy, retried

__all__ = [
    "Answer",
    "Attempt",
    "Budget",
    "Cache",
    "CacheStats",
    "Call",
    "LimitWait",
    "Limits",
    "Policy",
    "RetryEvent",
    "RetryPolicy",
    "arranged",
    "policies_from",
    "retried",
    "run_through",
]
