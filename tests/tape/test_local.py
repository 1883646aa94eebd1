"""`%llmlab local`: a real Ollama answers what is not recorded of it, and nobody else is ever reached."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

import llmlab
from llmlab.errors import ConfigurationError
from llmlab.lab.notebooks import magics
from llmlab.lab.tape.cassette import Cassette, Interaction, write_cassette
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest
from tests.loopback import LoopbackServer


@pytest.fixture
def ollama(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> LoopbackServer:
    """Something that answers as Ollama does, where Ollama is looked for."""
    monkeypatch.setenv("OLLAMA_HOST", server.url)
    server.answer({"version": "0.13.5"})
    server.answer({"message": {"role": "assistant", "content": "really"}, "done": True})
    return server


def ask(server: LoopbackServer, text: str) -> httpx.Response:
    body = {"model": "gpt-oss:20b", "messages": [{"role": "user", "content": text}], "stream": False}
    return httpx.post(f"{server.url}/api/chat", json=body)


def test_what_is_not_recorded_goes_to_the_real_one(ollama: LoopbackServer, capsys: pytest.CaptureFixture[str]) -> None:
    magics.switch("local")
    assert capsys.readouterr().out == (
        "llmlab: offline. Answers come from a simulator; nothing is sent, nothing is spent. What is not recorded, "
        f"Ollama at {ollama.url} answers.\n"
    )
    with llmlab.get_provider("ollama") as llm:
        answer = llm.complete("Hi")
    assert (answer.content, answer.source) == ("really", "live")
    assert [seen.path for seen in ollama.seen] == ["/api/version", "/api/chat"]
    assert llmlab.trace().last.source == "live"


def test_what_is_recorded_stays_recorded(ollama: LoopbackServer, tmp_path: Path) -> None:
    body = {"model": "gpt-oss:20b", "messages": [{"role": "user", "content": "Hi"}], "stream": False}
    request = TapeRequest("POST", "ollama", "/api/chat", {}, body)
    exchange = Interaction(request, TapeAnswer(body={"from": "recording"}))
    (tmp_path / "recordings").mkdir()
    file = Cassette("authored", "2026-11-14", (exchange,))
    write_cassette(tmp_path / "recordings" / "01.yaml", file)
    magics.switch("local")
    assert ask(ollama, "Hi").json() == {"from": "recording"}
    assert ask(ollama, "Ho").json()["message"]["content"] == "really"


def test_nobody_else_is_reached(ollama: LoopbackServer) -> None:
    """Offline means that nothing leaves the machine; the loopback guard of the tests would fail here."""
    magics.switch("local")
    for name in ("openai", "anthropic", "openrouter", "local_gpt_oss"):
        assert llmlab.get_provider(name).complete("Hi").source == "simulated"
    assert len(ollama.seen) == 1


def test_faults_happen_to_the_real_one_too(ollama: LoopbackServer) -> None:
    magics.switch("local")
    with llmlab.faults("server_error"):
        assert ask(ollama, "Hi").status_code == 500
    assert len(ollama.seen) == 1


def test_offline_takes_it_back(ollama: LoopbackServer) -> None:
    magics.switch("local")
    magics.switch("offline")
    assert ask(ollama, "Hi").headers["x-llmlab-source"] == "simulated"


def test_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    llmlab.start("replay")
    with pytest.raises(
        ConfigurationError, match=r"no Ollama answers at http://127\.0\.0\.1:9: Connection refused\. Start it"
    ):
        magics.switch("local")
    assert llmlab.mode() == "replay"


def test_something_else_answers(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", server.url)
    for body, status in (("<html>", 200), ({"hello": 1}, 200), ([1], 200), ("no", 404)):
        server.answers.clear()
        server.answer(body, status)
        with pytest.raises(ConfigurationError, match="is not Ollama"):
            magics.switch("local")


@pytest.mark.parametrize("host", ["192.168.1.20:11434", "https://localhost:11434"])
def test_another_machine_is_not_this_one(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    with pytest.raises(ConfigurationError, match="nothing leaves it"):
        magics.switch("local")


def test_a_host_that_only_looks_like_ollama_is_not_passed(
    ollama: LoopbackServer, monkeypatch: pytest.MonkeyPatch, no_socket: None
) -> None:
    """OLLAMA_HOST may be changed later; a request to another machine must still not leave."""
    tape = llmlab.start("offline")
    tape.local = ollama.url
    monkeypatch.setenv("OLLAMA_HOST", "http://ollama.example.com:11434")
    answer = httpx.get("http://ollama.example.com:11434/api/version")
    assert answer.headers["x-llmlab-source"] == "simulated"
