"""Proxies, certificates and forks: what the environment of a call may look like."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from llmlab.errors import LLMConnectionError
from llmlab.providers import get_provider
from tests.core import bodies
from tests.core.trying import KEY, SHAPES, ask, call, provider, twice
from tests.loopback import LoopbackServer

REFUSED: list[Any] = [
    ({"ALL_PROXY": "socks://me:hunter22@127.0.0.1:7890/"}, "ALL_PROXY is socks://127.0.0.1:7890/, which is no proxy"),
    ({"https_proxy": "gopher://h"}, "https_proxy is gopher://h, which is no proxy"),
    ({"HTTPS_PROXY": "http://127.0.0.1:9"}, "(through the proxy in HTTPS_PROXY)"),
    ({"ALL_PROXY": "socks5://127.0.0.1:7890"}, "ALL_PROXY names a SOCKS proxy, which needs a package"),
    ({"SSL_CERT_FILE": "/no/such/cacert.pem"}, "SSL_CERT_FILE is /no/such/cacert.pem, which cannot be used: No such"),
    ({"SSL_CERT_FILE": os.devnull}, f"SSL_CERT_FILE is {os.devnull}, which cannot be used"),
]


@pytest.mark.parametrize(("variables", "sentence"), REFUSED, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("shape", ["complete", "complete_stream_async"])
def test_a_wrong_variable_is_named(
    variables: dict[str, str], sentence: str, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it tried again: `No such file or directory` tells nobody which of forty variables is meant."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(LLMConnectionError) as caught:
        ask(provider("openai", "https://llm.example/v1", max_retries=int("127.0.0.1:9" not in str(variables))), shape)
    assert sentence in caught.value.message
    assert "hunter22" not in caught.value.message


@pytest.mark.parametrize("method", twice("health"))
def test_health_says_which_variable_is_wrong(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks://127.0.0.1:7890/")
    health = call(get_provider("openai", api_key=KEY), method)
    assert not health.ok
    assert "ALL_PROXY is socks://127.0.0.1:7890/" in health.reason


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("proxy", ["socks://127.0.0.1:1/", "http://127.0.0.1:1", "socks5://127.0.0.1:1"])
def test_this_machine_is_called_without_a_proxy(
    proxy: str, shape: str, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy cannot reach a server on this machine, and certificates are not needed there."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such.pem")
    server.answer(bodies.STREAM["local_gpt_oss"] if "stream" in shape else bodies.CHAT)
    assert ask(provider("local_gpt_oss", server.url), shape).content == bodies.TEXT


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_connections_of_its_own(server: LoopbackServer) -> None:
    """Two processes on one connection read each other's answers: a prompt of one customer reaches another one."""
    server.answer(bodies.CHAT)
    with provider("local_gpt_oss", server.url, max_retries=0) as made:
        made.complete("warm")
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(write, json.dumps(made.complete("child").content).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        os.close(write)
        with os.fdopen(read) as pipe:
            assert json.load(pipe) == bodies.TEXT
        assert made.complete("parent").content == bodies.TEXT
    assert server.connections == 2
