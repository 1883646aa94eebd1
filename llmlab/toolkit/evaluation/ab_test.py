"""An A/B test: live traffic split between models by key, so that the same person gets the same model.

An arm follows from the hash of the key and the name of the test. An assignment stays, also when the shares change. A
file holds the hashes of keys, and never a key.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations
from pathlib import Path
from statistics import fmean
from typing import Any

from llmlab._utils.charts import Picture, bar_chart, short
from llmlab.errors import ConfigurationError, LLMInvalidRequestError
from llmlab.formats.parsing import text
from llmlab.providers import Provider
from llmlab.toolkit.batches.journal import Journal
from llmlab.toolkit.evaluation.candidates import find_contestants
from llmlab.toolkit.evaluation.judge import is_score
from llmlab.toolkit.evaluation.statistics import Difference, group_difference
from llmlab.transport.streams import AsyncCompletionStream, CompletionStream
from llmlab.types.completion import Completion
from llmlab.types.messages import Prompt

_ENOUGH = 10
"""Scored keys that each arm needs for a verdict."""


@dataclass(frozen=True, slots=True)
class Arm:
    """The result of one arm.

    Args:
        name: of the arm.
        keys: number of keys.
        scored: keys with a score.
        mean: of the scores, one for each key; None without scores.
    """

    name: str
    keys: int
    scored: int
    mean: float | None


@dataclass(frozen=True, slots=True, repr=False)
class ABReport:
    """The result of an A/B test; `print` shows it in words.

    Args:
        name: of the test.
        arms: the result of each.
        best: the arm that is better than every other; None if no difference is shown.
        verdict: the same in a sentence.
        differences: for each pair of arms, the first minus the second, and how sure that is.
    """

    name: str
    arms: tuple[Arm, ...]
    best: str | None
    verdict: str
    differences: Mapping[tuple[str, str], Difference]

    def picture(self) -> Picture:
        """Return a bar for each arm: the mean score."""
        return bar_chart(f"Mean score of {self.name}", {arm.name: arm.mean for arm in self.arms})

    def __repr__(self) -> str:
        lines = [self.verdict]
        for arm in self.arms:
            mean = "no score yet" if arm.mean is None else f"mean score {short(arm.mean)}"
            lines.append(f"{arm.name}: {arm.keys} keys, {arm.scored} scored, {mean}")
        for (first, second), one in self.differences.items():
            if one.low is not None and one.high is not None and one.p is not None:
                lines.append(
                    f"{first} - {second}: {short(one.mean)}, with 95 % confidence from {short(one.low)} to "
                    f"{short(one.high)}; p {_below(one.p)}"
                )
        return "\n".join(lines)


class ABTest:
    """Live traffic that is split between arms. Safe with threads.

        test = ABTest("shorter prompts", {"a": get_provider("openai"), "b": get_provider("ollama")})
        answer = test.complete(user_id, "Why is the sky blue?")
        test.score(user_id, 1)
        test.report()

    Decide first how many keys you need. If you look at the report until it shows what you hope for, you find
    differences that do not exist.

    Args:
        name: of the test. Another name splits the same keys in another way.
        arms: providers, or their names, by the names of the arms; two or more.
        split: the share of each arm; together they are 1. Equal shares by default.
        path: a file of assignments and scores (JSON lines), for one process or several; None keeps them in memory.

    Raises:
        ConfigurationError: for fewer than two arms, wrong shares, or a file that cannot be read.
    """

    def __init__(
        self,
        name: str,
        arms: Mapping[str, Provider | str],
        split: Mapping[str, float] | None = None,
        *,
        path: str | Path | None = None,
    ) -> None:
        if not isinstance(arms, Mapping) or len(arms) < 2:
            raise ConfigurationError('a test needs two arms or more: ABTest("name", {"a": "openai", "b": "ollama"})')
        self.name = name
        self.arms, _ = find_contestants(arms)
        self._lock = threading.Lock()
        self._assigned: dict[str, str] = {}
        self._scores: dict[str, list[float]] = {}
        self._journal = None if path is None else Journal(path)
        self.split = _shares(self.arms, split)
        self._load()

    def set_split(self, split: Mapping[str, float]) -> None:
        """Change the shares for new keys.

        Args:
            split: the share of each arm; 0 for no new keys.
        """
        self.split = _shares(self.arms, split)

    def arm(self, key: str) -> str:
        """Return the arm of a key, and assign one to a new key.

        Args:
            key: what stays with one model: the id of a user, a conversation, a document.
        """
        digest = self._digest(key)
        with self._lock:
            if digest not in self._assigned and self._journal is not None and self._journal.has_news:
                # Another process, perhaps with other shares, may have assigned this key.
                self._load()
            if digest not in self._assigned:
                self._assigned[digest] = _choose(digest, self.split)
                self._write({"key": digest, "arm": self._assigned[digest]})
            return self._assigned[digest]

    def provider(self, key: str) -> Provider:
        """Return the provider that answers this key."""
        return self.arms[self.arm(key)]

    def complete(self, key: str, prompt: Prompt, **options: Any) -> Completion:
        """Answer a prompt with the arm of a key. Takes what `Provider.complete` takes."""
        return self.provider(key).complete(prompt, **options)

    async def complete_async(self, key: str, prompt: Prompt, **options: Any) -> Completion:
        """The async twin of `complete`."""
        return await self.provider(key).complete_async(prompt, **options)

    def complete_stream(self, key: str, prompt: Prompt, **options: Any) -> CompletionStream:
        """Answer a prompt chunk by chunk with the arm of a key."""
        return self.provider(key).complete_stream(prompt, **options)

    def complete_stream_async(self, key: str, prompt: Prompt, **options: Any) -> AsyncCompletionStream:
        """The async twin of `complete_stream`."""
        return self.provider(key).complete_stream_async(prompt, **options)

    def score(self, key: str, value: float) -> None:
        """Record a score of a key: a thumb up as 1 and down as 0, stars, seconds. Several scores count as their mean.

        Raises:
            LLMInvalidRequestError: if the key has no arm yet, or the value is not a number.
        """
        digest = self._digest(key)
        if not is_score(value):
            raise LLMInvalidRequestError(f"a score is a number, not {value!r}")
        with self._lock:
            if digest not in self._assigned:
                # Another process may have answered this key.
                self._load()
            if digest not in self._assigned:
                raise LLMInvalidRequestError(
                    f"the key {key!r} has no arm yet, so no arm can have this score: call arm(key) first"
                )
            self._scores.setdefault(digest, []).append(float(value))
            self._write({"key": digest, "score": float(value)})

    def report(self, *, lower_is_better: bool = False) -> ABReport:
        """Return which arm is better, and how sure that is. Each key counts once.

        Args:
            lower_is_better: whether a low score is good, as of seconds or costs.
        """
        with self._lock:
            self._load()
            keys = Counter(self._assigned.values())
            scores: dict[str, list[float]] = {arm: [] for arm in self.arms}
            for digest, values in self._scores.items():
                scores[self._assigned[digest]].append(fmean(values))
        arms = tuple(Arm(arm, keys[arm], len(means), fmean(means) if means else None) for arm, means in scores.items())
        differences = _differences(scores)
        return ABReport(self.name, arms, *_verdict(arms, differences, lower_is_better), differences)

    def __repr__(self) -> str:
        shares = ", ".join(f"{arm} {share:.0%}" for arm, share in self.split.items())
        return f"ABTest({self.name!r}, {shares}, {len(self._assigned)} keys)"

    def _digest(self, key: str) -> str:
        if not isinstance(key, str) or not key:
            raise LLMInvalidRequestError(f"a key is a text, such as the id of a user, not {key!r}")
        return hashlib.sha256(f"{self.name}\0{key}".encode()).hexdigest()[:24]

    def _load(self) -> None:
        """Read the file, which other processes may have written."""
        if self._journal is not None:
            self._assigned, self._scores = {}, {}
            for line in self._journal.read():
                digest, arm, score = text(line.get("key")), text(line.get("arm")), line.get("score")
                if line.get("test") != self.name:
                    continue
                if arm in self.arms:
                    self._assigned.setdefault(digest, arm)
                elif isinstance(score, float) and digest in self._assigned:
                    self._scores.setdefault(digest, []).append(score)

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._journal is not None:
            self._journal.write({"test": self.name, **line})


def _shares(arms: Mapping[str, Provider], split: Mapping[str, float] | None) -> dict[str, float]:
    """Return the share of each arm.

    Raises:
        ConfigurationError: if a share is missing or wrong, or they do not add up to 1.
    """
    if split is None:
        return dict.fromkeys(arms, 1 / len(arms))
    right = isinstance(split, Mapping) and set(split) == set(arms)
    if not right or any(not isinstance(one, (int, float)) or not 0 <= one < math.inf for one in split.values()):
        raise ConfigurationError(f"the split needs the share of each of {', '.join(arms)}, 0 or more, not {split!r}")
    total = math.fsum(split.values())
    if abs(total - 1) > 0.005:
        raise ConfigurationError(
            f"the shares of a split must add up to 1, and {' + '.join(f'{split[arm]:g}' for arm in arms)} is {total:g}"
        )
    return {arm: split[arm] / total for arm in arms}


def _choose(digest: str, split: Mapping[str, float]) -> str:
    position = int(digest[:13], 16) / 16**13
    ends = zip(split, accumulate(split.values()), strict=True)
    # The sum of the shares may be a little less than 1.
    return next((arm for arm, end in ends if position < end), max(split, key=split.__getitem__))


def _differences(scores: Mapping[str, Sequence[float]]) -> dict[tuple[str, str], Difference]:
    """Compare the arms pair by pair. With many pairs one differs by chance, so p is multiplied by the number of pairs
    (Bonferroni)."""
    pairs, differences = list(combinations(scores, 2)), {}
    for first, second in pairs:
        if scores[first] and scores[second]:
            found = group_difference(scores[first], scores[second], 1 - 0.05 / len(pairs))
            differences[first, second] = found._replace(p=None if found.p is None else min(1.0, found.p * len(pairs)))
    return differences


def _verdict(
    arms: Sequence[Arm], differences: Mapping[tuple[str, str], Difference], lower_is_better: bool
) -> tuple[str | None, str]:
    """Return the best arm, if there is one, and the sentence about it."""
    if few := [f"{arm.name} has {arm.scored}" for arm in arms if arm.scored < _ENOUGH]:
        return None, f"Not enough data: each arm needs {_ENOUGH} scored keys, {', '.join(few)}."
    best, second, *_ = sorted(arms, key=lambda arm: arm.mean or 0.0, reverse=not lower_is_better)
    p = max(1.0 if one.p is None else one.p for pair, one in differences.items() if best.name in pair)
    if p < 0.05:
        return best.name, f"{best.name} is better (p {_below(p)})."
    if best.mean == second.mean:
        return None, f"No difference is shown yet: {best.name} and {second.name} are level."
    return None, f"No difference is shown yet: {best.name} is ahead of {second.name}, which may be chance."


def _below(p: float) -> str:
    return f"= {p:.3f}" if p >= 0.001 else "< 0.001"
