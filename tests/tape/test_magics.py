"""What a cell with `%load_ext llmlab` or `%llmlab` does, in a real IPython shell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import llmlab
from llmlab.lab.notebooks.tracebacks import plain

OFFLINE = "llmlab: offline. Answers come from a simulator; nothing is sent, nothing is spent.\n"


@pytest.fixture
def shell() -> Iterator[Any]:
    shell = InteractiveShell()
    yield shell
    if "llmlab" in shell.extension_manager.loaded:
        shell.run_line_magic("unload_ext", "llmlab")
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()


def said(shell: Any, capsys: pytest.CaptureFixture[str], cell: str) -> str:
    capsys.readouterr()
    shell.run_cell(cell).raise_error()
    return capsys.readouterr().out


def test_loading_starts_the_tape_and_says_so_in_one_line(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(shell, capsys, "%load_ext llmlab") == OFFLINE
    assert llmlab.mode() == "offline"


def test_loading_again_says_the_mode_again(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A learner who runs the first cell again reads in which mode this is, and not that it is loaded already."""
    said(shell, capsys, "%load_ext llmlab")
    assert said(shell, capsys, "%load_ext llmlab") == OFFLINE
    said(shell, capsys, "mode = 'replay'\n%load_ext llmlab")
    assert llmlab.mode() == "replay"
    said(shell, capsys, "%unload_ext llmlab")
    assert said(shell, capsys, "%load_ext autoreload\n%load_ext autoreload").startswith("The autoreload extension is")


def test_the_magic_shows_and_switches(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    said(shell, capsys, "%load_ext llmlab")
    assert said(shell, capsys, "%llmlab") == OFFLINE
    assert "replay" in said(shell, capsys, "%llmlab replay")
    assert llmlab.mode() == "replay"


@pytest.mark.parametrize(("value", "mode"), [("None", "offline"), ("''", "offline"), ("'replay'", "replay")])
def test_a_mode_may_come_from_a_parameters_cell(
    shell: Any, capsys: pytest.CaptureFixture[str], value: str, mode: str
) -> None:
    """papermill sets `mode`; None is what the notebook itself says, and changes nothing."""
    said(shell, capsys, "%load_ext llmlab")
    assert mode in said(shell, capsys, f"mode = {value}\n%llmlab $mode")
    assert llmlab.mode() == mode


@pytest.mark.parametrize(("value", "mode"), [("None", "offline"), ("'replay'", "replay"), ("print", "offline")])
def test_the_parameters_cell_decides_at_loading(
    shell: Any, capsys: pytest.CaptureFixture[str], value: str, mode: str
) -> None:
    said(shell, capsys, f"mode = {value}\n%load_ext llmlab")
    assert llmlab.mode() == mode


def test_a_wrong_mode_is_an_error_in_the_cell(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    said(shell, capsys, "%load_ext llmlab")
    with pytest.raises(llmlab.ConfigurationError, match="Did you mean 'live'"):
        said(shell, capsys, "%llmlab lve")


def test_unloading_gives_the_network_back(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    said(shell, capsys, "%load_ext llmlab")
    assert said(shell, capsys, "%unload_ext llmlab") == ""
    assert llmlab.mode() == "off"
    assert "llmlab" not in shell.magics_manager.magics["line"]


def test_the_error_of_a_call_is_not_buried(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A learner reads a hundred lines of a library before the one that says what to do, or gives up."""
    failing = "llm.complete('Hi', temperature=9)"
    said(shell, capsys, "%load_ext llmlab\nimport llmlab\nllm = llmlab.get_provider('openai')")
    assert not shell.run_cell(failing, store_history=True).success
    shown = capsys.readouterr().out
    assert "temperature must be a number from 0 to 2" in shown
    assert failing in plain(shown)
    assert "request.py" not in shown
    shell.run_line_magic("tb", "")
    assert "request.py" in capsys.readouterr().out, "%tb shows all of it"
    said(shell, capsys, "%unload_ext llmlab")
    shell.run_cell(failing, store_history=True)
    assert "request.py" in capsys.readouterr().out, "as it was before"
    said(shell, capsys, "%load_ext llmlab")
