"""A/B tests. If one fails, a person meets another model each time, or the wrong model wins."""

from __future__ import annotations

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
from llmlab.toolkit.evaluation.ab_report import report
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


@pytest.mark.parametrize("share", [0.5, 0.1, 0.9, 0.0, 1.0])
def test_the_shares_are_those_that_were_asked_for(share: float) -> None:
    test = ABTest("x", ARMS, {"a": share, "b": 1 - share})
    counts = Counter(map(test.arm, KEYS))
    assert counts["a"] / len(KEYS) == pytest.approx(share, abs=0.03)


def test_shares_need_not_add_up_to_one() -> None:
    assert ABTest("x", ARMS, {"a": 3, "b": 1}).split == {"a": 0.75, "b": 0.25}


def test_another_test_splits_the_same_keys_otherwise() -> None:
    """Else the same people would be the guinea pigs of every test."""
    one, two = (ABTest(name, ARMS) for name in ("x", "y"))
    same = sum(one.arm(key) == two.arm(key) for key in KEYS)
    assert same / len(KEYS) == pytest.approx(0.5, abs=0.04)


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=6), st.integers(0, 99))
def test_nobody_changes_sides_when_the_shares_change(shares: list[float], seed: int) -> None:
    test, keys = ABTest("x", ARMS), KEYS[seed : seed + 20]
    before = [test.arm(key) for key in keys]
    for share in shares:
        test.set_split({"a": share, "b": 1.01 - share})
        assert [test.arm(key) for key in keys] == before


def test_assignments_and_scores_outlive_the_process(tmp_path: Path) -> None:
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


def test_no_key_is_in_the_file(tmp_path: Path) -> None:
    """Keys are people."""
    test = ABTest("x", ARMS, path=tmp_path / "test.jsonl")
    test.arm("ada@example.org")
    assert "ada" not in (tmp_path / "test.jsonl").read_text(encoding="utf-8")


def test_threads_agree() -> None:
    test = ABTest("x", ARMS)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(test.arm, KEYS[:50] * 8))
    assert found == found[:50] * 8
    assert sum(arm.keys for arm in test.report().arms) == 50


@pytest.mark.parametrize("shape", SHAPES)
def test_every_call_shape_goes_to_the_arm_of_its_key(shape: str) -> None:
    test = ABTest("x", ARMS)
    for key in KEYS[:6]:
        wanted = ARMS[test.arm(key)]
        assert asked(test, shape, key).provider == wanted == test.provider(key).name


def asked(test: ABTest, shape: str, key: str) -> Any:
    import asyncio

    call = getattr(test, shape)
    if shape == "complete":
        return call(key, "Hi", max_tokens=20)
    if shape == "complete_stream":
        with call(key, "Hi", max_tokens=20) as stream:
            list(stream)
        return stream.result

    async def answered() -> Any:
        async with test.provider(key):
            if shape == "complete_async":
                return await call(key, "Hi", max_tokens=20)
            async with call(key, "Hi", max_tokens=20) as pieces:
                async for _ in pieces:
                    pass
            return pieces.result

    return asyncio.run(answered())


def run(gain: float, keys: int = 400, seed: int = 1) -> ABTest:
    test, draw = ABTest("x", ARMS), random.Random(seed)
    for key in KEYS[:keys]:
        test.score(key, draw.gauss(5 + (gain if test.arm(key) == "b" else 0), 1))
    return test


def test_a_clear_winner_is_named() -> None:
    report = run(1.0).report()
    assert (report.best, report.verdict) == ("b", "b is better (p < 0.001).")
    sure = report.differences["a", "b"]
    assert sure.low is not None
    assert sure.high is not None
    assert sure.low < -1 < sure.high < 0
    assert run(1.0).report(lower_is_better=True).best == "a"
    assert "b: " in report.picture().text or "b  " in report.picture().text


def test_chance_is_not_called_a_winner() -> None:
    found = [run(0.0, seed=seed).report().best for seed in range(60)]
    # At a level of 5 %, about 3 of 60.
    assert sum(best is not None for best in found) <= 8


def test_too_little_is_called_too_little() -> None:
    report = run(5.0, keys=8).report()
    assert report.best is None
    assert report.verdict.startswith("Not enough data: each arm needs 10 scored keys, a has ")
    assert ABTest("x", ARMS).report().verdict == "Not enough data: each arm needs 10 scored keys, a has 0, b has 0."


def test_a_busy_key_counts_once() -> None:
    """One enthusiast with a hundred thumbs up is one person."""
    test = run(0.0, keys=60)
    before = {arm.name: arm.scored for arm in test.report().arms}
    for _ in range(100):
        test.score(KEYS[0], 5)
    assert {arm.name: arm.scored for arm in test.report().arms} == before


def test_many_arms_are_judged_more_strictly() -> None:
    arms = dict.fromkeys("abcdef", "ollama")
    found = []
    for seed in range(40):
        test, draw = ABTest(f"x{seed}", arms), random.Random(seed)
        for key in KEYS[:180]:
            test.arm(key)
            test.score(key, draw.gauss(0, 1))
        found.append(test.report().best)
    assert sum(best is not None for best in found) <= 3


@pytest.mark.parametrize(
    ("arms", "split"),
    [
        ({"a": "openai"}, None),
        (["openai", "ollama"], None),
        (ARMS, {"a": 1.0}),
        (ARMS, {"a": 1, "b": -1}),
        (ARMS, {"a": 0, "b": 0}),
        (ARMS, {"a": 1, "c": 1}),
        (ARMS, {"a": 1, "b": float("nan")}),
        (ARMS, [0.5, 0.5]),
    ],
)
def test_a_test_that_is_none_is_refused(arms: Any, split: Any) -> None:
    with pytest.raises(ConfigurationError):
        ABTest("x", arms, split)


def test_a_score_belongs_to_a_key_that_was_served() -> None:
    test = ABTest("x", ARMS)
    with pytest.raises(LLMInvalidRequestError, match="has no arm yet"):
        test.score("nobody", 1)
    test.arm("ada")
    for value in ("good", float("nan"), None):
        with pytest.raises(LLMInvalidRequestError, match="a score is a number"):
            test.score("ada", value)  # type: ignore[arg-type]
    for key in ("", 3, None):
        with pytest.raises(LLMInvalidRequestError, match="a key is a text"):
            test.arm(key)  # type: ignore[arg-type]


def test_all_up_against_all_down_is_a_winner() -> None:
    """The clearest result of all was called chance."""
    found = report("x", {"a": 20, "b": 20}, {"a": [0.0] * 20, "b": [1.0] * 20}, lower_is_better=False)
    assert (found.best, found.verdict) == ("b", "b is better (p < 0.001).")


def test_nobody_is_ahead_of_an_equal() -> None:
    found = report("x", {"a": 20, "b": 20}, {"a": [1.0] * 20, "b": [1.0] * 20}, lower_is_better=False)
    assert (found.best, found.verdict) == (None, "No difference is shown yet: a and b are level.")


def test_a_key_answered_by_one_process_is_scored_in_another(tmp_path: Path) -> None:
    """A web server has several: the thumb of a user lands in any of them, and was refused there."""
    answering, scoring = (ABTest("x", ARMS, path=tmp_path / "x.jsonl") for _ in range(2))
    arm = answering.arm("ada")
    scoring.score("ada", 1)
    assert [(one.name, one.scored) for one in answering.report().arms if one.keys] == [(arm, 1)]
    assert answering.report() == scoring.report()


def test_a_key_that_another_process_met_first_keeps_its_arm(tmp_path: Path) -> None:
    """Two servers of which one has new shares already would serve one user two models."""
    old, new = (ABTest("x", ARMS, path=tmp_path / "x.jsonl") for _ in range(2))
    first, second = ARMS
    old.set_split({first: 1, second: 0})
    new.set_split({first: 0, second: 1})
    for key in ("ada", "grace", "edsger"):
        assert old.arm(key) == new.arm(key) == first
    assert new.arm("alan") == old.arm("alan") == second
    assert len((tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()) == 4


def test_a_score_that_no_float_holds_is_refused_in_words() -> None:
    test = ABTest("x", ARMS)
    test.arm("ada")
    with pytest.raises(LLMInvalidRequestError, match="a score is a number"):
        test.score("ada", 10**400)
