"""From an HTTP request to a `TapeRequest`: which service it is for, and what its body says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from llmlab.config.addresses import is_loopback, server_url
from llmlab.lab.wire.bodies import read_body
from llmlab.lab.wire.messages import TapeRequest

_HOSTS: Final = {"api.openai.com": "openai", "api.anthropic.com": "anthropic", "openrouter.ai": "openrouter"}
_LOCAL_PORTS: Final = {11434: "ollama", 8080: "local_gpt_oss"}
SERVICES: Final = (*_HOSTS.values(), *_LOCAL_PORTS.values())
"""The services that the lab knows by name."""


def to_tape_request(method: str, url: Any, headers: Mapping[str, str], content: bytes) -> TapeRequest:
    """Return a request as the tape sees it. The same request always gives the same value.

    Args:
        method: HTTP method.
        url: a URL of httpx or httpx2.
        headers: of the request.
        content: the whole body.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    alias, path = _service(url)
    return TapeRequest(method.upper(), alias, path, lower, read_body(content, lower.get("content-type", "")))


def configured_addresses() -> dict[str, str]:
    """Return the addresses of the services that a variable puts elsewhere, without `/v1`."""
    addresses = {
        "openai": server_url("OPENAI_BASE_URL", ""),
        "anthropic": server_url("ANTHROPIC_BASE_URL", ""),
        "ollama": server_url("OLLAMA_HOST", "http://localhost:11434") if os.environ.get("OLLAMA_HOST") else "",
        "local_gpt_oss": server_url("LOCAL_GPT_OSS_URL", ""),
    }
    return {alias: address.removesuffix("/v1") for alias, address in addresses.items() if address}


def _service(url: Any) -> tuple[str, str]:
    """Return the alias of the service at a URL, and the path as that service sees it."""
    path, host, port = url.raw_path.decode("ascii", "replace"), url.host.lower(), url.port
    configured = []
    for alias, address in configured_addresses().items():
        base = urlsplit(address)
        if (base.hostname, base.port) == (host, port):
            if path.startswith(f"{base.path}/"):
                configured.append((len(base.path), alias))
            elif alias in _LOCAL_PORTS.values():
                configured.append((0, alias))
    if configured:
        length, alias = max(configured)
        return alias, path[length:]
    if host in _HOSTS:
        return _HOSTS[host], path
    if port in _LOCAL_PORTS and (host == "0.0.0.0" or is_loopback(host)):
        return _LOCAL_PORTS[port], path
    return (host if port is None else f"{host}:{port}"), path
