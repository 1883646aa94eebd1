"""Compare models: the same prompts to several of them, side by side; a stopped run can continue."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
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
from llmlab.toolkit.batches.workers import Job, Workers
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


class _Key(NamedTuple):
    """Which answer: the index of its prompt, the contestant's label, and the number of the repetition."""

    number: int
    contestant: str
    run: int


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
        self._rows: dict[_Key, Row] = {}
        self._requests = _requests(prompts, self._providers, n, options)
        lines = {text(line.get("key")): line for line in self._journal.read()} if self._journal else {}
        jobs = [
            job
            for key, (request, name) in self._requests.items()
            if (job := self._job(key, request, name, lines.get(name, {}))) is not None
        ]
        self.workers = Workers(jobs, in_flight)

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
                progress.show(f"compared {len(self._rows)} of {len(self._requests)}{errors}")
                if idle:
                    return
                yield from self.workers.wait(change)
        finally:
            progress.end()

    def result(self) -> Comparison:
        """Return the answers in the order of the requests. Missing scores are logged: a mean would hide them."""
        rows = tuple(self._rows[key] for key in self._requests)
        unscored = [row for row in rows if row.answer and row.score is None and self._judge is not None]
        if unscored:
            example = unscored[0]
            _log.warning(
                "the judge gave no score for %d of %d answers, first for %r of %s: %s",
                len(unscored),
                len(rows),
                example.prompt,
                example.contestant,
                example.reason,
            )
        return Comparison(rows, tuple(self._providers))

    def _job(self, key: _Key, request: Request, name: str, line: Mapping[str, Any]) -> Job | None:
        """Return what is left to do for one answer, or None if the file has all of it."""
        answer, score = answer_from_json(line), line.get("score")
        is_judged = isinstance(score, float) and bool(self._judged_by) and line.get("judged_by") == self._judged_by
        if answer is not None and (self._judge is None or is_judged):
            self._store(key, request, answer, Verdict(score if is_judged else None, text(line.get("reason"))))
            return None
        return partial(self._answer, key, request, name, answer)

    def _answer(self, key: _Key, request: Request, name: str, stored: Completion | None) -> Flow[None]:
        outcome: Completion | LLMError
        try:
            outcome = stored or (yield from self._providers[key.contestant].complete_flow(request))
        except LLMError as error:
            outcome = error
        verdict = Verdict(None)
        if isinstance(outcome, Completion) and self._judge is not None:
            verdict = yield from judge_flow(self._judge, outcome.content, request.messages[-1].content)
        if self._journal is not None:
            scores = {**verdict._asdict(), "judged_by": self._judged_by}
            self._journal.write({"key": name, **outcome_to_json(outcome), **scores})
        self._store(key, request, outcome, verdict)

    def _store(self, key: _Key, request: Request, outcome: Completion | LLMError, verdict: Verdict) -> None:
        cost = _cost(outcome, self._providers[key.contestant]) if isinstance(outcome, Completion) else None
        self._rows[key] = Row(key.number, request.messages[-1].content, *key[1:], outcome, cost, *verdict)


def _requests(
    prompts: Iterable[Item], providers: Mapping[str, Provider], n: int, options: Mapping[str, Any]
) -> dict[_Key, tuple[Request, str]]:
    """Return all requests, by prompt, contestant and run, each with its name in the file.

    Raises:
        LLMInvalidRequestError: lists what is wrong with which prompt.
    """
    if isinstance(prompts, Iterable) and not isinstance(prompts, (str, Mapping)):
        prompts = list(prompts)
    checked = {label: to_requests(prompts, provider, options) for label, provider in providers.items()}
    requests: dict[_Key, tuple[Request, str]] = {}
    times: Counter[str] = Counter()
    for number in range(len(next(iter(checked.values())))):
        for label, provider in providers.items():
            request = checked[label][number]
            content = _hash(label, provider.name, to_json(request))
            for run_number in range(n):
                # The same prompt a second time is another request.
                requests[_Key(number, label, run_number)] = request, _hash(content, times[content])
                times[content] += 1
    return requests


def _hash(*values: object) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=repr).encode()).hexdigest()[:24]


def _cost(answer: Completion, provider: Provider) -> float | None:
    usage, name = answer.usage, answer.provider or provider.name
    if usage.cost is not None:
        return usage.cost
    cost = price_of(usage.input_tokens, usage.output_tokens, answer.model, name)
    return price_of(usage.input_tokens, usage.output_tokens, provider.model, name) if cost is None else cost
