"""`batch` on the command line. If one fails, a script loses a batch that was paid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.batches.batching import jsonl
from tests.batches.test_services import anthropic_line, anthropic_view
from tests.cli.running import OFFLINE, lines, run, settings_for
from tests.loopback import LoopbackServer

FILE = 'What is 2 + 2?\n\n{"prompt": "What is 17 * 23?", "max_tokens": 50}\n[not JSON\n'


@pytest.fixture
def file() -> str:
    Path("prompts.txt").write_text(FILE, encoding="utf-8")
    return "prompts.txt"


@pytest.fixture
def service(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> LoopbackServer:
    """Anthropic's batches, scripted: the mode is live, and the address is this machine."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    settings_for(server, "anthropic")
    return server


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_submit_and_wait_prints_the_answers_in_order(provider: str, file: str) -> None:
    result = run("batch", "submit", file, "--provider", provider, "--wait")
    assert (result.exit_code, result.stdout.splitlines()[:2]) == (0, ["0: 2 + 2 = 4", "1: 17 * 23 = 391"])
    assert result.stderr == OFFLINE + "llmlab: done: 3 of 3 answered\n"


def test_submit_prints_the_id_alone(file: str) -> None:
    """So that `id=$(… batch submit …)` works."""
    result = run("batch", "submit", file, "--provider", "openai")
    assert (result.exit_code, result.stdout.startswith("batch_")) == (0, True)
    assert len(result.stdout.split()) == 1
    assert "add --wait" in result.stderr


def test_the_shape_of_json(file: str) -> None:
    (status,) = lines(run("batch", "submit", file, "--provider", "anthropic", "--json"))
    assert list(status) == [
        *("provider", "id", "state", "total", "succeeded", "failed", "cancelled", "expired", "expires_at", "reason")
    ]
    found = lines(run("batch", "submit", file, "--provider", "anthropic", "--wait", "--json"))
    assert [one["request"] for one in found] == [0, 1, 2]
    assert list(found[0]) == ["request", "state", "content", "model", "finish_reason", "usage", "error"]


def test_live_a_batch_is_found_by_its_id_in_another_process(service: LoopbackServer, file: str) -> None:
    service.answer(anthropic_view("in_progress", processing=3))
    result = run("batch", "submit", file, "--mode", "live")
    assert result.stdout == "msgbatch_1\n"
    assert "later, python3 -m llmlab batch results msgbatch_1 --provider anthropic" in result.stderr
    assert [one["params"]["max_tokens"] for one in service.seen[0].body["requests"]][1] == 50
    assert run("batch", "status", "msgbatch_1", "--mode", "live").stdout == "running: 0 of 3 answered\n"
    service.answers.clear()
    service.answer(anthropic_view(succeeded=2, errored=1))
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}
    service.answer(jsonl(anthropic_line(2), anthropic_line(1, "errored", error=error), anthropic_line(0)))
    result = run("batch", "results", "msgbatch_1", "--mode", "live")
    assert (result.exit_code, result.stdout) == (1, "0: answer 0\n2: answer 2\n")
    assert "llmlab: 1: anthropic answered 400: no." in result.stderr


def test_waiting_results_are_said_to_wait(service: LoopbackServer) -> None:
    service.answer(anthropic_view("in_progress", processing=1))
    result = run("batch", "results", "msgbatch_1", "--mode", "live", "--json")
    assert (result.exit_code, lines(result)[0]["state"]) == (1, "waiting")


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_cancel_says_what_comes_of_it(service: LoopbackServer, form: list[str]) -> None:
    service.answer(anthropic_view("in_progress", processing=2))
    service.answer(anthropic_view("canceling", processing=2))
    result = run("batch", "cancel", "msgbatch_1", "--mode", "live", *form)
    assert (lines(result)[0]["state"] if form else result.stdout.split(":")[0]) == "cancelling"
    assert service.seen[-1].path == "/v1/messages/batches/msgbatch_1/cancel"


def test_a_provider_without_batches_goes_on_from_its_file(file: str) -> None:
    words = ("batch", "submit", file, "--provider", "ollama", "--path", "answers.jsonl")
    assert run(*words).stdout.startswith("0: 2 + 2 = 4\n1: 17 * 23 = 391\n")
    kept = Path("answers.jsonl").read_text(encoding="utf-8").splitlines()
    Path("answers.jsonl").write_text("\n".join(kept[:2]) + "\n", encoding="utf-8")
    looked = run("batch", "status", "answers.jsonl", "--provider", "ollama", "--json")
    assert (lines(looked)[0]["state"], lines(looked)[0]["succeeded"]) == ("running", 1)
    assert len(Path("answers.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    assert run("batch", "results", "answers.jsonl", "--provider", "ollama").exit_code == 1
    done = run("batch", "results", "answers.jsonl", "--provider", "ollama", "--wait")
    assert (done.exit_code, done.stdout.splitlines()[:2]) == (0, ["0: 2 + 2 = 4", "1: 17 * 23 = 391"])


def test_what_runs_in_another_process_is_stopped_there(file: str) -> None:
    run("batch", "submit", file, "--provider", "ollama", "--path", "answers.jsonl")
    result = run("batch", "cancel", "answers.jsonl", "--provider", "ollama")
    assert result.exit_code == 2
    assert "does not run in this process" in result.stderr


def test_a_batch_that_is_gone_is_wrong_usage() -> None:
    result = run("batch", "status", "batch_1", "--provider", "openai", "--json")
    assert (result.exit_code, lines(result)[0]["error"]["status"]) == (2, 404)


@pytest.mark.parametrize(("data", "words"), [("", "no prompt"), (b"\xff\xfe\x00x", "not UTF-8")])
def test_a_file_without_prompts_is_refused(data: Any, words: str) -> None:
    result = run("batch", "submit", "-", piped=data)
    assert (result.exit_code, words in result.stderr) == (2, True)
    assert "cannot be read" in run("batch", "submit", "nowhere.txt").stderr


def test_every_wrong_line_is_told(file: str) -> None:
    text = "\n".join(["Hi", json.dumps({"prompt": ""}), json.dumps({"text": "Hi"})])
    result = run("batch", "submit", "-", "--provider", "openai", piped=text)
    assert result.exit_code == 2
    assert "2 of 3 requests are wrong, and nothing was sent" in result.stderr


def test_a_line_ends_where_json_lines_end() -> None:
    """JSON may hold characters that count as the end of a line elsewhere, and one prompt became two broken ones."""
    text = json.dumps({"prompt": "What is 2\u2028+ 2?"}, ensure_ascii=False) + "\r\n" + "What is 17 * 23?"
    result = run("batch", "submit", "-", "--provider", "ollama", "--json", piped=text.encode())
    assert [line["request"] for line in lines(result)] == [0, 1]
