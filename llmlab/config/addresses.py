"""Addresses of services as people write them: with a slash at the end, without `/v1`, or with a whole endpoint."""

from __future__ import annotations

import ipaddress
import os
import re
from urllib.parse import urlsplit

from llmlab.config.environment import cleaned
from llmlab.errors import ConfigurationError

_ENDPOINT = re.compile(
    r"/(?:(?:chat/)?completions|responses|messages|embeddings|api/(?:chat|generate|embed|tags)|(?<=/v1/)models)/*$"
)


def is_loopback(host: str) -> bool:
    """Tell whether a host, as a name or an address, is this machine."""
    name = host.lower().strip("[]").rstrip(".").partition("%")[0]
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def service_url(text: str, source: str, default: str, path: str = "") -> str:
    """Return the address below which the paths of a service's requests begin.

    For a local server, whose default has http://, `host`, `host:port`, `:port` and 0.0.0.0 are allowed, and the port of
    the default completes them, as in OLLAMA_HOST. An endpoint at the end is left out; `/v1` and `/api` are added where
    the service has them, and left out where `path` begins with them.

    Args:
        text: what a user has written.
        source: the argument or variable that holds it, for the error.
        default: the address of the service itself.
        path: of a request to the service.

    Raises:
        ConfigurationError: for anything but a URL.
    """
    text, usual = cleaned(text), urlsplit(default)
    scheme, given, rest = text.partition("://")
    scheme, rest = (scheme.lower(), rest) if given else ("http", text)
    if scheme not in ("http", "https") or re.match(r"https?:?/", rest) or (usual.scheme == "https" and not given):
        hint = re.sub(r"^(?:https?:?)?/+", "", rest)
        guess = f"{usual.scheme if scheme == 'http' else 'http'}://{hint}"
        raise ConfigurationError(f"{source} must begin with http:// or https://. Did you mean {guess} ?")
    example = f" such as {default}" if default else ""
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(f"{source} is not a URL{example}: {error}") from None
    if (given and not parts.hostname) or port == 0 or not rest.isprintable() or " " in rest:
        raise ConfigurationError(f"{source} is not a URL{example}: it has no host, port 0, or a space in it")
    if parts.query or parts.fragment:
        raise ConfigurationError(f"{source} has a part after ? or #, which no base URL has; leave that part out")
    port = usual.port if port is None and not given else port
    login, at, _ = parts.netloc.rpartition("@")
    # Nobody can call 0.0.0.0, where servers listen.
    host = "localhost" if parts.hostname in (None, "0.0.0.0", "::") else parts.hostname
    below = _base_path(parts.path, path, usual.path, host == usual.hostname or is_loopback(host))
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{login}{at}{host}{f':{port}' if port else ''}{below}"


def server_url(variable: str, default: str) -> str:
    """Return the URL of a server from an environment variable; see `service_url`.

    Args:
        variable: name of the variable.
        default: the URL if the variable is not set.

    Raises:
        ConfigurationError: for anything but a URL.
    """
    value = os.environ.get(variable, "")
    return service_url(value, variable, default) if cleaned(value) else default


def _base_path(written: str, request: str, usual: str, is_usual_host: bool) -> str:
    """Return the path of a base URL without an endpoint, and with `/v1` exactly if requests do not bring it."""
    path = _ENDPOINT.sub("", written.rstrip("/")).rstrip("/")
    first = request.split("/")[1] if request.count("/") > 1 else ""
    if first in ("v1", "api"):
        return re.sub(rf"/+(?:v1|{first})$", "", path)
    # A gateway may have no /v1 at all; the service itself and a server on this machine have one.
    return path or (usual.rstrip("/") if is_usual_host else "")
