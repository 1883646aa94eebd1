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
        return DataFrame(lines).astype({"cost": float, "latency": float, "score": float})

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
        means, lines = self._means(metric), []
        for first, second in combinations(self.contestants, 2):
            pairs = (means[first] - means[second]).dropna().tolist()
            found = paired_difference(pairs, confidence) if pairs else (None, None, None, None)
            lines.append((first, second, metric, len(pairs), *found))
        numbers = ("difference", "low", "high", "p")
        frame = DataFrame(lines, columns=["contestant", "than", "metric", "prompts", *numbers])
        return frame.astype(dict.fromkeys(numbers, float))

    def picture(self, metric: Metric | None = None) -> Picture:
        """Return a bar for each contestant: the mean."""
        metric, frame = self._metric(metric), self.frame()
        means = frame[frame["error"] == ""].groupby("contestant")[metric].mean().reindex(self.contestants)
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

    def _means(self, metric: Metric) -> DataFrame:
        """Return the mean of the answers by prompt (rows) and contestant (columns)."""
        frame = self.frame()
        answered = frame[frame["error"] == ""]
        means = answered.groupby(["number", "contestant"])[metric].mean().unstack()
        return means.reindex(columns=list(self.contestants))
