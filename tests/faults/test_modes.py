"""Faults in every mode: nothing reaches the network, nothing faulty is recorded, and no recording loses its turn."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import httpx
import openai
import pytest

import llmlab
from llmlab.errors import RecordingMissError
from llmlab.lab.tape.cassette import Cassette, Interaction, read_cassette, write_cassette
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest
from tests.loopback import LoopbackServer

URL = "https://api.openai.com/v1/responses"
LESSON = "06_break_things"


def save(folder: Path, *texts: str) -> None:
    request = TapeRequest("POST", "openai", "/v1/responses", {}, {"input": "Hi"})
    items = tuple(Interaction(request, TapeAnswer(body={"text": text}, seconds=0.5)) for text in texts)
    write_cassette(folder / f"{LESSON}.yaml", Cassette("authored", "2026-11-14", items))


@pytest.mark.parametrize("mode", ["offline", "replay"])
def test_a_refusal_takes_no_recordings_turn(mode: str, tmp_path: Path, no_socket: None) -> None:
    save(tmp_path, "one", "two")
    with llmlab.start(mode, lesson=LESSON, recordings=tmp_path):
        with llmlab.faults(["rate_limit", "slow_first_token"]):
            assert httpx.post(URL, json={"input": "Hi"}).status_code == 429
            slow = httpx.post(URL, json={"input": "Hi"})
        after = [httpx.post(URL, json={"input": "Hi"}) for _ in range(2)]
    assert [answer.json()["text"] for answer in (slow, *after)] == ["one", "one", "two"]
    assert slow.headers["x-llmlab-source"] == "recorded"
    assert slow.extensions["llmlab.elapsed"]() == 3.5


def test_in_replay_a_damaged_answer_needs_no_recording(tmp_path: Path, no_socket: None) -> None:
    """It is never recorded, so the simulator must give what is damaged."""
    save(tmp_path, "one")
    with llmlab.start("replay", lesson=LESSON, recordings=tmp_path):
        with llmlab.faults("cut_stream"), pytest.raises(httpx.RemoteProtocolError):
            httpx.post(URL, json={"input": "new"})
        with pytest.raises(RecordingMissError):
            httpx.post(URL, json={"input": "new"})


@pytest.mark.parametrize("mode", ["live", "record"])
def test_a_request_that_meets_a_fault_is_never_sent(mode: str, tmp_path: Path, no_socket: None) -> None:
    """A learner with a key must not pay for an answer that is thrown away."""
    llmlab.start(mode, lesson=LESSON, recordings=tmp_path)
    for fault in llmlab.faults.kinds():
        with llmlab.faults(fault) as broken, httpx.Client() as client:
            request = client.build_request("POST", URL, json={"model": "gpt-6-luna", "input": "Hi"})
            with suppress(httpx.TransportError):
                assert client.send(request).headers["x-llmlab-fault"] == fault
        assert (llmlab.trace().last.fault, broken.injected) == (fault, 1)
    assert not list(tmp_path.glob("*.yaml"))


def test_a_request_that_meets_no_fault_is_sent_and_recorded(tmp_path: Path, server: LoopbackServer) -> None:
    server.answer({"from": "server"})
    with llmlab.start("record", lesson=LESSON, recordings=tmp_path), llmlab.faults("server_error", times=1):
        assert [httpx.get(server.url).status_code for _ in range(2)] == [500, 200]
    assert len(server.seen) == 1
    recorded = read_cassette(tmp_path / f"{LESSON}.yaml").interactions
    assert [item.answer.body for item in recorded] == [{"from": "server"}]


def test_a_real_broken_line_is_noted(server: LoopbackServer) -> None:
    server.answer("data: {}\n\n", headers={"content-type": "text/event-stream"}, cut=True)
    with llmlab.start("live"):
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(server.url)
        with pytest.raises(httpx.ConnectError):
            httpx.get("http://127.0.0.1:9/")
        found = [(one.failure, one.status) for one in llmlab.trace()]
    assert found == [("RemoteProtocolError", 200), ("ConnectError", None)]


def test_a_timeout_is_really_waited_for_two_seconds_at_most(monkeypatch: pytest.MonkeyPatch, no_socket: None) -> None:
    """OpenAI's client is patient for ten minutes; a learner is not."""
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    llmlab.start(pace=1)
    with llmlab.faults("timeout"), pytest.raises(openai.APITimeoutError):
        openai.OpenAI(max_retries=0).models.list()
    assert waits == [2.0]
    assert llmlab.trace().last.seconds == 600
