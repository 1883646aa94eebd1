"""`ask`: pipes build on the answer alone on standard output, and scripts on an exit code that tells why not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmlab import errors
from llmlab.lab.bootstrap import CLONE
from llmlab.lab.cli import session
from tests.cli.running import OFFLINE, lines, run, said, settings_for, streamed
from tests.loopback import LoopbackServer


def started(*words: str, **variables: str) -> Any:
    environment = {**os.environ, "PYTHONPATH": str(CLONE), **variables}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-m", "llmlab", *words], env=environment, **pipes)  # type: ignore[call-overload]


@pytest.mark.parametrize("way", ["--stream", "--no-stream"])
def test_answer_alone_goes_to_standard_output_and_the_mode_to_standard_error(way: str) -> None:
    result = run("ask", "What", "is", "2+3?", way)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "2+3 = 5\n", OFFLINE)


@pytest.mark.parametrize("words", [[], ["-"]])
def test_prompt_comes_through_a_pipe(words: list[str]) -> None:
    assert run("ask", *words, piped="\ufeffWhat is 2+3?\n").stdout == "2+3 = 5\n"


def test_words_and_a_pipe_make_one_prompt(server: LoopbackServer) -> None:
    """`cat notes | ask "Sum up:" -` must send both."""
    settings_for(server)
    server.answer(said("Short."))
    result = run("ask", "Sum up:", "-", "--no-stream", "--mode", "live", "--system", "Be brief.", piped="notes\n")
    assert result.stdout == "Short.\n"
    assert [one["content"] for one in server.seen[0].body["messages"]] == ["Be brief.", "Sum up: notes"]


@pytest.mark.parametrize("piped", ["", " \n", b"\xff\xfe"])
def test_prompt_that_is_none_is_refused_before_anything_starts(piped: str | bytes) -> None:
    result = run("ask", piped=piped)
    assert result.exit_code == 2
    assert "llmlab: offline" not in result.stderr
    assert run("ask", "\udcff").exit_code == 2


def test_terminal_without_a_prompt_is_told_so_and_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session.sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
    with pytest.raises(session.typer.BadParameter, match="there is no prompt"):
        session.read_prompt([])


def test_json_has_the_documented_names() -> None:
    """Scripts read these; a name that changes breaks them."""
    result = run("ask", "What is 2+3?", "--json", "--provider", "anthropic")
    [found] = lines(result)
    assert list(found) == [
        *("provider", "model", "content", "reasoning", "refusal", "finish_reason", "usage", "source", "latency"),
        "time_to_first_token",
    ]
    assert list(found["usage"]) == [
        *("input_tokens", "output_tokens", "total_tokens", "cached_tokens", "reasoning_tokens", "cost")
    ]
    assert (found["provider"], found["content"], found["source"]) == ("anthropic", "2+3 = 5", "simulated")
    documented = " ".join(run("ask", "--help").stdout.split())
    assert all(name in documented for name in [*found, *found["usage"]])


def test_json_of_a_stream_is_its_pieces_then_the_whole() -> None:
    *pieces, whole = lines(run("ask", "What is 2+3?", "--json", "--stream"))
    assert "".join(piece["chunk"]["text"] for piece in pieces) == whole["content"] == "2+3 = 5"
    assert whole["time_to_first_token"] is not None


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, 3, "LLMAuthenticationError"),
        (429, 4, "LLMRateLimitError"),
        (500, 1, "LLMAPIError"),
        (400, 2, "LLMInvalidRequestError"),
    ],
)
def test_exit_code_tells_failures_apart(status: int, code: int, kind: str, server: LoopbackServer) -> None:
    settings_for(server)
    server.answer({"error": "no"}, status)
    result = run("ask", "Hi", "--mode", "live", "--json")
    assert result.exit_code == code
    [found] = lines(result)
    assert (found["error"]["type"], found["error"]["exit_code"], found["error"]["status"]) == (kind, code, status)
    assert found["error"]["message"] in result.stderr


def test_exit_code_follows_the_class_and_its_parents() -> None:
    """A timeout is worth another try, a wrong model is not; a script can tell by the number alone."""
    assert session.exit_code(errors.LLMTimeoutError("slow")) == 5
    assert session.exit_code(errors.LLMStreamError("cut")) == 5
    assert session.exit_code(errors.ModelNotFoundError("gone", model="m")) == 2
    assert session.exit_code(errors.ConfigurationError("wrong")) == 2
    assert session.exit_code(errors.LLMError("odd")) == 1


def test_server_that_is_not_there_is_exit_code_5() -> None:
    text = "providers: {ollama: {base_url: 'http://127.0.0.1:1', max_retries: 0}}"
    Path("llmlab.yaml").write_text(text, encoding="utf-8")
    assert run("ask", "Hi", "--mode", "live", "--provider", "ollama").exit_code == 5


def test_missing_key_is_answered_with_what_to_do() -> None:
    result = run("ask", "Hi", "--mode", "live")
    assert (result.exit_code, result.stdout) == (3, "")
    for hint in ("OPENAI_API_KEY=<your key>", ".env", "--mode offline"):
        assert hint in result.stderr


@pytest.mark.parametrize("words", [["--mode", "ofline"], ["--provider", "opnai"], ["--api-key", "x"]])
def test_wrong_words_are_exit_code_2_and_a_key_is_no_option(words: list[str]) -> None:
    """A key on a command line stays in the shell's history."""
    assert run("ask", "Hi", *words).exit_code == 2


def test_wrong_mode_in_the_environment_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMLAB_MODE", "ofline")
    result = run("ask", "Hi")
    assert result.exit_code == 2
    assert "Did you mean 'offline'?" in result.stderr


def test_replay_without_a_recording_asks_nobody() -> None:
    result = run("ask", "Hi", "--mode", "replay", "--provider", "ollama")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("llmlab: replay. Recordings alone answer;")


def test_broken_stream_keeps_what_had_come_and_says_why(server: LoopbackServer) -> None:
    settings_for(server)
    server.answer(streamed(said("Half an", "")), cut=True)
    result = run("ask", "Hi", "--mode", "live")
    assert (result.exit_code, result.stdout) == (5, "Half an\n")
    assert "llmlab: " in result.stderr.splitlines()[-1]


def test_answer_that_was_cut_off_is_not_taken_for_a_whole_one(server: LoopbackServer) -> None:
    settings_for(server)
    server.answer(said("And then", "length"))
    result = run("ask", "Hi", "--mode", "live", "--no-stream")
    assert (result.exit_code, result.stdout) == (0, "And then\n")
    assert "not the whole answer; it ended with 'length'" in result.stderr


def test_refusal_is_said(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a refused prompt looks like an empty answer."""
    monkeypatch.setenv("OPENAI_API_KEY", "for-the-test")
    settings_for(server, "openai")
    content = [{"type": "refusal", "refusal": "I won't."}]
    output = [{"type": "message", "role": "assistant", "content": content}]
    server.answer({"id": "r", "model": "m", "status": "completed", "output": output})
    assert "the model refused: I won't." in run("ask", "Hi", "--mode", "live", "--no-stream").stderr


def test_head_ends_it_quietly() -> None:
    """`ask … | head -c 1` must not print a traceback."""
    with started("ask", "Write", "a", "long", "story", LLMLAB_PACE="1") as process:
        process.stdin.close()
        assert process.stdout.read(1)
        process.stdout.close()
        told = process.stderr.read().decode()
    assert told.replace("\r\n", "\n") == OFFLINE


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process alone")
def test_first_words_come_before_the_last_and_ctrl_c_is_130() -> None:
    """An answer that is printed when it is whole, or into a buffer, would be over before anything can be read."""
    with started("ask", "Write", "a", "long", "story", LLMLAB_PACE="4") as process:
        assert process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in err


def test_terminal_without_the_letters_gets_question_marks() -> None:
    with started("ask", "Repeat: 漢字", PYTHONIOENCODING="cp1252") as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert b"??" in out


def test_a_model_that_nobody_knows_is_told_in_a_sentence() -> None:
    """Python's own way to warn shows a line of llmlab's source, which helps nobody."""
    with started("ask", "Hi", "--model", "gpt-9-nova") as process:
        _, err = process.communicate()
    lines = err.decode().splitlines()
    assert [line for line in lines if line.startswith("llmlab: 'gpt-9-nova' is not among the models of openai")]
    assert all(line.startswith("llmlab: ") for line in lines)


@pytest.mark.skipif(sys.platform == "win32", reason="closes and fills file descriptors as a shell does")
@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("ask - <&-", 2, "there is no prompt, and standard input is closed"),
        ("ask Hi <&-", 0, ""),
        ("chat <&-", 0, ""),
        ("ask Hi --json >/dev/full", 1, "llmlab: [Errno 28] No space left on device"),
    ],
)
def test_a_closed_input_or_a_full_disk_is_no_traceback(command: str, code: int, said: str) -> None:
    """A job of cron's has no standard input."""
    if "/dev/full" in command and not Path("/dev/full").is_char_device():
        pytest.skip("this machine has no /dev/full")
    ended = subprocess.run(
        ["sh", "-c", f'"$0" -m llmlab {command}', sys.executable],
        env={**os.environ, "PYTHONPATH": str(CLONE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr
