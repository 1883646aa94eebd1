"""What can be set, and where keys come from: the environment, then `.env`.

Keys are wrapped in `Secret` at once. Reading `llmlab.yaml` is `settings_file`'s business.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

VARIABLES: Final[Mapping[str, str]] = {
    "OPENAI_API_KEY": "key for OpenAI, for live and record mode only",
    "ANTHROPIC_API_KEY": "key for Anthropic, for live and record mode only",
    "OPENROUTER_API_KEY": "key for OpenRouter, for live and record mode only",
    "OLLAMA_HOST": "where Ollama is, if not at http://localhost:11434",
    "LOCAL_GPT_OSS_URL": "where the local gpt-oss server is, if not at http://localhost:8080",
    "OPENROUTER_REFERER": "address of your site, sent to OpenRouter",
    "OPENROUTER_TITLE": "name of your program, sent to OpenRouter",
    "LLMLAB_MODE": "offline (default), replay, live or record",
    "LLMLAB_PACE": "factor on the recorded waiting times: 1 (default) as recorded, 0 without waiting",
    "LLMLAB_LESSON": "name of the notebook whose recordings are meant; set by the runner",
    "LLMLAB_RECORDINGS": "folder of the recordings, if not the one beside the notebook",
    "LLMLAB_CONFIG": "path of llmlab.yaml, if not in the working directory",
}
"""Every variable that the code reads, and what it means. `.env.example` is written from this."""

_PLACEHOLDER = re.compile(r"^(\.\.\.|<.*>|your[-_ ].*|sk-(\.\.\.|…)|changeme)$", re.IGNORECASE)


class Secret:
    """A key. It shows itself only to `reveal`.

    Args:
        value: the key.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the key itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('**********')"

    def __str__(self) -> str:
        return "**********"

    def __format__(self, spec: str) -> str:
        return str(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> Any:
        raise TypeError("a Secret is not written down; read it again from the environment")


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What `llmlab.yaml` may say of one provider. None means that it says nothing.

    Args:
        api_key_env: name of the variable that holds the key.
        base_url: where the service is.
        model: name of the model.
        timeout: seconds to wait for the next sign of life.
        max_tokens: limit of each answer, in tokens.
        temperature: randomness, 0 to 2.
        max_retries: tries beyond the first.
        retry_delay: seconds before the first retry.
        fallback: whether to turn to another provider when this one fails, or that provider's name.
    """

    api_key_env: str | None = None
    base_url: str | None = None
    model: str | None = None
    timeout: float | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    max_retries: int | None = None
    retry_delay: float | None = None
    fallback: bool | str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings.

    Args:
        backend: the provider that is meant where none is named.
        providers: settings by name of the provider.
    """

    backend: str = "openai"
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict)

    def options_for(self, provider: str) -> dict[str, Any]:
        """Return what was set for a provider, as arguments of its class."""
        chosen = self.providers.get(provider, ProviderSettings())
        options = {
            item.name: value
            for item in fields(chosen)
            if item.name not in ("api_key_env", "fallback") and (value := getattr(chosen, item.name)) is not None
        }
        if chosen.api_key_env:
            options["key_variable"] = chosen.api_key_env
        return options


def find_key(variable: str) -> Secret | None:
    """Return the key in an environment variable, else in `.env`; None if neither holds a real one."""
    for value in (os.environ.get(variable, ""), read_dotenv().get(variable) or ""):
        if value.strip() and not _PLACEHOLDER.match(value.strip()):
            return Secret(value.strip())
    return None


def read_dotenv() -> Mapping[str, str | None]:
    """Return what the nearest `.env` holds, here or in a folder above. The environment is left as it is."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (file := folder / ".env").is_file():
            # Loaded only where there is something to read.
            from dotenv import dotenv_values

            return dotenv_values(file)
    return {}


def server_url(variable: str, default: str) -> str:
    """Return the address of a local server from an environment variable.

    Ollama allows `host`, `host:port` and 0.0.0.0 in OLLAMA_HOST; so does this.
    """
    value = os.environ.get(variable, "").strip().rstrip("/")
    if not value:
        return default
    if "://" not in value:
        value = "http://" + value
    value = value.replace("//0.0.0.0", "//localhost")
    if not re.search(r":\d+(/|$)", value) and value.startswith("http:"):
        value += ":" + default.rpartition(":")[2]
    return value
