"""Is there a real Ollama on this machine? Asked when a learner wants one to answer what is not recorded.

The question must not go to the tape, so it is asked with the standard library, past every proxy. Only this machine is
asked: offline, nothing leaves it.
"""

from __future__ import annotations

import http.client
import json
from typing import Final
from urllib.parse import urlsplit

from llmlab.config.environment import server_url
from llmlab.errors import ConfigurationError

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
PATIENCE: Final = 2.0
"""Seconds to wait for its answer."""

_START = "Start it with `ollama serve`, or stay with %llmlab offline."


def find_ollama() -> str:
    """Return the address of the Ollama that answers on this machine.

    Raises:
        ConfigurationError: none answers, or OLLAMA_HOST is another machine.
    """
    address = server_url("OLLAMA_HOST", "http://localhost:11434")
    url = urlsplit(address)
    if url.scheme != "http" or url.hostname not in LOOPBACK:
        raise ConfigurationError(
            f"OLLAMA_HOST is {address}, which is not this machine, and offline nothing leaves it. Set OLLAMA_HOST to "
            "localhost, or use %llmlab live."
        )
    connection = http.client.HTTPConnection(url.hostname, url.port or 80, timeout=PATIENCE)
    try:
        connection.request("GET", f"{url.path}/api/version")
        with connection.getresponse() as answer:
            version = json.loads(answer.read(10_000)) if answer.status == 200 else None
    except OSError as error:
        raise ConfigurationError(f"no Ollama answers at {address}: {error.strerror or error}. {_START}") from None
    except (http.client.HTTPException, ValueError):
        version = None
    finally:
        connection.close()
    if not isinstance(version, dict) or "version" not in version:
        raise ConfigurationError(f"what answers at {address} is no Ollama. {_START}")
    return address
