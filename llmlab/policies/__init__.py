"""What happens around a call. Each policy exists once, as a step of the one flow, and so works in every call shape."""

from __future__ import annotations

from llmlab.policies.base import Answer, Attempt, Call, Inner, Policy, chain, check_order
from llmlab.policies.budget import Budget
from llmlab.policies.cache import Cache, CacheStats
from llmlab.policies.from_settings import policies_from
from llmlab.policies.limits import Limits, LimitWait
from llmlab.policies.retry import RetryEvent, RetryPolicy

__all__ = [
    "Answer",
    "Attempt",
    "Budget",
    "Cache",
    "CacheStats",
    "Call",
    "Inner",
    "LimitWait",
    "Limits",
    "Policy",
    "RetryEvent",
    "RetryPolicy",
    "chain",
    "check_order",
    "policies_from",
]
