"""A folder of notebooks that this project has never seen is run, recorded, replayed and checked, in both ways."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from llmlab.lab.notebooks import nbval_plugin
from llmlab.lab.notebooks.auto_start import needs_tape
from llmlab.lab.notebooks.notebook_file import ROOT, nbformat, read_notebook
from llmlab.lab.notebooks.runner import run_notebooks
from llmlab.lab.notebooks.update import update_outputs
from llmlab.lab.tape.cassette import read_cassette

pytest_plugins = "pytester"

PLAIN = (
    "import os\nkey_is_there = bool(os.environ['OPENAI_API_KEY'])",
    "from openai import OpenAI\nclient = OpenAI()",
    "client.chat.completions.create(model='gpt-6-luna', messages=[{'role': 'user', 'content': 'Hello'}])"
    ".choices[0].message.content",
    "import ollama\nreply = ollama.chat(model='gpt-oss:20b', messages=[{'role': 'user', 'content': 'Hello'}])\n"
    "reply.message.role",
)
LOADS = (
    "%load_ext llmlab",
    "import ollama\nollama.chat(model='gpt-oss:20b', messages=[{'role': 'user', 'content': 'Hello'}]).message.role",
)
QUIET = ("sum([1, 2, 3])",)


def write(path: Path, *cells: str) -> Path:
    """Write a notebook as a stranger's editor would: random ids, other metadata, no lesson's head."""
    notebook = new_notebook(cells=[new_markdown_cell("Notes"), *map(new_code_cell, cells)])
    notebook.metadata["colab"] = {"provenance": []}
    nbformat.write(notebook, path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stranger's folder, recorded by the simulator and with the outputs stored. Not to be changed."""
    place = tmp_path_factory.mktemp("strangers notes")
    write(place / "plain sdks.ipynb", *PLAIN)
    write(place / "loads.ipynb", *LOADS)
    write(place / "quiet.ipynb", *QUIET)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLMLAB_AUTHORED", "1")
        results = run_notebooks([place], mode="record", jobs=2, output=place / "build")
    assert [result.traceback for result in results] == [None] * 3
    assert all(result.ok for result in update_outputs([place]))
    return place


def test_recording_a_folder_writes_one_file_for_each_notebook_that_asks(folder: Path) -> None:
    """The notebook with plain SDKs, which does not know of the tape, is recorded like the others."""
    found = {path.name: read_cassette(path) for path in (folder / "recordings").iterdir()}
    services = {name: [item.request.alias for item in file.interactions] for name, file in found.items()}
    assert services == {"plain_sdks.yaml": ["openai", "ollama"], "loads.yaml": ["ollama"]}


def test_the_notebook_itself_is_as_the_stranger_wrote_it(folder: Path) -> None:
    """The tape is switched on from outside: no cell is added, and no banner is among the outputs."""
    cells = [cell for cell in read_notebook(folder / "plain sdks.ipynb").cells if cell.cell_type == "code"]
    assert tuple(cell.source for cell in cells) == PLAIN
    assert [len(cell.outputs) for cell in cells] == [0, 0, 1, 1]
    assert [cell.execution_count for cell in cells] == [1, 2, 3, 4]


def test_run_replays_a_folder(folder: Path, tmp_path: Path) -> None:
    """`python3 -m llmlab run FOLDER --mode replay` proves it with no key and no network."""
    results = run_notebooks([folder], mode="replay", jobs=2, output=tmp_path)
    assert [result.traceback for result in results] == [None] * 3


def copy_of(folder: Path, to: Path, *names: str) -> Path:
    """A part of the folder that may be changed."""
    (to / "recordings").mkdir(parents=True)
    for name in names:
        (to / name).write_bytes((folder / name).read_bytes())
    return to


def test_run_tells_a_changed_prompt_and_an_unused_recording(folder: Path, tmp_path: Path) -> None:
    """In a stranger's folder, too, a recording cannot rot: the line, and how to record anew."""
    place = copy_of(folder, tmp_path / "copy", "recordings/loads.yaml")
    write(place / "loads.ipynb", *(source.replace("Hello", "Good bye") for source in LOADS))
    (changed,) = run_notebooks([place], mode="replay", output=tmp_path / "build")
    assert not changed.ok
    assert "asked 'Good bye'" in (changed.traceback or "")
    assert "python3 -m llmlab record loads" in (changed.traceback or "")
    write(place / "loads.ipynb", LOADS[0])
    (unused,) = run_notebooks([place], mode="replay", output=tmp_path / "build")
    assert not unused.ok
    assert "loads.yaml, line" in (unused.traceback or "")
    assert "POST ollama /api/chat: no cell asks for this" in (unused.traceback or "")


@pytest.fixture
def installed(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What an installed llmlab is to pytest: the package, and the entry points that pyproject.toml names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    info = pytester.path.parent / "site" / "stranger_sees_llmlab-1.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger-sees-llmlab\nVersion: 1\n", "utf-8")
    lines = [f"{name} = {module}" for name, module in project["entry-points"]["pytest11"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines, ""]), "utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{info.parent}{':' if sys.platform != 'win32' else ';'}{ROOT}")
    return info


def test_pytest_replays_and_checks_a_strangers_folder(folder: Path, pytester: pytest.Pytester, installed: Path) -> None:
    """`pytest --llmlab FOLDER`, in a project that has done no more than to install llmlab."""
    place = copy_of(folder, pytester.path / "notes", "plain sdks.ipynb", "recordings/plain_sdks.yaml")
    (place / "recordings" / "gone.yaml").write_bytes((place / "recordings" / "plain_sdks.yaml").read_bytes())
    result = pytester.runpytest_subprocess("--llmlab", "notes", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=len(PLAIN) + 1, failed=1)
    assert "gone.yaml: no notebook has this name" in result.stdout.str()


def test_other_runs_of_pytest_are_left_alone(pytester: pytest.Pytester, installed: Path) -> None:
    """Where nobody asks for notebooks, nothing is collected, and nothing but the options is loaded."""
    write(pytester.path / "notes.ipynb", "1 / 0")
    loads = "import sys\ndef test_loaded():\n    heavy = {'nbformat', 'nbval.plugin', 'nbclient', 'httpx2', 'yaml'}\n"
    pytester.makepyfile(test_theirs=f"{loads}    assert heavy & set(sys.modules) == set()\n")
    result = pytester.runpytest_subprocess("-Werror", "-p", "no:nbval")
    result.assert_outcomes(passed=1)


def test_the_plugin_says_what_it_loads() -> None:
    """The entry point leads to a plugin, and that one to the module that runs notebooks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    plugin = import_module(project["entry-points"]["pytest11"]["llmlab"])
    assert import_module(plugin.RUNS_NOTEBOOKS) is nbval_plugin


def test_the_tape_is_switched_on_for_those_who_may_need_it() -> None:
    """A notebook that might call a service never reaches it unseen; one that cannot is not kept waiting."""
    for source, needed in (
        ("import openai", True),
        ("from my_helpers import ask", True),
        ("import os, anthropic", True),
        ("    import httpx", True),
        ("key = os.environ['MY_API_KEY']", True),
        ("%run helpers.py", True),
        ("import llmlab\nllmlab.get_provider('openai')", True),
        ("%load_ext llmlab\nimport openai", False),
        ("import openai, llmlab\nllmlab.start('offline')", False),
        ("from llmlab import start, stop\nimport openai", False),
        ("import os, sys\nimport pandas as pd", False),
        ("print('import openai')", False),
    ):
        assert needs_tape(new_notebook(cells=[new_code_cell(source)])) == needed, source


def test_a_notebook_in_another_language_is_left_alone() -> None:
    """Python that is sent to another language's kernel would fail the notebook."""
    notebook: Any = new_notebook(cells=[new_code_cell("import openai")])
    notebook.metadata["kernelspec"] = {"name": "julia", "display_name": "Julia", "language": "julia"}
    assert not needs_tape(notebook)


def test_the_command_is_the_documented_one(folder: Path, tmp_path: Path) -> None:
    """`python3 -m llmlab run some_folder` as a stranger types it."""
    command = [sys.executable, "-m", "llmlab", "run", str(folder / "quiet.ipynb"), "--mode", "replay"]
    command += ["--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "quiet.ipynb" in done.stdout
