"""A service that returns pairs: `execute_llm_call(request, client) -> (response, error)`, and its parts.

An error is returned as text, with the exception in its `exception`. A request of a wrong type is raised.
"""

from __future__ import annotations

from llmlab.errors import APICallError, ProviderError, UnsupportedProviderError
from llmlab.errors import LLMError as LLMServiceError
from llmlab.errors import LLMInvalidRequestError as ValidationError
from llmlab.models import ParameterSpec
from llmlab.toolkit.interfaces.service.calls import (
    execute_llm_call,
    execute_llm_call_async,
    execute_llm_call_stream,
    execute_llm_call_stream_async,
)
from llmlab.toolkit.interfaces.service.constants import DEFAULT_MAX_RESULTS, DEFAULT_TEMPERATURE, DEFAULT_TOP_P
from llmlab.toolkit.interfaces.service.factory import SUPPORTED_PROVIDERS, ProviderFactory
from llmlab.toolkit.interfaces.service.providers import BaseProvider, OpenAIProvider
from llmlab.toolkit.interfaces.service.request import (
    CallError,
    LLMCallRequest,
    LLMCallResponse,
    LLMConfig,
    LLMModelSpec,
)
from llmlab.toolkit.interfaces.service.specs import ModelCapabilities, ModelSpec, ModelSpecRegistry
from llmlab.toolkit.interfaces.service.transformers import (
    ConfigTransformer,
    OpenAITransformer,
    TransformationError,
    TransformerFactory,
)
from llmlab.types.options import ReasoningConfig, TextConfig

__all__ = [
    "DEFAULT_MAX_RESULTS",
    "DEFAULT_TEMPERATURE",
    "DEFAULT_TOP_P",
    "SUPPORTED_PROVIDERS",
    "APICallError",
    "BaseProvider",
    "CallError",
    "ConfigTransformer",
    "LLMCallRequest",
    "LLMCallResponse",
    "LLMConfig",
    "LLMModelSpec",
    "LLMServiceError",
    "ModelCapabilities",
    "ModelSpec",
    "ModelSpecRegistry",
    "OpenAIProvider",
    "OpenAITransformer",
    "ParameterSpec",
    "ProviderError",
    "ProviderFactory",
    "ReasoningConfig",
    "TextConfig",
    "TransformationError",
    "TransformerFactory",
    "UnsupportedProviderError",
    "ValidationError",
    "execute_llm_call",
    "execute_llm_call_async",
    "execute_llm_call_stream",
    "execute_llm_call_stream_async",
]
