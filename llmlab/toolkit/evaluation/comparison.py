"""Compare models: the same prompts to several of them, side by side; a stopped run can continue."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from llmlab.errors import ConfigurationError, LLMError
from llmlab.formats.parsing import text
from llmlab.models import price_of
from llmlab.policies import Policy
from llmlab.providers import Provider
from llmlab.toolkit.batches.journal import Journal, answer_from_json, outcome_to_json
from llmlab.toolkit.batches.progress import Progress, Show
from llmlab.toolkit.batches.requests import Item, to_json, to_requests
from llmlab.toolkit.batches.workers import Workers
from llmlab.toolkit.evaluation.candidates import Contestants, find_contestants
from llmlab.toolkit.evaluation.judge import Judge, JudgeFunction, Verdict, check_judge, judge_flow
from llmlab.toolkit.evaluation.result import Comparison, Row
from llmlab.transport.driver import Flow, run, run_async
from llmlab.types.completion import Completion
from llmlab.types.request import Request
from llmlab.types.validation import is_count

_log = logging.getLogger("llmlab")


def compare(
    prompts: Iterable[Item],
    contestants: Contestants,
    *,
    n: int = 1,
    judge: Judge | JudgeFunction | None = None,
    in_flight: int = 4,
    limits: Policy | None = None,
    resume: str | Path | None = None,
    progress: bool | Show = True,
    **options: Any,
) -> Comparison:
    """Send the same prompts to several models, and compare answers, scores, cost and latency. Errors are results too.

    Args:
        prompts: prompts, `Request`s, or dicts with `prompt` and options.
        contestants: providers, or names of providers or models; a mapping gives each a label.
        n: how often each prompt is sent to each contestant.
        judge: a function of answer and prompt that returns a score, or `Judge(provider, criteria)`.
        in_flight: calls at once.
        limits: a policy that all contestants share, if they are given by name.
        resume: a file of answers (JSON lines). With the same file, a second run sends only what is missing or failed.
        progress: whether to show the progress in a notebook or a terminal; or a function that gets the text.
        options: what `complete` takes, for all.

    Raises:
        LLMInvalidRequestError: lists what is wrong with which prompt; nothing was sent.
        ConfigurationError: for another wrong argument.
    """
    comparing = _Run(prompts, contestants, limits, n, judge, in_flight, resume, options)
    comparing.workers.start(tasks=False)
    try:
        run(comparing.watch(progress))
    finally:
        comparing.workers.stop()
    for provider in comparing.created:
        provider.close()
    return comparing.result()


async def compare_async(
    prompts: Iterable[Item],
    contestants: Contestants,
    *,
    n: int = 1,
    judge: Judge | JudgeFunction | None = None,
    in_flight: int = 4,
    limits: Policy | None = None,
    resume: str | Path | None = None,
    progress: bool | Show = True,
    **options: Any,
) -> Comparison:
    """The async twin of `compare`. Cancelling it cancels the calls in flight."""
    comparing = _Run(prompts, contestants, limits, n, judge, in_flight, resume, options)
    comparing.workers.start(tasks=True)
    try:
        await run_async(comparing.watch(progress))
    finally:
        await comparing.workers.cancel()
        for provider in comparing.created:
            await provider.aclose()
    return comparing.result()


class _Task(NamedTuple):
    """One answer to get: its place in the result, and its name in the file."""

    number: int
    contestant: str
    run: int
    request: Request
    name: str


class _Run:
    """A comparison in progress."""

    def __init__(
        self,
        prompts: Iterable[Item],
        contestants: Contestants,
        limits: Policy | None,
        n: int,
        judge: Judge | JudgeFunction | None,
        in_flight: int,
        resume: str | Path | None,
        options: dict[str, Any],
    ) -> None:
        if not is_count(n):
            raise ConfigurationError(f"n is how often each prompt is sent, a number from 1 on, not {n!r}")
        check_judge(judge)
        self._providers, self.created = find_contestants(contestants, limits)
        self._judge = judge
        self._judged_by = _hash(judge.criteria, judge.provider.model) if isinstance(judge, Judge) else ""
        self._journal = None if resume is None else Journal(resume)
        self._tasks = list(_tasks(prompts, self._providers, n, options))
        self._rows: dict[str, Row] = {}
        lines = {text(line.get("key")): line for line in self._journal.read()} if self._journal else {}
        self.workers = Workers(
            [partial(self._answer, task, lines.get(task.name, {})) for task in self._tasks], in_flight
        )

    def watch(self, shown: bool | Show) -> Flow[None]:
        """Wait for all answers, and show the progress."""
        progress = Progress(shown)
        try:
            while True:
                # Taken first: an answer that comes in after this line is the next change.
                change, idle = self.workers.next_change(), self.workers.idle
                if self.workers.failure is not None:
                    raise self.workers.failure
                failed = sum(row.answer is None for row in list(self._rows.values()))
                errors = f", {failed} failed" if failed else ""
                progress.show(f"compared {len(self._rows)} of {len(self._tasks)}{errors}")
                if idle:
                    return
                yield from self.workers.wait(change)
        finally:
            progress.end()

    def result(self) -> Comparison:
        """Return the answers in the order of the tasks. Missing scores are logged: a mean would hide them."""
        rows = tuple(self._rows[task.name] for task in self._tasks)
        unscored = [row for row in rows if row.answer and row.score is None and self._judge is not None]
        if unscored:
            _log.warning(
                "the judge gave no score for %d of %d answers, first for %r of %s: %s",
                len(unscored),
                len(rows),
                unscored[0].prompt,
                unscored[0].contestant,
                unscored[0].reason,
            )
        return Comparison(rows, tuple(self._providers))

    def _answer(self, task: _Task, line: Mapping[str, Any]) -> Flow[None]:
        """Get an answer and its score: from its line in the file, else from the contestant and the judge."""
        provider, prompt = self._providers[task.contestant], task.request.messages[-1].content
        stored, score, verdict = answer_from_json(line), line.get("score"), Verdict(None)
        outcome: Completion | LLMError
        try:
            outcome = stored or (yield from provider.complete_flow(task.request))
        except LLMError as error:
            outcome = error
        is_new = stored is None
        if isinstance(outcome, Completion) and self._judge is not None:
            if stored and isinstance(score, float) and line.get("judged_by") == self._judged_by != "":
                verdict = Verdict(score, text(line.get("reason")))
            else:
                verdict, is_new = (yield from judge_flow(self._judge, outcome.content, prompt)), True
        if is_new and self._journal is not None:
            scores = {**verdict._asdict(), "judged_by": self._judged_by}
            self._journal.write({"key": task.name, **outcome_to_json(outcome), **scores})
        cost = _cost(outcome, provider) if isinstance(outcome, Completion) else None
        self._rows[task.name] = Row(task.number, prompt, task.contestant, task.run, outcome, cost, *verdict)


def _tasks(
    prompts: Iterable[Item], providers: Mapping[str, Provider], n: int, options: Mapping[str, Any]
) -> Iterator[_Task]:
    """Return all tasks, by prompt, contestant and run.

    Raises:
        LLMInvalidRequestError: lists what is wrong with which prompt.
    """
    if isinstance(prompts, Iterable) and not isinstance(prompts, (str, Mapping)):
        prompts = list(prompts)
    requests = [to_requests(prompts, provider, options) for provider in providers.values()]
    times: Counter[str] = Counter()
    for number, same_prompt in enumerate(zip(*requests, strict=True)):
        for (label, provider), request in zip(providers.items(), same_prompt, strict=True):
            content = _hash(label, provider.name, to_json(request))
            for run_number in range(n):
                # The same prompt a second time is another task.
                yield _Task(number, label, run_number, request, _hash(content, times[content]))
                times[content] += 1


def _hash(*values: object) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=repr).encode()).hexdigest()[:24]


def _cost(answer: Completion, provider: Provider) -> float | None:
    usage, name = answer.usage, answer.provider or provider.name
    if usage.cost is not None:
        return usage.cost
    cost = price_of(usage.input_tokens, usage.output_tokens, answer.model, name)
    return price_of(usage.input_tokens, usage.output_tokens, provider.model, name) if cost is None else cost
