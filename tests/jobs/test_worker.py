"""Workers as processes: killed, stopped, two of them, and with a broker or a database that goes away."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import llmlab
from llmlab.errors import ConfigurationError, LLMError
from llmlab.toolkit.jobs import JobLimits, JobWorker, settings
from tests.jobs.conftest import Redis, Relay, ask

COUNT = 40


def answers(group: llmlab.JobGroup) -> list[str]:
    return [str(job.result) for job in group]


def products(count: int = COUNT) -> tuple[llmlab.JobGroup, list[str]]:
    """Start jobs, and return them with the answers that they must have."""
    group = llmlab.submit_many([ask(f"What is {n} * 7?") for n in range(count)])
    return group, [f"{n} * 7 = {n * 7}" for n in range(count)]


def test_a_worker_that_is_killed_loses_no_job_and_answers_none_twice(place: str) -> None:
    group, expected = products()
    with llmlab.worker(2) as second:
        for seed in range(2):
            first = llmlab.worker(2).start()
            time.sleep(random.Random(seed).uniform(0.0, 0.3))
            first.kill()
        assert second.pid
        group.wait(60, progress=False)
    assert answers(group) == expected
    assert group.counts() == {"succeeded": COUNT}
    assert all(1 <= job.attempts <= 3 for job in group)


def test_a_worker_that_is_told_to_stop_gives_back_what_it_did_not_begin(embedded: Path) -> None:
    group, expected = products()
    worker = llmlab.worker(1).start()
    worker.stop()
    assert worker.pid == 0
    assert set(group.counts()) <= {"queued", "succeeded"}
    with llmlab.worker(4):
        group.wait(60, progress=False)
    assert answers(group) == expected


def test_a_broker_that_is_killed_and_comes_back_loses_no_job(real: Redis) -> None:
    with llmlab.worker(2):
        first, expected = products()
        real.kill()
        # Rows are stored without a broker, and an idle worker sends their messages.
        second = llmlab.submit_many([ask()])
        time.sleep(0.5)
        real.start()
        first.wait(60, progress=False)
        second.wait(60, progress=False)
    assert answers(first) == expected
    assert answers(second) == ["6 * 7 = 42"]


def test_a_database_that_is_away_for_a_while_loses_no_job(relay: Relay) -> None:
    """Ten seconds are a restart of the server."""
    with llmlab.worker(2):
        group, expected = products()
        relay.cut()
        time.sleep(10)
        relay.mend()
        group.wait(90, progress=False)
    assert answers(group) == expected


def test_messages_hold_an_id_alone_and_those_of_other_versions_are_read(embedded: Path) -> None:
    """A message may be older than the worker, and anybody at the broker can read it."""
    job_id = llmlab.start_job(ask("My secret is a blue parrot."))
    (message,) = Path(".llmlab/queue/messages").iterdir()
    assert "parrot" not in message.read_text()
    message.unlink()
    settings.open_queue().send_task("llmlab.run_job", (job_id, "later"), {"version": 0})
    with llmlab.worker(1):
        assert llmlab.job(job_id).wait(30).status == "succeeded"


def test_limits_hold_over_all_workers(embedded: Path) -> None:
    """Each worker alone would keep the limit, and all together would break it."""
    group, _ = products(6)
    limits = JobLimits(requests_per_minute=4)
    with JobWorker(limits=limits) as one, JobWorker(limits=limits) as two:
        for number, job_id in enumerate(group.ids[:4]):
            (one, two)[number % 2].execute(job_id)
        wait = settings.open_jobs().run(limits.wait)
    assert group.counts() == {"queued": 2, "succeeded": 4}
    assert 50 < wait <= 60


def test_a_spent_budget_fails_the_jobs_that_come_after(embedded: Path) -> None:
    group, _ = products(2)
    with JobWorker() as worker:
        worker.execute(group.ids[0])
    with JobWorker(limits=JobLimits(max_usd=0.0000001)) as worker:
        worker.execute(group.ids[1])
    assert str(group[1].error).startswith("BudgetExceededError: the jobs have cost $")


def test_no_more_jobs_run_at_once_than_allowed(embedded: Path) -> None:
    group, _ = products(1)
    store = settings.open_jobs()
    limits = JobLimits(in_flight=1)
    assert store.run(limits.wait) == 0
    store.beat("w")
    assert store.claim(group.ids[0], "w", limits)[0] is not None
    assert store.run(limits.wait) > 0


def test_a_worker_that_cannot_start_says_why(embedded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMLAB_JOBS_URL", "nothing")
    with pytest.raises(ConfigurationError, match="the worker did not start: llmlab: invalid URL of a database"):
        llmlab.worker().start()


@pytest.mark.parametrize("reason", ["Ctrl-C", "its notebook is gone"])
def test_the_command_runs_until_it_is_told_to_stop(reason: str, embedded: Path) -> None:
    """A worker that outlives a dead notebook would go on, and spend, unseen."""
    command = [sys.executable, "-m", "llmlab", "worker", "--concurrency", "1", "--mode", "offline"]
    command += ["--until-stdin-ends"] * (reason != "Ctrl-C")
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=dict(os.environ))
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == "The worker takes jobs.\n"
    if reason == "Ctrl-C":
        process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert output.endswith("The worker has ended.\n")
    assert "Warning" not in errors
    assert process.returncode == 0


def test_a_job_without_a_broker_is_stored_and_waits(embedded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMLAB_BROKER_URL", "redis://127.0.0.1:9/0")
    settings.forget()
    job = llmlab.job(llmlab.start_job(ask()))
    assert job.status == "queued"
    with pytest.raises(LLMError, match="have not ended"):
        job.wait(0.05)
