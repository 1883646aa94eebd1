"""A/B tests. If one fails, a person meets another model each time, or the wrong model wins."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import llmlab
from llmlab import ABTest, LLMInvalidRequestError
from llmlab.errors import ConfigurationError
from tests.core.trying import SHAPES

ARMS = {"a": "openai", "b": "ollama"}
KEYS = [f"user {number}" for number in range(2000)]


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    llmlab.start("offline", pace=0)
    yield
    llmlab.stop()


@given(st.text(min_size=1), st.text(max_size=5))
def test_a_key_keeps_its_arm_in_every_process(key: str, name: str) -> None:
    test = ABTest(name, ARMS)
    assert test.arm(key) == test.arm(key) == ABTest(name, ARMS).arm(key)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.0, 1.0])
def test_keys_are_split_as_the_shares_say(share: float) -> None:
    test = ABTest("x", ARMS, {"a": share, "b": 1 - share})
    counts = Counter(map(test.arm, KEYS))
    assert counts["a"] / len(KEYS) == pytest.approx(share, abs=0.03)


def test_another_test_splits_the_same_keys_in_another_way() -> None:
    """The same people would be in the weaker arm of every test."""
    one, two = (ABTest(name, ARMS) for name in ("x", "y"))
    same = sum(one.arm(key) == two.arm(key) for key in KEYS)
    assert same / len(KEYS) == pytest.approx(0.5, abs=0.04)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6), st.integers(0, 99))
def test_no_key_changes_its_arm_when_the_shares_change(shares: list[float], seed: int) -> None:
    test, keys = ABTest("x", ARMS), KEYS[seed : seed + 20]
    before = [test.arm(key) for key in keys]
    for share in shares:
        test.set_split({"a": share, "b": 1 - share})
        assert [test.arm(key) for key in keys] == before


def test_assignments_and_scores_survive_the_process(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    first = ABTest("x", ARMS, path=path)
    before = [first.arm(key) for key in KEYS[:100]]
    for number, key in enumerate(KEYS[:100]):
        first.score(key, number % 5)
    with path.open("ab") as file:
        file.write(b'{"test": "x", "ke')
    again = ABTest("x", ARMS, {"a": 0.01, "b": 0.99}, path=path)
    assert [again.arm(key) for key in KEYS[:100]] == before
    assert repr(again.report()) == repr(first.report())
    assert ABTest("y", ARMS, path=path).report().arms[0].keys == 0
    # Keys are people.
    assert "user" not in path.read_text(encoding="utf-8")


def test_threads_agree() -> None:
    test = ABTest("x", ARMS)
    with ThreadPoolExecutor(8) as pool:
        arms = list(pool.map(test.arm, KEYS[:50] * 8))
    assert arms == arms[:50] * 8
    assert sum(arm.keys for arm in test.report().arms) == 50


@pytest.mark.parametrize("shape", SHAPES)
def test_every_call_shape_goes_to_the_arm_of_its_key(shape: str) -> None:
    test = ABTest("x", ARMS)
    for key in KEYS[:6]:
        assert complete(test, shape, key).provider == ARMS[test.arm(key)] == test.provider(key).name


def complete(test: ABTest, shape: str, key: str) -> Any:
    call = getattr(test, shape)
    if shape == "complete":
        return call(key, "Hi", max_tokens=20)
    if shape == "complete_stream":
        with call(key, "Hi", max_tokens=20) as stream:
            list(stream)
        return stream.result

    async def complete_async() -> Any:
        async with test.provider(key):
            if shape == "complete_async":
                return await call(key, "Hi", max_tokens=20)
            async with call(key, "Hi", max_tokens=20) as chunks:
                async for _ in chunks:
                    pass
            return chunks.result

    return asyncio.run(complete_async())


def scored(gain: float = 0.0, *, keys: int = 400, seed: int = 1) -> ABTest:
    """Return a test with scores around 5, and around more in arm b."""
    test, draw = ABTest(f"x{seed}", ARMS), random.Random(seed)
    for key in KEYS[:keys]:
        test.score(key, draw.gauss(5 + (gain if test.arm(key) == "b" else 0), 1))
    return test


def test_a_clear_winner_is_named() -> None:
    report = scored(1.0).report()
    assert (report.best, report.verdict) == ("b", "b is better (p < 0.001).")
    found = report.differences["a", "b"]
    assert found.low is not None
    assert found.high is not None
    assert found.low < -1 < found.high < 0
    assert scored(1.0).report(lower_is_better=True).best == "a"
    assert "b  " in report.picture().text


def test_chance_is_not_called_a_winner() -> None:
    """At a level of 5 %, about 3 of 60."""
    best = [scored(keys=180, seed=seed).report().best for seed in range(60)]
    assert sum(one is not None for one in best) <= 8


def thumbs(*arms: tuple[int, int]) -> str:
    """Return the verdict about arms a, b, … with so many thumbs up and down."""
    test = ABTest("x", dict.fromkeys("abc"[: len(arms)], "ollama"))
    for name, counts in zip(test.arms, arms, strict=True):
        test.set_split({arm: float(arm == name) for arm in test.arms})
        for number, value in enumerate([1] * counts[0] + [0] * counts[1]):
            test.arm(f"{name}{number}")
            test.score(f"{name}{number}", value)
    return test.report().verdict


def test_thumbs_are_compared_exactly() -> None:
    assert thumbs((0, 20), (20, 0)) == "b is better (p < 0.001)."
    assert thumbs((20, 0), (20, 0)) == "No difference is shown yet: a and b are level."
    # Welch's t would say 0.01.
    assert thumbs((10, 0), (14, 6)) == "No difference is shown yet: a is ahead of b, which may be chance."
    # Of three pairs one differs by chance more often: p is 0.04 for two arms, and 0.11 here.
    assert thumbs((12, 0), (7, 5)) == "a is better (p = 0.037)."
    assert thumbs((12, 0), (7, 5), (0, 12)) == "No difference is shown yet: a is ahead of b, which may be chance."
    assert thumbs((5, 0), (0, 5)) == "Not enough data: each arm needs 10 scored keys, a has 5, b has 5."
    assert ABTest("x", ARMS).report().verdict == "Not enough data: each arm needs 10 scored keys, a has 0, b has 0."


def test_a_busy_key_counts_once() -> None:
    """A person with a hundred thumbs up is one person."""
    test = scored(keys=60)
    before = [arm.scored for arm in test.report().arms]
    for _ in range(100):
        test.score(KEYS[0], 5)
    assert [arm.scored for arm in test.report().arms] == before


@pytest.mark.parametrize(
    ("arms", "split", "words"),
    [
        ({"a": "openai"}, None, "needs two arms"),
        (["openai", "ollama"], None, "needs two arms"),
        (ARMS, {"a": 1.0}, "share of each of a, b"),
        (ARMS, {"a": 2, "b": -1}, "0 or more"),
        (ARMS, {"a": 0.5, "c": 0.5}, "share of each of a, b"),
        (ARMS, {"a": 1, "b": float("nan")}, "0 or more"),
        (ARMS, [0.5, 0.5], "share of each of a, b"),
        (ARMS, {"a": 0.8, "b": 0.3}, r"must add up to 1, and 0\.8 \+ 0\.3 is 1\.1"),
        (ARMS, {"a": 0, "b": 0}, "must add up to 1"),
    ],
)
def test_wrong_arms_and_shares_are_refused(arms: Any, split: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        ABTest("x", arms, split)
    assert sum(ABTest("x", dict.fromkeys("abc", "ollama"), dict.fromkeys("abc", 0.333)).split.values()) == 1


def test_a_score_belongs_to_a_key_with_an_arm() -> None:
    test = ABTest("x", ARMS)
    with pytest.raises(LLMInvalidRequestError, match="has no arm yet"):
        test.score("nobody", 1)
    test.arm("ada")
    wrong: Any
    for wrong in ("good", float("nan"), None, 10**400):
        with pytest.raises(LLMInvalidRequestError, match="a score is a number"):
            test.score("ada", wrong)
    for wrong in ("", 3, None):
        with pytest.raises(LLMInvalidRequestError, match="a key is a text"):
            test.arm(wrong)


def test_processes_share_keys_and_scores(tmp_path: Path) -> None:
    """A web server has several: a user must meet one model in all of them, and click in any of them."""
    path, (first, second) = tmp_path / "x.jsonl", ARMS
    old, new = (ABTest("x", ARMS, path=path) for _ in range(2))
    old.set_split({first: 1, second: 0})
    new.set_split({first: 0, second: 1})
    for key in ("ada", "grace", "edsger"):
        assert old.arm(key) == new.arm(key) == first
    assert new.arm("alan") == old.arm("alan") == second
    assert len(path.read_text(encoding="utf-8").splitlines()) == 4
    new.score("ada", 1)
    assert [(one.name, one.scored) for one in old.report().arms] == [(first, 1), (second, 0)]
    assert old.report() == new.report()
