"""Modes, banners and the environment: in one line, the learner knows what is sent and what is spent."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anthropic
import httpx
import httpx2
import ollama
import openai
import pytest

import llmlab
from llmlab._utils import clock
from llmlab.errors import ConfigurationError, MissingAPIKeyError, RecordingMissError
from llmlab.lab import tape
from llmlab.lab.tape.cassette import Cassette, write_cassette
from tests.loopback import LoopbackServer

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY")
PLACEHOLDER = "offline-no-key-needed"


def test_the_mode_is_the_argument_the_variable_or_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    assert llmlab.mode() == "off"
    assert llmlab.start().mode == llmlab.mode() == "offline"
    monkeypatch.setenv("LLMLAB_MODE", " Replay ")
    assert llmlab.start().mode == "replay"
    assert llmlab.start("offline").mode == "offline"
    llmlab.stop()
    assert llmlab.mode() == "off"


def test_an_unknown_mode_names_the_nearest_and_changes_nothing() -> None:
    llmlab.start("replay")
    for wrong, guess in {"ofline": "offline", "recording": "record", "LIFE": "live"}.items():
        with pytest.raises(ConfigurationError, match=f"Did you mean '{guess}'.*offline, replay, live, record"):
            llmlab.start(wrong)
    assert llmlab.mode() == "replay"


def test_the_pace_is_that_of_the_recording_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLMLAB_PACE")
    assert (llmlab.start().pace, llmlab.start(pace=0).pace) == (1, 0)
    monkeypatch.setenv("LLMLAB_PACE", "0.5")
    assert llmlab.start().pace == 0.5
    for wrong in ("fast", "-1", "nan", "inf"):
        monkeypatch.setenv("LLMLAB_PACE", wrong)
        with pytest.raises(ConfigurationError, match="the pace must be a number"):
            llmlab.start()


def test_the_lesson_is_found_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert llmlab.start().lesson is None
    monkeypatch.setenv("JPY_SESSION_NAME", "somewhere/notebooks/02_call_anthropic.ipynb")
    assert llmlab.start().lesson == "02_call_anthropic"
    monkeypatch.setenv("LLMLAB_LESSON", "03_call_openrouter")
    assert llmlab.start().lesson == "03_call_openrouter"
    assert llmlab.start(lesson="04_call_ollama").lesson == "04_call_ollama"
    for path in ("../x", "a/b", "a b", "é", ".hidden", "a:b"):
        with pytest.raises(ConfigurationError, match="letters, digits"):
            llmlab.start(lesson=path)


def test_recordings_are_looked_for_beside_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert llmlab.start().folder == tmp_path / "recordings"
    (tmp_path / "notebooks" / "recordings").mkdir(parents=True)
    assert llmlab.start().folder == tmp_path / "notebooks" / "recordings"
    monkeypatch.setenv("LLMLAB_RECORDINGS", str(tmp_path / "elsewhere"))
    assert llmlab.start().folder == tmp_path / "elsewhere"
    assert llmlab.start(recordings=tmp_path).folder == tmp_path


def test_banners_say_what_is_sent_and_spent(folder: Path) -> None:
    assert tape.banner() == "llmlab: off. Requests go to the network as they are."
    llmlab.start(recordings=folder)
    assert tape.banner() == "llmlab: offline. Answers come from a simulator; nothing is sent, nothing is spent."
    llmlab.start("replay", recordings=folder, lesson="01_call")
    assert "recordings (there are none yet)" in tape.banner()
    write_cassette(folder / "01_call.yaml", Cassette("authored", "2026-11-14"))
    llmlab.start(recordings=folder, lesson="01_call")
    assert "Answers come from recordings (authored 2026-11); nothing is sent" in tape.banner()
    write_cassette(folder / "02_call.yaml", Cassette("recorded", "2026-12-01"))
    llmlab.start(recordings=folder)
    assert "(authored 2026-11, recorded 2026-12)" in tape.banner()
    for mode in ("live", "record"):
        llmlab.start(mode, recordings=folder, lesson="01_call")
        assert tape.banner().startswith(f"llmlab: {mode}. Requests go to the real services, with your keys and at your")


def test_the_trace_goes_on_over_a_switch_and_ends_with_the_tape() -> None:
    llmlab.start()
    first = llmlab.trace()
    llmlab.start("replay")
    assert llmlab.trace() is first
    llmlab.stop()
    assert llmlab.trace() is first
    llmlab.start()
    assert llmlab.trace() is not first


def test_live_takes_keys_from_dotenv_and_leaves_none_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Raw SDK code reads the environment only. The key is never printed, and gone after."""
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-from-dotenv-1\nOLLAMA_HOST=http://box:11434\nOTHER=1\n", "utf-8")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-own-1")
    llmlab.start()
    assert os.environ["OPENAI_API_KEY"] == PLACEHOLDER
    llmlab.start("live")
    names = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OLLAMA_HOST", "OPENROUTER_API_KEY", "OTHER")
    found = [os.environ.get(name) for name in names]
    assert found == ["sk-from-dotenv-1", "sk-ant-own-1", "http://box:11434", None, None]
    print(tape.banner(), repr(llmlab.start("live")))
    llmlab.stop()
    assert [os.environ.get(name) for name in names] == [None, "sk-ant-own-1", None, None, None]
    assert "sk-" not in capsys.readouterr().out


def test_placeholders_replace_keys_until_the_lab_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-learner-1")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "")
    monkeypatch.setenv("OPENROUTER_API_KEY", "")
    for _ in range(3):
        llmlab.start()
    assert [os.environ[name] for name in KEYS] == [PLACEHOLDER] * 3
    os.environ["OPENROUTER_API_KEY"] = "sk-set-in-a-cell-1"
    llmlab.stop()
    assert [os.environ[name] for name in KEYS] == ["sk-of-the-learner-1", "", "sk-set-in-a-cell-1"]


def python(code: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(Path(llmlab.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env).stdout


def test_offline_a_key_of_any_name_has_a_placeholder_until_the_lab_stops(folder: Path) -> None:
    """A team names its variables; without them, the error would send a learner into the mode that is on."""
    with tape.start("offline"), llmlab.get_provider("openai", key_variable="TEAM_KEY") as llm:
        assert "4" in llm.complete("What is 2 + 2?").content
        tape.start("live")
        with pytest.raises(MissingAPIKeyError, match="TEAM_KEY"):
            llmlab.get_provider("openai", key_variable="TEAM_KEY")
    with pytest.raises(MissingAPIKeyError, match="TEAM_KEY"):
        llmlab.get_provider("openai", key_variable="TEAM_KEY")


def test_importing_and_starting_load_as_little_as_possible() -> None:
    """A first cell that takes seconds looks like a broken installation."""
    heavy = {"httpx", "httpx2", "yaml", "anyio", "llmlab.lab.tape"}
    sdks = {"pandas", "openai", "anthropic", "pydantic", "dotenv", "IPython"}
    code = f"import sys, llmlab; print({heavy} & set(sys.modules)); llmlab.start(); print({sdks} & set(sys.modules))"
    assert python(code).split() == ["set()", "set()"]


def test_an_open_stream_is_recorded_at_the_end_of_the_process(server: LoopbackServer, folder: Path) -> None:
    server.answer({"a": 1})
    python(
        "import llmlab, httpx\n"
        f"llmlab.start('record', lesson='01_call', recordings={str(folder)!r})\n"
        "client = httpx.Client()\n"
        f"response = client.send(client.build_request('GET', {server.url!r}), stream=True)\n"
        "next(response.iter_raw())\n"
    )
    assert "status: 200" in (folder / "01_call.yaml").read_text("utf-8")


def test_a_hurried_block_does_not_wait_and_the_pace_comes_back() -> None:
    """A learner who forgot the deadline would wait for minutes until the check says so."""
    with llmlab.start("offline", lesson="none", pace=2) as started:
        with tape.hurried():
            assert clock.real_seconds(100) == 0
        assert started.pace == 2
    with tape.hurried():
        assert clock.real_seconds(100) == 100, "the lab is off"


GPT, CLAUDE, OSS = "gpt-6-luna", "claude-haiku-5-5", "gpt-oss:20b"
ASK: Any = [{"role": "user", "content": "What is 17 * 3?"}]


def test_sdks_answer_offline_without_key_and_socket(no_socket: None) -> None:
    """The real SDKs and the real simulator, as a learner meets them first."""
    with llmlab.start(), openai.OpenAI() as gpt, anthropic.Anthropic() as claude:
        events = list(gpt.responses.create(model=GPT, input="What is 17 * 3?", stream=True))
        raw = gpt.responses.with_raw_response.create(model=GPT, input="What is 17 * 3?")
        with claude.messages.stream(model=CLAUDE, max_tokens=50, messages=ASK) as stream:
            streamed = "".join(stream.text_stream)
        texts: list[Any] = [
            gpt.responses.create(model=GPT, input="What is 17 * 3?").output_text,
            gpt.chat.completions.create(model=GPT, messages=ASK).choices[0].message.content,
            claude.messages.create(model=CLAUDE, max_tokens=50, messages=ASK).content[0].text,  # type: ignore[union-attr]
            streamed,
            ollama.Client().chat(model=OSS, messages=ASK).message.content,
        ]
        pieces = list(ollama.Client().chat(model=OSS, messages=ASK, stream=True))
        with pytest.raises(openai.BadRequestError, match="no-such-model"):
            gpt.responses.create(model="no-such-model", input="Hi")
    assert all("51" in text for text in texts), texts
    assert (events[-1].type, pieces[-1].done) == ("response.completed", True)
    assert raw.headers["x-llmlab-source"] == "simulated"


def test_async_sdks_answer_at_the_same_time(no_socket: None) -> None:
    async def ask() -> tuple[Any, Any, list[Any]]:
        async with openai.AsyncOpenAI() as gpt, anthropic.AsyncAnthropic() as claude:
            one, other = await asyncio.gather(
                gpt.responses.create(model=GPT, input="What is 17 * 3?"),
                claude.messages.create(model=CLAUDE, max_tokens=50, messages=ASK),
            )
            stream = await gpt.responses.create(model=GPT, input="What is 17 * 3?", stream=True)
            return one, other, [event async for event in stream]

    with llmlab.start():
        one, other, events = asyncio.run(ask())
    assert "51" in one.output_text
    assert "51" in other.content[0].text
    assert events[-1].type == "response.completed"


def test_the_simulated_answer_is_the_same_every_time(no_socket: None) -> None:
    with llmlab.start():
        one, two = (httpx.post("http://localhost:11434/api/chat", json={"model": OSS, "messages": ASK}) for _ in "ab")
    assert one.content == two.content


@pytest.mark.parametrize("mode", ["offline", "replay"])
def test_nothing_is_ever_sent(mode: str, no_socket: None, folder: Path) -> None:
    """Whatever the address, from both libraries, no socket is touched; a learner's own Ollama is not asked either."""
    addresses = [
        "https://api.openai.com/v1/models",
        "https://api.anthropic.com/v1/models",
        "https://openrouter.ai/api/v1/models",
        "http://localhost:11434/api/tags",
        "http://127.0.0.1:8080/v1/models",
        "https://somewhere.example/v1/chat/completions",
    ]

    async def get(library: Any, address: str) -> None:
        async with library.AsyncClient() as client:
            await client.get(address)

    def attempt(library: Any, address: str, is_async: bool) -> None:
        try:
            asyncio.run(get(library, address)) if is_async else library.get(address)
        except RecordingMissError:
            assert mode == "replay"

    with llmlab.start(mode, recordings=folder) as started:
        for number, address in enumerate(addresses):
            attempt(httpx, address, number % 2 == 0)
            attempt(httpx2, address, number % 2 == 1)
        assert len(started.trace) == 12
