"""What is measured: the work, timed in this process, and the costs of starting, timed in fresh ones.

Every function returns the numbers of one turn; turns and medians are run.py's business.

    python -m benchmarks.work NAME URL     does all the work once and prints the memory that it left resident, in MB
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from statistics import median

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.server import CHUNKS, ROOT

CALLS = 20
BURST = 200
IN_FLIGHT = 50

# What is imported, how a client is made, and how it answers in a program of its own, as a user would write it.
FRESH = {
    "httpx2": (
        "import httpx2",
        "httpx2.Client()",
        "body = {'model': 'fast', 'messages': [{'role': 'user', 'content': 'Hi'}]}\n"
        "answer = httpx2.Client().post('URL/v1/chat/completions', json=body).json()\n"
        "print(answer['choices'][0]['message']['content'])",
    ),
    "llmlab": (
        "import llmlab",
        "llmlab.get_provider('openai', api_key='k')",
        "print(llmlab.get_provider('openai', None, 'k', 'URL/v1', api='chat').complete('Hi'))",
    ),
    "OpenAI SDK": (
        "import openai",
        "openai.OpenAI(api_key='k')",
        "client = openai.OpenAI(api_key='k', base_url='URL/v1')\n"
        "answer = client.chat.completions.create(model='fast', messages=[{'role': 'user', 'content': 'Hi'}])\n"
        "print(answer.choices[0].message.content)",
    ),
    "Anthropic SDK": (
        "import anthropic",
        "anthropic.Anthropic(api_key='k')",
        "client = anthropic.Anthropic(api_key='k', base_url='URL')\n"
        "said = [{'role': 'user', 'content': 'Hi'}]\n"
        "print(client.messages.create(model='fast', max_tokens=99, messages=said).content[0].text)",
    ),
}
READY = {"llmlab": "llmlab.get_provider('openai', api_key='k').transport._sync_client()"}
"""llmlab makes its HTTP client on first use, everybody else at once. So this is the fair comparison."""
LIKE = {"httpx2": "httpx2 (chat)", "llmlab": "llmlab (chat)"}
"""Which contender does the work whose memory is counted, where the name alone does not say."""


def time_call(contender: Contender) -> float:
    """Return the ms that a call takes, as the median of a few in a row."""
    return median(_milliseconds(contender.call) for _ in range(CALLS))


def time_stream(contender: Contender) -> tuple[float, float]:
    """Return the µs that a streamed chunk takes, and the ms to the first one."""
    started, first, count = time.perf_counter(), 0.0, 0
    for _ in contender.stream():
        first = first or time.perf_counter()
        count += 1
    ended = time.perf_counter()
    if count != CHUNKS:
        raise RuntimeError(f"{count} chunks came in place of {CHUNKS}")
    return (ended - started) * 1e6 / CHUNKS, (first - started) * 1000


async def time_burst(contender: Contender) -> float:
    """Return the ms that 200 calls of 50 ms take, 50 in flight, on connections that are open already."""

    async def run(calls: int) -> float:
        waiting = iter(range(calls))

        async def worker() -> None:
            for _ in waiting:
                await contender.call_slow()

        started = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        return (time.perf_counter() - started) * 1000

    try:
        await run(IN_FLIGHT)
        return await run(BURST)
    finally:
        await contender.aclose()


def time_fresh(name: str, url: str) -> dict[str, float]:
    """Return what it costs to start, in ms, and the MB left resident after the work, each in a process of its own."""
    imported, made, answered = FRESH[name]
    bare, loaded = _process("")[0], _process(imported)[0]
    first, second = _twice(imported, made)
    ready, ready_again = _twice(imported, READY.get(name, made))
    return {
        "import": loaded - bare,
        "answer": _process(f"{imported}\n{answered}".replace("URL", url))[0],
        "client": first,
        "client again": second,
        "ready": ready,
        "ready again": ready_again,
        "memory": float(_run("-m", "benchmarks.work", LIKE.get(name, name), url)[1]),
    }


def _milliseconds(work: object) -> float:
    started = time.perf_counter()
    work()  # type: ignore[operator]
    return (time.perf_counter() - started) * 1000


def _twice(imported: str, made: str) -> tuple[float, float]:
    """Return the ms that the first and the second client of a process take."""
    clock = "import time; before = time.perf_counter()"
    lap = "print((time.perf_counter() - before) * 1000); before = time.perf_counter()"
    first, second = _process(f"{imported}\n{clock}\none = {made}\n{lap}\ntwo = {made}\n{lap}")[1].split()
    return float(first), float(second)


def _process(code: str) -> tuple[float, str]:
    return _run("-c", code)


def _run(*arguments: str) -> tuple[float, str]:
    """Run Python; return the ms from its start to its end, and what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # Bytecode is a matter of the installation, so it must not be forbidden here.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        elapsed = (time.perf_counter() - started) * 1000
    if process.returncode:
        raise RuntimeError(f"a fresh process failed: {arguments}")
    return elapsed, printed


def resident() -> float:
    """Return the MB of memory that this process holds now; where the system cannot say, the most that it ever held."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except FileNotFoundError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    """Do all the work once, and print the memory that it left resident."""
    contender: Contender = CONTENDERS[sys.argv[1]](sys.argv[2])
    for _ in range(5):
        time_call(contender)
        time_stream(contender)
    asyncio.run(time_burst(contender))
    print(resident())


if __name__ == "__main__":
    main()
