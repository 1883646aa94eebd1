"""The conventions that every lesson keeps, as checks: name, head, exercises, ending and file format.

What stands in the single cells (length, secrets, outputs …) is checked in `lint_cells.py`. Nothing here runs a
notebook; that outputs are *true* is proven by `nbval_plugin.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from llmlab.errors import LLMError
from llmlab.lab.notebooks.normalize import is_lasting_id
from llmlab.lab.notebooks.notebook_file import Notebook, read_notebook, tags
from tests.notebooks.lint_cells import CELL_RULES, Finding

_NAME = re.compile(r"(\d\d)_([a-z]+)(_[a-z0-9]+)+\.ipynb")
_HEAD = ("What you'll do:", "What you'll learn:", "What you'll need:")
_ENDING = ("You can now", "On your own", "Further reading")
_EXERCISE = re.compile(r"^### Exercise (\d+\.\d+)(.*)$", re.MULTILINE)
_CHECK = re.compile(r"""\bcheck\(\s*["'](\d+\.\d+)["']""")
# The first word of a title and of a file name says what the learner will do.
_VERB_LIST = """
add answer ask batch break build cache call catch chat choose chunk classify combine compare compress configure
control count create cut debug decide deploy design embed evaluate explain extract fall find fix force get give go
guard handle hold keep learn let limit log make measure meet mock move open parse pass plan protect prove queue rank
read reason record remember repeat replay resume retrieve retry return route run save schedule search see send serve
show split start stop stream structure summarize survive switch talk teach tell test trace translate trust try
understand use validate wait watch write
"""
_VERBS = frozenset(_VERB_LIST.split())


@dataclass(frozen=True, slots=True)
class Problem:
    """A convention that a lesson does not keep.

    Attributes:
        notebook: file name of the lesson.
        cell: id of the cell; empty when it is about the whole file.
        rule: name of the rule.
        message: what is wrong, and what would be right.
    """

    notebook: str
    cell: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.notebook}{f', cell {self.cell}' if self.cell else ''}: {self.message} [{self.rule}]"


def check_folder(folder: Path) -> list[Problem]:
    """Check every notebook of a folder, and that their numbers follow each other."""
    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        return [Problem(folder.name, "", "name", "the folder holds no lesson")]
    problems = [problem for path in paths for problem in check_notebook(path)]
    for expected, path in enumerate(paths):
        if not path.name.startswith(f"{expected:02d}_"):
            problems.append(Problem(path.name, "", "numbers", f"the next number would be {expected:02d}"))
            break
    return problems


def check_notebook(path: Path) -> list[Problem]:
    """Check one notebook, and return what is wrong with it, in the order of the rules."""
    try:
        notebook = read_notebook(path)
    except LLMError as error:
        return [Problem(path.name, "", "format", error.message)]
    if notebook.nbformat_minor < 5:  # its cells have no ids to speak of
        return [Problem(path.name, "", "format", "the file must be of format 4.5: open it in JupyterLab and save it")]
    problems = [Problem(path.name, "", "name", message) for message in _name(path)]
    for name, rule in {**_RULES, **CELL_RULES}.items():
        problems += [Problem(path.name, cell, name, message) for cell, message in rule(notebook)]
    for cell, message in _exercises(notebook, number=path.name[:2]):
        problems.append(Problem(path.name, cell, "exercise", message))
    return problems


def _name(path: Path) -> Iterator[str]:
    match = _NAME.fullmatch(path.name)
    if not match:
        yield "the file must be named NN_verb_object.ipynb, in small letters"
    elif match.group(2) not in _VERBS:
        yield f"the name must begin with a verb after its number; {match.group(2)!r} is none that the checks know"


def _format(notebook: Notebook) -> Iterator[Finding]:
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "", "the kernel must be python3"
    if extra := sorted(set(notebook.metadata) - {"kernelspec", "language_info"}):
        yield "", f"the metadata holds more than a lesson needs: {', '.join(extra)}"
    for cell in notebook.cells:
        name = cell.get("id", "")
        if not is_lasting_id(name):
            yield name, "a cell id must be given, not drawn at random: c07"
        if extra := sorted(set(cell.metadata) - {"tags", "jupyter"}):
            yield name, f"the cell's metadata holds more than a lesson needs: {', '.join(extra)}"


def _head(notebook: Notebook) -> Iterator[Finding]:
    head: list[Notebook] = []
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            break
        head.append(cell)
    first = head[0]["id"] if head else ""
    text = "\n\n".join(cell.source for cell in head).replace("’", "'")
    title = re.match(r"# (\w+)", text)
    if not title:
        yield first, "the lesson must begin with its title: # Verb object"
    elif title.group(1).lower() not in _VERBS:
        yield first, f"the title must begin with a verb; {title.group(1)!r} is none that the checks know"
    if len(re.findall(r"^# ", "\n".join(_prose(notebook)), re.MULTILINE)) > 1:
        yield first, "a lesson has one title; smaller headings begin with ## or ###"
    places = [text.find(f"**{part}**") for part in _HEAD]
    for part, place in zip(_HEAD, places, strict=True):
        if place < 0:
            yield first, f"the head must say **{part}**"
    if -1 in places:
        return
    if places != sorted(places):
        yield first, f"the head must keep the order: {', '.join(_HEAD)}"
        return
    sentence = text[places[0] : places[1]].partition("**")[2].partition("**")[2].strip()
    if len(re.findall(r"[.!?](?=\s|$)", sentence)) != 1:
        yield first, "what you'll do must be one sentence"
    if not re.search(r"^[-*] \S", text[places[1] : places[2]], re.MULTILINE) and "·" not in text[places[1] : places[2]]:
        yield first, "what you'll learn must be a list"
    need = text[places[2] :]
    if not re.search(r"\b\d+ minutes", need):
        yield first, "what you'll need must say how many minutes"
    if not re.search(r"live, this\s+lesson\s+(costs\s+less\s+than\s+\$\d|is\s+free)", need):
        yield first, "what you'll need must say the cost: live, this lesson costs less than $0.01 (or: is free)"


def _setup(notebook: Notebook) -> Iterator[Finding]:
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and "parameters" not in tags(cell)]
    loading = [cell for cell in code if re.search(r"^%load_ext llmlab\b", cell.source, re.MULTILINE)]
    if len(loading) != 1:
        yield "", f"one cell must run %load_ext llmlab, and {len(loading)} do"
    elif code[0] is not loading[0]:
        yield loading[0]["id"], "%load_ext llmlab belongs into the first code cell after the head and the parameters"


def _ending(notebook: Notebook) -> Iterator[Finding]:
    last = notebook.cells[-1] if notebook.cells else None
    if last is None or last.cell_type != "markdown":
        yield "", f"the last cell must be text: {', '.join(_ENDING)}"
        return
    places = [last.source.find(part) for part in _ENDING]
    for part, place in zip(_ENDING, places, strict=True):
        if place < 0:
            yield last["id"], f"the last cell must say: {part}"
    if -1 not in places and places != sorted(places):
        yield last["id"], f"the last cell must keep the order: {', '.join(_ENDING)}"


def _exercises(notebook: Notebook, number: str) -> Iterator[Finding]:
    """Check that each exercise has a heading, a stub with its check, and a folded solution with the same check."""
    opened: dict[str, tuple[str, Notebook | None, bool]] = {}
    current = ""
    for cell in notebook.cells:
        name = cell["id"]
        if cell.cell_type == "markdown":
            for title in _EXERCISE.finditer(cell.source):
                current = title.group(1)
                opened[current] = (name, None, False)
                if number.isdigit() and int(current.partition(".")[0]) != int(number):
                    yield name, f"exercise {current} is not an exercise of lesson {number}"
                if not re.search(r"[●○]{3}.*\b\d+ minutes", title.group(2)):
                    yield name, f"exercise {current} must tell its difficulty and time: · ●●○ · 5 minutes"
            continue
        solution, check = "solution" in tags(cell), _CHECK.search(cell.source)
        if not solution and not check:
            continue
        if not check:
            yield name, "a solution must end with its check"
            continue
        if check.group(1) != current:
            yield name, f"check({check.group(1)!r}) does not stand under the heading of its exercise"
            continue
        where, stub, _ = opened[current]
        if not solution:
            opened[current] = (where, cell, False)
            if "..." not in cell.source:
                yield name, f"the stub of exercise {current} must leave a gap: ...  # your code"
            continue
        opened[current] = (where, stub, True)
        if not cell.metadata.get("jupyter", {}).get("source_hidden"):
            yield name, f"the solution of exercise {current} must be folded: jupyter.source_hidden"
        if stub is not None and not _is_stub_of(stub.source, cell.source):
            yield name, f"the stub of exercise {current} must equal its solution except for what was taken out"
    for exercise, (where, stub, solved) in opened.items():
        if stub is None:
            yield where, f"exercise {exercise} has no cell with a stub and its check, or it comes after the solution"
        if not solved:
            yield where, f"exercise {exercise} has no solution cell behind its stub"


def _is_stub_of(stub: str, solution: str) -> bool:
    """Tell whether the lines of the stub, but for its gaps, stand in the solution in the same order."""
    lines = iter(line.strip() for line in solution.splitlines())
    kept = (line.strip() for line in stub.splitlines() if line.strip() and not line.strip().startswith(("...", "#")))
    return all(line in lines for line in kept)


def _prose(notebook: Notebook) -> Iterator[str]:
    """Yield the text cells without their code blocks, in which a # is a comment."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)


_RULES: dict[str, Callable[[Notebook], Iterator[Finding]]] = {
    "format": _format,
    "head": _head,
    "setup": _setup,
    "ending": _ending,
}
