"""Recordings cannot rot: orphans, repeats, leaks and misses are told with file and line, and with the next step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

import llmlab
from llmlab.lab.tape.cassette import Cassette, Interaction, read_cassette, write_cassette
from llmlab.lab.tape.secret_scan import check_file, find_orphans
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest
from tests.tape.conftest import lab_off as lab_off

URL = "https://api.openai.com/v1/responses"


def exchange(asked: Any, said: Any, **details: Any) -> Interaction:
    return Interaction(TapeRequest("POST", "openai", "/v1/responses", {}, asked), TapeAnswer(body=said, **details))


def save(folder: Path, *exchanges: Interaction, name: str = "01_call") -> Path:
    path = folder / f"{name}.yaml"
    write_cassette(path, Cassette("recorded", "2026-11-14", exchanges))
    return path


def test_a_recording_without_its_notebook_is_reported(tmp_path: Path) -> None:
    """A renamed notebook does not leave its recordings behind, unused for ever."""
    for name, notebook, orphan in (
        ("01_call", "01_call.ipynb", False),
        ("01_call", "02_call.ipynb", True),
        ("01_call.anthropic", "01_call.ipynb", False),
        ("01_call.anthropic", "02_call.ipynb", True),
        ("01_call.copy", "01_call.ipynb", True),
        ("my_notes", "my notes.ipynb", False),
        ("a.b", "a.b.ipynb", False),
    ):
        path = save(tmp_path, exchange("a", "b"), name=name)
        found = [str(problem) for problem in find_orphans(path, [Path(notebook)])]
        assert found == (
            [f"{name}.yaml: no notebook has this name. Rename it with its notebook, or delete it"] * orphan
        )
        path.unlink()


def test_a_repeated_answer_is_told_with_its_line(tmp_path: Path) -> None:
    """The last answer of a row repeats by itself; one in the middle keeps the order and is no repeat."""
    row = [exchange("a", said) for said in ("one", "one", "two", "two", "two")]
    path = save(tmp_path, exchange("b", "one"), *row)
    lines = [item.line for item in read_cassette(path).interactions[-2:]]
    message = "POST openai /v1/responses has this answer already, and the last one repeats. Delete it"
    assert [str(problem) for problem in check_file(path)] == [f"01_call.yaml, line {line}: {message}" for line in lines]


def test_recording_writes_no_repeat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is recorded passes the check: a cell that asks twice leaves one recording, which answers both."""
    monkeypatch.setenv("LLMLAB_AUTHORED", "1")
    with llmlab.start("record", lesson="01_twice", recordings=tmp_path):
        for asked in ("Hello", "Hello", "Good bye"):
            httpx.post(URL, json={"model": "gpt-6-luna", "input": asked}, headers={"authorization": "Bearer x"})
    assert len(read_cassette(tmp_path / "01_twice.yaml").interactions) == 2
    assert check_file(tmp_path / "01_twice.yaml") == []


def test_a_leak_is_told_with_its_line(tmp_path: Path) -> None:
    """The line is the one to look at, in a file of thousands."""
    path = save(tmp_path, exchange({"a": 1, "input": "planted@lovelace.dev"}, "b"), exchange("c", "d"))
    (found,) = check_file(path)
    assert "planted" in path.read_text("utf-8").splitlines()[found.line - 1]
    assert "planted" not in str(found)


def test_a_leak_that_no_line_shows_is_reported_with_its_exchange(tmp_path: Path) -> None:
    """A secret known by its field's name, or cut into the pieces of a stream, is found where the recorder finds it."""
    pieces = tuple((0.1, {"type": "d", "text": text}) for text in ("sk-", "ab12", "cd34ef"))
    for leak in (
        exchange("c", {"auth": "a1b2c3d4e5f6g7h8"}),
        exchange("c", {"session": {"cookie": "planted"}}),
        exchange("c", None, events=pieces),
        Interaction(TapeRequest("GET", "openai", "/v1/models?signature=planted"), TapeAnswer()),
    ):
        path = save(tmp_path, exchange("a", "b"), leak)
        (found,) = check_file(path)
        assert found.line >= read_cassette(path).interactions[1].line


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A bad merge is reported by the check, with the line, and does not stop it."""
    path = tmp_path / "01_call.yaml"
    path.write_text("provenance: [\n", "utf-8")
    (found,) = check_file(path)
    assert "line 2" in str(found)


def test_recordings_of_another_provider_answer_and_are_not_called_unused(tmp_path: Path) -> None:
    """A lesson run with --provider anthropic has its own file, which its usual run neither needs nor reports."""
    save(tmp_path, exchange("a", "openai's"))
    save(tmp_path, exchange("a", "never"), exchange("b", "anthropic's"), name="01_call.anthropic")
    with llmlab.start("replay", lesson="01_call", recordings=tmp_path) as tape:
        assert [httpx.post(URL, json=asked).json() for asked in "aab"] == ["openai's", "openai's", "anthropic's"]
        assert tape.unused() == []
    with llmlab.start("replay", lesson="01_call", recordings=tmp_path) as tape:
        assert tape.unused() == ["01_call.yaml, line 6: POST openai /v1/responses"]
