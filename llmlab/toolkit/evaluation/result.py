"""The result of a comparison: every answer, a summary, and differences with how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
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


_UNITS: Final[Mapping[str, str]] = {"score": "", "cost": "USD", "latency": "s", "output_tokens": "tokens"}


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
        # Takes a third of a second to load, and only a table needs it.
        from pandas import DataFrame

        answers = [row.answer for row in self.rows]
        columns = {
            "number": [row.number for row in self.rows],
            "prompt": [row.prompt for row in self.rows],
            "contestant": [row.contestant for row in self.rows],
            "run": [row.run for row in self.rows],
            "answer": [one.content if one else "" for one in answers],
            "input_tokens": [one.usage.input_tokens if one else 0 for one in answers],
            "output_tokens": [one.usage.output_tokens if one else 0 for one in answers],
            "cost": [row.cost for row in self.rows],
            "latency": [one.latency if one else None for one in answers],
            "source": [one.source if one else "" for one in answers],
            "error": [row.error for row in self.rows],
            "score": [row.score for row in self.rows],
            "reason": [row.reason for row in self.rows],
        }
        return DataFrame(columns).astype({"cost": float, "latency": float, "score": float})

    def summary(self) -> DataFrame:
        """Return a line for each contestant: answers, errors, the means of score, latency and output tokens, and the
        sum of costs (NaN if one is not known)."""
        frame = self.frame()
        counts = frame["error"].eq("").groupby(frame["contestant"], sort=False).agg(["sum", "size"])
        answered = frame[frame["error"] == ""].groupby("contestant")
        summary = counts.set_axis(["answers", "errors"], axis=1)
        summary["errors"] -= summary["answers"]
        summary[["score", "latency", "output_tokens"]] = answered[["score", "latency", "output_tokens"]].mean()
        summary["cost"] = answered["cost"].sum(skipna=False).reindex(summary.index, fill_value=0.0)
        return summary

    def differences(self, metric: Metric | None = None, *, confidence: float = 0.95) -> DataFrame:
        """Return the differences between contestants, prompt by prompt, and how sure they are.

        Both answered the same prompts, so a hard prompt is hard for both (a paired test): exact if there are only two
        scores, such as 0 and 1, else Student's t. Several runs of a prompt count as their mean. Prompts without a
        number of both are left out. Interval and p are NaN if the numbers do not say.

        Args:
            metric: score, cost, latency or output_tokens; by default score, or latency without a judge.
            confidence: of the interval.
        """
        from pandas import DataFrame

        metric = self._metric(metric)
        if not 0 < confidence < 1:
            raise ConfigurationError(f"confidence is a share between 0 and 1, such as 0.95, not {confidence!r}")
        # The means of the runs, by prompt (rows) and contestant (columns).
        means = self._answered().groupby(["number", "contestant"])[metric].mean().unstack()
        means, lines = means.reindex(columns=list(self.contestants)), []
        for first, second in combinations(self.contestants, 2):
            pairs = (means[first] - means[second]).dropna().tolist()
            found = paired_difference(pairs, confidence) if pairs else (None, None, None, None)
            lines.append((first, second, metric, len(pairs), *found))
        numbers = ("difference", "low", "high", "p")
        frame = DataFrame(lines, columns=["contestant", "than", "metric", "prompts", *numbers])
        return frame.astype(dict.fromkeys(numbers, float))

    def picture(self, metric: Metric | None = None) -> Picture:
        """Return a bar for each contestant: the mean."""
        metric = self._metric(metric)
        means = self._answered().groupby("contestant")[metric].mean().reindex(self.contestants)
        return bar_chart(
            f"Mean {metric.replace('_', ' ')}", {str(name): mean for name, mean in means.items()}, _UNITS[metric]
        )

    def __repr__(self) -> str:
        prompts = len({row.number for row in self.rows})
        counts = {
            "scored": sum(row.score is not None for row in self.rows),
            "failed": sum(row.answer is None for row in self.rows),
            "without a score: the judge failed": sum(row.score is None and row.reason != "" for row in self.rows),
        }
        parts = [f"{prompts} prompts × {len(self.contestants)} contestants", f"{len(self.rows)} answers"]
        return f"Comparison({', '.join([*parts, *(f'{count} {what}' for what, count in counts.items() if count)])})"

    def _repr_html_(self) -> str:
        html: str = self.summary().to_html()
        return html

    def _metric(self, metric: Metric | None) -> Metric:
        if metric is None:
            return "score" if any(row.score is not None for row in self.rows) else "latency"
        if metric not in _UNITS:
            raise ConfigurationError(f"metric must be one of {', '.join(_UNITS)}, not {metric!r}")
        return metric

    def _answered(self) -> DataFrame:
        frame = self.frame()
        return frame[frame["error"] == ""]
