"""Compare models: the same prompts to several of them, side by side, and gone on with where it was stopped."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from llmlab.errors import ConfigurationError, LLMError
from llmlab.formats.parsing import text
from llmlab.models import price_of
from llmlab.policies import Policy
from llmlab.providers import Provider
from llmlab.toolkit.batches.items import Item, to_requests
from llmlab.toolkit.batches.journal import Journal, as_json, from_json
from llmlab.toolkit.batches.local import plain
from llmlab.toolkit.batches.progress import Progress, Show
from llmlab.toolkit.batches.workers import Crew, Job
from llmlab.toolkit.evaluation.candidates import Contestants, named
from llmlab.toolkit.evaluation.judge import Judge, JudgeFunction, Verdict, checked, judged
from llmlab.toolkit.evaluation.result import Comparison, Row
from llmlab.transport.driver import Flow, Wait
from llmlab.types.completion import Completion
from llmlab.types.request import Request


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
    """Ask several models the same, and compare answers, scores, cost and latency. Errors are results, too.

    Args:
        prompts: what is asked: prompts, `Request`s, or dicts with `prompt` and options.
        contestants: who is asked: providers, or names of providers or models; a mapping gives each a label.
        n: how often each is asked each prompt.
        judge: a function of answer and prompt that returns a score, or `Judge(provider, criteria)`.
        in_flight: calls at once.
        limits: a policy that all contestants share, where they are given by name.
        resume: a file of JSON lines that keeps what is answered. Started again with the same file, only what is
            missing, and what failed, is asked.
        progress: whether to show how far it is, where somebody looks; or a function that is given the text.
        options: what `complete` takes, for all.

    Raises:
        LLMInvalidRequestError: lists what is wrong with which prompt; nothing was sent.
        ConfigurationError: if something else of this is wrong.
    """
    run = _Run(prompts, contestants, limits, n, judge, in_flight, resume, options)
    run.crew.start()
    try:
        run.watcher().run(run.watched(progress))
    finally:
        run.crew.stop()
    for provider in run.made:
        provider.close()
    return run.comparison()


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
    """The async twin of `compare`. Cancelling it cancels the calls that are under way."""
    run = _Run(prompts, contestants, limits, n, judge, in_flight, resume, options)
    run.crew.start_tasks()
    try:
        await run.watcher().run_async(run.watched(progress))
    finally:
        await run.crew.cancel()
        for provider in run.made:
            await provider.aclose()
    return run.comparison()


class _Run:
    """One comparison under way."""

    def __init__(
        self,
        prompts: Iterable[Item],
        given: Contestants,
        limits: Policy | None,
        n: int,
        judge: Judge | JudgeFunction | None,
        in_flight: int,
        resume: str | Path | None,
        options: dict[str, Any],
    ) -> None:
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise ConfigurationError(f"n is how often each prompt is asked, a number from 1 on, not {n!r}")
        checked(judge)
        contestants, self.made = named(given, limits)
        self._contestants = contestants
        self._judge = judge
        self._judged_by = _fingerprint(judge.criteria, judge.provider.model) if isinstance(judge, Judge) else ""
        self._journal = None if resume is None else Journal(resume)
        self._rows: dict[_Place, Row] = {}
        self._asked = _checked(prompts, contestants, n, options)
        kept = {text(line.get("key")): line for line in self._journal.read()} if self._journal else {}
        jobs = [job for place, asked in self._asked.items() if (job := self._job(place, *asked, kept)) is not None]
        self.crew = Crew(jobs, in_flight)

    def watched(self, shown: bool | Show) -> Flow[None]:
        """Wait until all is answered, and say how far it is."""
        progress = Progress(shown)
        try:
            while True:
                seen, over = self.crew.version, self.crew.over
                if self.crew.failure is not None:
                    raise self.crew.failure
                failed = sum(row.answer is None for row in list(self._rows.values()))
                said = f"compared {len(self._rows)} of {len(self._asked)}"
                progress.say(said + (f", {failed} failed" if failed else ""))
                if over:
                    return
                yield Wait(self.crew.change(seen))
        finally:
            progress.end()

    def comparison(self) -> Comparison:
        """Return what was found, in the order in which it was asked for."""
        return Comparison(tuple(self._rows[place] for place in self._asked), tuple(self._contestants))

    def watcher(self) -> Provider:
        """Return somebody whose drivers can run `watched`."""
        return next(iter(self._contestants.values()))

    def _job(self, place: _Place, request: Request, key: str, kept: Mapping[str, Mapping[str, Any]]) -> Job | None:
        """Return what is left to do for one answer, or None if all of it is in the file."""
        line = kept.get(key, {})
        found = from_json(line)
        answer = found if isinstance(found, Completion) else None
        score = line.get("score")
        judged = isinstance(score, float) and bool(self._judged_by) and line.get("judged_by") == self._judged_by
        if answer is not None and (self._judge is None or judged):
            self._note(place, request, answer, Verdict(score if judged else None, text(line.get("reason"))))
            return None
        return self._contestants[place.contestant], lambda: self._ask(place, request, key, answer)

    def _ask(self, place: _Place, request: Request, key: str, kept: Completion | None) -> Flow[None]:
        outcome: Completion | LLMError
        try:
            outcome = kept or (yield from self._contestants[place.contestant].complete_flow(request))
        except LLMError as error:
            outcome = error
        verdict = Verdict(None)
        if isinstance(outcome, Completion) and self._judge is not None:
            verdict = yield from judged(self._judge, outcome.content, request.messages[-1].content)
        if self._journal is not None:
            judgement = {**verdict._asdict(), "judged_by": self._judged_by}
            self._journal.write({"key": key, **as_json(outcome), **judgement})
        self._note(place, request, outcome, verdict)

    def _note(self, place: _Place, request: Request, outcome: Completion | LLMError, verdict: Verdict) -> None:
        cost = _cost(outcome, self._contestants[place.contestant]) if isinstance(outcome, Completion) else None
        self._rows[place] = Row(place.number, request.messages[-1].content, *place[1:], outcome, cost, *verdict)


class _Place(NamedTuple):
    """Which answer is meant: the place of its prompt, the contestant's label, and which of several times."""

    number: int
    contestant: str
    run: int


def _checked(
    prompts: Iterable[Item], contestants: Mapping[str, Provider], n: int, options: Mapping[str, Any]
) -> dict[_Place, tuple[Request, str]]:
    """Return every request that is to be made, with the key that it is kept under.

    Raises:
        LLMInvalidRequestError: lists what is wrong with which prompt.
    """
    listed = list(prompts) if isinstance(prompts, Iterable) and not isinstance(prompts, (str, Mapping)) else prompts
    found: dict[_Place, tuple[Request, str]] = {}
    for label, provider in contestants.items():
        times: Counter[str] = Counter()
        for number, request in enumerate(to_requests(listed, provider, options)):
            fingerprint = _fingerprint(label, provider.name, plain(request))
            for run in range(n):
                # The same prompt a second time is asked a second time.
                found[_Place(number, label, run)] = request, _fingerprint(fingerprint, times[fingerprint])
                times[fingerprint] += 1
    order = {label: at for at, label in enumerate(contestants)}
    return dict(sorted(found.items(), key=lambda item: (item[0].number, order[item[0].contestant], item[0].run)))


def _fingerprint(*what: object) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=repr).encode()).hexdigest()[:24]


def _cost(answer: Completion, provider: Provider) -> float | None:
    usage, who = answer.usage, answer.provider or provider.name
    if usage.cost is not None:
        return usage.cost
    found = price_of(usage.input_tokens, usage.output_tokens, answer.model, who)
    return price_of(usage.input_tokens, usage.output_tokens, provider.model, who) if found is None else found
