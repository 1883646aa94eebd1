"""The conventions of lessons: each rule catches the notebook that breaks it, and the lessons break none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_output

from llmlab.lab.notebooks.notebook_file import ROOT, read_notebook, write_notebook
from tests.notebooks.lint import Problem, check_folder, check_notebook
from tests.runner.samples import code, save, text

HEAD = """# Stream an answer

**What you'll do:** print an answer word by word.

**What you'll learn:**
- to read a stream

**What you'll need:** lesson 00 · no key · 12 minutes · live, this lesson costs less than $0.01"""
EXERCISE = "### Exercise 0.1 · stop early · ●●○ · 5 minutes\n\nWrite `first(words)`."
STUB = 'def first(words):\n    ...  # your code\n\n\ncheck("0.1", first)'
SOLUTION = 'def first(words):\n    return words[0]\n\n\ncheck("0.1", first)'
ENDING = "**You can now** read a stream.\n\n**On your own:** read two.\n\n**Further reading:** lesson 01."


@pytest.fixture
def lesson(tmp_path: Path) -> Path:
    """A lesson that keeps every convention."""
    path = save(
        tmp_path / "00_stream_answers.ipynb",
        *(text(HEAD), code("provider = 'openai'", "parameters"), code("%load_ext llmlab\nimport llmlab")),
        *(text("Watch."), code("print('a rainbow')"), code("1 / 1")),
        *(text(EXERCISE), code(STUB), code(SOLUTION, "solution"), text(ENDING)),
    )
    notebook = read_notebook(path)
    for number, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = number
    notebook.cells[4].outputs = [new_output("stream", name="stdout", text="a rainbow\n")]
    write_notebook(notebook, path)
    return path


def test_a_good_lesson_has_no_problem(lesson: Path) -> None:
    """An author who keeps the conventions is left in peace."""
    assert [str(problem) for problem in check_folder(lesson.parent)] == []


def _source(cell: int, old: str, new: str) -> Callable[[Any], None]:
    def change(notebook: Any) -> None:
        assert old in notebook.cells[cell].source
        notebook.cells[cell].source = notebook.cells[cell].source.replace(old, new)

    return change


def _add(source: str) -> Callable[[Any], None]:
    """Put a line into the cell that prints."""
    return _source(4, "print('a rainbow')", f"print('a rainbow')\n{source}")


def _output(value: str) -> Callable[[Any], None]:
    def change(notebook: Any) -> None:
        notebook.cells[4].outputs[0].text = value

    return change


def _tag(cell: int, *tags: str) -> Callable[[Any], None]:
    def change(notebook: Any) -> None:
        notebook.cells[cell].metadata["tags"] = list(tags)

    return change


def _metadata(cell: int, **values: Any) -> Callable[[Any], None]:
    def change(notebook: Any) -> None:
        notebook.cells[cell].metadata.update(values)

    return change


def _drop(cell: int) -> Callable[[Any], None]:
    def change(notebook: Any) -> None:
        del notebook.cells[cell]

    return change


def _swap(one: int, other: int) -> Callable[[Any], None]:
    def change(notebook: Any) -> None:
        cells = notebook.cells
        cells[one], cells[other] = cells[other], cells[one]

    return change


def _older(notebook: Any) -> None:
    notebook.nbformat_minor = 4
    for cell in notebook.cells:
        del cell["id"]


def _count(number: int | None) -> Callable[[Any], None]:
    def change(notebook: Any) -> None:
        notebook.cells[4].execution_count = number

    return change


def _cell_id(name: str) -> Callable[[Any], None]:
    def change(notebook: Any) -> None:
        notebook.cells[4]["id"] = name

    return change


def _fail(cell: int) -> Callable[[Any], None]:
    def change(notebook: Any) -> None:
        error = new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=[])
        notebook.cells[cell].outputs = [error]

    return change


def _long_cells(notebook: Any) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code" and "solution" not in cell.metadata.get("tags", []):
            cell.source += "\nquiet = 0" * 6


def _other_kernel(notebook: Any) -> None:
    notebook.metadata.kernelspec.name = "python39"


def _long(lines: int, *cells: int) -> Callable[[Any], None]:
    """Make cells that long, and tag them so."""

    def change(notebook: Any) -> None:
        for cell in cells:
            notebook.cells[cell].source += "\nquiet = 0" * lines
            notebook.cells[cell].metadata["tags"] = ["long"]

    return change


def _papermill(notebook: Any) -> None:
    notebook.metadata["papermill"] = {"duration": 1.0}


BROKEN: list[tuple[str, Callable[[Any], None], str]] = [
    ("head", _source(0, "# Stream", "## Stream"), "must begin with its title"),
    ("head", _source(0, "# Stream an", "# The"), "begin with a verb"),
    ("head", _source(3, "Watch.", "# Watch"), "one title"),
    ("head", _source(0, "**What you'll do:**", "**Today:**"), "What you'll do"),
    ("head", _source(0, "word by word.", "word by word. Then stop."), "one sentence"),
    ("head", _source(0, "**What you'll learn:**\n- to read a stream", "**What you'll learn:** much"), "must be a list"),
    ("head", _source(0, "**What you'll learn:**", "**Goals:**"), "What you'll learn"),
    ("head", _source(0, "12 minutes", "some time"), "minutes"),
    ("head", _source(0, "costs less than $0.01", "is cheap"), "cost"),
    ("head", _source(0, HEAD[HEAD.index("**What you'll learn") :], ""), "What you'll need"),
    ("head", _source(0, "**What you'll do:**", "**What you'll need:** x\n\n**What you'll do:**"), "order"),
    ("setup", _source(2, "%load_ext llmlab\n", ""), "%load_ext llmlab"),
    ("setup", _add("%load_ext llmlab"), "2 do"),
    ("setup", _swap(2, 4), "first code cell"),
    ("length", _long_cells, "median"),
    ("length", _add("quiet = 0\n" * 25), "25 are the limit"),
    ("length", _long(60, 4), "60 are the limit"),
    ("length", _long(30, 2, 4), "there is one before it"),
    ("hiding", _source(4, "print", "%%capture\nprint"), "%%capture"),
    ("hiding", _metadata(4, jupyter={"source_hidden": True}), "only the source of a solution"),
    ("hiding", _metadata(4, jupyter={"outputs_hidden": True}), "not folded"),
    ("failures", _fail(5), "needs %%expect"),
    ("failures", _tag(5, "raises-exception"), "papermill does not know the tag"),
    ("executed", _count(None), "Run All would make it [3]"),
    ("executed", _count(9), "executed as [9]"),
    ("executed", _source(4, "print('a rainbow')", ""), "empty code cell"),
    ("secrets", _add("key = 'sk-proj-abcdefgh12345678'"), "looks like a key"),
    ("secrets", _output("Incorrect API key provided: sk-ab***yz99"), "its output"),
    ("secrets", _source(3, "Watch.", "Use OPENAI_API_KEY=sk-live-0123456789abcdef"), "its source"),
    ("paths", _output("see /home/ann/notes.txt"), "/home/ann"),
    ("paths", _output("see /Users/ann/notes.txt"), "/Users/ann"),
    *(("paths", _add(f"open('/{top}/notes.txt')"), f"/{top}/notes") for top in ("root", "mnt", "opt", "var", "tmp")),
    *(("paths", _output(f"File /{top}/lesson.py"), f"/{top}/lesson") for top in ("work", "mnt", "opt", "var", "tmp")),
    ("paths", _output(r"see C:\Users\ann"), "Users"),
    ("models", _add("model = 'gpt-6-luna'"), "'gpt-6-luna' is typed in"),
    ("models", _add('call(model="openrouter/free")'), "'openrouter/free' is typed in"),
    ("models", _add("!ollama run gpt-oss:20b"), "'gpt-oss:20b' is typed in"),
    ("clocks", _source(4, "print", "%time print"), "reads the clock"),
    ("clocks", _add("start = time.perf_counter()"), "reads the clock"),
    ("clocks", _add("print(datetime.now())"), "reads the clock"),
    ("dollars", _source(3, "Watch.", "Reading costs $0.10, writing $0.50."), "drawn as a formula"),
    ("exercise", _source(6, "●●○ · ", ""), "difficulty"),
    ("exercise", _source(6, "Exercise 0.1", "Exercise 3.1"), "not an exercise of lesson 00"),
    ("exercise", _source(7, "...  # your code", "return words[0]"), "must leave a gap"),
    ("exercise", _source(7, 'check("0.1", first)', ""), "no cell with a stub"),
    ("exercise", _source(7, "check(", "llmlab.check(0); check("), "equal its solution"),
    ("exercise", _source(7, '"0.1"', '"0.2"'), "under the heading"),
    ("exercise", _drop(8), "no solution cell"),
    ("exercise", _tag(8), "must leave a gap"),
    ("exercise", _metadata(8, jupyter={}), "must be folded"),
    ("exercise", _source(8, '\n\n\ncheck("0.1", first)', ""), "end with its check"),
    ("exercise", _swap(7, 8), "no solution cell behind its stub"),
    ("ending", _source(9, "**You can now**", "Done:"), "You can now"),
    ("ending", _source(9, "**On your own:**", "More:"), "On your own"),
    ("ending", _source(9, "**Further reading:**", "See"), "Further reading"),
    ("ending", _source(9, "**You can now**", "Further reading. **You can now**"), "keep the order"),
    ("ending", _drop(9), "must be text"),
    ("format", _older, "4.5"),
    ("format", _other_kernel, "python3"),
    ("format", _papermill, "papermill"),
    ("format", _cell_id("4f1c2a9b"), "drawn at random"),
    ("format", _cell_id("c01"), "two of its cells have the id"),
    ("format", _metadata(4, execution={"idle": "2026"}), "execution"),
]


def problems_after(lesson: Path, change: Callable[[Any], None]) -> list[Problem]:
    """Return what is wrong with a changed copy of the lesson."""
    notebook = read_notebook(lesson)
    change(notebook)
    copy = lesson.parent / "changed" / lesson.name
    copy.parent.mkdir(exist_ok=True)
    # The kit's own writer would take the secrets out.
    copy.write_text(json.dumps(notebook), encoding="utf-8")
    return check_notebook(copy)


def test_each_rule_catches_what_breaks_it(lesson: Path) -> None:
    """A lesson that breaks a convention is reported under that rule, with what would be right."""
    for rule, change, message in BROKEN:
        problems = problems_after(lesson, change)
        assert any(one.rule == rule and message in one.message for one in problems), (message, list(map(str, problems)))


def test_a_key_is_never_repeated(lesson: Path) -> None:
    """A real key in a notebook does not get into the log of the check that finds it."""
    problems = problems_after(lesson, _output("sk-proj-abcdefgh12345678"))
    assert problems
    assert "abcdefgh" not in " ".join(map(str, problems))


def test_one_cell_of_a_lesson_may_be_long(lesson: Path) -> None:
    """A whole provider is shown in one piece, or nobody believes that it is so short."""
    assert problems_after(lesson, _long(59, 4)) == []


def test_what_only_looks_wrong_is_let_through(lesson: Path) -> None:
    """An author is not sent after a false alarm."""
    for source in (
        "text = 'https://example.com/home/page'",
        "key = 'wrong-on-purpose'\nclient = Client(api_key='wrong-on-purpose')",
        "ask(model=llmlab.MODELS['openai'])",
        "name = 'my-gpt-6-luna-notes'",
        "quiet = 'Q: why?\\nA: \\n'",
    ):
        assert problems_after(lesson, _add(source)) == [], source


def test_file_names_say_what_the_learner_will_do(lesson: Path) -> None:
    """A lesson is found by its number and begins with a verb."""
    for name in ("00-stream.ipynb", "0_stream_it.ipynb", "00_Stream_it.ipynb", "00_rainbow_colours.ipynb"):
        lesson = lesson.rename(lesson.parent / name)
        assert any(problem.rule == "name" for problem in check_notebook(lesson)), name


def test_numbers_follow_each_other(lesson: Path) -> None:
    """A lesson that was taken out leaves no gap unnoticed."""
    lesson.rename(lesson.parent / "01_stream_answers.ipynb")
    assert any(problem.rule == "numbers" for problem in check_folder(lesson.parent))


def test_an_empty_folder_is_a_problem(tmp_path: Path) -> None:
    """Checks that find no lesson do not pass for lessons without problems."""
    assert check_folder(tmp_path)


def test_a_broken_file_is_a_problem(tmp_path: Path) -> None:
    """A notebook with a merge conflict in it is reported, and the others are still checked."""
    (tmp_path / "00_stream_answers.ipynb").write_text("{<<<", encoding="utf-8")
    assert [problem.rule for problem in check_folder(tmp_path)] == ["format"]


def test_the_lessons_keep_the_conventions() -> None:
    """What a learner opens has the shape that every other lesson has."""
    assert [str(problem) for problem in check_folder(ROOT / "notebooks")] == []
