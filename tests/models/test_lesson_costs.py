"""What the head of a lesson says of its cost, against what its recorded calls would cost today."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from llmlab.config.safe_yaml import load_yaml
from llmlab.lab.notebooks.lessons import Lesson, all_lessons
from llmlab.models import price_of
from llmlab.models.catalogue import EMBEDDING_MODELS

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
LESSONS = {lesson.path.stem: lesson for lesson in all_lessons(NOTEBOOKS)}
PAID = ("openai", "anthropic")


def claimed(lesson: Lesson) -> float:
    """Return the most that the head says, in USD."""
    if re.search(r"\bfree\b", lesson.cost):
        return 0.0
    found = re.search(r"less than \$(\d+(?:\.\d+)?)", lesson.cost)
    assert found, f"{lesson.path.name} does not say what it costs live: {lesson.cost}"
    return float(found[1])


def usages(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every `usage` of an answer or of the events of a stream."""
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from usages(item)
    if isinstance(value, dict) and isinstance(value.get("usage"), dict):
        yield value["usage"]


def tokens(answer: Mapping[str, Any]) -> tuple[int, int]:
    """Return tokens in and out. A stream counts up, so the largest number is the last one."""
    found = [{}, *usages(answer)]
    return (
        max(usage.get("input_tokens") or usage.get("prompt_tokens") or 0 for usage in found),
        max(usage.get("output_tokens") or usage.get("completion_tokens") or 0 for usage in found),
    )


def calls(stem: str) -> Iterator[tuple[str, str, int, int]]:
    """Yield provider, model and tokens of each recorded call that a service would bill."""
    recording, _ = load_yaml((NOTEBOOKS / "recordings" / f"{stem}.yaml").read_text(encoding="utf-8"))
    for exchange in recording["exchanges"]:
        request = exchange["request"]
        for model, answer in answers(request, exchange["answer"]):
            sent, received = tokens(answer)
            if sent + received:
                yield request["alias"], model, sent, received


def answers(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield model and answer of an exchange; for the results of a batch, of each line.

    A batch costs half of what is counted here, so the sum is never too low.
    """
    if not request["path"].endswith(("/results", "/content")):
        yield request.get("body", {}).get("model", ""), answer
        return
    lines = [event for _, event in answer.get("events") or ()] or map(json.loads, str(answer["body"]).splitlines())
    for line in lines:
        kept = (line.get("response") or {}).get("body") or (line.get("result") or {}).get("message") or {}
        yield kept.get("model", ""), kept


def test_a_lesson_costs_less_than_its_head_says() -> None:
    """A learner goes live because the head says that it is cheap. A usage that is not found makes a lesson free."""
    counted = dict.fromkeys(PAID, 0)
    for stem, lesson in LESSONS.items():
        total = 0.0
        for provider, model, sent, received in calls(stem):
            price = price_of(sent, received, model, provider)
            assert price is not None, f"{stem}: no price is known for {model} of {provider}"
            total += price
            if provider in PAID:
                counted[provider] += 1
                assert sent > 0, (stem, model)
                # Vectors are no tokens.
                assert received > 0 or model == EMBEDDING_MODELS.get(provider), (stem, model)
        claim = claimed(lesson)
        assert total < claim or total == claim == 0, f"{stem} costs ${total:.5f} and says ${claim}"
    assert min(counted.values()) >= 5
