"""Addresses of local servers: what Ollama understands, llmlab understands in the same way."""

from __future__ import annotations

from typing import Any

import pytest

from llmlab.config.addresses import server_url
from llmlab.errors import ConfigurationError

OLLAMA, LOCAL = "http://localhost:11434", "http://localhost:8080"


def address(monkeypatch: pytest.MonkeyPatch, value: str, default: str = OLLAMA) -> str:
    monkeypatch.setenv("OLLAMA_HOST", value)
    return server_url("OLLAMA_HOST", default)


URLS: list[Any] = [
    ("", OLLAMA),
    ("  ", OLLAMA),
    ("0.0.0.0", OLLAMA),
    ("0.0.0.0:11434", OLLAMA),
    ("http://0.0.0.0:11434/", OLLAMA),
    ("[::]:11434", OLLAMA),
    ("gpu", "http://gpu:11434"),
    (" gpu:9000/ ", "http://gpu:9000"),
    ("GPU.example", "http://gpu.example:11434"),
    (":9000", "http://localhost:9000"),
    ("http://gpu", "http://gpu"),
    ("https://gpu/ollama/", "https://gpu/ollama"),
    ("HTTPS://gpu:1/", "https://gpu:1"),
    ("[::1]", "http://[::1]:11434"),
    ("http://me:secret@gpu:9000", "http://me:secret@gpu:9000"),
]


def test_addresses_are_read_as_meant(monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests) -> None:
    """Who has set OLLAMA_HOST for Ollama must not set it again for llmlab."""
    for value, meant in URLS:
        with subtests.test(value=value):
            assert address(monkeypatch, value) == meant


def test_the_default_gives_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    assert address(monkeypatch, "gpu", LOCAL) == "http://gpu:8080"


@pytest.mark.parametrize(
    "value", ["1.2.3.4", ":56789", "1.2.3.4:5", "http://a.b", "https://a.b", "a.b/path/", "[::1]:5"]
)
def test_ollamas_own_client_goes_to_the_same_place(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A lesson shows both; they must not talk to two servers."""
    from ollama._client import _parse_host

    theirs = _parse_host(value).replace("127.0.0.1", "localhost")
    usual = {"http": ":80", "https": ":443"}[theirs.partition(":")[0]]
    ours = address(monkeypatch, value)
    assert ours in (theirs, theirs.replace(usual, "", 1) if theirs.count(usual) else theirs)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("htp://gpu:9000", "Did you mean http://gpu:9000 ?"),
        ("ftp://gpu", "must begin with http:// or https://"),
        ("gpu:port", "is not a URL such as http://localhost:11434"),
        ("gpu:99999", "is not a URL"),
    ],
)
def test_other_things_are_refused_with_the_nearest_fix(monkeypatch: pytest.MonkeyPatch, value: str, says: str) -> None:
    """Otherwise the error comes from deep inside the HTTP library and names no variable."""
    with pytest.raises(ConfigurationError) as caught:
        address(monkeypatch, value)
    assert "OLLAMA_HOST" in str(caught.value)
    assert says in str(caught.value)
