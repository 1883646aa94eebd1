"""Modes, banners and the environment: in one line, the learner knows what is sent and what is spent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import llmlab
from llmlab._utils import clock
from llmlab.errors import ConfigurationError
from llmlab.lab import tape
from llmlab.lab.tape.cassette import Cassette, write_cassette

VARIABLES = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY")


def test_offline_is_the_default() -> None:
    assert llmlab.mode() == "off"
    llmlab.start()
    assert llmlab.mode() == "offline"
    llmlab.stop()
    assert llmlab.mode() == "off"


def test_the_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMLAB_MODE", " Replay ")
    assert llmlab.start().mode == "replay"
    assert llmlab.start("offline").mode == "offline"


@pytest.mark.parametrize(("wrong", "guess"), [("ofline", "offline"), ("recording", "record"), ("LIFE", "live")])
def test_an_unknown_mode_names_the_nearest(wrong: str, guess: str) -> None:
    with pytest.raises(ConfigurationError, match=f"Did you mean '{guess}'.*offline, replay, live, record"):
        llmlab.start(wrong)
    assert llmlab.mode() == "off"


def test_a_wrong_start_leaves_the_tape_as_it_was() -> None:
    llmlab.start("replay")
    with pytest.raises(ConfigurationError):
        llmlab.start("zzz")
    assert llmlab.mode() == "replay"


@pytest.mark.parametrize("wrong", ["fast", "-1", "nan", "inf"])
def test_a_pace_that_is_none_is_refused(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMLAB_PACE", wrong)
    with pytest.raises(ConfigurationError, match="the pace must be a number"):
        llmlab.start()


def test_the_pace_is_that_of_the_recording_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLMLAB_PACE")
    assert llmlab.start().pace == 1
    assert llmlab.start(pace=0).pace == 0
    monkeypatch.setenv("LLMLAB_PACE", "0.5")
    assert llmlab.start().pace == 0.5


def test_the_lesson_is_found_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert llmlab.start().lesson is None
    monkeypatch.setenv("JPY_SESSION_NAME", "somewhere/notebooks/02_call_anthropic.ipynb")
    assert llmlab.start().lesson == "02_call_anthropic"
    monkeypatch.setenv("LLMLAB_LESSON", "03_call_openrouter")
    assert llmlab.start().lesson == "03_call_openrouter"
    assert llmlab.start(lesson="04_call_ollama").lesson == "04_call_ollama"


@pytest.mark.parametrize("wrong", ["../x", "a/b", "a b", "é", ".hidden", "a:b"])
def test_a_lesson_is_no_path(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="letters, digits"):
        llmlab.start(lesson=wrong)


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
    assert tape.banner() == (
        "llmlab: offline. Answers come from recordings (authored 2026-11); nothing is sent, nothing is spent."
    )
    write_cassette(folder / "02_call.yaml", Cassette("recorded", "2026-12-01"))
    llmlab.start(recordings=folder)
    assert "(authored 2026-11, recorded 2026-12)" in tape.banner()
    for mode in ("live", "record"):
        llmlab.start(mode, recordings=folder, lesson="01_call")
        assert tape.banner().startswith(f"llmlab: {mode}. Requests go to the real services")
        assert "your cost" in tape.banner()
        assert "\n" not in tape.banner()


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
    assert os.environ["OPENAI_API_KEY"] == "offline-no-key-needed"
    llmlab.start("live")
    assert os.environ["OPENAI_API_KEY"] == "sk-from-dotenv-1"
    assert os.environ["ANTHROPIC_API_KEY"] == "sk-ant-own-1"
    assert os.environ["OLLAMA_HOST"] == "http://box:11434"
    assert "OPENROUTER_API_KEY" not in os.environ
    assert "OTHER" not in os.environ
    print(tape.banner(), repr(llmlab.start("live")))
    llmlab.stop()
    assert "OPENAI_API_KEY" not in os.environ
    assert "OLLAMA_HOST" not in os.environ
    assert os.environ["ANTHROPIC_API_KEY"] == "sk-ant-own-1"
    assert "sk-" not in capsys.readouterr().out


def test_placeholders_do_not_pile_up() -> None:
    for _ in range(3):
        llmlab.start()
    assert os.environ["OPENAI_API_KEY"] == "offline-no-key-needed"
    llmlab.stop()
    assert not set(VARIABLES) & set(os.environ)


def test_importing_llmlab_loads_no_http_library() -> None:
    code = (
        "import sys, llmlab; print(sorted({'httpx', 'httpx2', 'yaml', 'anyio', 'llmlab.lab.tape'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_python_path())
    assert done.stdout.strip() == "[]"


def test_starting_loads_neither_pandas_nor_an_sdk() -> None:
    code = (
        "import sys, llmlab; llmlab.start()\n"
        "print(sorted({'pandas', 'openai', 'anthropic', 'pydantic', 'dotenv', 'IPython'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_python_path())
    assert done.stdout.strip() == "[]"


def test_what_was_not_closed_is_written_at_the_end_of_the_process(server_url: str, folder: Path) -> None:
    code = (
        "import llmlab, httpx\n"
        f"llmlab.start('record', lesson='01_call', recordings={str(folder)!r})\n"
        "client = httpx.Client()\n"
        f"response = client.send(client.build_request('GET', {server_url!r}), stream=True)\n"
        "next(response.iter_raw())\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=_python_path())
    assert "status: 200" in (folder / "01_call.yaml").read_text("utf-8")


@pytest.fixture
def server_url(server: object) -> str:
    server.answer({"a": 1})  # type: ignore[attr-defined]
    return server.url  # type: ignore[attr-defined,no-any-return]


def _python_path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(llmlab.__file__).parents[1])}


def test_a_hurried_block_does_not_wait_and_the_pace_comes_back() -> None:
    """A learner who forgot the deadline would wait for minutes until the check says so."""
    with llmlab.start("offline", lesson="none", pace=2) as started:
        with tape.hurried():
            assert clock.real_seconds(100) == 0
        assert started.pace == 2
    with tape.hurried():
        assert clock.real_seconds(100) == 100, "the lab is off"
