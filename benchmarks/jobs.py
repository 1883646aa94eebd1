"""Jobs beside plain Celery, whose task does nothing: jobs per second and latency, embedded and on Redis.

    python3 benchmarks/jobs.py                  # 1 to 4 workers, some minutes; Redis if it is installed
    python3 benchmarks/jobs.py --jobs 500 --kills 20    # SIGKILL of a worker among 500 jobs at 20 random moments
    python3 benchmarks/jobs.py --soak 10000     # that many jobs end to end, and the memory of the worker

Both sides have the same broker, pool and concurrency. A job of llmlab also stores a row, claims it, gets an answer from
the simulator in its own process, and stores that. Exit code 1 if it is below 70 % of plain Celery's rate.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import psutil

import llmlab
from llmlab.toolkit.interfaces.service import LLMCallRequest, LLMConfig, LLMModelSpec
from llmlab.toolkit.jobs import settings

CONCURRENCY, TARGET = 4, 0.7
BROKERS = ("embedded", *(["redis"] if shutil.which("redis-server") else []))
REQUEST = LLMCallRequest(llm=LLMConfig(prompt="What is 6 * 7?", llm_model_spec=LLMModelSpec(provider="openai")))
PLAIN = """
import os, sys
from celery import signals
from llmlab.toolkit.jobs.settings import open_queue
queue, done = open_queue(), os.open(sys.argv[1], os.O_APPEND | os.O_WRONLY | os.O_CREAT)
@queue.task(name="plain", ignore_result=True)
def plain():
    os.write(done, b".")
signals.worker_ready.connect(lambda **_: print("ready", flush=True), weak=False)
queue.Worker(pool="threads", concurrency=int(sys.argv[2]), quiet=True, loglevel="ERROR", redirect_stdouts=False,
             without_heartbeat=True, without_gossip=True, without_mingle=True).start()
"""


@contextmanager
def plain_worker(counter: Path) -> Iterator[None]:
    """Run a worker of plain Celery."""
    command = [sys.executable, "-W", "ignore", "-c", PLAIN, str(counter), str(CONCURRENCY)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
        process.kill()


def plain_rate(count: int, workers: int) -> float:
    """Return the tasks per second of plain Celery."""
    counter = Path(tempfile.mkdtemp(), "done")
    counter.touch()
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(plain_worker(counter))
        queue, started = settings.open_queue(), time.perf_counter()
        with queue.producer_pool.acquire(block=True) as producer:
            for _ in range(count):
                queue.send_task("plain", producer=producer)
        done, ended = 0, started
        # With files as the broker, plain Celery may lose a message.
        while done < count and time.perf_counter() - ended < 5:
            if (size := counter.stat().st_size) > done:
                done, ended = size, time.perf_counter()
            time.sleep(0.005)
        return done / (ended - started)


def job_rate(count: int, workers: int) -> float:
    """Return the jobs per second of llmlab."""
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(llmlab.worker(CONCURRENCY))
        llmlab.submit_many([REQUEST] * 20).wait(60, progress=False)
        started = time.perf_counter()
        llmlab.submit_many([REQUEST] * count).wait(600, progress=False)
        return count / (time.perf_counter() - started)


def latency(count: int = 30) -> float:
    """Return the seconds from `start_job` to the stored answer, one job at a time: the median."""
    times = []
    with llmlab.worker(1):
        for _ in range(count):
            job = llmlab.job(llmlab.start_job(REQUEST)).wait(60)
            times.append((job.finished_at or 0) - job.created_at)
    return statistics.median(times)


def soak(count: int) -> bool:
    """Run many jobs, and say how the memory of the worker grew in the second half."""
    with llmlab.worker(CONCURRENCY) as worker:
        process, sizes = psutil.Process(worker.pid), []
        started = time.perf_counter()
        for part in range(10):
            group = llmlab.submit_many([REQUEST] * (count // 10))
            group.wait(600, progress=False)
            assert group.counts() == {"succeeded": len(group)}
            sizes.append(process.memory_info().rss / 1e6)
            print(f"{(part + 1) * len(group):>6} jobs, {sizes[-1]:.0f} MB", flush=True)
        print(f"{count / (time.perf_counter() - started):.0f} jobs per second, with their submission")
    return sizes[-1] < sizes[4] + 10


def kills(count: int, times: int) -> None:
    """Kill a worker again and again in the middle of jobs, and check that each job has its one answer."""
    chance, started = random.Random(12), time.perf_counter()
    requests = [replace(REQUEST, llm=replace(REQUEST.llm, prompt=f"What is {n} * 7?")) for n in range(count)]
    left = times
    while left:
        group, done = llmlab.submit_many(requests), 0
        with llmlab.worker(2):
            while left and group.counts().get("succeeded", 0) < count:
                victim = llmlab.worker(2).start()
                time.sleep(chance.uniform(0.0, 1.0))
                victim.kill()
                left, done = left - 1, done + 1
            group.wait(600, progress=False)
        assert group.counts() == {"succeeded": count}
        assert [str(job.result) for job in group] == [f"{n} * 7 = {n * 7}" for n in range(count)]
        again = sum(job.attempts > 1 for job in group)
        print(f"{count} jobs, {done} kills: all answered, {again} begun more than once", flush=True)
    print(f"{times} kills in {time.perf_counter() - started:.0f} s", flush=True)


@contextmanager
def broker(name: str) -> Iterator[None]:
    """Switch to an empty folder, with Redis or without."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        before = Path.cwd()
        os.chdir(folder)
        stack.callback(os.chdir, before)
        os.environ.pop("LLMLAB_BROKER_URL", None)
        if name == "redis":
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL))
            stack.callback(process.kill)
            time.sleep(0.5)
            os.environ["LLMLAB_BROKER_URL"] = f"redis://127.0.0.1:{port}/0"
        yield
        settings.forget()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, and return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=400, help="jobs of each measurement")
    parser.add_argument("--kills", type=int, default=0, help="kill a worker so often, in place of the table")
    parser.add_argument("--soak", type=int, default=0, help="jobs of one long run, in place of the table")
    options = parser.parse_args(arguments)
    met = True
    with llmlab.start("offline", lesson="none", recordings=tempfile.mkdtemp(), pace=0):
        if options.kills:
            for name in BROKERS:
                with broker(name):
                    kills(options.jobs, options.kills)
            return 0
        if options.soak:
            with broker("embedded"):
                return int(not soak(options.soak))
        print("| broker | workers | plain Celery, tasks/s | llmlab, jobs/s | share |\n|---|---:|---:|---:|---:|")
        for name in BROKERS:
            for workers in (1, 2, 4):
                with broker(name):
                    plain, own = plain_rate(options.jobs, workers), job_rate(options.jobs, workers)
                met &= own >= TARGET * plain
                print(f"| {name} | {workers} | {plain:.0f} | {own:.0f} | {own / plain:.2f} |", flush=True)
            with broker(name):
                print(f"\nlatency of one job on {name}: {latency() * 1000:.0f} ms\n", flush=True)
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
