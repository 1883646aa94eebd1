"""`chat`: what was said is remembered, and no failure, no slip of the finger loses it."""

from __future__ import annotations

import builtins
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from llmlab.lab.cli import ask
from tests.cli.running import OFFLINE, lines, run, said, settings_for
from tests.loopback import LoopbackServer

LIVE = ("chat", "--mode", "live", "--no-stream")


@pytest.fixture
def asked(server: LoopbackServer) -> Callable[[], list[list[str]]]:
    """What each request said: the texts of its messages."""
    settings_for(server)
    return lambda: [[message["content"] for message in one.body["messages"]] for one in server.seen]


def test_conversation_is_kept_until_clear(server: LoopbackServer, asked: Callable[[], list[list[str]]]) -> None:
    server.answer(said("Hello."))
    server.answer(said("Again."))
    result = run(*LIVE, "--system", "Be kind.", piped="one\n\ntwo\n/clear\nthree\n/exit\nfour\n")
    assert (result.exit_code, result.stdout) == (0, "Hello.\nAgain.\nAgain.\n")
    assert asked() == [["Be kind.", "one"], ["Be kind.", "one", "Hello.", "two"], ["Be kind.", "three"]]


def test_turn_that_fails_is_taken_back_and_the_rest_stays(
    server: LoopbackServer, asked: Callable[[], list[list[str]]]
) -> None:
    server.answer(said("Hello."))
    server.answer({"error": "busy"}, 429)
    server.answer(said("Better."))
    result = run(*LIVE, "--json", piped="one\ntwo\nthree\n")
    assert result.exit_code == 0
    assert [one.get("content") or one["error"]["exit_code"] for one in lines(result)] == ["Hello.", 4, "Better."]
    assert asked()[-1] == ["one", "Hello.", "three"]


def test_last_turn_that_fails_is_the_exit_code(server: LoopbackServer) -> None:
    settings_for(server)
    server.answer({"error": "no such key"}, 401)
    assert run(*LIVE, piped="one\n").exit_code == 3


def test_misspelled_command_is_not_sent_and_a_path_is() -> None:
    """A typo must not cost a request; a question may begin with a path."""
    result = run("chat", piped="/claer\n/etc/hosts What is 2+3?\n")
    assert result.stderr == f"{OFFLINE}There is no /claer; there are /clear and /exit.\n"
    assert result.stdout.count("\n") == 1


def test_letters_that_are_no_utf_8_do_not_end_it() -> None:
    result = run("chat", piped=b"\xff\xfe\nWhat is 2+3?\n")
    assert result.exit_code == 0
    assert result.stdout.endswith("2+3 = 5\n")


def test_missing_key_ends_it_before_the_first_turn() -> None:
    assert run("chat", "--mode", "live", piped="one\n").exit_code == 3


class Terminal:
    """A person at the keyboard: what is typed, and what happens instead."""

    def __init__(self, *typed: str | type[BaseException]) -> None:
        self.typed: Iterator[str | type[BaseException]] = iter(typed)

    def isatty(self) -> bool:
        return True

    def input(self, prompt: str) -> str:
        assert prompt == "> "
        given = next(self.typed)
        if isinstance(given, str):
            return given
        raise given


@pytest.fixture
def sit_down(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a person at the keyboard."""

    def put(*typed: str | type[BaseException]) -> None:
        terminal = Terminal(*typed)
        monkeypatch.setattr(ask, "sys", type("System", (), {"stdin": terminal, "stdout": sys.stdout}))
        monkeypatch.setattr(builtins, "input", terminal.input)

    return put


def test_ctrl_d_at_the_prompt_is_a_good_end(sit_down: Callable[..., None]) -> None:
    sit_down("What is 2+3?", EOFError)
    result = run("chat")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "2+3 = 5\n", f"{OFFLINE}\n")


def test_ctrl_c_at_the_prompt_is_130(sit_down: Callable[..., None]) -> None:
    sit_down(KeyboardInterrupt)
    assert run("chat").exit_code == 130


def test_ctrl_c_stops_an_answer_and_keeps_the_conversation(
    sit_down: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = ask.answer
    seen: list[int] = []

    def stopped_once(provider: Any, messages: Any, *options: Any) -> Any:
        seen.append(len(messages))
        if len(seen) == 2:
            raise KeyboardInterrupt
        return shown(provider, messages, *options)

    monkeypatch.setattr(ask, "answer", stopped_once)
    sit_down("one", "two", "three", EOFError)
    result = run("chat")
    assert result.exit_code == 0
    assert "Stopped; this turn is taken back." in result.stderr
    assert seen == [1, 3, 3]


def test_ctrl_c_ends_a_conversation_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that was stopped must not go on with the next line."""

    def stop(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ask, "answer", stop)
    assert run("chat", piped="one\ntwo\n").exit_code == 130


def test_stream_in_json_can_be_read_line_by_line() -> None:
    result = run("chat", "--json", "--stream", piped="What is 2+3?\n")
    assert json.loads(result.stdout.splitlines()[-1])["content"] == "2+3 = 5"
