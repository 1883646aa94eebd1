"""What has changed from one recording of a lesson to the next."""

from __future__ import annotations

from collections.abc import Iterator

from llmlab.lab.tape.cassette import Cassette, Interaction
from llmlab.lab.tape.json_shape import differences, text_of
from llmlab.lab.tape.matcher import by_key, excerpt, first_difference


def find_changes(before: Cassette | None, after: Cassette) -> tuple[int, dict[str, list[str]]]:
    """Compare two recordings of one lesson, request by request.

    Args:
        before: the older one; None if there was none.
        after: the newer one.

    Returns:
        The number of exchanges that have not changed; and for each kind of change a text for each exchange, with what
        differs.
    """
    old = by_key(before.interactions if before else ())
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
    return same, {
        "answers changed": answers,
        "shapes changed": shapes,
        "asked for the first time": new,
        "not asked any more": [str(item) for items in old.values() for item in items],
    }


def _other_words(was: Interaction, item: Interaction) -> Iterator[str]:
    one, other = text_of(was.answer), text_of(item.answer)
    if one != other:
        start = max(0, first_difference(one, other) - 15)
        yield f"{item}: {excerpt(one, start, 50)} is now {excerpt(other, start, 50)}"
