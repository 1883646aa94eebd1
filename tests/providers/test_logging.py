"""The log. If one fails, a prompt or a key ends up in somebody's log files, or a failure leaves no trace."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from llmlab.errors import LLMError
from tests.core import bodies
from tests.core.trying import KEY, NAMES, SHAPES, ask, call, provider, spread
from tests.loopback import LoopbackServer

PROMPT = [{"role": "system", "content": "the secret plan"}, {"role": "user", "content": "the secret question"}]


@pytest.fixture(autouse=True)
def everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "llmlab")


def ours(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "llmlab"]


def answered(name: str, shape: str) -> Any:
    return bodies.STREAM[name] if "stream" in shape else bodies.WHOLE[name]


@pytest.mark.parametrize(("name", "shape"), spread(NAMES, SHAPES))
def test_a_call_leaves_two_lines_and_no_content(
    name: str, shape: str, server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer(answered(name, shape), headers={"request-id": "req_1"})
    ask(provider(name, server.url, model="m-0"), shape, PROMPT)
    how = "stream" if "stream" in shape else "whole"
    assert ours(caplog) == [
        ("INFO", f"request to {name}: m-0, 2 messages, {how}"),
        ("INFO", f"answer from {name}: m-1, 5 + 3 tokens, stop, request req_1"),
    ]
    assert "secret" not in caplog.text
    assert bodies.TEXT not in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize("shape", SHAPES)
def test_content_is_logged_only_when_asked_for(
    shape: str, server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer(answered("openrouter", shape))
    ask(provider("openrouter", server.url, log_content=True), shape, PROMPT)
    details = [text for level, text in ours(caplog) if level == "DEBUG"]
    assert "the secret question" in details[0]
    assert details[1] == f"answer: {bodies.TEXT}"
    assert KEY not in caplog.text
    assert ours(caplog)[-2][1].endswith("without id")


@pytest.mark.parametrize("shape", SHAPES)
def test_a_failure_is_an_error_in_the_log_without_the_key(
    shape: str, server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer({"error": {"message": f"bad key {KEY}"}}, 401)
    with pytest.raises(LLMError):
        ask(provider("openrouter", server.url), shape, PROMPT)
    level, text = ours(caplog)[-1]
    assert level == "ERROR"
    assert text.startswith("openrouter failed: LLMAuthenticationError: openrouter answered 401: bad key [redacted].")
    assert [level for level, _ in ours(caplog)].count("ERROR") == 1
    assert KEY not in caplog.text


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if "stream" in shape])
def test_a_stream_that_breaks_half_way_is_an_error_in_the_log(
    shape: str, server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer(bodies.sse([bodies.chat_piece("Hel")]))
    with pytest.raises(LLMError):
        ask(provider("openrouter", server.url), shape, PROMPT)
    errors = [text for level, text in ours(caplog) if level == "ERROR"]
    assert len(errors) == 1
    assert errors[0].startswith("openrouter failed: LLMStreamError: the stream ended early after 1 chunks")
    assert "Hel" not in caplog.text


@pytest.mark.parametrize("method", ["list_models", "list_models_async", "show", "embed_async"])
def test_other_questions_that_fail_are_errors_in_the_log_too(
    method: str, server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer({"error": "broken"}, 400)
    arguments = (["a"], "m-e") if "embed" in method else ()
    with pytest.raises(LLMError):
        call(provider("ollama", server.url), method, *arguments)
    assert [level for level, _ in ours(caplog) if level != "INFO"] == ["ERROR"]


def test_a_program_that_sets_no_logging_up_sees_nothing(
    server: LoopbackServer, capfd: pytest.CaptureFixture[str]
) -> None:
    server.answer(bodies.CHAT)
    logging.getLogger("llmlab").setLevel(logging.NOTSET)
    ask(provider("openrouter", server.url), "complete")
    assert capfd.readouterr() == ("", "")
