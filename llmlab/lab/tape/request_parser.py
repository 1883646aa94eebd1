"""From an HTTP request to a `TapeRequest`: which service is meant, and what the body says.

The same request must always give the same value, so what a client makes up anew each time, such as the boundary of a
multipart body, is left out.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from llmlab.config.environment import server_url
from llmlab.lab.wire.bodies import read_body
from llmlab.lab.wire.messages import TapeRequest

_SERVICES = {"api.openai.com": "openai", "api.anthropic.com": "anthropic", "openrouter.ai": "openrouter"}
_LOCAL_PORTS = {11434: "ollama", 8080: "local_gpt_oss"}
SERVICES = (*_SERVICES.values(), *_LOCAL_PORTS.values())
"""The services that the lab knows by name."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")
_ADDRESSES = {"ollama": ("OLLAMA_HOST", "http://localhost:11434"), "local_gpt_oss": ("LOCAL_GPT_OSS_URL", "")}


def alias_of(host: str, port: int | None) -> str:
    """Return which service a host is, or `host:port` if it is none that the lab knows.

    Args:
        host: name or address.
        port: None where it is the usual one.
    """
    host = host.lower()
    if host in _SERVICES:
        return _SERVICES[host]
    for name, (variable, default) in _ADDRESSES.items():
        url = urlsplit(server_url(variable, default))
        if (url.hostname, url.port) == (host, port):
            return name
    if host in _LOOPBACK and port in _LOCAL_PORTS:
        return _LOCAL_PORTS[port]
    return host if port is None else f"{host}:{port}"


def to_tape_request(method: str, url: Any, headers: Mapping[str, str], content: bytes) -> TapeRequest:
    """Return a request as the tape sees it.

    Args:
        method: of HTTP.
        url: a URL of httpx or httpx2.
        headers: of the request.
        content: the whole body.
    """
    named = {name.lower(): value for name, value in headers.items()}
    path = url.raw_path.decode("ascii", "replace")
    body = read_body(content, named.get("content-type", ""))
    alias, path = _behind(url, path) or (alias_of(url.host, url.port), path)
    return TapeRequest(method.upper(), alias, path, named, body)


def told_addresses() -> dict[str, str]:
    """Return the addresses of the services that a variable puts elsewhere than usual, without `/v1`."""
    told = {
        "openai": server_url("OPENAI_BASE_URL", ""),
        "anthropic": server_url("ANTHROPIC_BASE_URL", ""),
        "ollama": server_url("OLLAMA_HOST", "http://localhost:11434") if os.environ.get("OLLAMA_HOST") else "",
        "local_gpt_oss": server_url("LOCAL_GPT_OSS_URL", ""),
    }
    return {alias: address.removesuffix("/v1") for alias, address in told.items() if address}


def _behind(url: Any, path: str) -> tuple[str, str] | None:
    """Return the service that a variable has put at this address, and the path as the service would see it."""
    found = []
    for alias, address in told_addresses().items():
        base = urlsplit(address)
        if (base.scheme, base.hostname, base.port) == (url.scheme, url.host, url.port):
            found += [(len(base.path), alias)] if path.startswith(f"{base.path}/") else []
    if not found:
        return None
    length, alias = max(found)
    return alias, path[length:]
