"""The runner, against notebooks that are broken in every way we know: each is told, and none stops the others."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmlab.lab.notebooks.client import find_failure
from llmlab.lab.notebooks.notebook_file import NotebookError, find_notebooks, read_notebook
from llmlab.lab.notebooks.result import Result
from llmlab.lab.notebooks.runner import run_notebooks
from tests.runner.samples import code, save, text

SHOW_ENVIRONMENT = (
    "import os\n"
    "for name in ('LLMLAB_MODE', 'LLMLAB_PACE', 'LLMLAB_LESSON', 'LLMLAB_AUTHORED'):\n"
    "    print(name, os.environ.get(name))\n"
    "print(os.path.basename(os.getcwd()), os.path.relpath(os.environ['LLMLAB_RECORDINGS']))\n"
    "print('key' if os.environ.get('OPENAI_API_KEY') == 'of-the-reader' else 'no key')"
)


def run_one(path: Path, **options: Any) -> Result:
    """Run one notebook."""
    (result,) = run_notebooks([path], **options)
    return result


def printed(path: Path) -> str:
    """What the cells of an executed notebook printed."""
    outputs = [output for cell in read_notebook(path).cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.output_type == "stream")


BROKEN: dict[str, tuple[Callable[[Path], object], int | None, str]] = {
    "exception": (lambda path: save(path, "1", "1 / 0", "2"), 2, "ZeroDivisionError: division by zero"),
    "syntax": (lambda path: save(path, text("# a"), "def f(:"), 1, "SyntaxError"),
    "endless": (lambda path: save(path, "1", "while True: pass"), 2, "CellTimeout: the cell ran longer than 2 s"),
    "endless_expected": (lambda path: save(path, code("while True: pass", "raises-exception")), 1, "KeyboardInterrupt"),
    "exit": (lambda path: save(path, "1", "2", "import os\nos._exit(3)"), 3, "KernelDied: the kernel died"),
    "kernel": (
        lambda path: save(path, "1", kernelspec={"name": "julia-1", "display_name": "J", "language": "julia"}),
        None,
        "the kernel 'julia-1', which is not installed. Installed: python3",
    ),
    "json": (lambda path: path.write_text("{<<<<<<<", encoding="utf-8"), None, "json.ipynb is not a notebook"),
    "no_notebook": (lambda path: path.write_text('{"a": 1}', encoding="utf-8"), None, "is not a notebook"),
    "input": (lambda path: save(path, "input('Your key? ')"), 1, "StdinNotImplementedError"),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """All broken notebooks and a good one, run together."""
    folder = tmp_path_factory.mktemp("broken")
    for name, (make, _, _) in BROKEN.items():
        make(folder / f"{name}.ipynb")
    save(folder / "good.ipynb", "'fine'")
    done: list[Result] = []
    found = run_notebooks([folder], jobs=4, cell_timeout=2, output=folder / "build", on_done=done.append)
    assert sorted(map(str, done)) == sorted(map(str, found))
    assert [result.notebook for result in found] == find_notebooks([folder])
    return {result.notebook.stem: result for result in found}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_notebook_is_told(results: dict[str, Result], name: str) -> None:
    """Someone who runs all lessons learns which one fails, in which cell, and why, without colour codes."""
    result = results[name]
    _, cell, message = BROKEN[name]
    assert not result.ok
    assert result.failing_cell == cell
    assert message in (result.traceback or "")
    assert "\x1b" not in (result.traceback or "")


def test_a_broken_notebook_does_not_stop_the_others(results: dict[str, Result]) -> None:
    """One bad lesson costs one line of the table, not the run."""
    assert results["good"].ok
    assert results["good"].traceback is None


def test_a_timeout_shows_where_the_time_went(results: dict[str, Result]) -> None:
    """The line that hangs is in the message."""
    assert "----> 1 while True: pass" in (results["endless"].traceback or "")


def test_the_index_links_every_page_and_tells_every_failure(results: dict[str, Result]) -> None:
    """`build/index.html` shows results and times, and its links work."""
    build = results["good"].notebook.parent / "build"
    index = (build / "index.html").read_text(encoding="utf-8")
    assert f"{len(BROKEN) + 1} run, {len(BROKEN)} failed." in index
    assert "division by zero" in index
    links = re.findall(r'href="([^"]+)"', index)
    assert len(links) == len(BROKEN) + 1 - 3, "three of the notebooks never reached a kernel"
    for link in links:
        assert "<html" in (build / link).read_text(encoding="utf-8")


def test_executed_copies_hold_the_failure_and_no_marker_of_papermill(results: dict[str, Result]) -> None:
    """Whoever opens the copy finds the error where it happened, and the cells of the lesson, no more."""
    executed = results["exception"].executed
    assert executed is not None
    copy = read_notebook(executed)
    assert [cell.source for cell in copy.cells] == ["1", "1 / 0", "2"]
    failure = find_failure(copy)
    assert failure is not None
    assert failure[0] == 2


def test_expected_failures_streams_displays_and_widgets_run_through(tmp_path: Path) -> None:
    """What nbclient and papermill stumble over is no failure here, and comes out as a reader sees it."""
    path = save(
        tmp_path / "01_show.ipynb",
        code("raise KeyError('expected')", "raises-exception"),
        "for token in 'a b c'.split():\n    print(token, end='', flush=True)",
        "import ipywidgets\nbox = ipywidgets.Output()\ndisplay(box)\nwith box:\n    print('inside')",
        "slot = display(1, display_id=True)\nslot.update(2)",
    )
    result = run_one(path)
    assert result.ok, result.traceback
    assert result.executed is not None
    copy = read_notebook(result.executed)
    assert [output.text for cell in copy.cells[1:3] for output in cell.outputs] == ["abc", "inside\n"]
    assert copy.cells[3].outputs[0].data["text/plain"] == "2"


def test_writing_into_an_output_widget_does_not_hang(tmp_path: Path) -> None:
    """A lost wake-up made about one of eight such cells wait for ever."""
    cell = "with box:\n    print('again')"
    path = save(tmp_path / "01_hang.ipynb", "import ipywidgets\nbox = ipywidgets.Output()\nbox", *[cell] * 25)
    result = run_one(path, cell_timeout=20)
    assert result.ok, result.traceback


def test_the_kernel_gets_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tape in the kernel knows mode, pace, lesson and recordings, and the lesson finds the files beside it."""
    monkeypatch.setenv("OPENAI_API_KEY", "of-the-reader")
    path = save(tmp_path / "lessons" / "02_show.ipynb", SHOW_ENVIRONMENT)
    result = run_one(path, mode="replay")
    assert result.executed is not None
    assert printed(result.executed).splitlines() == [
        *("LLMLAB_MODE replay", "LLMLAB_PACE 0", "LLMLAB_LESSON 02_show", "LLMLAB_AUTHORED None"),
        *("lessons recordings", "no key"),
    ]
    result = run_one(path, mode="live")
    assert result.executed is not None
    assert printed(result.executed).splitlines()[-1] == "key"


def test_offline_and_replay_refuse_the_network(tmp_path: Path) -> None:
    """A lesson that reaches past the tape fails instead of asking a real service."""
    path = save(tmp_path / "03_escape.ipynb", "import socket\nsocket.getaddrinfo('api.example.com', 443)")
    for mode in (None, "replay"):
        assert "no network here" in (run_one(path, mode=mode).traceback or "")


def test_parameters_reach_the_notebook_that_names_them(tmp_path: Path) -> None:
    """--provider and --model change what the parameters cell says; the cell numbers stay those of the lesson."""
    parameters = code("provider = 'openai'\nmodel: str | None = None\nmode = None", "parameters")
    path = save(tmp_path / "04_choose.ipynb", parameters, "print(provider, model, mode)", "1 / 0")
    result = run_one(path, provider="ollama", model="tiny", mode="offline")
    assert result.executed is not None
    assert printed(result.executed) == "ollama tiny offline\n"
    assert result.failing_cell == 3


def test_a_notebook_that_takes_no_provider_says_so(tmp_path: Path) -> None:
    """--provider on a lesson about one provider is refused before anything runs, and names what it takes."""
    path = save(tmp_path / "05_fixed.ipynb", code("mode = None", "parameters"), "1")
    with pytest.raises(NotebookError, match=r"lesson 05 takes no --provider; it takes --mode\."):
        run_notebooks([path], provider="ollama")


def test_all_lessons_with_a_provider_leaves_out_those_that_take_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run --provider X` runs the lessons that can, and says of the others why they did not run."""
    monkeypatch.chdir(tmp_path)
    save(Path("notebooks/00_free.ipynb"), code("provider = 'openai'", "parameters"), "provider")
    save(Path("notebooks/01_fixed.ipynb"), "1")
    free, fixed = run_notebooks(provider="ollama")
    assert free.ok
    assert not free.skipped
    assert fixed.ok
    assert "takes no --provider" in fixed.skipped


def test_no_absolute_path_is_left_in_copies_pages_and_tracebacks(tmp_path: Path) -> None:
    """A copy that somebody publishes does not tell where it was made."""
    path = save(
        tmp_path / "06_tell.ipynb",
        code("import json\njson.loads('{')", "raises-exception"),
        "import os, sys\nprint(os.getcwd(), sys.prefix)\nos.path.abspath('x')",
        "import json\njson.loads('{')",
    )
    result = run_one(path, output=tmp_path / "build")
    home = str(Path.home())
    for file in (tmp_path / "build").rglob("*.*"):
        content = file.read_text(encoding="utf-8")
        assert str(tmp_path) not in content, file
        assert home not in content, file
    assert "~/" not in (result.traceback or "")


@pytest.mark.parametrize("place", ["build", "build/executed"])
def test_an_unwritable_output_is_refused_before_anything_runs(tmp_path: Path, place: str) -> None:
    """A typing error in --output costs a second, not a whole run."""
    path = save(tmp_path / "07_write.ipynb", "1")
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("a file in the way", encoding="utf-8")
    with pytest.raises(NotebookError, match=r"cannot write into .*--output"):
        run_notebooks([path], output=tmp_path / "build")


def test_a_folder_in_the_place_of_a_copy_fails_that_notebook_only(tmp_path: Path) -> None:
    """What is in the way of one copy does not stop the other notebooks."""
    save(tmp_path / "01_one.ipynb", "1")
    save(tmp_path / "02_two.ipynb", "1")
    (tmp_path / "build/executed/01_one.ipynb").mkdir(parents=True)
    one, two = run_notebooks([tmp_path], output=tmp_path / "build")
    assert "cannot write 01_one.ipynb" in (one.traceback or "")
    assert two.ok


def test_an_old_copy_does_not_pass_for_a_new_one(tmp_path: Path) -> None:
    """After a run that could not start, there is no copy of the last run to be mistaken for its result."""
    path = save(tmp_path / "08_old.ipynb", "1")
    first = run_one(path)
    assert first.executed is not None
    assert first.executed.is_file()
    save(path, "1", kernelspec={"name": "julia-1", "display_name": "J", "language": "julia"})
    assert not run_one(path).ok
    assert not first.executed.exists()


def test_two_notebooks_of_one_name_have_two_copies(tmp_path: Path) -> None:
    """Notebooks from two folders do not overwrite each other's copies."""
    paths = [save(tmp_path / folder / "01_same.ipynb", f"print({folder!r})") for folder in ("a", "b")]
    copies = [result.executed for result in run_notebooks(paths, jobs=2)]
    assert [printed(copy) for copy in copies if copy] == ["a\n", "b\n"]


def test_names_with_braces_and_blanks_run(tmp_path: Path) -> None:
    """A file name is not a template, although papermill takes it for one."""
    assert run_one(save(tmp_path / "a folder {x}" / "09 {y}.ipynb", "1")).ok


def test_targets_are_numbers_paths_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`run 4`, `run 04`, `run 04_call_ollama`, a path and a folder all find their notebook, each once."""
    monkeypatch.chdir(tmp_path)
    path = save(Path("notebooks/04_call_ollama.ipynb"), "1")
    for target in ("4", "04", "04_call_ollama", "04_call_ollama.ipynb", str(path), "notebooks"):
        assert find_notebooks([target]) == [path]
    assert find_notebooks(["04", "notebooks"]) == [path]
    assert find_notebooks() == [path]
    for wrong, message in (("5", "no lesson 05. Lessons: 04_call_ollama"), ("x.ipynb", "no notebook 'x.ipynb'")):
        with pytest.raises(NotebookError, match=message):
            find_notebooks([wrong])
    Path("empty").mkdir()
    with pytest.raises(NotebookError, match="no notebook in the folder empty"):
        find_notebooks(["empty"])


def test_an_interrupt_ends_the_kernels(tmp_path: Path) -> None:
    """Ctrl-C in a long run stops the notebooks that are running, and does not wait for them."""
    save(tmp_path / "01_quick.ipynb", "1")
    save(tmp_path / "02_slow.ipynb", "import time\ntime.sleep(60)")

    def interrupt(_: Result) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_notebooks([tmp_path], jobs=2, on_done=interrupt, cell_timeout=90)
