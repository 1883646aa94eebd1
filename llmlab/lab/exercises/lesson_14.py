"""The exercises of lesson 14: the nearest of some vectors, and an answer with the names of its files."""

from __future__ import annotations

from typing import Any

from llmlab.lab.exercises.inspect import Answer, Wrong
from llmlab.lab.exercises.messages import quoted, returned, returns_two
from llmlab.lab.exercises.registry import exercise
from llmlab.types.completion import Completion, FileSearchResult

# The second of each case is what a dot product takes, the third what the distance takes.
VECTORS: tuple[tuple[list[float], dict[str, list[float]], str], ...] = (
    ([1, 0], {"cats": [3, 1], "trains": [-1, 0], "menus": [0, 1]}, "cats"),
    ([1, 2], {"trains": [9, 1], "menus": [1, 1], "cats": [3, 6]}, "cats"),
    ([2, 1, 0], {"cats": [0.2, 0.1, 0], "trains": [8, 0, 8], "menus": [1, 1, 0.5]}, "cats"),
)


@exercise(
    "14.1",
    hints=[
        "Compare the question with each text, and keep the name whose cosine is the largest.",
        "max takes a key: a function that says how good a name is. cosine is there already.",
        "max(texts, key=lambda name: cosine(question, texts[name]))",
    ],
)
def nearest(function: Answer) -> str:
    """Longer vectors and nearer ends must not win over the right direction."""
    for question, texts, wanted in VECTORS:
        given = function(list(question), {name: list(vector) for name, vector in texts.items()})
        if given != wanted:
            raise Wrong(
                f"For the question {question} and the texts {texts} the nearest is {wanted!r}. "
                f"{returned(given)}{_reason(question, texts, given)}"
            )
    return "You found the nearest three times, and neither a long vector nor a short way led you astray."


def _reason(question: list[float], texts: dict[str, list[float]], given: Any) -> str:
    def dot(name: str) -> float:
        return sum(a * b for a, b in zip(question, texts[name], strict=True))

    def distance(name: str) -> float:
        return sum((a - b) ** 2 for a, b in zip(question, texts[name], strict=True))

    if isinstance(given, (int, float)):
        return " That is a number. Return the name that it belongs to."
    if given == max(texts, key=dot):
        return " That is the largest dot product: divide by the two lengths, as cosine does."
    if given == min(texts, key=distance):
        return " That is the shortest distance. It is the direction that counts: use cosine."
    return ""


def _found(*names: str) -> tuple[FileSearchResult, ...]:
    return tuple(FileSearchResult(f"Text {at}.", 0.9 - at / 10, name) for at, name in enumerate(names))


class _Desk:
    """A store whose answers are known, and that costs nothing in any mode."""

    def __init__(self, text: str, *names: str) -> None:
        self.asked: list[str] = []
        self._answer = Completion(text, "none", file_search_results=_found(*names))

    def answer(self, provider: Any, question: str, *args: Any, **options: Any) -> Completion:
        self.asked.append(question)
        return self._answer

    def answer_stream(self, *args: Any, **options: Any) -> None:
        raise Wrong("The whole answer is wanted here: store.answer(llm, question).")

    def search(self, query: str, *args: Any, **options: Any) -> tuple[FileSearchResult, ...]:
        return self._answer.file_search_results


CASES: tuple[tuple[str, tuple[str, ...], list[str]], ...] = (
    ("Biscuit.", ("pets.md", "handbook.md"), ["pets.md", "handbook.md"]),
    ("Fish, and coffee.", ("menu.txt", "handbook.md", "menu.txt"), ["menu.txt", "handbook.md"]),
    ("The files do not say.", (), []),
)


@exercise(
    "14.2",
    hints=[
        "One call is enough: the answer of store.answer(llm, question) holds its sources.",
        "They are in answer.file_search_results, the nearest first, and each has a file_name.",
        "dict.fromkeys(found.file_name for found in answer.file_search_results) keeps each name once, in order.",
    ],
)
def answer_with_sources(function: Answer) -> str:
    """A file that was found twice is named once, the nearest first; without sources there is an empty list."""
    for text, names, wanted in CASES:
        desk, question = _Desk(text, *names), "What is it?"
        given = function(desk, question)
        if desk.asked != [question]:
            raise Wrong(f"The store was asked for {len(desk.asked)} answers. Ask it once: store.answer(llm, question).")
        returns_two(given, "Return two things: the answer's text, and a list of file names.")
        if given[0] != text:
            raise Wrong(f"The answer was {text!r}, and you returned {quoted(given[0])}. The text is in answer.content.")
        if not isinstance(given[1], list):
            raise Wrong(f"The second thing is {quoted(given[1])}. Return a list of file names.")
        if given[1] != wanted:
            raise Wrong(f"The pieces were of {list(names)}, so the names are {wanted}. You returned {given[1]}.")
    return "Three answers, each with its files: one of them found twice and named once, and one without any."
