"""What is taken out of an exchange before it is written, and what is left alone."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab._utils.redaction import REDACTED, find_secrets
from llmlab.config.environment import PLACEHOLDER
from llmlab.lab.tape.redaction import (
    known_secrets,
    redact_answer,
    redact_request,
    redact_text,
    redact_value,
)
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

KEY = "plainword77"  # looks like nothing special


def request(body: Any = None, path: str = "/", **headers: str) -> TapeRequest:
    return TapeRequest("POST", "openai", path, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def test_harmless_text_is_left_alone() -> None:
    for text in (
        "The token count is 7, and max_tokens=100.",
        "Write to me at ada@example.com or grace@mail.example.org.",
        "x@y, 3 @ home, @mention",
        "https://somewhere.dev/home/about",
        "/v1/models?after=gpt-6-luna&limit=20",
        "the task-oriented risk-free desk-bound sk-learn",
        "http://localhost:11434",
        "Authorization is a header. Password: what is that?",
        "The key: patience. A token: fourteen_letters_or_more",
        "prompt_cache_key=a-long-name-of-a-cache",
        '{"token": " Hello", "logprob": -0.1}',
        "And then... the plainest end. pla... plain...",
    ):
        assert (redact_text(text), find_secrets(text)) == (text, [])
    for text in ("plain... and so on", "The **place**", "pla...n"):
        assert redact_text(text, (KEY,)) == text, "it begins like the key"


def test_personal_data_and_keys_are_removed_from_text() -> None:
    for text, left in {
        "mail ada.l+x@lovelace.co.uk now": "mail [redacted] now",
        "File /home/ada/lab/x.py": "File /home/[redacted]/lab/x.py",
        "file:///Users/ada/x": "file:///Users/[redacted]/x",
        r"C:\Users\ada\x": r"C:\Users\[redacted]\x",
        '"C:\\\\Users\\\\ada\\\\x"': '"C:\\\\Users\\\\[redacted]\\\\x"',
        "token=0123456789abcdef0123": "token=[redacted]",
        '"refresh_token": "0123456789abcdef0123"': '"refresh_token": "[redacted]"',
        "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----.": "[redacted].",
        "key sk-proj-abc123def456 and sk-ant-api03-xyz987": "key [redacted] and [redacted]",
    }.items():
        assert redact_text(text) == left
    for masked in ("pla****77", "plai***", "pla...77", "plain…d77"):
        assert redact_text(f"your key {masked} is wrong", (KEY,)) == "your key [redacted] is wrong"


def test_fields_with_secret_names_are_emptied() -> None:
    secret = {
        "api_key": "abc",
        "X-Api-Key": "abc",
        "access_token": 12345678,
        "key": "0123456789abcdef0123",
        "Authorization": "abc",
        "cookie": "abc",
        "clientSecret": "abc",
        "client_secret": "abc",
    }
    harmless = {
        "password": {"type": "string", "description": "a schema, not a password"},
        "max_tokens": 7,
        "token": "Hello",
        "secret": "",
        "cookies": [],
        "id_token": None,
    }
    assert redact_value([{"inside": secret}]) == [{"inside": dict.fromkeys(secret, REDACTED)}]
    assert redact_value(harmless) == harmless
    assert redact_value({"passwords": ["abc", "def"]}) == {"passwords": [REDACTED, REDACTED]}


def test_the_key_that_was_used_is_secret_whatever_it_looks_like() -> None:
    basic = base64.b64encode(f"me:{KEY}".encode()).decode()
    for headers in (
        {"authorization": f"Bearer {KEY}"},
        {"x_api_key": KEY},
        {"api_key": KEY},
        {"proxy_authorization": f"Basic {basic}"},
        {"cookie": f"theme=dark; session={KEY}"},
        {"x_goog_api_key": KEY},
    ):
        asked = request({"say": f"<{KEY}>", KEY: 1}, **headers)
        left = redact_request(asked, known_secrets(asked))
        assert (left.body, left.headers) == ({"say": "<[redacted]>", "[redacted]": 1}, {})
    assert "not-base64!7" in known_secrets(request(authorization="Basic not-base64!7"))


def test_the_key_in_a_query_is_secret_everywhere() -> None:
    asked = request({"again": KEY}, path=f"/v1/models?key={KEY}&limit=2")
    kept = redact_request(asked, known_secrets(asked))
    assert (kept.path, kept.body) == ("/v1/models?key=[redacted]&limit=2", {"again": REDACTED})


def test_a_key_with_odd_characters_is_found_in_its_url_form() -> None:
    asked = request(None, path="/x?note=a%2Bb%2Fc%3D%3D9", authorization="Bearer a+b/c==9")
    assert redact_request(asked, known_secrets(asked)).path == "/x?note=[redacted]"


def test_keys_in_the_environment_are_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that goes out by mistake, in a prompt, is not in the request's headers."""
    monkeypatch.setenv("SOME_API_KEY", "0123456789abcdef0123")
    monkeypatch.setenv("OTHER_API_KEY", "anthropic")
    assert "0123456789abcdef0123" in known_secrets(request())
    assert "anthropic" not in known_secrets(request())


def test_a_dummy_key_is_no_secret() -> None:
    for dummy in ("ollama", "EMPTY", "not-needed", "lm-studio", "x"):
        asked = request({"text": "ollama and lm-studio are not-needed, EMPTY"}, authorization=f"Bearer {dummy}")
        assert redact_request(asked, known_secrets(asked)).body == asked.body


def test_the_placeholder_and_the_real_key_leave_the_same_request() -> None:
    """What was recorded with a key must be found again without one."""
    real, offline = (request({"user": f"me {key}"}, authorization=f"Bearer {key}") for key in (KEY, PLACEHOLDER))
    assert redact_request(real, known_secrets(real)) == redact_request(offline, known_secrets(offline))


def delta(text: str, index: int = 0) -> dict[str, Any]:
    return {"id": "chunk_1", "choices": [{"index": index, "delta": {"content": text}}]}


def redacted_events(*events: Any, secret: str = KEY) -> list[Any]:
    answer = TapeAnswer(events=tuple((0.0, event) for event in events), framing="sse")
    return [event for _, event in redact_answer(answer, (secret,)).events or ()]


def test_a_secret_that_a_stream_spells_out_is_found() -> None:
    events = redacted_events(delta("It is plain"), delta("wo"), delta("rd77."), delta(" Bye"))
    assert events == [delta("It is [redacted]"), delta(""), delta("."), delta(" Bye")]


def test_a_secret_is_found_where_two_answers_interleave() -> None:
    events = redacted_events(delta("plain"), delta("word77", 1), delta("word77"), delta("plain", 1))
    assert events == [delta(REDACTED), delta("word77", 1), delta(""), delta("plain", 1)]


def test_a_field_that_a_stream_spells_out_is_found() -> None:
    """Arguments of a tool call come in pieces, and may hold a password."""
    pieces = ['{"pass', 'word": "hun', 'ter22"', "}"]
    events = redacted_events(*({"type": "input_json_delta", "partial_json": piece} for piece in pieces))
    assert "".join(event["partial_json"] for event in events) == '{"password": "[redacted]"}'


def test_secrets_in_whole_events_and_lines_are_found() -> None:
    events = redacted_events(
        {"type": "error", "message": f"bad key {KEY}"}, f"data: not JSON {KEY}", {"type": "x", "api_key": "short"}
    )
    assert events == [
        {"type": "error", "message": "bad key [redacted]"},
        "data: not JSON [redacted]",
        {"type": "x", "api_key": REDACTED},
    ]


def test_headers_and_bytes_of_an_answer_are_cleaned() -> None:
    answer = redact_answer(
        TapeAnswer(200, {"x-request-id": f"req_{KEY}"}, KEY.encode() + b"\xff", framing="text"), (KEY,)
    )
    assert (answer.headers, answer.body) == ({"x-request-id": "req_[redacted]"}, b"[redacted]\xff")


SECRETS = (KEY, "sk-abc12345678", "ada@lovelace.dev", "org-abcdefghijkl", "eyJhbGciOi.eyJzdWIiOiIx.x")
LABELS = ("Bearer ", "api_key=", '"password": "', "?key=", "API key provided: ", "/home/", "[redacted]", "hunter22")
PARTS = st.sampled_from([*SECRETS, *LABELS, *("&", " ", "\n", "ada", "/", "[", "]", '"')])


@given(st.lists(PARTS | st.text(max_size=5), max_size=12).map("".join))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact_text(text, (KEY,))
    assert redact_text(once, (KEY,)) == once


@given(st.lists(PARTS, max_size=8), st.data())
def test_a_stream_says_no_more_than_the_whole_text_would(parts: list[str], data: st.DataObject) -> None:
    """However a text is cut into events, no secret can be put together from them that is not in the redacted whole."""
    text = "start " + "".join(parts) + " end"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    events = redacted_events({"type": "first"}, *({"type": "t", "text": piece} for piece in pieces))
    left, whole = "".join(event["text"] for event in events[1:]), redact_text(text, (KEY,))
    assert left.startswith("start ")
    assert [secret for secret in SECRETS if secret in left and secret not in whole] == []


def test_a_secret_that_follows_another_events_text_is_found() -> None:
    """Two messages are not one text: what ends the first must not hide what begins the second."""
    events = redacted_events({"type": "error", "message": "Hello"}, {"type": "error", "message": "sk-abc12345678"})
    assert [event["message"] for event in events] == ["Hello", REDACTED]
