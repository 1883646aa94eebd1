"""Comparisons. If one fails, answers that were paid are lost, asked twice, or put down to the wrong model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import llmlab
from llmlab import Judge, LLMInvalidRequestError, compare, compare_async, get_provider
from llmlab.errors import ConfigurationError
from llmlab.policies import Answer, Call, Inner
from llmlab.toolkit.evaluation import Comparison, Row
from llmlab.transport.driver import Flow
from tests.batches.batching import WAYS, Counting
from tests.core.trying import NAMES
from tests.leftovers import finish_threads

PROMPTS = ["What is 2 + 2?", "What is 17 * 23?", "Why is the sky blue?"]
RIGHT = {"What is 2 + 2?": "4", "What is 17 * 23?": "391"}


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    llmlab.start("offline", pace=0)
    yield
    llmlab.stop()


def compared(way: str, *args: Any, **options: Any) -> Comparison:
    options.setdefault("progress", False)
    return compare(*args, **options) if way == "sync" else asyncio.run(compare_async(*args, **options))


def right(answer: str, prompt: str) -> float:
    return RIGHT.get(prompt, "blue") in answer


@pytest.mark.parametrize("way", WAYS)
def test_all_contestants_get_the_same_prompts_and_rows_keep_their_order(way: str) -> None:
    found = compared(way, PROMPTS, NAMES, n=2, judge=right)
    assert [(row.prompt, row.contestant, row.run) for row in found.rows] == [
        (prompt, name, run) for prompt in PROMPTS for name in NAMES for run in range(2)
    ]
    assert {row.answer.provider for row in found.rows if row.answer and row.contestant == "ollama"} == {"ollama"}
    assert {row.score for row in found.rows} == {1.0}
    assert repr(found) == "Comparison(3 prompts × 5 contestants, 30 answers, 30 scored)"


def test_the_frame_says_what_each_answer_took() -> None:
    frame = compared("sync", PROMPTS, ["openai", "ollama"]).frame()
    assert list(frame.columns) == [
        *("number", "prompt", "contestant", "run", "answer", "input_tokens", "output_tokens", "cost", "latency"),
        *("source", "error", "score", "reason"),
    ]
    first = frame.iloc[0]
    alone = get_provider("openai").complete(PROMPTS[0])
    assert (first["answer"], first["output_tokens"]) == (alone.content, alone.usage.output_tokens)
    assert set(frame["source"]) == {"simulated"}
    # The latency is that of the answer, and not of this machine.
    assert first["latency"] == alone.latency > 0
    assert (frame[frame["contestant"] == "ollama"]["cost"] == 0).all()
    assert frame["score"].isna().all()


@pytest.mark.parametrize("way", WAYS)
def test_an_error_is_a_result(way: str) -> None:
    """One model that is down must not cost the answers of the others."""
    with llmlab.faults("unauthorized", provider="openai"):
        found = compared(way, PROMPTS, ["openai", "ollama"], judge=right)
    summary = found.summary()
    assert list(summary["errors"]) == [3, 0]
    assert "LLMAuthenticationError: openai answered 401" in found.frame()["error"][0]
    assert list(found.frame()["source"]) == ["", "simulated"] * 3
    assert "3 failed" in repr(found)
    assert found.differences()["prompts"][0] == 0


@pytest.mark.parametrize("way", WAYS)
def test_never_more_calls_at_once_than_allowed(way: str) -> None:
    counting = Counting()
    llm = get_provider("ollama", policies=[counting])
    compared(way, PROMPTS, {"one": llm, "two": llm}, n=3, in_flight=3)
    assert (counting.calls, counting.most <= 3) == (18, True)


@pytest.mark.parametrize(
    ("prompts", "contestants", "options", "words"),
    [
        ("Hi", ["openai"], {}, "list of prompts"),
        ([], ["openai"], {}, "empty"),
        (["Hi", ""], ["openai"], {}, "request 1: message 0"),
        (["Hi"], [], {}, "contestants is empty"),
        (["Hi"], "openai", {}, "are a list"),
        (["Hi"], ["opnai"], {}, "neither a provider nor a model"),
        (["Hi"], ["openai", "openai"], {}, "2 contestants are named 'openai'"),
        (["Hi"], ["openai"], {"n": 0}, "n is how often"),
        (["Hi"], ["openai"], {"judge": 7}, "a judge is a function"),
        (["Hi"], ["openai"], {"judge": Judge}, "a judge is a function"),
        (["Hi"], [get_provider("ollama")], {"limits": Counting()}, r"get_provider\('ollama', policies=\[limits\]\)"),
        (["Hi"], ["openai"], {"resume": "no/such/folder/x.jsonl"}, "there is no such folder"),
        (["Hi"], ["openai"], {"temperatur": 1}, "did you mean 'temperature'"),
    ],
)
def test_mistakes_are_refused_before_anything_is_sent(
    prompts: Any, contestants: Any, options: dict[str, Any], words: str
) -> None:
    with pytest.raises((ConfigurationError, LLMInvalidRequestError), match=words):
        compare(prompts, contestants, **options)
    assert len(llmlab.trace()) == 0


def test_models_are_found_by_their_names() -> None:
    model = llmlab.MODELS["anthropic"]
    found = compared("sync", ["Hi"], [model, "openrouter/openai/gpt-oss-20b:free", get_provider("ollama")])
    assert found.contestants == (model, "openrouter/openai/gpt-oss-20b:free", "ollama")
    assert [row.answer.provider for row in found.rows if row.answer] == ["anthropic", "openrouter", "ollama"]

    models = llmlab.models.known_models("openai")[:2]
    found = compared("sync", ["Hi"], [get_provider("openai", model) for model in models])
    assert found.contestants == tuple(f"openai/{model}" for model in models)


def test_limits_are_shared_by_contestants_that_are_named() -> None:
    counting = Counting()
    compared("sync", PROMPTS, ["openai", "ollama"], limits=counting)
    assert counting.calls == 6


# Continue a stopped run


@pytest.mark.parametrize("way", WAYS)
def test_a_stopped_run_goes_on_where_it_was(way: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    whole = compared(way, PROMPTS, ["openai", "ollama"], n=2, judge=right, resume=path)
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[:5]) + "\n" + lines[5][:40], encoding="utf-8")
    llmlab.trace().clear()
    again = compared(way, PROMPTS, ["openai", "ollama"], n=2, judge=right, resume=path)
    assert again == whole
    assert len(llmlab.trace()) == 7
    llmlab.trace().clear()
    assert compared(way, PROMPTS, ["openai", "ollama"], n=2, judge=right, resume=path) == whole
    assert len(llmlab.trace()) == 0


@settings(max_examples=25)
@given(kept=st.integers(0, 12), cut=st.integers(0, 60), n=st.integers(1, 2))
def test_stopped_anywhere_gives_what_an_unbroken_run_gives(
    tmp_path_factory: pytest.TempPathFactory, kept: int, cut: int, n: int
) -> None:
    path = tmp_path_factory.mktemp("run") / "run.jsonl"
    # The same prompt twice is two prompts.
    prompts = [*PROMPTS, PROMPTS[0]]
    whole = compared("sync", prompts, ["openai", "ollama"], n=n, resume=path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    rest = lines[kept][:cut] if kept < len(lines) else ""
    path.write_text("".join(lines[:kept]) + rest, encoding="utf-8")
    llmlab.trace().clear()
    assert compared("sync", prompts, ["openai", "ollama"], n=n, resume=path) == whole
    assert len(llmlab.trace()) == max(0, len(lines) - kept)


def test_failed_and_new_requests_are_sent_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with llmlab.faults("unauthorized", times=1):
        compared("sync", PROMPTS, ["openai"], resume=path, in_flight=1)
    llmlab.trace().clear()
    found = compared("sync", [*PROMPTS, "Hi"], ["openai", "ollama"], resume=path)
    assert all(row.answer for row in found.rows)
    assert len(llmlab.trace()) == 6

    llmlab.trace().clear()
    compared("sync", PROMPTS, ["openai"], resume=path, max_tokens=50)
    assert len(llmlab.trace()) == 3, "another setting is another request"


def test_the_file_holds_no_key_and_no_raw_answer(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    compared("sync", PROMPTS, {"mine": get_provider("openai", api_key="k3y-of-no-known-form")}, resume=path)
    assert "k3y" not in path.read_text(encoding="utf-8")
    assert all("raw_response" not in json.loads(line)["answer"] for line in path.read_text().splitlines())


# Stopping


def test_cancelling_leaves_no_call_behind() -> None:
    class Forever:
        kind = "forever"
        begun = ended = 0

        def wrap(self, call: Call, inner: Inner) -> Flow[Answer]:
            self.begun += 1
            try:
                while True:
                    yield llmlab.transport.driver.Sleep(0)
            finally:
                self.ended += 1

    forever = Forever()

    async def cancelled() -> None:
        run = asyncio.ensure_future(
            compare_async(PROMPTS, [get_provider("ollama", policies=[forever])], in_flight=2, progress=False)
        )
        while forever.begun < 2:
            await asyncio.sleep(0)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(cancelled())
    assert (forever.begun, forever.ended) == (2, 2)


def test_ctrl_c_begins_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting()

    def stop(text: str) -> None:
        if counting.calls >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(PROMPTS * 40, [get_provider("ollama", policies=[counting])], in_flight=1, progress=stop)
    finish_threads()
    calls = counting.calls
    assert calls < 120


# Judging


def test_a_judge_that_fails_costs_no_answer_and_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    for value in ("good", None, float("nan"), float("inf"), [1]):
        found = compared("sync", PROMPTS, ["openai"], judge=lambda answer, prompt, value=value: value)
        assert all(row.answer and row.score is None for row in found.rows)
        assert found.rows[0].reason == f"the judge returned {value!r}, and no number"
        assert "3 without a score: the judge failed" in repr(found)
    caplog.clear()
    found = compared("async", [*PROMPTS, "Hi"], ["openai"], judge=lambda answer, prompt: {**RIGHT}[prompt] in answer)
    assert [row.score for row in found.rows] == [1.0, 1.0, None, None]
    assert found.rows[3].reason == "the judge raised KeyError('Hi')"
    assert caplog.messages == [
        "the judge gave no score for 2 of 4 answers, first for 'Why is the sky blue?' of openai: "
        "the judge raised KeyError('Why is the sky blue?')"
    ]


def test_another_judge_judges_answers_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    compared("sync", PROMPTS, ["openai"], resume=path)
    llmlab.trace().clear()
    found = compared("sync", PROMPTS, ["openai"], judge=lambda answer, prompt: len(answer), resume=path)
    assert [row.score for row in found.rows] == [len(row.answer.content) for row in found.rows if row.answer]
    assert len(llmlab.trace()) == 0
    compared("sync", PROMPTS, ["openai"], judge=lambda answer, prompt: "good", resume=path)
    assert {row.reason for row in compared("sync", PROMPTS, ["openai"], resume=path).rows} == {""}, "nobody judged"


# Differences


def test_differences_are_those_of_the_same_prompts() -> None:
    """Hard prompts and easy ones differ more than models do; unpaired, that would hide the difference."""
    base = {0: 1.0, 1: 50.0, 2: 99.0, 3: 20.0, 4: 70.0}
    gain = {0: 1.0, 1: 1.2, 2: 0.8, 3: 1.1, 4: 0.9}
    answer = get_provider("ollama").complete("Hi")
    rows = [
        Row(number, "p", label, 0, answer, 0.0, base[number] + (gain[number] if label == "new" else 0.0))
        for number in base
        for label in ("new", "old")
    ]
    found = Comparison(tuple(rows), ("new", "old")).differences().iloc[0]
    assert (found["contestant"], found["than"], found["metric"], found["prompts"]) == ("new", "old", "score", 5)
    assert found["difference"] == pytest.approx(1.0)
    assert 0.8 < found["low"] < 1 < found["high"] < 1.2
    assert found["p"] < 0.001


def test_right_and_wrong_answers_are_compared_exactly() -> None:
    answer = get_provider("ollama").complete("Hi")
    rows = [
        Row(number, "p", label, 0, answer, 0.0, float(label == "big" or number > 1))
        for number in range(8)
        for label in ("big", "small")
    ]
    found = Comparison(tuple(rows), ("big", "small")).differences().iloc[0]
    assert (found["difference"], found["p"]) == (0.25, 0.5)
    assert found["low"] < 0 < found["high"]


def test_the_summary_and_the_picture_say_the_same() -> None:
    found = compared("sync", PROMPTS, ["openai", "ollama"], judge=lambda answer, prompt: len(answer))
    mean = found.summary()["score"]["openai"]
    assert f"{mean:.3g}" in found.picture().text
    assert "<svg" in found.picture("latency").svg
    assert "<table" in found._repr_html_()
    with pytest.raises(ConfigurationError, match="metric must be one of score, cost, latency, output_tokens"):
        found.differences("price")  # type: ignore[arg-type]


def test_a_price_that_nobody_knows_is_not_nothing() -> None:
    rows = [Row(0, "Hi", "own", 0, get_provider("ollama").complete("Hi"), cost) for cost in (None, 0.5)]
    assert Comparison(tuple(rows), ("own",)).summary()["cost"].isna().all()


def test_progress_is_shown() -> None:
    shown: list[str] = []
    compared("sync", PROMPTS, ["openai"], progress=shown.append)
    assert shown[-1] == "compared 3 of 3"


def test_a_wrong_confidence_is_refused() -> None:
    """95 for 0.95 would search for its interval for ever."""
    found = compared("sync", PROMPTS, ["openai", "ollama"])
    for confidence in (95, 1, 0, -0.5, float("nan")):
        with pytest.raises(ConfigurationError, match="a share between 0 and 1"):
            found.differences("latency", confidence=confidence)
