"""Work done side by side. If one fails, a job is lost, done twice, or somebody waits for ever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab.providers import Provider, get_provider
from llmlab.toolkit.batches.workers import Crew
from llmlab.transport.driver import Flow, Sleep, Wait

LLM: Provider = get_provider("ollama")


class Work:
    """Counts what is done, and how much at once."""

    def __init__(self, steps: list[int]) -> None:
        self.steps = steps
        self.done: list[int] = []
        self.now = self.most = 0
        self.lock = threading.Lock()

    def job(self, number: int) -> Callable[[], Flow[None]]:
        def flow() -> Flow[None]:
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            for _ in range(self.steps[number]):
                yield Sleep(0)
            with self.lock:
                self.now -= 1
                self.done.append(number)

        return flow

    def crew(self, in_flight: int) -> Crew:
        return Crew([(LLM, self.job(number)) for number in range(len(self.steps))], in_flight)


def waited(crew: Crew) -> Flow[None]:
    while True:
        seen, over = crew.version, crew.over
        if over:
            return
        yield Wait(crew.change(seen, 10))


JOBS = st.lists(st.integers(0, 5), max_size=25)


@settings(max_examples=40, deadline=None)
@given(JOBS, st.integers(1, 8))
def test_threads_do_every_job_once_and_never_too_many_at_once(steps: list[int], in_flight: int) -> None:
    work = Work(steps)
    crew = work.crew(in_flight)
    crew.start()
    LLM.run(waited(crew))
    assert sorted(work.done) == list(range(len(steps)))
    assert work.most <= in_flight


@settings(max_examples=40, deadline=None)
@given(JOBS, st.integers(1, 8))
def test_tasks_do_every_job_once_and_never_too_many_at_once(steps: list[int], in_flight: int) -> None:
    work = Work(steps)

    async def whole() -> None:
        crew = work.crew(in_flight)
        crew.start_tasks()
        await LLM.run_async(waited(crew))

    asyncio.run(whole())
    assert sorted(work.done) == list(range(len(steps)))
    assert work.most <= in_flight


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(0, 6))
def test_cancelling_at_any_moment_leaves_no_task_and_no_open_flow(in_flight: int, moment: int) -> None:
    work = Work([3] * 10)
    ended: list[int] = []

    def job(number: int) -> Callable[[], Flow[None]]:
        def flow() -> Flow[None]:
            try:
                yield from work.job(number)()
            finally:
                ended.append(number)

        return flow

    async def whole() -> None:
        crew = Crew([(LLM, job(number)) for number in range(10)], in_flight)
        crew.start_tasks()
        for _ in range(moment):
            await asyncio.sleep(0)
        await crew.cancel()
        assert crew.over
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(whole())
    # Each job that was begun has ended, finished or not.
    assert sorted(ended) == list(range(len(ended)))


def test_many_wait_for_one_change() -> None:
    """A wake-up that is lost is a program that hangs."""
    work, gate = Work([0] * 3), threading.Event()

    def held() -> Flow[None]:
        gate.wait(10)
        yield Sleep(0)

    crew = Crew([(LLM, held), *((LLM, work.job(number)) for number in range(3))], 1)
    woken: list[bool] = []

    def wait(seen: int) -> None:
        crew.change(seen).wait()
        woken.append(True)

    threads = [threading.Thread(target=wait, args=(crew.version,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    crew.start()
    gate.set()
    for thread in threads:
        thread.join(10)
    assert len(woken) == 5
    LLM.run(waited(crew))


def test_a_change_that_has_come_already_is_not_waited_for() -> None:
    crew = Work([]).crew(1)
    seen = crew.version
    crew.stop()
    crew.change(seen).wait()
    assert crew.version > seen


def test_waiting_can_end_without_a_change() -> None:
    crew = Work([]).crew(1)
    crew.change(crew.version, 0).wait()
    asyncio.run(crew.change(crew.version, 0).wait_async())


@pytest.mark.parametrize("tasks", [False, True])
def test_what_leaves_a_job_stops_the_crew_and_is_kept(tasks: bool) -> None:
    def broken() -> Flow[None]:
        yield Sleep(0)
        raise RuntimeError("a mistake of ours")

    work = Work([0] * 50)
    jobs: list[Any] = [(LLM, broken), *((LLM, work.job(number)) for number in range(50))]
    crew = Crew(jobs, 1)

    async def whole() -> None:
        crew.start_tasks()
        await LLM.run_async(waited(crew))

    if tasks:
        asyncio.run(whole())
    else:
        crew.start()
        LLM.run(waited(crew))
    assert isinstance(crew.failure, RuntimeError)
    assert work.done == []
