"""What a program does with jobs: start, look, wait, cancel, again; and what is refused before it is stored."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.orm import Session

import llmlab
from llmlab.errors import ConfigurationError, LLMError, LLMInvalidRequestError, LLMTimeoutError
from llmlab.toolkit.interfaces.service import LLMCallRequest, LLMConfig
from llmlab.toolkit.jobs import JobWorker, settings
from llmlab.toolkit.jobs.requests import LONGEST
from llmlab.toolkit.jobs.tables import jobs as table
from llmlab.types.completion import Completion
from tests.jobs.conftest import ask


def run(*ids: str) -> None:
    """Run jobs in this process, as a worker does when their messages come."""
    with JobWorker() as worker:
        for one in ids:
            worker.execute(one)


def test_the_documents_snippet_starts_a_job_and_prints_its_id(
    embedded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from llmlab.toolkit.jobs import start_job

    engine = sqlalchemy.create_engine(f"sqlite:///{embedded}/service.db")
    request = ask("Explain quantum computing")
    with Session(engine) as session:
        # Schedule background job
        job_id = start_job(db=session, request=request, project_id=123, organization_id=456)

        # Job runs asynchronously via Celery
        print(f"Job scheduled: {job_id}")
    assert capsys.readouterr().out == f"Job scheduled: {job_id}\n"
    found = llmlab.jobs(project_id=123, organization_id=456, status="queued", db=engine)
    assert [job.id for job in found] == [job_id]
    engine.dispose()


def test_a_job_says_how_it_is_and_holds_its_answer(embedded: Path) -> None:
    job = llmlab.job(llmlab.start_job(ask()))
    assert (job.status, job.progress, job.attempts, job.result, job.error) == ("queued", 0.0, 0, None, None)
    run(job.id)
    answer = job.result
    assert isinstance(answer, Completion)
    assert (answer.content, answer.provider, answer.source) == ("6 * 7 = 42", "openai", "simulated")
    assert (job.status, job.progress, job.attempts, job.error) == ("succeeded", 1.0, 1, None)
    assert job.started_at
    assert job.finished_at
    assert job.created_at <= job.started_at <= job.finished_at
    assert job.wait(5) is job
    assert "succeeded" in repr(job)
    assert "6 * 7 = 42" in job._repr_html_()


def test_a_failed_call_is_a_failed_job_with_its_error(embedded: Path) -> None:
    """The call has its own retries; a job that repeats it would wait twice."""
    first, second = (llmlab.start_job(ask(model=name)) for name in ("gpt-99", None))
    run(first, second)
    job = llmlab.job(first)
    assert (job.status, job.attempts, job.result) == ("failed", 1, None)
    assert job.error
    assert job.error.startswith("ModelNotFoundError: ")
    assert llmlab.job(second).status == "succeeded"


def test_a_key_of_ones_own_gives_one_job_and_one_answer(embedded: Path) -> None:
    """A program that is started again after a crash must not pay twice."""
    ids = {llmlab.start_job(ask(), idempotency_key="order-17") for _ in range(3)}
    assert len(ids) == 1
    assert len(llmlab.jobs()) == 1


def test_one_key_at_the_same_time_gives_one_job(place: str) -> None:
    """Two programs that begin together must not both pay, nor meet an error of the database."""
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: llmlab.start_job(ask(), idempotency_key="order-18"), range(8)))
    assert len(ids) == 1
    assert len(llmlab.jobs()) == 1


def test_a_group_may_be_larger_than_a_statement(embedded: Path) -> None:
    """SQLite takes 32,766 values in a statement."""
    store = settings.open_jobs()
    ids = store.add([{"request": "{}", "max_attempts": 1}] * 33_000)
    assert store.cancel(ids[-1])
    assert store.ended(ids) == [ids[-1]]
    assert [row.id for row in store.get(ids)] == ids


def test_many_jobs_are_a_group_and_a_frame(embedded: Path) -> None:
    group = llmlab.submit_many([ask(f"What is {n} * 7?") for n in range(5)], project_id=1)
    llmlab.submit_many([ask()], project_id=2, organization_id=3)
    run(*group.ids[:4])
    assert group.counts() == {"queued": 1, "succeeded": 4}
    frame = group.frame()
    assert list(frame["answer"]) == ["0 * 7 = 0", "1 * 7 = 7", "2 * 7 = 14", "3 * 7 = 21", ""]
    assert (frame["cost"][:4] > 0).all()
    assert [len(llmlab.jobs(project_id=1)), len(llmlab.jobs(organization_id=3)), len(llmlab.jobs())] == [5, 1, 6]
    assert [job.id for job in llmlab.jobs(status="queued")] == [group.ids[4], llmlab.jobs(project_id=2)[0].id]
    assert "1 queued" in repr(group)
    assert "3 * 7 = 21" in group._repr_html_()


def test_waiting_shows_one_line_and_ends_at_its_limit(embedded: Path) -> None:
    group = llmlab.submit_many([ask(), ask()])
    run(*group.ids)
    lines: list[str] = []
    group.wait(5, progress=lines.append)
    assert lines == ["jobs: 1 of 2 done", "jobs: 2 of 2 done"]
    late = llmlab.job(llmlab.start_job(ask()))
    with pytest.raises(LLMTimeoutError, match=r"1 of 1 jobs have not ended in 0\.1 s; they go on"):
        late.wait(0.1)


async def _async_life() -> tuple[str, int]:
    from llmlab.toolkit.jobs import start_job_async

    job = llmlab.job(await start_job_async(ask(), 1, 2))
    await asyncio.to_thread(run, job.id)
    await job.wait_async(5)
    group = await llmlab.jobs(project_id=1).wait_async(5, progress=False)
    return job.status, len(group)


def test_the_same_from_async_code(embedded: Path) -> None:
    assert asyncio.run(_async_life()) == ("succeeded", 1)


def test_a_cancelled_job_is_never_run(embedded: Path) -> None:
    job = llmlab.job(llmlab.start_job(ask()))
    assert job.cancel()
    assert not job.cancel()
    run(job.id)
    assert (job.status, job.attempts, job.result) == ("cancelled", 0, None)


def test_cancelling_stops_the_call_that_runs(embedded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer of an hour would be paid to its end."""
    begun, stopped = threading.Event(), threading.Event()

    class Slow(llmlab.OpenAIProvider):
        name = "slow"

        async def complete_async(self, *args: Any, **options: Any) -> Completion:
            begun.set()
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                stopped.set()
                raise
            raise AssertionError

    llmlab.register_provider("slow", Slow)
    job = llmlab.job(llmlab.start_job(ask(provider="slow")))
    with JobWorker() as worker:
        thread = threading.Thread(target=worker.execute, args=(job.id,))
        thread.start()
        assert begun.wait(20)
        assert (job.status, job.progress) == ("running", 0.5)
        job.cancel()
        thread.join(20)
        assert not thread.is_alive()
    assert stopped.is_set()
    assert job.status == "cancelled"


def test_a_job_is_tried_again_as_a_new_job(embedded: Path) -> None:
    """A job has one end; the history stays."""
    job = llmlab.job(llmlab.start_job(ask(), project_id=5))
    with pytest.raises(LLMInvalidRequestError, match="is queued; only a failed or cancelled one is retried"):
        job.retry()
    job.cancel()
    again = job.retry()
    run(again.id)
    assert (job.status, again.status, again.id != job.id) == ("cancelled", "succeeded", True)
    assert len(llmlab.jobs(project_id=5)) == 2


def test_code_that_fails_is_tried_so_often_and_no_more(embedded: Path) -> None:
    """A poisoned job must not come back for ever, and must not end the worker."""
    asked = []

    class Poisoned(llmlab.OpenAIProvider):
        name = "poisoned"

        async def complete_async(self, *args: Any, **options: Any) -> Completion:
            asked.append(1)
            raise ZeroDivisionError("no answer by zero")

    llmlab.register_provider("poisoned", Poisoned)
    job = llmlab.job(llmlab.start_job(ask(provider="poisoned"), max_attempts=2))
    run(*[job.id] * 4)
    assert (job.status, job.attempts, len(asked)) == ("failed", 2, 2)
    assert "no answer by zero" in str(job.error)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"request": "{"}, "the stored request cannot be read: JSONDecodeError"),
        ({"request": "[]"}, "the stored request cannot be read: TypeError"),
        ({"request": '{"version": 1, "llm": {"prompt": "Hi", "llm_model_spec": {"provider": "opnai"}}}'}, "opnai"),
    ],
)
def test_a_damaged_row_fails_alone(row: dict[str, str], reason: str, embedded: Path) -> None:
    damaged, sound = llmlab.start_job(ask()), llmlab.start_job(ask())
    change = sqlalchemy.update(table).where(table.c.id == damaged).values(row)
    settings.open_jobs().run(lambda connection: connection.execute(change))
    run(damaged, sound)
    assert reason in str(llmlab.job(damaged).error)
    assert llmlab.job(sound).status == "succeeded"


def test_a_row_of_an_older_version_is_read(embedded: Path) -> None:
    old = llmlab.start_job(ask())
    row = {"request": json.dumps({"llm": {"prompt": "What is 6 * 7?"}})}
    settings.open_jobs().run(lambda c: c.execute(sqlalchemy.update(table).where(table.c.id == old).values(row)))
    run(old)
    assert llmlab.job(old).result == llmlab.job(old).result
    assert str(llmlab.job(old).result) == "6 * 7 = 42"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ("Hi", "a job takes an LLMCallRequest, not str"),
        (ask("x" * LONGEST), "has at most 1,000,000 characters"),
        (ask("My key is sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD"), "holds a key. Take it out"),
        (LLMCallRequest(llm=LLMConfig(prompt="Hi", options={"tools": [print]})), "a job holds data alone"),
    ],
)
def test_what_cannot_be_stored_is_refused_before_it_is(request_: Any, reason: str, embedded: Path) -> None:
    with pytest.raises(LLMInvalidRequestError, match=reason):
        llmlab.start_job(request_)
    assert len(llmlab.jobs()) == 0


def test_an_unknown_job_and_an_impossible_database_are_named(embedded: Path) -> None:
    with pytest.raises(LLMError, match=r"there is no job 'x'\. python3 -m llmlab jobs list shows those there are"):
        llmlab.job("x")
    with pytest.raises(ConfigurationError, match="invalid URL of a database"):
        llmlab.jobs(db="no url")
    with pytest.raises(ConfigurationError, match="jobs are stored in SQLite or PostgreSQL"):
        llmlab.jobs(db="mysql://root:geheim@host/jobs")
    with pytest.raises(ConfigurationError, match="jobs need a database that workers can open too"):
        llmlab.jobs(db="sqlite://")


def test_a_full_database_loses_nothing(embedded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job waits until there is room again, and its end is stored then."""
    job = llmlab.job(llmlab.start_job(ask()))
    store = settings.open_jobs()

    def set_room(pages: int) -> None:
        store.run(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages}"))

    big = [{"request": "x" * 100_000, "max_attempts": 1}]
    used = store.run(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar())
    set_room(used)
    timer = threading.Timer(1.0, set_room, (1_000_000,))
    timer.start()
    begun = time.monotonic()
    (late,) = store.add(big)
    timer.join()
    assert time.monotonic() - begun > 0.5
    run(job.id)
    assert (job.status, llmlab.job(late).status) == ("succeeded", "queued")
