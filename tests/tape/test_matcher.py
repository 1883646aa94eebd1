"""Finding a recording, and what a learner or a maintainer reads where there is none."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import anthropic
import httpx
import httpx2
import ollama
import openai
import pytest

import llmlab
from llmlab.errors import ConfigurationError, RecordingMissError
from llmlab.lab import tape
from llmlab.lab.tape.cassette import Cassette, Interaction, write_cassette
from llmlab.lab.tape.matcher import Matcher
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

URL = "https://api.openai.com/v1/responses"


def request(body: Any, path: str = "/v1/responses", alias: str = "openai", method: str = "POST") -> TapeRequest:
    return TapeRequest(method, alias, path, {}, body)


def recorded(body: Any, answer: Any, alias: str = "openai", status: int = 200) -> Interaction:
    return Interaction(request(body, alias=alias), TapeAnswer(status, body=answer), "01.yaml, line 6")


def save(folder: Path, *recordings: Interaction, name: str = "01_call") -> None:
    write_cassette(folder / f"{name}.yaml", Cassette("authored", "2026-11-14", recordings))


def ask(text: str) -> Any:
    return httpx.post(URL, json={"input": text}).json()


def test_answers_to_one_request_come_in_order_and_the_last_repeats() -> None:
    matcher = Matcher([recorded({"a": 1}, "one"), recorded({"b": 1}, "other"), recorded({"a": 1}, "two")])
    answers = [matcher.find(request({"a": 1})) for _ in range(3)]
    assert [answer and answer.body for answer in answers] == ["one", "two", "two"]


def test_requests_that_mean_the_same_are_found_and_others_are_not() -> None:
    get = request(None, "/v1/models?b=2&a=1", method="get")
    matcher = Matcher([recorded({"a": 1, "b": [1.0]}, 1), Interaction(get, TapeAnswer(body=2))])
    assert matcher.find(request({"b": [1], "a": 1.0}))
    assert matcher.find(request(None, "/v1/models?a=1&b=2", method="GET"))
    body = {"a": 1, "b": [1]}
    for other in (
        request({**body, "a": True}),
        request({**body, "c": None}),
        request(body, method="PUT"),
        request(body, alias="anthropic"),
        request(body, path="/v1/other"),
        request(None),
    ):
        assert matcher.find(other) is None, other


def test_unused_recordings_are_named(folder: Path) -> None:
    first, second, third = recorded({"a": 1}, 1), recorded({"a": 1}, 2), recorded({"b": 1}, 3)
    matcher = Matcher([first, second, third])
    assert matcher.unused() == [first, second, third]
    matcher.find(request({"a": 1}))
    assert matcher.unused() == [second, third]
    for _ in range(3):
        matcher.find(request({"a": 1}))
    assert matcher.unused() == [third]
    save(folder, recorded({"input": "A"}, "one"), recorded({"input": "B"}, "two"))
    assert tape.unused() == []
    with llmlab.start("replay", recordings=folder, lesson="01_call"):
        ask("A")
        assert tape.unused() == ["01_call.yaml, line 16: POST openai /v1/responses"]


def test_a_miss_names_the_field_that_differs() -> None:
    for one, other, difference in (
        ({"input": "x"}, {"input": "y"}, "body.input: recorded 'x', asked 'y'."),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "body.a[1].b: recorded 2, asked 3."),
        ({"a": [1]}, {"a": [1, 2]}, "body.a[1]: recorded nothing, asked 2."),
        ({"a": 1, "b": 2}, {"a": 1}, "body.b: recorded 2, asked nothing."),
        ({"a": 1}, None, 'body: recorded {"a": 1}, asked null.'),
        ({"a": True}, {"a": 1}, "body.a: recorded true, asked 1."),
        ({"a": 1, "b": 1}, {"a": 2, "b": 2}, "body.a: recorded 1, asked 2 (and 1 more)."),
        ({"a": "x" * 99 + "1"}, {"a": "x" * 99 + "2"}, f"recorded '…{'x' * 30}1', asked '…{'x' * 30}2'."),
    ):
        message = str(Matcher([recorded(one, 1)]).miss(request(other), "01_call"))
        for part in (difference, "The nearest is 01.yaml, line 6;", "%llmlab offline", "python3 -m llmlab record 01_c"):
            assert part in message


def test_the_nearest_recording_is_of_the_same_service_and_path() -> None:
    far = recorded({"model": "m", "input": "the very same words"}, 1, alias="anthropic")
    near = recorded({"model": "m", "input": "quite another text"}, 1)
    message = str(Matcher([far, near]).miss(request({"model": "m", "input": "the very same words"})))
    assert "body.input: recorded 'quite another text'" in message


def test_a_miss_shows_no_secret() -> None:
    asked = replace(request({"a": "plainword77"}), headers={"authorization": "Bearer plainword77"})
    message = str(Matcher([recorded({"a": "x"}, 1)]).miss(asked))
    assert "body.a: recorded 'x', asked '[redacted]'" in message


def test_a_request_with_personal_data_finds_its_recording(folder: Path) -> None:
    """The file holds no e-mail address, and still answers the cell that has one."""
    save(folder, recorded({"input": "Write to [redacted]"}, "ok"))
    with llmlab.start("replay", lesson="01_call", recordings=folder):
        assert ask("Write to ada@lovelace.dev") == "ok"


MESSAGES: Any = [{"role": "user", "content": "Hi"}]
CALLS: dict[str, Any] = {
    "openai": lambda: openai.OpenAI().responses.create(model="m", input="Hi"),
    "openai async": lambda: asyncio.run(ask_async()),
    "anthropic": lambda: anthropic.Anthropic().messages.create(model="m", max_tokens=9, messages=MESSAGES),
    "anthropic async": lambda: asyncio.run(ask_claude_async()),
    "ollama": lambda: ollama.chat(model="m", messages=MESSAGES),
    "httpx": lambda: httpx.get(URL),
    "httpx2": lambda: httpx2.get(URL),
}


async def ask_async() -> None:
    await openai.AsyncOpenAI().responses.create(model="m", input="Hi", stream=True)


async def ask_claude_async() -> None:
    await anthropic.AsyncAnthropic().messages.create(model="m", max_tokens=9, messages=MESSAGES)


@pytest.mark.parametrize("call", CALLS)
def test_a_miss_reaches_the_reader_through_every_sdk(call: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unchanged and at once: no SDK may wrap it into a connection error, or retry it for seconds."""

    def no_sleep(seconds: float) -> None:
        raise AssertionError("the SDK retried")

    monkeypatch.setattr(time, "sleep", no_sleep)
    with llmlab.start("replay", recordings=folder) as started:
        with pytest.raises(RecordingMissError, match="nothing is recorded for this lesson"):
            CALLS[call]()
        assert len(started.trace) == 1


def test_the_recorded_answer_comes_before_the_simulator(folder: Path) -> None:
    save(folder, recorded({"input": "Hi"}, "recorded"))
    with llmlab.start(recordings=folder, lesson="01_call") as started:
        responses = [httpx.post(URL, json={"input": text}) for text in ("Hi", "Other")]
        assert [response.headers["x-llmlab-source"] for response in responses] == ["recorded", "simulated"]
        assert (responses[0].json(), started.trace[0].source) == ("recorded", "recorded")


def test_a_lesson_uses_its_own_recordings_and_a_copy_of_it_all(folder: Path) -> None:
    """A learner's copy of a notebook, or an editor that does not tell its name, still gets the recorded answers."""
    save(folder, recorded({"input": "A"}, "one"), name="01_call")
    save(folder, recorded({"input": "A"}, "two"), recorded({"input": "B"}, "three"), name="02_call")
    with llmlab.start("replay", recordings=folder, lesson="02_call"):
        assert ask("A") == "two"
    for lesson in (None, "02_call-Copy1"):
        with llmlab.start(recordings=folder, lesson=lesson):
            assert [ask("A"), ask("B")] == ["one", "three"]


def test_an_error_made_on_purpose_is_not_met_in_a_notebook_without_recordings(folder: Path) -> None:
    """Otherwise the third question of somebody's own notebook lacks a key, because lesson 13 sent none."""
    save(folder, recorded({"input": "Hi"}, "one"), name="01_call")
    save(folder, recorded({"input": "Hi"}, {"error": "no key"}, status=401), name="02_call")
    with llmlab.start(recordings=folder, lesson="my_own"):
        assert [ask("Hi") for _ in range(3)] == ["one"] * 3


def test_a_broken_file_is_reported_at_the_start(folder: Path) -> None:
    (folder / "01_call.yaml").write_text("provenance: [\n", "utf-8")
    with pytest.raises(ConfigurationError, match=r"01_call\.yaml, line 2"):
        llmlab.start(recordings=folder, lesson="01_call")
    assert llmlab.mode() == "off"
