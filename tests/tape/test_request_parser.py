"""From an HTTP request to what the tape looks up: the same request must always look the same."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from llmlab.lab.tape.request_parser import to_tape_request


def alias_of(url: str) -> str:
    return to_tape_request("GET", httpx.URL(url), {}, b"").alias


def body_of(**content: Any) -> Any:
    request = httpx.Request("POST", "https://api.openai.com/v1/x?b=1", **content)
    return to_tape_request(request.method, request.url, request.headers, request.read()).body


def test_hosts_have_their_services_names() -> None:
    for url, alias in {
        "https://api.openai.com/v1/x": "openai",
        "https://API.Anthropic.com/v1/x": "anthropic",
        "https://openrouter.ai/api/v1/x": "openrouter",
        "http://localhost:11434/api/chat": "ollama",
        "http://127.0.0.1:11434/api/chat": "ollama",
        "http://localhost:8080/v1/x": "local_gpt_oss",
        "http://[::1]:8080/v1/x": "local_gpt_oss",
        "http://localhost:9000/v1/x": "localhost:9000",
        "https://llm.example/v1/x": "llm.example",
        "https://llm.example:8443/v1/x": "llm.example:8443",
        "https://notopenai.com/x": "notopenai.com",
    }.items():
        assert alias_of(url) == alias


def test_a_local_server_has_its_name_at_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recordings made against a box in the next room answer on every machine."""
    monkeypatch.setenv("OLLAMA_HOST", "box:7777")
    monkeypatch.setenv("LOCAL_GPT_OSS_URL", "http://gpu:9999/v1")
    urls = ("http://box:7777/api/chat", "http://gpu:9999/v1/x", "http://gpu:1/v1/x")
    assert [alias_of(url) for url in urls] == ["ollama", "local_gpt_oss", "gpu:1"]


def test_a_service_behind_another_address_has_its_own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy or a simulator serves several services at one address; recordings hold their real paths."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/openai/v1")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9/anthropic")
    for path, expected in {
        "/openai/v1/models": ("openai", "/v1/models"),
        "/anthropic/v1/messages?a=1": ("anthropic", "/v1/messages?a=1"),
        "/other": ("127.0.0.1:9", "/other"),
    }.items():
        found = to_tape_request("GET", httpx.URL(f"http://127.0.0.1:9{path}"), {}, b"")
        assert (found.alias, found.path) == expected


def test_bodies_are_parsed() -> None:
    assert body_of() is None
    assert body_of(json={"a": [1, "é"]}) == {"a": [1, "é"]}
    assert body_of(content="plain text") == "plain text"
    assert body_of(data={"a": "1", "b": "2"}) == "a=1&b=2"
    binary = body_of(content=b"\xff\x00")
    assert (binary["bytes"], len(binary["sha256"])) == (2, 64)


def test_an_upload_looks_the_same_whatever_its_boundary() -> None:
    files = {"file": ("a.txt", b"some\r\ntext"), "audio": ("b.wav", b"\xff\xfe")}
    one, other = (body_of(files=files, data={"purpose": "batch"}) for _ in range(2))
    assert one == other
    purpose, text, audio = one["multipart"]
    assert purpose == {"name": "purpose", "value": "batch"}
    assert text == {"name": "file", "filename": "a.txt", "value": "some\r\ntext"}
    assert (audio["name"], audio["filename"], audio["bytes"]) == ("audio", "b.wav", 2)


def test_headers_are_lower_case_and_never_shown() -> None:
    request = httpx.Request("post", "https://api.openai.com/v1/x?b=1", headers={"X-Api-Key": "secret-key"})
    found = to_tape_request(request.method, request.url, request.headers, b"")
    assert (found.method, found.alias, found.path) == ("POST", "openai", "/v1/x?b=1")
    assert found.headers["x-api-key"] == "secret-key"
    assert "secret-key" not in repr(found)
