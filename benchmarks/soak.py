"""Many mixed calls against a server that fails a fifth of them: does every call end well, and does nothing leak?

    python3 benchmarks/soak.py                  # 20,000 calls, about a minute
    python3 benchmarks/soak.py --calls 2000

Sync calls in 8 threads, then async calls with 100 in flight, over real connections on loopback, to the simulator in a
process of its own. A call may end in a `Completion` or in an `LLMError`, and in nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import llmlab
from llmlab.providers import Provider

THREADS, IN_FLIGHT, SHARE = 8, 100, 0.2
FAULTS = [
    "rate_limit;retry_after=0",
    "server_error",
    "overloaded",
    "connect_refused",
    "cut_stream",
    "malformed_json",
    "wrong_content_type",
    "empty_stream",
    "duplicate_usage",
    "split_utf8",
]
QUESTIONS = ("Why is the sky blue?", "What is 17 * 23?", "Write a haiku about the sea.", "Was ist ein Token?")
KEYLESS = ("ollama", "local_gpt_oss")


@dataclass
class Report:
    """What came of it.

    Args:
        calls: how many were made.
        outcomes: how many ended in a completion, or in which class of error.
        unexpected: what else came out, as text.
        leaked_files: file descriptors that are open now and were not before.
        leaked_tasks: tasks that were still running at the end of the async half.
        growth: MB by which the peak of resident memory rose in the second half of the calls.
        seconds: how long it took.
    """

    calls: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    leaked_files: int = 0
    leaked_tasks: int = 0
    growth: float = 0.0
    seconds: float = 0.0

    def note(self, outcome: object) -> None:
        """Count how a call ended."""
        self.calls += 1
        if isinstance(outcome, llmlab.Completion | llmlab.LLMError):
            self.outcomes[type(outcome).__name__] += 1
        else:
            self.unexpected.append(repr(outcome))


def soak(calls: int, share: float = SHARE) -> Report:
    """Make so many calls, half of them sync and half async, of which `share` meet a fault."""
    report, started = Report(), time.perf_counter()
    with simulator(share) as urls:
        round_of(urls, max(200, calls // 20), Report())  # fills pools, caches and the allocator
        files = open_files()
        round_of(urls, calls // 2, report)
        peak = peak_memory()
        round_of(urls, calls - calls // 2, report)
        report.growth = peak_memory() - peak
        gc.collect()
        report.leaked_files = open_files() - files
    report.seconds = time.perf_counter() - started
    return report


def round_of(urls: dict[str, str], calls: int, report: Report) -> None:
    """Make so many calls: the first half in threads, the second half as tasks."""
    with ThreadPoolExecutor(THREADS) as pool:
        providers = made(urls)
        for outcome in pool.map(lambda number: call(providers, number), range(calls // 2)):
            report.note(outcome)
        for provider in providers:
            provider.close()
    report.leaked_tasks += asyncio.run(tasks(urls, calls - calls // 2, report))


def call(providers: list[Provider], number: int) -> Any:
    """Make one sync call and return how it ended."""
    provider, question = providers[number % len(providers)], QUESTIONS[number % len(QUESTIONS)]
    try:
        if number % 3 == 0:
            return provider.complete(question)
        with provider.complete_stream(question) as stream:
            for count, _ in enumerate(stream):
                if number % 3 == 1 and count == 2:
                    break  # a reader who has seen enough
        return stream.result
    except Exception as error:  # noqa: BLE001 - what ends a call is what is looked at here
        return error


async def call_async(providers: list[Provider], number: int) -> Any:
    """The async twin of `call`."""
    provider, question = providers[number % len(providers)], QUESTIONS[number % len(QUESTIONS)]
    try:
        if number % 3 == 0:
            return await provider.complete_async(question)
        async with provider.complete_stream_async(question) as stream:
            count = 0
            async for _ in stream:
                count += 1
                if number % 3 == 1 and count == 3:
                    break
        return stream.result
    except Exception as error:  # noqa: BLE001 - what ends a call is what is looked at here
        return error


async def tasks(urls: dict[str, str], calls: int, report: Report) -> int:
    """Make so many calls as tasks, and return how many tasks are left over."""
    providers, free = made(urls), asyncio.Semaphore(IN_FLIGHT)

    async def limited(number: int) -> Any:
        async with free:
            return await call_async(providers, number)

    for outcome in await asyncio.gather(*(limited(number) for number in range(calls))):
        report.note(outcome)
    for provider in providers:
        await provider.aclose()
    await asyncio.sleep(0)
    return len(asyncio.all_tasks()) - 1


def made(urls: dict[str, str]) -> list[Provider]:
    """Return one provider for each service, impatient enough for a test."""
    return [
        llmlab.get_provider(
            name,
            base_url=url,
            api_key=None if name in KEYLESS else "soak",
            timeout=20.0,
            retry_delay=0.01,
            max_retries=2,
        )
        for name, url in urls.items()
    ]


@contextmanager
def simulator(share: float) -> Iterator[dict[str, str]]:
    """Run the simulator in a process of its own, and give the base URLs of its services."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, share), daemon=True)
    process.start()
    theirs.close()
    try:
        urls = ours.recv()
        yield {name: url.removesuffix("/v1") if name == "local_gpt_oss" else url for name, url in urls.items()}
    finally:
        ours.close()
        process.join(10)


def serve(pipe: Connection, share: float) -> None:
    """What the server's process does, until the other end of the pipe is closed."""
    from llmlab.lab.tape import faults
    from llmlab.lab.tape.server import SimulatorServer

    with SimulatorServer(faults=faults(FAULTS, probability=share, seed=1), pace=0) as server:
        pipe.send(server.urls)
        pipe.poll(None)


def open_files() -> int:
    """Return how many file descriptors are open."""
    return len(os.listdir("/dev/fd"))


def peak_memory() -> float:
    """Return the peak of resident memory so far, in MB."""
    unit = 1024 if sys.platform.startswith("linux") else 1024 * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--share", type=float, default=SHARE, help="of the calls that meet a fault")
    chosen = parser.parse_args()
    done = soak(chosen.calls, chosen.share)
    print(json.dumps(vars(done), indent=2))
    sys.exit(bool(done.unexpected or done.leaked_files > 0 or done.leaked_tasks))
