"""Measures the interfaces of the five documents: what a call through one takes beyond the same call of its client.

python3 benchmarks/interfaces.py [--rounds 3000] [--json]
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import llmlab
from benchmarks.contenders import KEY, PROMPT
from benchmarks.stack import Instant
from benchmarks.table import Row, run
from llmlab.toolkit.interfaces import models, scripts, service, wrapper
from llmlab.toolkit.interfaces.assistant.provider import ClientProvider

MESSAGES = [llmlab.Message("user", PROMPT)]
TARGET = 10
"""Microseconds that an interface may add to a call."""


def _client() -> llmlab.Provider:
    provider = llmlab.get_provider("openai", api_key=KEY, api="chat")
    provider.transport = Instant()
    return provider


def _scripts() -> tuple[Any, Any]:
    provider = scripts.get_provider("openrouter", api_key=KEY)
    provider.client.transport = Instant()
    return lambda: provider.complete(MESSAGES), lambda: provider.client.complete(MESSAGES)


def _wrapper() -> tuple[Any, Any]:
    llm = wrapper.LLM()
    llm.client.transport = Instant()
    return lambda: llm.chat_completion(MESSAGES), lambda: llm.client.complete(MESSAGES)


def _models() -> tuple[Any, Any]:
    client = models.ChatCompletionClient(_client())
    return lambda: client.complete(MESSAGES), lambda: client.provider.complete(MESSAGES)


def _assistant() -> tuple[Any, Any]:
    provider = ClientProvider(_client())
    return lambda: provider.complete(MESSAGES), lambda: provider.client.complete_async(MESSAGES)


def _service() -> tuple[Any, Any]:
    client = _client()
    request = service.LLMCallRequest(service.LLMConfig(MESSAGES))
    return lambda: service.execute_llm_call(request, client), lambda: client.complete(MESSAGES)


INTERFACES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "scripts: complete, µs": _scripts,
    "service: execute_llm_call, µs": _service,
    "wrapper: chat_completion, µs": _wrapper,
    "models: complete, µs": _models,
    "assistant: await complete, µs": _assistant,
}


def measure(rounds: int) -> list[Row]:
    """Return what each interface adds to a call, in µs, and what its client's call takes."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in INTERFACES}
    calls = {name: make() for name, make in INTERFACES.items()}
    # The first rounds only warm up. In turns, so that a busy moment of the machine hits both alike.
    for number in range(-rounds // 10, rounds):
        for name in random.sample(list(calls), len(calls)):
            through, direct = calls[name]
            pair = (_seconds(through), _seconds(direct)) if number % 2 else (_seconds(direct), _seconds(through))[::-1]
            if number >= 0:
                found[name].append(pair)
    rows = [Row(name, median(one - other for one, other in pairs) * 1e6, TARGET) for name, pairs in found.items()]
    return [
        *rows,
        Row("a call of the client alone, µs", median(pair[1] for pair in found["models: complete, µs"]) * 1e6),
    ]


def _seconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    result = call()
    if isinstance(result, Coroutine):
        # The answer is there at once, so nothing is ever waited for.
        with suppress(StopIteration):
            result.send(None)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(run(f"the interfaces of llmlab {llmlab.__version__}", measure, 3000))
