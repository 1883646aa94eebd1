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
    "Chunk": "completion",
    "Completion": "completion",
    "ConfigurationError": "errors",
    "LLMAPIError": "errors",
    "LLMAuthenticationError": "errors",
    "LLMConnectionError": "errors",
    "LLMError": "errors",
    "LLMInvalidRequestError": "errors",
    "LLMRateLimitError": "errors",
    "LLMStreamError": "errors",
    "LLMTimeoutError": "errors",
    "MODELS": "specs",
    "Message": "messages",
    "MissingAPIKeyError": "errors",
    "ModelNotFoundError": "errors",
    "ProviderType": "providers",
    "RecordingMissError": "errors",
    "Request": "request",
    "RetryPolicy": "policies",
    "Role": "messages",
    "Settings": "config",
    "ToolCall": "messages",
    "ToolDefinition": "messages",
    "UnsupportedProviderError": "errors",
    "Usage": "completion",
    "check": "exercises",
    "faults": "tape",
    "get_provider": "providers",
    "hint": "exercises",
    "load_settings": "settings_file",
    "mode": "tape",
    "provider_names": "providers",
    "register_provider": "providers",
    "start": "tape",
    "stop": "tape",
    "trace": "tape",
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
    from llmlab.completion import Chunk as Chunk
    from llmlab.completion import Completion as Completion
    from llmlab.completion import Usage as Usage
