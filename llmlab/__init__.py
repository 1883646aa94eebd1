"""llmlab: call large language models, offline by default, with every provider alike.

    >>> import llmlab
    >>> llmlab.get_provider("openai").complete("Hi")  # doctest: +SKIP

Public names load on first use, so that importing the package is nearly free.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "ABTest": "comparing",
    "AllProvidersFailedError": "errors",
    "AnthropicProvider": "providers.anthropic",
    "Batch": "batches",
    "Budget": "policies",
    "BudgetExceededError": "errors",
    "Cache": "policies",
    "Chunk": "completion",
    "Completion": "completion",
    "ConfigurationError": "errors",
    "ConversationContext": "conversation",
    "Dialect": "dialects",
    "Failover": "providers",
    "FileSearch": "options",
    "FileSearchResult": "completion",
    "HostedVectorStore": "retrieval",
    "Image": "images",
    "Judge": "comparing",
    "LLMAPIError": "errors",
    "LLMAuthenticationError": "errors",
    "LLMCallRequest": "unified",
    "LLMCallResponse": "unified",
    "LLMConfig": "unified",
    "LLMConnectionError": "errors",
    "LLMError": "errors",
    "LLMInvalidRequestError": "errors",
    "LLMRateLimitError": "errors",
    "LLMStreamError": "errors",
    "LLMTimeoutError": "errors",
    "Ledger": "bookkeeping.view",
    "Limits": "policies",
    "LocalGptOssProvider": "providers.local_gpt_oss",
    "LocalVectorStore": "retrieval",
    "MODELS": "specs",
    "Message": "messages",
    "MissingAPIKeyError": "errors",
    "ModelCapabilities": "specs",
    "ModelNotFoundError": "errors",
    "ModelSpec": "specs",
    "OllamaProvider": "providers.ollama",
    "OpenAIProvider": "providers.openai",
    "OpenRouterProvider": "providers.openrouter",
    "ParameterSpec": "specs",
    "Policy": "policies",
    "Prices": "specs",
    "Provider": "providers",
    "ProviderType": "providers",
    "ReasoningConfig": "options",
    "RecordingMissError": "errors",
    "Request": "request",
    "ResponseFormat": "options",
    "RetryPolicy": "policies",
    "Role": "messages",
    "Settings": "config",
    "StoreNotFoundError": "errors",
    "StructuredOutputError": "errors",
    "TextConfig": "options",
    "ToolCall": "messages",
    "ToolDefinition": "messages",
    "ToolError": "errors",
    "ToolRun": "tools",
    "ToolStep": "tools",
    "UnknownModelWarning": "specs",
    "UnsupportedProviderError": "errors",
    "Usage": "completion",
    "VectorStore": "retrieval",
    "check": "exercises",
    "compare": "comparing",
    "compare_async": "comparing",
    "execute_llm_call": "unified",
    "execute_llm_call_async": "unified",
    "execute_llm_call_stream": "unified",
    "execute_llm_call_stream_async": "unified",
    "faults": "tape",
    "find_spec": "specs",
    "get_provider": "providers",
    "health": "providers.checkup",
    "health_async": "providers.checkup",
    "hint": "exercises",
    "ledger": "bookkeeping",
    "load_settings": "settings_file",
    "mode": "tape",
    "open_batch": "batches",
    "open_batch_async": "batches",
    "open_store": "retrieval",
    "open_store_async": "retrieval",
    "provider_names": "providers",
    "register_dialect": "dialects",
    "register_provider": "providers",
    "register_spec": "specs",
    "rosetta": "translation",
    "run_tools": "tools",
    "run_tools_async": "tools",
    "run_tools_stream": "tools",
    "run_tools_stream_async": "tools",
    "start": "tape",
    "stop": "tape",
    "submit_batch": "batches",
    "submit_batch_async": "batches",
    "tool": "tools",
    "trace": "tape.switch",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'llmlab' has no attribute {name!r}")
    value = getattr(import_module(f"llmlab.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext llmlab` does: switch the tape on and say which mode this is."""
    import_module("llmlab.notebook.magics").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """What `%unload_ext llmlab` does: switch the tape off and give the network back."""
    import_module("llmlab.notebook.magics").unload(shell)


if TYPE_CHECKING:
    from llmlab.batches import Batch as Batch
    from llmlab.batches import open_batch as open_batch
    from llmlab.batches import open_batch_async as open_batch_async
    from llmlab.batches import submit_batch as submit_batch
    from llmlab.batches import submit_batch_async as submit_batch_async
    from llmlab.bookkeeping import ledger as ledger
    from llmlab.bookkeeping.view import Ledger as Ledger
    from llmlab.comparing import ABTest as ABTest
    from llmlab.comparing import Judge as Judge
    from llmlab.comparing import compare as compare
    from llmlab.comparing import compare_async as compare_async
    from llmlab.completion import Chunk as Chunk
    from llmlab.completion import Completion as Completion
    from llmlab.completion import FileSearchResult as FileSearchResult
    from llmlab.completion import Usage as Usage
    from llmlab.config import Settings as Settings
    from llmlab.conversation import ConversationContext as ConversationContext
    from llmlab.dialects import Dialect as Dialect
    from llmlab.dialects import register_dialect as register_dialect
    from llmlab.errors import AllProvidersFailedError as AllProvidersFailedError
    from llmlab.errors import BudgetExceededError as BudgetExceededError
    from llmlab.errors import ConfigurationError as ConfigurationError
    from llmlab.errors import LLMAPIError as LLMAPIError
    from llmlab.errors import LLMAuthenticationError as LLMAuthenticationError
    from llmlab.errors import LLMConnectionError as LLMConnectionError
    from llmlab.errors import LLMError as LLMError
    from llmlab.errors import LLMInvalidRequestError as LLMInvalidRequestError
    from llmlab.errors import LLMRateLimitError as LLMRateLimitError
    from llmlab.errors import LLMStreamError as LLMStreamError
    from llmlab.errors import LLMTimeoutError as LLMTimeoutError
    from llmlab.errors import MissingAPIKeyError as MissingAPIKeyError
    from llmlab.errors import ModelNotFoundError as ModelNotFoundError
    from llmlab.errors import RecordingMissError as RecordingMissError
    from llmlab.errors import StoreNotFoundError as StoreNotFoundError
    from llmlab.errors import StructuredOutputError as StructuredOutputError
    from llmlab.errors import ToolError as ToolError
    from llmlab.errors import UnsupportedProviderError as UnsupportedProviderError
    from llmlab.exercises import check as check
    from llmlab.exercises import hint as hint
    from llmlab.images import Image as Image
    from llmlab.messages import Message as Message
    from llmlab.messages import Role as Role
    from llmlab.messages import ToolCall as ToolCall
    from llmlab.messages import ToolDefinition as ToolDefinition
    from llmlab.options import FileSearch as FileSearch
    from llmlab.options import ReasoningConfig as ReasoningConfig
    from llmlab.options import ResponseFormat as ResponseFormat
    from llmlab.options import TextConfig as TextConfig
    from llmlab.policies import Budget as Budget
    from llmlab.policies import Cache as Cache
    from llmlab.policies import Limits as Limits
    from llmlab.policies import Policy as Policy
    from llmlab.policies import RetryPolicy as RetryPolicy
    from llmlab.providers import Failover as Failover
    from llmlab.providers import Provider as Provider
    from llmlab.providers import ProviderType as ProviderType
    from llmlab.providers import get_provider as get_provider
    from llmlab.providers import provider_names as provider_names
    from llmlab.providers import register_provider as register_provider
    from llmlab.providers.anthropic import AnthropicProvider as AnthropicProvider
    from llmlab.providers.checkup import health as health
    from llmlab.providers.checkup import health_async as health_async
    from llmlab.providers.local_gpt_oss import LocalGptOssProvider as LocalGptOssProvider
    from llmlab.providers.ollama import OllamaProvider as OllamaProvider
    from llmlab.providers.openai import OpenAIProvider as OpenAIProvider
    from llmlab.providers.openrouter import OpenRouterProvider as OpenRouterProvider
    from llmlab.request import Request as Request
    from llmlab.retrieval import HostedVectorStore as HostedVectorStore
    from llmlab.retrieval import LocalVectorStore as LocalVectorStore
    from llmlab.retrieval import VectorStore as VectorStore
    from llmlab.retrieval import open_store as open_store
    from llmlab.retrieval import open_store_async as open_store_async
    from llmlab.settings_file import load_settings as load_settings
    from llmlab.specs import MODELS as MODELS
    from llmlab.specs import ModelCapabilities as ModelCapabilities
    from llmlab.specs import ModelSpec as ModelSpec
    from llmlab.specs import ParameterSpec as ParameterSpec
    from llmlab.specs import Prices as Prices
    from llmlab.specs import UnknownModelWarning as UnknownModelWarning
    from llmlab.specs import find_spec as find_spec
    from llmlab.specs import register_spec as register_spec
    from llmlab.tape import faults as faults
    from llmlab.tape import mode as mode
    from llmlab.tape import start as start
    from llmlab.tape import stop as stop
    from llmlab.tape.switch import trace as trace
    from llmlab.tools import ToolRun as ToolRun
    from llmlab.tools import ToolStep as ToolStep
    from llmlab.tools import run_tools as run_tools
    from llmlab.tools import run_tools_async as run_tools_async
    from llmlab.tools import run_tools_stream as run_tools_stream
    from llmlab.tools import run_tools_stream_async as run_tools_stream_async
    from llmlab.tools import tool as tool
    from llmlab.translation import rosetta as rosetta
    from llmlab.unified import LLMCallRequest as LLMCallRequest
    from llmlab.unified import LLMCallResponse as LLMCallResponse
    from llmlab.unified import LLMConfig as LLMConfig
    from llmlab.unified import execute_llm_call as execute_llm_call
    from llmlab.unified import execute_llm_call_async as execute_llm_call_async
    from llmlab.unified import execute_llm_call_stream as execute_llm_call_stream
    from llmlab.unified import execute_llm_call_stream_async as execute_llm_call_stream_async
