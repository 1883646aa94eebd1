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
from urllib.parse import urlsplit

from llmlab.errors import ConfigurationError

VARIABLES: Final[Mapping[str, str]] = {
    "OPENAI_API_KEY": "key for OpenAI, for live and record mode only",
    "ANTHROPIC_API_KEY": "key for Anthropic, for live and record mode only",
    "OPENROUTER_API_KEY": "key for OpenRouter, for live and record mode only",
    "OPENAI_BASE_URL": "where OpenAI's own library finds its service, if not at https://api.openai.com/v1",
    "ANTHROPIC_BASE_URL": "where Anthropic's own library finds its service, if not at https://api.anthropic.com",
    "OLLAMA_HOST": "where Ollama is, if not at http://localhost:11434",
    "LOCAL_GPT_OSS_URL": "where the local gpt-oss server is, if not at http://localhost:8080",
    "OPENROUTER_REFERER": "address of your site, sent to OpenRouter",
    "OPENROUTER_TITLE": "name of your program, sent to OpenRouter",
    "LLMLAB_MODE": "offline (default), replay, live or record",
    "LLMLAB_PACE": "factor on the recorded waiting times: 1 (default) as recorded, 0 without waiting",
    "LLMLAB_LESSON": "name of the notebook whose recordings are meant; set by the runner",
    "LLMLAB_RECORDINGS": "folder of the recordings, if not the one beside the notebook",
    "LLMLAB_CONFIG": "path of llmlab.yaml, if not in the working directory",
    "LLMLAB_LEDGER": "URL of a database in which every call is counted, such as sqlite:///costs.db",
    "LLMLAB_AUTHORED": "1 lets the simulator answer in mode record, for authored recordings; set by the runner",
    "QDRANT_API_KEY": "key of a Qdrant server that keeps vector stores, where it wants one",
    "TIKTOKEN_CACHE_DIR": "where tiktoken keeps its data, whose own variable this is; read, never filled",
    "DATA_GYM_CACHE_DIR": "the same, by tiktoken's older name",
}
"""Every variable that the code reads for the user, and what it means. A test holds `.env.example` to this."""

# What tutorials put where a key belongs: ..., <your key>, your-key-here, sk-..., sk-ant-your-key, xxxx, changeme.
_PLACEHOLDER = re.compile(r"(?:sk-(?:[a-z0-9]+-)*)?(?:\.{3}|…|<.*>|your[-_ ].*|x{3,}|changeme)", re.IGNORECASE)


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
        return str(self)

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
        retry: arguments of a `RetryPolicy`.
        limits: arguments of `Limits`. All providers of this name in a process share them, and so for budget and cache.
        budget: arguments of a `Budget`.
        cache: arguments of a `Cache`.
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
    retry: Mapping[str, Any] | None = None
    limits: Mapping[str, Any] | None = None
    budget: Mapping[str, Any] | None = None
    cache: Mapping[str, Any] | None = None


_NOT_OPTIONS = ("api_key_env", "fallback", "retry", "limits", "budget", "cache")


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
        """Return what was set for a provider, as arguments of its class; its policies are made elsewhere."""
        chosen = self.providers.get(provider, ProviderSettings())
        options = {
            item.name: value
            for item in fields(chosen)
            if item.name not in _NOT_OPTIONS and (value := getattr(chosen, item.name)) is not None
        }
        if chosen.api_key_env:
            options["key_variable"] = chosen.api_key_env
        return options

    def stand_ins(self, provider: str) -> tuple[str, ...]:
        """Return who answers when a provider does not: the one named as its `fallback`, or all others for true.

        Raises:
            ConfigurationError: if it is to have a fallback and there is no other provider.
        """
        fallback = self.providers.get(provider, ProviderSettings()).fallback
        if not fallback:
            return ()
        others = tuple(name for name in self.providers if name != provider) if fallback is True else (fallback,)
        if not others or provider in others:
            raise ConfigurationError(
                f"{provider} has a fallback, but no other provider stands under `providers:` in the settings. "
                "Add one, or name one: fallback: ollama"
            )
        return others


def find_key(variable: str, environ: Mapping[str, str] | None = None) -> Secret | None:
    """Return the key in an environment variable, else in `.env`; None if neither holds a real one.

    Args:
        variable: its name.
        environ: the environment, if not that of this process.
    """
    if key := _real(variable, os.environ if environ is None else environ):
        return key
    return _real(variable, read_dotenv())


def _real(variable: str, values: Mapping[str, str | None]) -> Secret | None:
    value = (values.get(variable) or "").strip()
    return Secret(value) if value and not _PLACEHOLDER.fullmatch(value) else None


def read_dotenv() -> Mapping[str, str | None]:
    """Return what the nearest `.env` holds, here or in a folder above. The environment is left as it is.

    Raises:
        ConfigurationError: if the file is there and cannot be read.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (file := folder / ".env").is_file():
            # Loaded only where there is something to read.
            from dotenv import dotenv_values

            try:
                # Windows' Notepad may begin a file with a byte order mark, which would belong to the first name.
                return dotenv_values(file, encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                raise ConfigurationError(f"the file .env cannot be read: {reason}. Save it as UTF-8 text.") from None
    return {}


def server_url(variable: str, default: str) -> str:
    """Return the address of a local server from an environment variable.

    Ollama allows `host`, `host:port`, `:port` and 0.0.0.0 in OLLAMA_HOST, and so does this. As there, an address
    without http:// has the port of the default, and one with it the port of HTTP.

    Args:
        variable: its name.
        default: the address if the variable is not set.

    Raises:
        ConfigurationError: if the variable holds something else.
    """
    value = os.environ.get(variable, "").strip()
    if not value:
        return default
    scheme, given, rest = value.partition("://")
    scheme, rest = (scheme.lower(), rest) if given else ("http", value)
    if scheme not in ("http", "https"):
        raise ConfigurationError(f"{variable} must begin with http:// or https://. Did you mean http://{rest} ?")
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(f"{variable} is no address such as {default}: {error}") from None
    if port is None and not given:
        port = urlsplit(default).port
    login, at, _ = parts.netloc.rpartition("@")
    # 0.0.0.0 is where a server listens, not where it can be called.
    host = "localhost" if parts.hostname in (None, "0.0.0.0", "::") else parts.hostname
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{login}{at}{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
