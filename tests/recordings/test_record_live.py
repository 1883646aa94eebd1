"""The command `record`, live, against the simulator over real HTTP: what is written, what is told, what is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmlab.lab.cli.app import app
from llmlab.lab.notebooks.runner import run_notebooks
from llmlab.lab.tape.cassette import read_cassette
from llmlab.lab.tape.server import SimulatorServer
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest
from tests.recordings import changed as changes
from tests.recordings.changed import Change, changed
from tests.runner.samples import code, save

KEY = "sk-mine-abc1234567890"
ASK = """import httpx, os
key = os.environ['OPENAI_API_KEY']
url = os.environ.get('OPENAI_BASE_URL', 'https://api.openai.com/v1') + '/responses'
for question in ('Hello', 'Good bye'):
    body = {'model': 'gpt-6-luna', 'input': question}
    httpx.post(url, json=body, headers={'authorization': f'Bearer {key}'}).raise_for_status()"""
Serve = Callable[[Change], None]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Let the services be a simulator, changed as a test wants it."""
    with ExitStack() as running:

        def at(change: Change) -> None:
            server = running.enter_context(SimulatorServer(0, pace=0, answer=changed(change)))
            monkeypatch.setenv("OPENAI_BASE_URL", server.urls["openai"])
            monkeypatch.setenv("OPENAI_API_KEY", KEY)

        yield at


def record(path: Path, *options: str) -> Any:
    return CliRunner().invoke(app, ["record", str(path), "--yes", *options])


def other_words(request: TapeRequest, answer: TapeAnswer) -> TapeAnswer:
    if request.body["input"] == "Hello":
        answer.body["output"][0]["content"][0]["text"] = "Something else altogether."
    return answer


def test_recording_again_tells_what_has_changed(tmp_path: Path, serve: Serve) -> None:
    """After a recording, its author reads whether words or shapes are new, before looking at a long diff."""
    path, place = save(tmp_path / "01_ask.ipynb", ASK), tmp_path / "recordings" / "01_ask.yaml"
    serve(changes.same)
    first = record(path)
    assert first.exit_code == 0, first.output
    assert "exchanges: 2" in first.output
    assert "asked for the first time: 2" in first.output
    assert "cost: $0.0" in first.output
    file = read_cassette(place)
    assert (file.provenance, {item.request.alias for item in file.interactions}) == ("recorded", {"openai"})
    assert {item.request.path for item in file.interactions} == {"/v1/responses"}
    assert KEY not in place.read_text("utf-8")

    serve(other_words)
    second = record(path).output
    assert "unchanged: 1\n  answers changed: 1\n" in second
    assert "is now 'Something else altogether.'" in second
    assert "shapes changed: 0" in second

    serve(changes.add_name)
    third = record(path).output
    assert "shapes changed: 2" in third
    assert "01_ask.yaml, line" in third
    assert "new: mood" in third
    assert run_notebooks([path], mode="replay", output=tmp_path / "build")[0].ok


def test_a_failed_run_leaves_the_old_recordings(tmp_path: Path, serve: Serve) -> None:
    """The service fails in the middle: not one byte of the good file is lost, and no litter is left."""
    path = save(tmp_path / "01_ask.ipynb", ASK)
    serve(changes.same)
    assert record(path).exit_code == 0
    before = (tmp_path / "recordings" / "01_ask.yaml").read_bytes()

    def fail_second(request: TapeRequest, answer: TapeAnswer) -> TapeAnswer:
        return answer if request.body["input"] == "Hello" else changes.limit(request, answer)

    serve(fail_second)
    result = record(path)
    assert result.exit_code == 1
    assert "01_ask.ipynb, cell 1:" in result.output
    assert "429" in result.output
    assert "The old recordings are as they were." in result.output
    assert (tmp_path / "recordings" / "01_ask.yaml").read_bytes() == before
    run_notebooks([path], mode="record", output=tmp_path / "build")
    assert (tmp_path / "recordings" / "01_ask.yaml").read_bytes() == before
    assert sorted(item.name for item in tmp_path.iterdir()) == ["01_ask.ipynb", "build", "recordings"]


def test_another_provider_has_a_file_of_its_own(tmp_path: Path) -> None:
    """Recording a lesson with --provider does not take the answers away that its usual run needs."""
    ask = "import llmlab\nllmlab.get_provider(provider).complete('Hello').source"
    path = save(tmp_path / "01_ask.ipynb", code("provider = 'openai'", "parameters"), ask)
    assert record(path, "--authored").exit_code == 0
    result = record(path, "--authored", "--provider", "anthropic")
    assert "recorded 01_ask.anthropic, authored" in result.output
    assert "cost: nothing" in result.output
    found = {place.name: read_cassette(place) for place in (tmp_path / "recordings").iterdir()}
    assert {name: file.interactions[0].request.alias for name, file in found.items()} == {
        "01_ask.yaml": "openai",
        "01_ask.anthropic.yaml": "anthropic",
    }
    for provider in (None, "anthropic"):
        (ran,) = run_notebooks([path], mode="replay", provider=provider, output=tmp_path / "build")
        assert ran.ok, ran.traceback


def test_a_notebook_that_asks_nobody_leaves_no_file(tmp_path: Path) -> None:
    """An empty recording would be one more thing to wonder about."""
    result = record(save(tmp_path / "01_quiet.ipynb", "1 + 1"), "--authored")
    assert result.exit_code == 0
    assert "sent no request" in result.output
    assert [item.name for item in tmp_path.iterdir()] == ["01_quiet.ipynb"]
