"""llmlab: call large language models, offline by default, with every provider alike.

    >>> import llmlab
    >>> llmlab.get_provider("openai").complete("Hi")  # doctest: +SKIP

Public names load on first use, so that importing the package is nearly free.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "errors": (
        "APICallError AllProvidersFailedError BudgetExceededError ConfigurationError LLMAPIError "
        "LLMAuthenticationError LLMConnectionError LLMError LLMInvalidRequestError LLMRateLimitError LLMResponseError "
        "LLMStreamError LLMStreamTimeoutError LLMTimeoutError MissingAPIKeyError ModelNotFoundError ProviderError "
        "RecordingMissError StoreNotFoundError StructuredOutputError ToolError UnsupportedProviderError"
    ),
    "_utils.charts": "bar_chart gantt line_chart",
    "types.completion": "Chunk Completion FileSearchResult Usage",
    "types.images": "Image",
    "types.messages": "Message Role ToolCall ToolDefinition",
    "types.options": "FileSearch ReasoningConfig ResponseFormat TextConfig",
    "types.request": "Request",
    "config.environment": "Settings",
    "config.settings": "load_settings",
    "formats": "Format register_format",
    "models": "MODELS ModelCapabilities ModelSpec ParameterSpec Prices UnknownModelWarning find_spec register_spec",
    "policies": "Budget Cache Limits Policy RetryPolicy",
    "policies.ledger": "ledger",
    "policies.ledger.store": "Ledger",
    "providers": "Failover Provider ProviderType get_provider provider_names register_provider",
    "providers.anthropic": "AnthropicProvider",
    "providers.health": "health health_async",
    "providers.local_gpt_oss": "LocalGptOssProvider",
    "providers.ollama": "OllamaProvider",
    "providers.openai": "OpenAIProvider",
    "providers.openrouter": "OpenRouterProvider",
    "toolkit.batches": "Batch open_batch open_batch_async submit_batch submit_batch_async",
    "toolkit.conversation": "ConversationContext",
    "toolkit.evaluation": "ABTest Judge compare compare_async",
    "toolkit.format_comparison": "rosetta",
    "toolkit.interfaces.assistant": "CompletionResult MessageRole",
    "toolkit.interfaces.models": "ChatCompletionClient CompletionOptions TokenUsage",
    "toolkit.interfaces.scripts": "ProviderConfig",
    "toolkit.interfaces.service": (
        "BaseProvider CallError ConfigTransformer DEFAULT_MAX_RESULTS DEFAULT_TEMPERATURE DEFAULT_TOP_P "
        "LLMCallRequest LLMCallResponse LLMConfig LLMModelSpec LLMServiceError ModelSpecRegistry OpenAITransformer "
        "SUPPORTED_PROVIDERS TransformationError TransformerFactory ValidationError execute_llm_call "
        "execute_llm_call_async execute_llm_call_stream execute_llm_call_stream_async"
    ),
    "toolkit.interfaces.wrapper": "LLM",
    "toolkit.jobs": "Job JobGroup job jobs start_job start_job_async submit_many",
    "toolkit.tools": "ToolRun ToolStep run_tools run_tools_async run_tools_stream run_tools_stream_async tool",
    "toolkit.vector_stores": "HostedVectorStore LocalVectorStore VectorStore open_store open_store_async",
    "lab.exercises": "check hint",
    "lab.notebooks.worker": "worker",
    "lab.tape": "faults mode start stop",
    "lab.tape.lab": "trace",
}
"""Where each public name stands, by module."""
_HOME = {name: module for module, names in _PUBLIC.items() for name in names.split()}

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
    import_module("llmlab.lab.notebooks.magics").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """What `%unload_ext llmlab` does: switch the tape off and give the network back."""
    import_module("llmlab.lab.notebooks.magics").unload(shell)


if TYPE_CHECKING:
    from llmlab._utils.charts import bar_chart as bar_chart
    from llmlab._utils.charts import gantt as gantt
    from llmlab._utils.charts import line_chart as line_chart
    from llmlab.config.environment import Settings as Settings
    from llmlab.config.settings import load_settings as load_settings
    from llmlab.errors import AllProvidersFailedError as AllProvidersFailedError
    from llmlab.errors import APICallError as APICallError
    from llmlab.errors import BudgetExceededError as BudgetExceededError
    from llmlab.errors import ConfigurationError as ConfigurationError
    from llmlab.errors import LLMAPIError as LLMAPIError
    from llmlab.errors import LLMAuthenticationError as LLMAuthenticationError
    from llmlab.errors import LLMConnectionError as LLMConnectionError
    from llmlab.errors import LLMError as LLMError
    from llmlab.errors import LLMInvalidRequestError as LLMInvalidRequestError
    from llmlab.errors import LLMRateLimitError as LLMRateLimitError
    from llmlab.errors import LLMResponseError as LLMResponseError
    from llmlab.errors import LLMStreamError as LLMStreamError
    from llmlab.errors import LLMStreamTimeoutError as LLMStreamTimeoutError
    from llmlab.errors import LLMTimeoutError as LLMTimeoutError
    from llmlab.errors import MissingAPIKeyError as MissingAPIKeyError
    from llmlab.errors import ModelNotFoundError as ModelNotFoundError
    from llmlab.errors import ProviderError as ProviderError
    from llmlab.errors import RecordingMissError as RecordingMissError
    from llmlab.errors import StoreNotFoundError as StoreNotFoundError
    from llmlab.errors import StructuredOutputError as StructuredOutputError
    from llmlab.errors import ToolError as ToolError
    from llmlab.errors import UnsupportedProviderError as UnsupportedProviderError
    from llmlab.formats import Format as Format
    from llmlab.formats import register_format as register_format
    from llmlab.lab.exercises import check as check
    from llmlab.lab.exercises import hint as hint
    from llmlab.lab.notebooks.worker import worker as worker
    from llmlab.lab.tape import faults as faults
    from llmlab.lab.tape import mode as mode
    from llmlab.lab.tape import start as start
    from llmlab.lab.tape import stop as stop
    from llmlab.lab.tape.lab import trace as trace
    from llmlab.models import MODELS as MODELS
    from llmlab.models import ModelCapabilities as ModelCapabilities
    from llmlab.models import ModelSpec as ModelSpec
    from llmlab.models import ParameterSpec as ParameterSpec
    from llmlab.models import Prices as Prices
    from llmlab.models import UnknownModelWarning as UnknownModelWarning
    from llmlab.models import find_spec as find_spec
    from llmlab.models import register_spec as register_spec
    from llmlab.policies import Budget as Budget
    from llmlab.policies import Cache as Cache
    from llmlab.policies import Limits as Limits
    from llmlab.policies import Policy as Policy
    from llmlab.policies import RetryPolicy as RetryPolicy
    from llmlab.policies.ledger import ledger as ledger
    from llmlab.policies.ledger.store import Ledger as Ledger
    from llmlab.providers import Failover as Failover
    from llmlab.providers import Provider as Provider
    from llmlab.providers import ProviderType as ProviderType
    from llmlab.providers import get_provider as get_provider
    from llmlab.providers import provider_names as provider_names
    from llmlab.providers import register_provider as register_provider
    from llmlab.providers.anthropic import AnthropicProvider as AnthropicProvider
    from llmlab.providers.health import health as health
    from llmlab.providers.health import health_async as health_async
    from llmlab.providers.local_gpt_oss import LocalGptOssProvider as LocalGptOssProvider
    from llmlab.providers.ollama import OllamaProvider as OllamaProvider
    from llmlab.providers.openai import OpenAIProvider as OpenAIProvider
    from llmlab.providers.openrouter import OpenRouterProvider as OpenRouterProvider
    from llmlab.toolkit.batches import Batch as Batch
    from llmlab.toolkit.batches import open_batch as open_batch
    from llmlab.toolkit.batches import open_batch_async as open_batch_async
    from llmlab.toolkit.batches import submit_batch as submit_batch
    from llmlab.toolkit.batches import submit_batch_async as submit_batch_async
    from llmlab.toolkit.conversation import ConversationContext as ConversationContext
    from llmlab.toolkit.evaluation import ABTest as ABTest
    from llmlab.toolkit.evaluation import Judge as Judge
    from llmlab.toolkit.evaluation import compare as compare
    from llmlab.toolkit.evaluation import compare_async as compare_async
    from llmlab.toolkit.format_comparison import rosetta as rosetta
    from llmlab.toolkit.interfaces.assistant import CompletionResult as CompletionResult
    from llmlab.toolkit.interfaces.assistant import MessageRole as MessageRole
    from llmlab.toolkit.interfaces.models import ChatCompletionClient as ChatCompletionClient
    from llmlab.toolkit.interfaces.models import CompletionOptions as CompletionOptions
    from llmlab.toolkit.interfaces.models import TokenUsage as TokenUsage
    from llmlab.toolkit.interfaces.scripts import ProviderConfig as ProviderConfig
    from llmlab.toolkit.interfaces.service import DEFAULT_MAX_RESULTS as DEFAULT_MAX_RESULTS
    from llmlab.toolkit.interfaces.service import DEFAULT_TEMPERATURE as DEFAULT_TEMPERATURE
    from llmlab.toolkit.interfaces.service import DEFAULT_TOP_P as DEFAULT_TOP_P
    from llmlab.toolkit.interfaces.service import SUPPORTED_PROVIDERS as SUPPORTED_PROVIDERS
    from llmlab.toolkit.interfaces.service import BaseProvider as BaseProvider
    from llmlab.toolkit.interfaces.service import CallError as CallError
    from llmlab.toolkit.interfaces.service import ConfigTransformer as ConfigTransformer
    from llmlab.toolkit.interfaces.service import LLMCallRequest as LLMCallRequest
    from llmlab.toolkit.interfaces.service import LLMCallResponse as LLMCallResponse
    from llmlab.toolkit.interfaces.service import LLMConfig as LLMConfig
    from llmlab.toolkit.interfaces.service import LLMModelSpec as LLMModelSpec
    from llmlab.toolkit.interfaces.service import LLMServiceError as LLMServiceError
    from llmlab.toolkit.interfaces.service import ModelSpecRegistry as ModelSpecRegistry
    from llmlab.toolkit.interfaces.service import OpenAITransformer as OpenAITransformer
    from llmlab.toolkit.interfaces.service import TransformationError as TransformationError
    from llmlab.toolkit.interfaces.service import TransformerFactory as TransformerFactory
    from llmlab.toolkit.interfaces.service import ValidationError as ValidationError
    from llmlab.toolkit.interfaces.service import execute_llm_call as execute_llm_call
    from llmlab.toolkit.interfaces.service import execute_llm_call_async as execute_llm_call_async
    from llmlab.toolkit.interfaces.service import execute_llm_call_stream as execute_llm_call_stream
    from llmlab.toolkit.interfaces.service import execute_llm_call_stream_async as execute_llm_call_stream_async
    from llmlab.toolkit.interfaces.wrapper import LLM as LLM
    from llmlab.toolkit.jobs import Job as Job
    from llmlab.toolkit.jobs import JobGroup as JobGroup
    from llmlab.toolkit.jobs import job as job
    from llmlab.toolkit.jobs import jobs as jobs
    from llmlab.toolkit.jobs import start_job as start_job
    from llmlab.toolkit.jobs import start_job_async as start_job_async
    from llmlab.toolkit.jobs import submit_many as submit_many
    from llmlab.toolkit.tools import ToolRun as ToolRun
    from llmlab.toolkit.tools import ToolStep as ToolStep
    from llmlab.toolkit.tools import run_tools as run_tools
    from llmlab.toolkit.tools import run_tools_async as run_tools_async
    from llmlab.toolkit.tools import run_tools_stream as run_tools_stream
    from llmlab.toolkit.tools import run_tools_stream_async as run_tools_stream_async
    from llmlab.toolkit.tools import tool as tool
    from llmlab.toolkit.vector_stores import HostedVectorStore as HostedVectorStore
    from llmlab.toolkit.vector_stores import LocalVectorStore as LocalVectorStore
    from llmlab.toolkit.vector_stores import VectorStore as VectorStore
    from llmlab.toolkit.vector_stores import open_store as open_store
    from llmlab.toolkit.vector_stores import open_store_async as open_store_async
    from llmlab.types.completion import Chunk as Chunk
    from llmlab.types.completion import Completion as Completion
    from llmlab.types.completion import FileSearchResult as FileSearchResult
    from llmlab.types.completion import Usage as Usage
    from llmlab.types.images import Image as Image
    from llmlab.types.messages import Message as Message
    from llmlab.types.messages import Role as Role
    from llmlab.types.messages import ToolCall as ToolCall
    from llmlab.types.messages import ToolDefinition as ToolDefinition
    from llmlab.types.options import FileSearch as FileSearch
    from llmlab.types.options import ReasoningConfig as ReasoningConfig
    from llmlab.types.options import ResponseFormat as ResponseFormat
    from llmlab.types.options import TextConfig as TextConfig
    from llmlab.types.request import Request as Request
