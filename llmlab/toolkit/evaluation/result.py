"""The result of a comparison: every answer, a summary, and differences with how sure they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import TYPE_CHECKING, Final, Literal

from llmlab._utils.charts import Picture, bar_chart
from llmlab.errors import ConfigurationError, LLMError
from llmlab.toolkit.evaluation.statistics import paired_difference
from llmlab.types.completion import Completion

if TYPE_CHECKING:
    from pandas import DataFrame

Metric = Literal["score", "cost", "latency", "output_tokens"]


@dataclass(frozen=True, slots=True)
class Row:
    """One answer of one contestant.

    Args:
        number: index of the prompt.
        prompt: the prompt's last message.
        contestant: label of the contestant.
        run: number of the repetition, from 0.
        outcome: the answer, or the error.
        cost: USD; None if not known.
        score: of the judge; None without one.
        reason: the judge's words, or why there is no score.
    """

    number: int
    prompt: str
    contestant: str
    run: int
    outcome: Completion | LLMError
    cost: float | None = None
    score: float | None = None
    reason: str = ""

    @property
    def answer(self) -> Completion | None:
        """The answer; None after an error."""
        return self.outcome if isinstance(self.outcome, Completion) else None

    @property
    def error(self) -> str:
        """The error in words, or ""."""
        return f"{type(self.outcome).__name__}: {self.outcome.message}" if isinstance(self.outcome, LLMError) else ""


_METRICS: Final[Mapping[str, tuple[str, Callable[[Row], float | None]]]] = {
    "score": ("", lambda row: row.score),
    "cost": ("USD", lambda row: row.cost if row.answer else None),
    "latency": ("s", lambda row: row.answer.latency if row.answer else None),
    "output_tokens": ("tokens", lambda row: row.answer.usage.output_tokens if row.answer else None),
}


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """The result of a comparison.

    Args:
        rows: every answer, in the order of prompts, contestants and runs.
        contestants: their labels.
    """

    rows: tuple[Row, ...]
    contestants: tuple[str, ...]

    def frame(self) -> DataFrame:
        """Return every answer as a pandas table. Costs are USD, latencies seconds; NaN if not known."""
        lines = []
        for row in self.rows:
            answer = row.answer
            lines.append(
                {
                    "number": row.number,
                    "prompt": row.prompt,
                    "contestant": row.contestant,
                    "run": row.run,
                    "answer": answer.content if answer else "",
                    "input_tokens": answer.usage.input_tokens if answer else 0,
                    "output_tokens": answer.usage.output_tokens if answer else 0,
                    "cost": row.cost,
                    "latency": answer.latency if answer else None,
                    "source": answer.source if answer else "",
                    "error": row.error,
                    "score": row.score,
                    "reason": row.reason,
                }
            )
        return _frame(lines)

    def summary(self) -> DataFrame:
        """Return a line for each contestant: answers, errors, the means of score, latency and output tokens, and the
        sum of costs (NaN if one is not known)."""
        lines = []
        for contestant in self.contestants:
            rows = self._rows_of(contestant)
            costs = [row.cost for row in rows if row.answer]
            lines.append(
                {
                    "contestant": contestant,
                    "answers": len(costs),
                    "errors": len(rows) - len(costs),
                    "score": _mean(rows, "score"),
                    "latency": _mean(rows, "latency"),
                    "output_tokens": _mean(rows, "output_tokens"),
                    "cost": None if None in costs else sum(cost or 0.0 for cost in costs),
                }
            )
        return _frame(lines).set_index("contestant")

    def differences(self, metric: Metric | None = None, *, confidence: float = 0.95) -> DataFrame:
        """Return the differences between contestants, prompt by prompt, and how sure they are.

        Both answered the same prompts, so a hard prompt is hard for both (a paired test): exact if there are only two
        scores, such as 0 and 1, else Student's t. Several runs of a prompt count as their mean. Prompts without a
        number of both are left out. Interval and p are NaN if the numbers do not say.

        Args:
            metric: score, cost, latency or output_tokens; by default score, or latency without a judge.
            confidence: of the interval.
        """
        metric = self._metric(metric)
        if not 0 < confidence < 1:
            raise ConfigurationError(f"confidence is a share between 0 and 1, such as 0.95, not {confidence!r}")
        means = {contestant: self._by_prompt(contestant, metric) for contestant in self.contestants}
        lines = []
        for first, second in combinations(self.contestants, 2):
            pairs = [means[first][number] - means[second][number] for number in means[first] if number in means[second]]
            found = paired_difference(pairs, confidence) if pairs else (None, None, None, None)
            line: dict[str, object] = {"contestant": first, "than": second, "metric": metric, "prompts": len(pairs)}
            lines.append(line | dict(zip(("difference", "low", "high", "p"), found, strict=True)))
        return _frame(lines)

    def picture(self, metric: Metric | None = None) -> Picture:
        """Return a bar for each contestant: the mean."""
        metric = self._metric(metric)
        values = {contestant: _mean(self._rows_of(contestant), metric) for contestant in self.contestants}
        return bar_chart(f"Mean {metric.replace('_', ' ')}", values, _METRICS[metric][0])

    def __repr__(self) -> str:
        prompts = len({row.number for row in self.rows})
        failed = sum(row.answer is None for row in self.rows)
        judged = sum(row.score is not None for row in self.rows)
        unscored = sum(row.score is None and bool(row.reason) for row in self.rows)
        parts = [f"{prompts} prompts × {len(self.contestants)} contestants", f"{len(self.rows)} answers"]
        counts = {"scored": judged, "failed": failed, "without a score: the judge failed": unscored}
        parts += [f"{count} {what}" for what, count in counts.items() if count]
        return f"Comparison({', '.join(parts)})"

    def _repr_html_(self) -> str:
        html: str = self.summary().to_html()
        return html

    def _metric(self, metric: Metric | None) -> Metric:
        if metric is None:
            return "score" if any(row.score is not None for row in self.rows) else "latency"
        if metric not in _METRICS:
            raise ConfigurationError(f"metric must be one of {', '.join(_METRICS)}, not {metric!r}")
        return metric

    def _rows_of(self, contestant: str) -> list[Row]:
        return [row for row in self.rows if row.contestant == contestant]

    def _by_prompt(self, contestant: str, metric: Metric) -> dict[int, float]:
        groups: dict[int, list[Row]] = {}
        for row in self._rows_of(contestant):
            groups.setdefault(row.number, []).append(row)
        means = {number: _mean(rows, metric) for number, rows in groups.items()}
        return {number: mean for number, mean in means.items() if mean is not None}


def _mean(rows: Sequence[Row], metric: Metric) -> float | None:
    values = [value for row in rows if (value := _METRICS[metric][1](row)) is not None]
    return fmean(values) if values else None


def _frame(lines: Iterable[Mapping[str, object]]) -> DataFrame:
    # Takes a third of a second to load, and only a table needs it.
    from pandas import DataFrame

    frame = DataFrame(list(lines))
    numbers = ("score", "cost", "latency", "output_tokens", "difference", "low", "high", "p")
    return frame.astype({name: float for name in numbers if name in frame.columns and frame[name].dtype == object})
