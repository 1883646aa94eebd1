"""The comparison of stored outputs: what is right passes, and every planted difference is caught."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_output

from llmlab.lab.notebooks import nbval_plugin, pytest_plugin
from llmlab.lab.notebooks.notebook_file import ROOT, read_notebook, write_notebook
from llmlab.lab.notebooks.update import execute_stored_form, record_notebook, update_outputs
from tests.runner.outputs import CELLS, NUMBER, cell_of
from tests.runner.samples import save

pytest_plugins = "pytester"


@pytest.fixture(autouse=True)
def plain_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pytest inside this pytest loads no plugin but ours: some cannot run inside themselves, and all take time."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def _pytest(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run pytest with the plugin in this process."""
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-Werror", *options, plugins=[pytest_plugin])


@pytest.fixture
def compare(pytester: pytest.Pytester, lesson_with_outputs: Path) -> Callable[..., pytest.RunResult]:
    """Run pytest with the plugin on the lesson, changed as a test wants it."""

    def run(change: Callable[[Any], None] | None = None) -> pytest.RunResult:
        notebook = read_notebook(lesson_with_outputs)
        if change:
            change(notebook)
        write_notebook(notebook, pytester.path / lesson_with_outputs.name)
        return _pytest(pytester, "--llmlab")

    return run


def test_what_update_stored_is_found_again(compare: Callable[..., pytest.RunResult]) -> None:
    """A maintainer who runs --update and then test gets no difference, whatever kind of output a cell has."""
    compare().assert_outcomes(passed=len(CELLS) + 1)


@pytest.mark.parametrize(
    ("name", "change", "shown"),
    [
        ("stream", "outputs[0].text = 'one\\ntoo\\n'", "+two"),
        ("stream", "outputs[0].text = 'one\\ntwo'", "-(no line end)"),
        ("tokens", "outputs[0].text = 'a rain-bow'", "+a rainbow"),
        ("result", "outputs[0].data['text/plain'] = '41'", "+{'answer': 42}"),
        ("frame", "outputs[0].data['text/html'] = cell.outputs[0].data['text/html'].replace('2', '3')", "<td>2</td>"),
        ("display", "outputs[0].data['text/plain'] = 'first'", "+'second'"),
        ("later", "outputs[0].data['text/plain'] = 'waiting'", "+'filled by a later cell'"),
        ("cleared", "outputs[0].text = 'gone\\nkept\\n'", "-gone"),
        ("widget", "outputs[0].text = 'inside another box\\n'", "+inside the box"),
        ("error", "outputs[0].evalue = 'the model is new'", "+ValueError: the model is retired"),
        ("error", "outputs[0].ename = 'KeyError'", "-KeyError: the model"),
        ("error", "outputs = []", "+ValueError: the model is retired"),
        ("result", "outputs = []", "+{'answer': 42}"),
        ("mixed", "outputs.pop()", "+[display_data text/plain]"),
        ("silent", "outputs = [new_output('stream', text='one')]", "-[stream stdout]"),
        ("result", "outputs[0].data['text/html'] = '<b>42</b>'", "text/html"),
        ("mixed", "outputs.reverse()", "kind or order"),
        ("display", "outputs[0] = new_output('execute_result', cell.outputs[0].data)", "+[display_data text/plain]"),
        ("stream", "outputs[0].name = 'stderr'", "-[stream stderr]"),
        ("picture", "outputs[0].data['image/png'] = cell.outputs[0].data['image/png'].swapcase()", "image/png"),
        ("result", "execution_count = None", "never run"),
    ],
)
def test_planted_difference_is_caught(
    compare: Callable[..., pytest.RunResult],
    monkeypatch: pytest.MonkeyPatch,
    lesson_with_outputs: Path,
    executed: tuple[Any, Any],
    name: str,
    change: str,
    shown: str,
) -> None:
    """A wrong stored output fails exactly its own cell, and the report says which cell and what differs."""

    async def run_before(*_: Any, **__: Any) -> tuple[Any, Any]:
        return executed

    monkeypatch.setattr(nbval_plugin, "execute_stored_form", run_before)
    result = compare(
        lambda notebook: exec(f"cell.{change}", {"cell": cell_of(notebook, name), "new_output": new_output})
    )
    result.assert_outcomes(passed=len(CELLS), failed=1)
    first = CELLS[name].splitlines()[0]
    result.stdout.fnmatch_lines([f"{lesson_with_outputs.name}, cell {NUMBER[name]}: {_literally(first)}"])
    assert shown in result.stdout.str()
    assert "--update" in result.stdout.str()


def _literally(pattern: str) -> str:
    return pattern.replace("[", "[[]")


@pytest.fixture(scope="module")
def executed(lesson_with_outputs: Path) -> tuple[Any, Any]:
    """The lesson run once. What is stored is what the tests above change, so they can share one run."""
    return asyncio.run(execute_stored_form(lesson_with_outputs))


def test_works_as_a_plugin_on_any_folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, too, and by its module's name where llmlab is not installed."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    update_outputs([save(pytester.path / "folder" / "01_agree.ipynb", "'fine'")])
    save(pytester.path / "folder" / "02_differ.ipynb", "'never run'")
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "local-provisioner")
    result = pytester.runpytest_subprocess("-p", pytest_plugin.__name__, "--llmlab", "folder")
    result.assert_outcomes(passed=3, failed=1)


def test_failing_cell_is_told_once(pytester: pytest.Pytester) -> None:
    """The cell that fails shows its traceback; those behind it only say that they were not reached."""
    save(pytester.path / "02_fail.ipynb", "'fine'", "1 / 0", "'never'")
    update_outputs([pytester.path / "02_fail.ipynb"])
    result = _pytest(pytester, "--llmlab")
    result.assert_outcomes(failed=4)
    output = result.stdout.str()
    assert output.count("ZeroDivisionError: division by zero") >= 1
    assert "not reached, because cell 2 fails" in output
    assert "never run" in output


def test_file_that_is_no_notebook_is_an_error(pytester: pytest.Pytester) -> None:
    """A notebook broken by a bad merge is reported, not skipped."""
    (pytester.path / "03_broken.ipynb").write_text("{<<<<<<<", encoding="utf-8")
    result = _pytest(pytester, "--llmlab")
    result.assert_outcomes(errors=1)
    assert "03_broken.ipynb is not a notebook" in result.stdout.str()


def test_missing_kernel_fails_everycell_of(pytester: pytest.Pytester) -> None:
    """A notebook whose kernel is not installed fails with the name of the kernel, and does not hang."""
    save(
        pytester.path / "04_julia.ipynb", "1", kernelspec={"name": "julia-1", "display_name": "J", "language": "julia"}
    )
    result = _pytest(pytester, "--llmlab")
    result.assert_outcomes(failed=2)
    assert "asks for the kernel 'julia-1'" in result.stdout.str()


def test_the_network_is_closed_in_the_kernel(pytester: pytest.Pytester) -> None:
    """A lesson that reaches past the tape to the real network fails in the comparison."""
    save(pytester.path / "05_escape.ipynb", "import socket\nsocket.create_connection(('192.0.2.1', 443), timeout=1)")
    result = _pytest(pytester, "--llmlab")
    assert "no network here: a cell tried to reach '192.0.2.1'" in result.stdout.str()


def test_without_the_option_notebooks_are_left_alone(pytester: pytest.Pytester) -> None:
    """Having the plugin loaded does not run notebooks of somebody who did not ask."""
    save(pytester.path / "06_alone.ipynb", "1")
    result = _pytest(pytester)
    result.assert_outcomes()


def test_a_recording_that_no_cell_asks_for_fails(pytester: pytest.Pytester) -> None:
    """Recordings cannot rot: what a changed lesson does not use any more is reported, and what it uses is not."""
    ask = "llmlab.get_provider('openai').complete({!r}).source"
    setup = "%load_ext llmlab\nimport llmlab"
    path = save(pytester.path / "07_ask_twice.ipynb", setup, ask.format("Hello"), ask.format("Good bye"))
    assert record_notebook(path, authored=True).ok
    update_outputs([path])
    _pytest(pytester, "--llmlab").assert_outcomes(passed=4)
    save(path, setup, ask.format("Hello"))
    update_outputs([path])
    result = _pytest(pytester, "--llmlab")
    result.assert_outcomes(passed=2, failed=1)
    assert "07_ask_twice.yaml, line 103: POST openai /v1/responses: no cell asks for this" in result.stdout.str()
