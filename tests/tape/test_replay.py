"""Finding a recording, and what a learner or a maintainer reads where there is none."""

from __future__ import annotations

import asyncio
import time
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
from llmlab.lab.tape.cassette import Cassette, Interaction, write_cassette
from llmlab.lab.tape.matcher import Matcher
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

URL = "https://api.openai.com/v1/responses"


def recorded(
    body: Any, said: Any, path: str = "/v1/responses", alias: str = "openai", method: str = "POST"
) -> Interaction:
    return Interaction(TapeRequest(method, alias, path, {}, body), TapeAnswer(body=said), "01.yaml, line 6")


def asked(body: Any, path: str = "/v1/responses", alias: str = "openai", method: str = "POST") -> TapeRequest:
    return TapeRequest(method, alias, path, {}, body)


def save(folder: Path, *recordings: Interaction, name: str = "01_call") -> None:
    write_cassette(folder / f"{name}.yaml", Cassette("authored", "2026-11-14", recordings))


def test_answers_to_one_request_come_in_order_and_the_last_repeats() -> None:
    replay = Matcher([recorded({"a": 1}, "one"), recorded({"b": 1}, "other"), recorded({"a": 1}, "two")])
    answers = [replay.find(asked({"a": 1})) for _ in range(3)]
    assert [answer and answer.body for answer in answers] == ["one", "two", "two"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (asked({"a": 1, "b": [1.0]}), asked({"b": [1], "a": 1})),
        (asked(None, "/v1/models?b=2&a=1", method="get"), asked(None, "/v1/models?a=1&b=2", method="GET")),
    ],
)
def test_what_means_the_same_is_found(one: TapeRequest, other: TapeRequest) -> None:
    assert Matcher([Interaction(one, TapeAnswer(body=1))]).find(other)


@pytest.mark.parametrize(
    "other",
    [
        asked({"a": True}),
        asked({"a": 1, "b": None}),
        asked({"a": 1}, method="PUT"),
        asked({"a": 1}, alias="anthropic"),
        asked({"a": 1}, path="/v1/other"),
        asked(None),
    ],
)
def test_what_differs_is_not_found(other: TapeRequest) -> None:
    assert Matcher([recorded({"a": 1}, "one")]).find(other) is None


def test_unused_recordings_are_named() -> None:
    first, second, third = recorded({"a": 1}, 1), recorded({"a": 1}, 2), recorded({"b": 1}, 3)
    replay = Matcher([first, second, third])
    assert replay.unused() == [first, second, third]
    replay.find(asked({"a": 1}))
    assert replay.unused() == [second, third]
    for _ in range(3):
        replay.find(asked({"a": 1}))
    assert replay.unused() == [third]


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ({"input": "x"}, {"input": "y"}, "body.input: recorded 'x', asked 'y'."),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "body.a[1].b: recorded 2, asked 3."),
        ({"a": [1]}, {"a": [1, 2]}, "body.a[1]: recorded nothing, asked 2."),
        ({"a": 1, "b": 2}, {"a": 1}, "body.b: recorded 2, asked nothing."),
        ({"a": 1}, None, 'body: recorded {"a": 1}, asked null.'),
        ({"a": True}, {"a": 1}, "body.a: recorded true, asked 1."),
        ({"a": 1, "b": 1}, {"a": 2, "b": 2}, "body.a: recorded 1, asked 2 (and 1 more)."),
        ({"a": "x" * 99 + "1"}, {"a": "x" * 99 + "2"}, f"recorded '…{'x' * 30}1', asked '…{'x' * 30}2'."),
    ],
)
def test_a_miss_names_the_field_that_differs(one: Any, other: Any, difference: str) -> None:
    message = str(Matcher([recorded(one, 1)]).miss(asked(other)))
    assert difference in message
    assert "The nearest is 01.yaml, line 6;" in message
    assert "%llmlab offline" in message


def test_the_nearest_recording_is_of_the_same_service_and_path() -> None:
    far = recorded({"model": "m", "input": "the very same words"}, 1, alias="anthropic")
    near = recorded({"model": "m", "input": "quite another text"}, 1)
    message = str(Matcher([far, near]).miss(asked({"model": "m", "input": "the very same words"})))
    assert "body.input: recorded 'quite another text'" in message


def test_a_miss_shows_no_secret() -> None:
    request = TapeRequest("POST", "openai", "/", {"authorization": "Bearer plainword77"}, {"a": "plainword77"})
    assert "plainword77" not in str(Matcher([recorded({"a": "x"}, 1)]).miss(request))


def test_a_request_with_personal_data_finds_its_recording(folder: Path) -> None:
    """The file holds no e-mail address, and still answers the cell that has one."""
    save(folder, recorded({"input": "Write to [redacted]"}, "ok"))
    with llmlab.start("replay", lesson="01_call", recordings=folder):
        assert httpx.post(URL, json={"input": "Write to ada@lovelace.dev"}).json() == "ok"


ASK = [{"role": "user", "content": "Hi"}]


def ask_openai() -> Any:
    return openai.OpenAI().responses.create(model="m", input="Hi")


def ask_openai_async() -> Any:
    return asyncio.run(openai.AsyncOpenAI().responses.create(model="m", input="Hi", stream=True))  # type: ignore[arg-type]


def ask_anthropic() -> Any:
    return anthropic.Anthropic().messages.create(model="m", max_tokens=9, messages=ASK)  # type: ignore[arg-type]


def ask_anthropic_async() -> Any:
    client = anthropic.AsyncAnthropic()
    return asyncio.run(client.messages.create(model="m", max_tokens=9, messages=ASK))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "ask",
    [
        ask_openai,
        ask_openai_async,
        ask_anthropic,
        ask_anthropic_async,
        lambda: ollama.chat(model="m", messages=ASK),
        lambda: httpx.get(URL),
        lambda: httpx2.get(URL),
    ],
)
def test_a_miss_reaches_the_reader_through_every_sdk(ask: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unchanged and at once: no SDK may wrap it into a connection error, or retry it for seconds."""

    def no_sleep(seconds: float) -> None:
        raise AssertionError("the SDK retried")

    monkeypatch.setattr(time, "sleep", no_sleep)
    with llmlab.start("replay", recordings=folder) as tape:
        with pytest.raises(RecordingMissError, match="nothing is recorded for this lesson"):
            ask()
        assert len(tape.trace) == 1


def test_the_recorded_answer_comes_before_the_simulator(folder: Path) -> None:
    save(folder, recorded({"input": "Hi"}, {"said": "recorded"}))
    with llmlab.start(recordings=folder, lesson="01_call") as tape:
        response = httpx.post(URL, json={"input": "Hi"})
        assert response.json() == {"said": "recorded"}
        assert response.headers["x-llmlab-source"] == "recorded"
        assert httpx.post(URL, json={"input": "Other"}).headers["x-llmlab-source"] == "simulated"
        assert tape.trace[0].source == "recorded"


def test_only_the_lessons_own_recordings_are_searched(folder: Path) -> None:
    save(folder, recorded({"input": "Hi"}, "one"), name="01_call")
    save(folder, recorded({"input": "Hi"}, "two"), name="02_call")
    with llmlab.start("replay", recordings=folder, lesson="02_call"):
        assert httpx.post(URL, json={"input": "Hi"}).json() == "two"


@pytest.mark.parametrize("lesson", [None, "02_call-Copy1"])
def test_a_notebook_without_recordings_of_its_own_may_use_all(folder: Path, lesson: str | None) -> None:
    """A learner's copy of a notebook, or an editor that does not tell its name, still gets the recorded answers."""
    save(folder, recorded({"input": "A"}, "one"), name="01_call")
    save(folder, recorded({"input": "B"}, "two"), name="02_call")
    with llmlab.start(recordings=folder, lesson=lesson):
        assert [httpx.post(URL, json={"input": name}).json() for name in "AB"] == ["one", "two"]


def test_an_error_that_one_lesson_makes_on_purpose_is_not_met_in_a_notebook_without_recordings(folder: Path) -> None:
    """Else the third question of somebody's own notebook is told that there is no key, because lesson 13 sent none."""
    save(folder, recorded({"input": "Hi"}, "one"), name="01_call")
    refused = Interaction(asked({"input": "Hi"}), TapeAnswer(401, body={"error": "no key"}), "02.yaml, line 6")
    save(folder, refused, name="02_call")
    with llmlab.start(recordings=folder, lesson="my_own"):
        assert [httpx.post(URL, json={"input": "Hi"}).json() for _ in range(3)] == ["one"] * 3


def test_unused_is_known_to_the_runner(folder: Path) -> None:
    save(folder, recorded({"input": "A"}, "one"), recorded({"input": "B"}, "two"))
    from llmlab.lab import tape

    assert tape.unused() == []
    with llmlab.start("replay", recordings=folder, lesson="01_call"):
        httpx.post(URL, json={"input": "A"})
        assert tape.unused() == ["01_call.yaml, line 16: POST openai /v1/responses"]


def test_a_broken_file_is_told_at_the_start(folder: Path) -> None:
    (folder / "01_call.yaml").write_text("provenance: [\n", "utf-8")
    with pytest.raises(ConfigurationError, match=r"01_call\.yaml, line 2"):
        llmlab.start(recordings=folder, lesson="01_call")
    assert llmlab.mode() == "off"
