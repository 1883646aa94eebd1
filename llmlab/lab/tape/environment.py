"""What the lab reads from the environment, what it puts there, and what it hides.

Clients of OpenAI and Anthropic need a key to be made. Where nothing is sent, they get a placeholder, and neither code
nor a child process sees a real key; where requests go out, they get the keys of `.env`, because raw SDK code reads only
the environment. Stopping restores the environment.
"""

from __future__ import annotations

import difflib
import http.client
import json
import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from llmlab.config.addresses import is_loopback, server_url
from llmlab.config.environment import MODES, PLACEHOLDER, VARIABLES, Mode, find_key, read_dotenv, set_stand_in
from llmlab.errors import ConfigurationError
from llmlab.lab.tape.redaction import HIDDEN, secret_variables
from llmlab.transport.client import CERTIFICATES, PROXIES

KEY_OF: Final = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "openrouter": "OPENROUTER_API_KEY"}
"""The variable that holds the key of each service that needs one."""
KEYS: Final = tuple(KEY_OF.values())
_OTHER_CERTIFICATES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "no_proxy")
PATIENCE: Final = 2.0
"""Seconds to wait for the version of an Ollama."""


class Variables:
    """Environment variables that the lab has set."""

    def __init__(self) -> None:
        self._set: dict[str, tuple[str | None, str | None]] = {}

    def hide(self) -> None:
        """Set a placeholder for every key, and unset what a client reads to reach the network: all clients work."""
        for name in {*KEYS, *secret_variables()}:
            self._put(name, PLACEHOLDER)
        set_stand_in(PLACEHOLDER)  # for a provider whose variable has another name
        for name in (*PROXIES, *CERTIFICATES, *_OTHER_CERTIFICATES):
            self._put(name, None)
        self._put("NO_PROXY", "*")  # or proxies of the system's own settings would count

    def set_from_dotenv(self) -> None:
        """Set what `.env` holds and the environment does not."""
        written = read_dotenv()
        for name in VARIABLES:
            if os.environ.get(name) or name.startswith("LLMLAB_"):
                continue
            key = find_key(name) if name in KEYS else None
            value = key.reveal() if key else None if name in KEYS else written.get(name)
            if value:
                self._put(name, value)

    def restore(self) -> None:
        """Restore every variable that still has the value of the lab."""
        set_stand_in(None)
        while self._set:
            name, (before, ours) = self._set.popitem()
            if os.environ.get(name) == ours:
                os.environ.pop(name, None)
                os.environ.update({name: before} if before is not None else {})
            HIDDEN.discard(before or "")

    def _put(self, name: str, value: str | None) -> None:
        before = os.environ.pop(name, None)
        if (before, value) != (None, None):
            self._set[name] = (before, value)
            os.environ.update({name: value} if value is not None else {})
            if value == PLACEHOLDER and before:
                HIDDEN.add(before)


def find_mode(mode: str | None) -> Mode:
    """Return the mode: the argument, else LLMLAB_MODE, else offline.

    Raises:
        ConfigurationError: there is no such mode; the message names the nearest.
    """
    name = (mode or os.environ.get("LLMLAB_MODE") or "offline").strip().lower()
    if name not in MODES:
        close = difflib.get_close_matches(name, MODES, 1, 0.3)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        raise ConfigurationError(f"there is no mode {name!r}.{guess} The modes are {', '.join(MODES)}.")
    return name


def find_pace(pace: float | None) -> float:
    """Return the factor on waiting times: the argument, else LLMLAB_PACE, else 1.

    Raises:
        ConfigurationError: it is not a number, or below 0.
    """
    value = os.environ.get("LLMLAB_PACE") or "1" if pace is None else pace
    try:
        factor = float(value)
    except ValueError:
        factor = -1.0
    if not 0 <= factor < float("inf"):
        raise ConfigurationError(f"the pace must be a number from 0 (no waiting) upwards, such as 1, not {value!r}")
    return factor


def find_lesson(lesson: str | None) -> str | None:
    """Return the lesson: the argument, else LLMLAB_LESSON, else the notebook that Jupyter names, else None.

    Raises:
        ConfigurationError: the name cannot be a file name on every system.
    """
    name = lesson or os.environ.get("LLMLAB_LESSON")
    if name and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
        raise ConfigurationError(
            f"a lesson's name has letters, digits, _ - and . only, such as 01_call_openai: {name!r}"
        )
    session = os.environ.get("JPY_SESSION_NAME", "")
    if not name and session.endswith(".ipynb"):
        name = lesson_name(Path(session.replace("\\", "/")).stem)
    return name or None


def lesson_name(stem: str) -> str:
    """Return a notebook's name as a file name for every system: `my notes.ipynb` is the lesson `my_notes`."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", stem).lstrip(".-") or "_"


def find_recordings(folder: str | Path | None) -> Path:
    """Return the folder of recordings: the argument, else LLMLAB_RECORDINGS, else the one beside the notebook."""
    if chosen := folder or os.environ.get("LLMLAB_RECORDINGS"):
        return Path(chosen)
    places = (Path("recordings"), Path("notebooks/recordings"))
    return next((place for place in places if place.is_dir()), places[0]).absolute()


def find_ollama() -> str:
    """Return the address of the Ollama that answers on this machine. The request goes past the tape and every proxy.

    Raises:
        ConfigurationError: none answers, or OLLAMA_HOST is another machine; offline, nothing leaves this one.
    """
    address = server_url("OLLAMA_HOST", "http://localhost:11434")
    url = urlsplit(address)
    host = url.hostname or ""
    if url.scheme != "http" or not is_loopback(host):
        raise ConfigurationError(
            f"OLLAMA_HOST is {address}, which is not this machine, and offline nothing leaves it. Set OLLAMA_HOST to "
            "localhost, or use %llmlab live."
        )
    start = "Start it with `ollama serve`, or stay with %llmlab offline."
    connection = http.client.HTTPConnection(host, url.port or 80, timeout=PATIENCE)
    try:
        connection.request("GET", f"{url.path}/api/version")
        with connection.getresponse() as answer:
            version = json.loads(answer.read(10_000)) if answer.status == 200 else None
    except OSError as error:
        raise ConfigurationError(f"no Ollama answers at {address}: {error.strerror or error}. {start}") from None
    except (http.client.HTTPException, ValueError):
        version = None
    finally:
        connection.close()
    if not isinstance(version, dict) or "version" not in version:
        raise ConfigurationError(f"what answers at {address} is not Ollama. {start}")
    return address
