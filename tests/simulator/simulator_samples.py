"""Helpers: compare the structure of exchanges with the simulator's."""

from __future__ import annotations

from typing import Any

from simulator_asking import WEATHER

ANTHROPIC_TOOL = {"name": WEATHER["name"], "description": "The weather", "input_schema": WEATHER["parameters"]}
CHAT_TOOL = {"type": "function", "function": WEATHER}
OPENAI_TOOL = {"type": "function", **WEATHER}
RAIN = "What's the weather in Oslo?"
ENCRYPTED = {"include": ["reasoning.encrypted_content"]}


def shape(value: Any, at: str = "") -> set[tuple[str, str]]:
    """List every path in a JSON value with its type; whole and other numbers count as the same."""
    if isinstance(value, dict):
        return {(at, "object")}.union(*(shape(item, f"{at}.{key}") for key, item in value.items()))
    if isinstance(value, list):
        return {(at, "array")}.union(*(shape(item, f"{at}[]") for item in value))
    kind = "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__
    return {(at, kind)}


def differing(ours: Any, theirs: Any, *free: str) -> set[tuple[str, str]]:
    """Give the paths that only one of the two has, or has with another type; `free` names what may differ."""
    both = shape(ours) ^ shape(theirs)
    return {(path, kind) for path, kind in both if not any(path.startswith(one) for one in free)}


def kinds(streamed: list[dict[str, Any]]) -> list[str]:
    """The types of events in order, each run of the same type once."""
    types = [event["type"] for event in streamed]
    return [kind for at, kind in enumerate(types) if at == 0 or types[at - 1] != kind]
