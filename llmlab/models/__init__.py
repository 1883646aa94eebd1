"""Which models there are, what they can do, what they take and what they cost; and the check of a request before it is
sent.

The catalogue is data, held to the installed SDKs and the price list by tests. `register_spec` adds to it.
"""

from __future__ import annotations

from llmlab.models.catalogue import MODELS, RETIRED, SPECS
from llmlab.models.model import ModelCapabilities, ModelSpec, ParameterSpec, Prices
from llmlab.models.pricing import LOCAL, Rates, price_of, rates
from llmlab.models.registry import find_spec, known_models, register_spec, specs
from llmlab.models.validation import UnknownModelWarning, validate, validate_stream

__all__ = [
    "LOCAL",
    "MODELS",
    "RETIRED",
    "SPECS",
    "ModelCapabilities",
    "ModelSpec",
    "ParameterSpec",
    "Prices",
    "Rates",
    "UnknownModelWarning",
    "find_spec",
    "known_models",
    "price_of",
    "rates",
    "register_spec",
    "specs",
    "validate",
    "validate_stream",
]
