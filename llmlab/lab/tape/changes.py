"""What has changed from one recording of a lesson to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llmlab.lab.tape.cassette import Cassette, Interaction
from llmlab.lab.tape.json_shape import differences, text_of
from llmlab.lab.tape.matcher import excerpt, first_difference


@dataclass(frozen=True, slots=True)
class Changes:
    """What has changed. Each text names an exchange of the new file, or for `gone` of the old one.

    Args:
        answers: answers with other words, each with the first that differ.
        shapes: answers with another shape, each with what differs.
        new: requests that were not recorded before.
        gone: requests that are not sent any more.
        same: how many exchanges have not changed.
    """

    answers: tuple[str, ...]
    shapes: tuple[str, ...]
    new: tuple[str, ...]
    gone: tuple[str, ...]
    same: int


def find_changes(before: Cassette | None, after: Cassette) -> Changes:
    """Compare two recordings of one lesson, request by request.

    Args:
        before: the older one; None if there was none.
        after: the newer one.
    """
    old: dict[str, list[Interaction]] = {}
    for item in before.interactions if before else ():
        old.setdefault(item.key, []).append(item)
    answers, shapes, new, same = [], [], [], 0
    for item in after.interactions:
        if not old.get(item.key):
            new.append(str(item))
            continue
        was = old[item.key].pop(0)
        found = [f"{item}: {difference}" for difference in differences(was.answer, item.answer)]
        words = list(_other_words(was, item))
        shapes += found
        answers += words
        same += not (found or words)
    gone = [str(item) for items in old.values() for item in items]
    return Changes(tuple(answers), tuple(shapes), tuple(new), tuple(gone), same)


def _other_words(was: Interaction, item: Interaction) -> Iterator[str]:
    one, other = text_of(was.answer), text_of(item.answer)
    if one != other:
        start = max(0, first_difference(one, other) - 15)
        yield f"{item}: {excerpt(one, start, 50)} is now {excerpt(other, start, 50)}"
