"""Helpers: read real traffic, and compare its structure with the simulator's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from simulator_asking import WEATHER

SAMPLES = Path(__file__).parents[2].parent / "shared" / "wire-samples"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no real traffic at ../shared/wire-samples")

ANTHROPIC_TOOL = {"name": WEATHER["name"], "description": "The weather", "input_schema": WEATHER["parameters"]}
CHAT_TOOL = {"type": "function", "function": WEATHER}
OPENAI_TOOL = {"type": "function", **WEATHER}
RAIN = "What's the weather in Oslo?"
ENCRYPTED = {"include": ["reasoning.encrypted_content"]}


def sample(name: str) -> dict[str, Any]:
    """Read one exchange."""
    found: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def sample_events(name: str) -> list[dict[str, Any]]:
    """Read the JSON events of a streamed exchange."""
    lines = (line.removeprefix("data:").strip() for line in sample(name)["body"].splitlines())
    return [json.loads(line) for line in lines if line.startswith("{")]


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
