"""Flows side by side. If one fails, a job is lost, done twice, or a program waits for ever."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab.toolkit.batches.workers import Job, Workers
from llmlab.transport.driver import Flow, Sleep, run, run_async


class Work:
    """Counts finished, interrupted and simultaneous jobs."""

    def __init__(self, steps: list[int]) -> None:
        self.steps = steps
        self.done: list[int] = []
        self.ended: list[int] = []
        self.now = self.most = 0
        self.lock = threading.Lock()

    def job(self, number: int) -> Job:
        def flow() -> Flow[None]:
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            try:
                for _ in range(self.steps[number]):
                    yield Sleep(0)
                self.done.append(number)
            finally:
                with self.lock:
                    self.now -= 1
                self.ended.append(number)

        return flow

    def workers(self, in_flight: int) -> Workers:
        return Workers([self.job(number) for number in range(len(self.steps))], in_flight)


def wait(workers: Workers) -> Flow[None]:
    while True:
        change = workers.next_change()
        if workers.idle:
            return
        yield from workers.wait(change, 10)


def finish(workers: Workers, *, tasks: bool) -> None:
    """Start the workers and wait for their end."""

    async def in_tasks() -> None:
        workers.start(tasks=True)
        await run_async(wait(workers))

    if tasks:
        asyncio.run(in_tasks())
    else:
        workers.start(tasks=False)
        run(wait(workers))


@given(st.lists(st.integers(0, 5), max_size=25), st.integers(1, 8), st.booleans())
def test_every_job_is_done_once_and_never_too_many_at_once(steps: list[int], in_flight: int, tasks: bool) -> None:
    work = Work(steps)
    finish(work.workers(in_flight), tasks=tasks)
    assert sorted(work.done) == list(range(len(steps)))
    assert work.most <= in_flight


@settings(max_examples=30)
@given(st.integers(1, 4), st.integers(0, 6))
def test_cancelling_at_any_time_leaves_no_task_and_no_open_flow(in_flight: int, steps: int) -> None:
    work = Work([3] * 10)

    async def cancelled() -> None:
        workers = work.workers(in_flight)
        workers.start(tasks=True)
        for _ in range(steps):
            await asyncio.sleep(0)
        await workers.cancel()
        assert workers.idle
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(cancelled())
    assert sorted(work.ended) == list(range(len(work.ended)))
    assert work.now == 0


def test_one_change_wakes_all_who_wait() -> None:
    """A wake-up that is lost is a program that hangs."""
    work, gate = Work([0] * 3), threading.Event()

    def held() -> Flow[None]:
        gate.wait(10)
        yield Sleep(0)

    workers = Workers([held, *(work.job(number) for number in range(3))], 1)
    change, woken = workers.next_change(), []

    def wait_for_it() -> None:
        run(workers.wait(change))
        woken.append(True)

    threads = [threading.Thread(target=wait_for_it) for _ in range(5)]
    for thread in threads:
        thread.start()

    async def give_up() -> None:
        waiting = asyncio.ensure_future(run_async(workers.wait(change)))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(give_up())
    workers.start(tasks=False)
    gate.set()
    for thread in threads:
        thread.join(10)
    assert len(woken) == 5
    run(wait(workers))


def test_a_wait_ends_with_the_change_or_the_time() -> None:
    workers = Work([]).workers(1)
    change = workers.next_change()
    run(workers.wait(change, 0))
    asyncio.run(run_async(workers.wait(change, 0)))
    workers.stop()
    run(workers.wait(change))


@pytest.mark.parametrize("tasks", [False, True])
def test_an_exception_of_a_job_stops_the_workers_and_is_kept(tasks: bool) -> None:
    def broken() -> Flow[None]:
        yield Sleep(0)
        raise RuntimeError("a mistake of ours")

    work = Work([0] * 50)
    workers = Workers([broken, *(work.job(number) for number in range(50))], 1)
    finish(workers, tasks=tasks)
    assert isinstance(workers.failure, RuntimeError)
    assert work.done == []
