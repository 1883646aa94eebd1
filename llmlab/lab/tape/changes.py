"""What has changed from one recording of a lesson to the next, for the person who made it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llmlab.lab.tape.cassette import Recorded, RecordingFile
from llmlab.lab.tape.json_shape import differences, said
from llmlab.lab.wire.messages import key_of

_LONGEST = 50


@dataclass(frozen=True, slots=True)
class Changes:
    """What has changed. Each text names an exchange of the new file, or for `gone` of the old one.

    Args:
        answers: other words, with the first that differ.
        shapes: another shape, with what differs.
        new: requests that were not recorded before.
        gone: requests that are not asked any more.
        same: how many exchanges have not changed.
    """

    answers: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    same: int = 0


def find_changes(before: RecordingFile | None, after: RecordingFile) -> Changes:
    """Compare two recordings of one lesson, request by request.

    Args:
        before: the older one; None if there was none.
        after: the newer one.
    """
    old: dict[str, list[Recorded]] = {}
    for item in before.exchanges if before else ():
        old.setdefault(key_of(item.request), []).append(item)
    answers, shapes, new, same = [], [], [], 0
    for item in after.exchanges:
        earlier = old.get(key_of(item.request), [])
        if not earlier:
            new.append(str(item))
            continue
        was = earlier.pop(0)
        found = differences(was.answer, item.answer)
        shapes += [f"{item}: {difference}" for difference in found]
        words = list(_words(was, item))
        answers += words
        same += not (found or words)
    gone = [str(item) for items in old.values() for item in items]
    return Changes(tuple(answers), tuple(shapes), tuple(new), tuple(gone), same)


def _words(was: Recorded, item: Recorded) -> Iterator[str]:
    one, other = said(was.answer), said(item.answer)
    if one != other:
        pairs = zip(one, other, strict=False)
        same = next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
        start = max(0, same - 15)
        yield f"{item}: {_cut(one, start)} is now {_cut(other, start)}"


def _cut(text: str, start: int) -> str:
    piece = text[start : start + _LONGEST]
    return repr(f"{'…' if start else ''}{piece}{'…' if start + _LONGEST < len(text) else ''}")
