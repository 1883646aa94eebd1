"""Settings as values, and keys from the environment or `.env`.

Keys are wrapped in `Secret` at once. `settings` reads `llmlab.yaml`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from io import StringIO
from pathlib import Path
from typing import Any, Final, Literal, get_args

from llmlab._utils.redaction import note_in_use
from llmlab.errors import ConfigurationError

VARIABLES: Final[Mapping[str, str]] = {
    "OPENAI_API_KEY": "key for OpenAI, for live and record mode only",
    "ANTHROPIC_API_KEY": "key for Anthropic, for live and record mode only",
    "OPENROUTER_API_KEY": "key for OpenRouter, for live and record mode only",
    "OPENAI_BASE_URL": "URL for OpenAI's own library; default https://api.openai.com/v1",
    "ANTHROPIC_BASE_URL": "URL for Anthropic's own library; default https://api.anthropic.com",
    "OLLAMA_HOST": "URL of Ollama; default http://localhost:11434",
    "LOCAL_GPT_OSS_URL": "URL of the local gpt-oss server; default http://localhost:8080",
    "OPENROUTER_REFERER": "URL of your site, sent to OpenRouter",
    "OPENROUTER_TITLE": "name of your program, sent to OpenRouter",
    "LLMLAB_MODE": "offline (default), replay, live or record",
    "LLMLAB_PACE": "factor on the recorded waiting times: 1 (default) as recorded, 0 without waiting",
    "LLMLAB_LESSON": "name of the notebook whose recordings are used; set by the runner",
    "LLMLAB_RECORDINGS": "folder of the recordings; default: recordings/ beside the notebook",
    "LLMLAB_CONFIG": "path of llmlab.yaml; default: in the working directory",
    "LLMLAB_LEDGER": "URL of a database in which every call is counted, such as sqlite:///costs.db",
    "LLMLAB_JOBS_URL": "URL of the database with the rows of jobs; default: a file in the folder .llmlab",
    "LLMLAB_BROKER_URL": "URL of the broker of jobs, such as redis://localhost; default: files in the folder .llmlab",
    "LLMLAB_NETWORK": "allow lets other code than llmlab's reach the network in offline and replay modes",
    "LLMLAB_AUTHORED": "1 lets the simulator answer in mode record, for authored recordings; set by the runner",
    "QDRANT_API_KEY": "key of a Qdrant server with vector stores, if it needs one",
    "TIKTOKEN_CACHE_DIR": "folder of tiktoken's data (tiktoken's own variable); only read",
    "DATA_GYM_CACHE_DIR": "the same, tiktoken's older name",
}
"""Every variable that a user can set, and its meaning. A test compares `.env.example` with it."""

# Placeholders of tutorials: ..., <your key>, your-key-here, sk-..., sk-ant-your-key, xxxx, changeme.
_PLACEHOLDER = re.compile(r"(?:sk-(?:[a-z0-9]+-)*)?(?:\.{3}|…|<.*>|your[-_ ].*|x{3,}|changeme|bearer)", re.IGNORECASE)

PLACEHOLDER: Final = "offline-no-key-needed"
"""Stands in for a key where nothing is sent."""
_AROUND = "\"'`“”„‟‘’‚‛«»\ufeff\u200b\u2060\xa0 \t\r\n\v\f"
_ASSIGNMENT = re.compile(r"\s*(?:export\s+|setx?\s+|\$env:)?([A-Za-z_]\w*)\s*([=:])\s*(.?)")

Mode = Literal["offline", "replay", "live", "record"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
"""The values of LLMLAB_MODE; `lab/tape` explains them."""


class Secret:
    """A key that only `reveal` shows. While it lives, no error, log or record of llmlab holds its value."""

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        if value != PLACEHOLDER:
            note_in_use(self)

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
        raise TypeError("a Secret cannot be pickled; read it again from the environment")


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """Settings of one provider in `llmlab.yaml`; None where it has none.

    Args:
        api_key_env: name of the variable that holds the key.
        base_url: URL of the service.
        model: name of the model.
        timeout: seconds to wait for the next bytes.
        max_tokens: limit of each answer, in tokens.
        temperature: randomness, 0 to 2.
        max_retries: tries beyond the first.
        retry_delay: seconds before the first retry.
        fallback: whether another provider answers when this one fails, or that provider's name.
        retry: arguments of a `RetryPolicy`.
        limits: arguments of `Limits`. All providers of this name in a process share them, and so for budget and cache.
        budget: arguments of a `Budget`.
        cache: arguments of a `Cache`.
        referer: address of your site, sent to OpenRouter.
        title: name of your program, sent to OpenRouter.
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
    referer: str | None = None
    title: str | None = None


_NOT_OPTIONS = ("api_key_env", "fallback", "retry", "limits", "budget", "cache")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings.

    Args:
        backend: the default provider.
        providers: settings by name of the provider.
    """

    backend: str = "openai"
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict)

    def options_for(self, provider: str) -> dict[str, Any]:
        """Return the settings of a provider as arguments of its class, without its policies."""
        chosen = self.providers.get(provider, ProviderSettings())
        options = {
            item.name: value
            for item in fields(chosen)
            if item.name not in _NOT_OPTIONS and (value := getattr(chosen, item.name)) is not None
        }
        if chosen.api_key_env:
            options["key_variable"] = chosen.api_key_env
        return options

    def fallbacks(self, provider: str) -> tuple[str, ...]:
        """Return the providers that answer when one fails: its `fallback`, or all others for true.

        Raises:
            ConfigurationError: for a fallback without another provider.
        """
        fallback = self.providers.get(provider, ProviderSettings()).fallback
        if not fallback:
            return ()
        if fallback == provider:
            raise ConfigurationError(f"the fallback of {provider} is {provider} itself; name another provider")
        others = tuple(name for name in self.providers if name != provider) if fallback is True else (fallback,)
        if not others:
            raise ConfigurationError(
                f"{provider} has a fallback, but the settings have no other provider under `providers:`. "
                "Add one, or name one: fallback: ollama"
            )
        return others


def find_key(variable: str, environ: Mapping[str, str] | None = None) -> Secret | None:
    """Return the key in an environment variable, else in `.env`; None for no key or a placeholder.

    Args:
        variable: name of the variable.
        environ: the environment; default: that of this process.
    """
    if key := _real(variable, os.environ if environ is None else environ):
        return key
    return _real(variable, read_dotenv())


_stand_in: Secret | None = None


def set_stand_in(key: str | None) -> None:
    """Let every provider without a key use this one, where nothing is sent; None ends that."""
    global _stand_in
    _stand_in = Secret(key) if key else None


def stand_in() -> Secret | None:
    """Return the key of providers that have none; None unless a lab has set one."""
    return _stand_in


def _real(variable: str, values: Mapping[str, str | None]) -> Secret | None:
    value = cleaned(values.get(variable) or "")
    return Secret(value) if value and not _PLACEHOLDER.fullmatch(value) else None


def cleaned(text: str) -> str:
    """Return a value without what a copy brings along at its ends: white space, quotes, a byte order mark."""
    return text.strip(_AROUND)


def read_dotenv() -> Mapping[str, str | None]:
    """Return the variables of the nearest `.env`, here or in a folder above. The environment does not change.

    Raises:
        ConfigurationError: if the file cannot be read.
    """
    return _parsed(text) if (text := _dotenv_text()) else {}


def dotenv_slips(names: Collection[str] = VARIABLES) -> list[tuple[str, str]]:
    """Return each line of `.env` that means one of these variables and sets nothing, and how to write it.

    Args:
        names: of variables.

    Raises:
        ConfigurationError: if the file cannot be read.
    """
    text = _dotenv_text()
    written = _parsed(text) if text else {}
    slips = []
    for number, line in enumerate(text.splitlines(), 1):
        found = _ASSIGNMENT.match(line)
        name = found[1].upper() if found and found[3] else ""
        if found and name in names and not written.get(name):
            what = f"line {number} of .env begins with {found[1]}{found[2]}, which sets nothing"
            slips.append((what, f"write it as {name}=<value>"))
    return slips


def _dotenv_text() -> str:
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (file := folder / ".env").is_file():
            try:
                # Windows' Notepad may begin a file with a byte order mark, which would belong to the first name.
                return file.read_text("utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                raise ConfigurationError(f"the file .env cannot be read: {reason}. Save it as UTF-8 text.") from None
    return ""


def _parsed(text: str) -> Mapping[str, str | None]:
    # Loaded only if there is a file to read.
    from dotenv import dotenv_values

    return dotenv_values(stream=StringIO(text))
