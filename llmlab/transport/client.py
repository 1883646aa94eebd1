"""Creation of httpx2 clients: the certificates and proxies of the environment, and an error that names a wrong one."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

import httpx2

from llmlab.config.addresses import is_loopback
from llmlab.errors import LLMConnectionError

Client = TypeVar("Client", httpx2.Client, httpx2.AsyncClient)
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
"""The variables that OpenSSL and Python read: two places of certificates, and a file for the keys of a session."""
PROXIES = tuple(name for proxy in ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY") for name in (proxy, proxy.lower()))
"""The variables that name a proxy."""


def create_client(kind: type[Client], base_url: str, options: dict[str, Any]) -> Client:
    """Return a client. This machine is called without a proxy, and plain http without certificates.

    Args:
        kind: `httpx2.Client` or `httpx2.AsyncClient`.
        base_url: of the service.
        options: further arguments.

    Raises:
        LLMConnectionError: names the variable of the environment with which no client can be created.
    """
    url = urlsplit(base_url)
    secure = url.scheme.lower() == "https"
    context = _tls_context(*map(os.environ.get, CERTIFICATES)) if secure else _no_certificates()
    try:
        return kind(verify=context, trust_env=not is_loopback(url.hostname or ""), **options)
    except (ValueError, ImportError, httpx2.InvalidURL):
        raise LLMConnectionError(f"{_wrong_proxy()}. Correct the variable, or unset it.", should_retry=False) from None


def why_no_answer(url: str, error: Exception) -> str:
    """Return an error of a connection in words, with the variable that may be the reason."""
    parts, reason = urlsplit(url), str(error)
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        reason += " (a company's own certificates go into the file that SSL_CERT_FILE names)"
    names = (f"{parts.scheme}_PROXY".upper(), f"{parts.scheme}_proxy", "ALL_PROXY", "all_proxy")
    proxy = next((name for name in names if os.environ.get(name)), None)
    host = parts.hostname or ""
    through = f" (through the proxy in {proxy})"
    return reason + (through if proxy and not is_loopback(host) and not proxy_bypass(host) else "")


@lru_cache(maxsize=4)
def _tls_context(*values: str | None) -> ssl.SSLContext:
    """Return the context of these values of CERTIFICATES. Reading certificates takes 20 to 50 ms."""
    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        named = [(name, value) for name, value in zip(CERTIFICATES, values, strict=True) if value]
        missing = [pair for pair in named if not os.path.exists(pair[1])]
        culprit = " is ".join((missing or named or [("the certificate store", "of this machine")])[0])
        raise LLMConnectionError(
            f"{culprit}, which cannot be used: {error.strerror or error}. Correct the path, or unset the variable.",
            should_retry=False,
        ) from None


def _no_certificates() -> ssl.SSLContext:
    # The empty context trusts no server, so security is not weaker.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _wrong_proxy() -> str:
    """Say which variable names a proxy that httpx2 refuses. A login in its address is not shown."""
    for name in PROXIES:
        if value := os.environ.get(name):
            address = value if "://" in value else f"http://{value}"
            try:
                httpx2.Client(proxy=address, verify=_no_certificates(), trust_env=False).close()
            except ImportError:
                return f"{name} names a SOCKS proxy, which needs a package: python3 -m pip install socksio"
            except (ValueError, httpx2.InvalidURL):
                shown = address.split("://")[0] + "://" + address.rpartition("@")[2].split("://")[-1]
                return f"{name} is {shown}, which is no proxy: it must begin with http://, https:// or socks5://"
    return "NO_PROXY is not a list of hosts such as localhost,example.com"
