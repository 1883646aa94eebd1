"""The simulator beside exchanges where something is kept: files, stores, batches, old completions, pulled models."""

from __future__ import annotations

import json
from typing import Any

import pytest
from simulator_asking import HEADERS, events, user
from simulator_samples import differing

from llmlab.lab.simulator import Simulator
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest
from tests.exchanges import exchange

STORES = "/v1/vector_stores"
# Newer than the samples: a store's description, a file's attributes and how it was cut.
NEWER = (".description", ".data[].description", ".attributes", ".data[].attributes", ".chunking", ".data[].chunking")


class Bench:
    """A simulator with a file, a store that holds it, and a batch of each service."""

    def __init__(self) -> None:
        self._simulator = Simulator()
        lines = json.dumps(
            {
                "custom_id": "a",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"model": "gpt-6-luna", "messages": user("Hi")},
            }
        )
        form = [{"name": "purpose", "value": "batch"}, {"name": "file", "filename": "a.jsonl", "value": lines}]
        self.file = self.openai("POST", "/v1/files", {"multipart": form}).body["id"]
        self.store = self.openai("POST", STORES, {"name": "s"}).body["id"]
        self.added = self.openai("POST", f"{STORES}/{self.store}/files", {"file_id": self.file})
        self.file_batch = self.openai("POST", f"{STORES}/{self.store}/file_batches", {"file_ids": [self.file]})
        body = {"input_file_id": self.file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        self.batch = self.openai("POST", "/v1/batches", body)
        params = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": user("Hi")}
        self.messages = self.anthropic("POST", "", {"requests": [{"custom_id": "0", "params": params}]})

    def openai(self, method: str, path: str, body: Any = None) -> TapeAnswer:
        return self._simulator.answer(TapeRequest(method, "openai", path, HEADERS["openai"], body))

    def anthropic(self, method: str, path: str, body: Any = None) -> TapeAnswer:
        path = f"/v1/messages/batches{path}"
        return self._simulator.answer(TapeRequest(method, "anthropic", path, HEADERS["anthropic"], body))


def beside(name: str, answer: TapeAnswer, *free: str) -> set[tuple[str, str]]:
    """Compare an answer with a sample, its headers, too; give what differs."""
    real = exchange(name)
    assert answer.status == real.status
    assert set(real.headers) <= set(answer.headers)
    assert answer.headers["content-type"] == real.headers["content-type"]
    return differing(answer.body, real.json, *free)


def test_vector_stores_beside_real_ones() -> None:
    """Else code that was tried on a simulated store meets other keys live."""
    bench = Bench()
    unnamed = bench.openai("POST", STORES, {})
    # That sample is shortened by hand: an old answer has the keys of the one that `get` gives.
    assert beside("openai-vector-stores-get", unnamed, *NEWER) == set()
    here = f"{STORES}/{unnamed.body['id']}"
    assert beside("openai-vector-stores-get", bench.openai("GET", here), *NEWER) == set()
    changed = bench.openai("POST", here, {"metadata": {"modified": "true"}})
    assert beside("openai-vector-stores-update", changed, *NEWER) == set()
    named = (".data[].name", *NEWER)
    assert beside("openai-vector-stores-list", bench.openai("GET", STORES), *named) == set()
    body = {"query": "gpt-6-luna", "max_num_results": 5}
    found = bench.openai("POST", f"{STORES}/{bench.store}/search", body)
    assert beside("openai-vector-stores-search", found, ".data[].attributes.") == set()
    assert beside("openai-vector-stores-delete", bench.openai("DELETE", here)) == set()


def test_files_of_a_store_beside_real_ones() -> None:
    """Else code that waits for a file to be read meets other keys live."""
    bench = Bench()
    files, batch = f"{STORES}/{bench.store}/files", f"{STORES}/{bench.store}/file_batches/{bench.file_batch.body['id']}"
    assert beside("openai-vector-stores-files-create", bench.added, *NEWER) == set()
    assert beside("openai-vector-stores-files-list", bench.openai("GET", files), *NEWER) == set()
    one = f"{files}/{bench.file}"
    assert beside("openai-vector-stores-files-get", bench.openai("GET", one), *NEWER) == set()
    assert beside("openai-vector-stores-file-batches-create", bench.file_batch) == set()
    assert beside("openai-vector-stores-file-batches-get", bench.openai("GET", batch)) == set()
    cancelled = bench.openai("POST", f"{batch}/cancel")
    assert beside("openai-vector-stores-file-batches-cancel", cancelled) == set()
    listed = bench.openai("GET", f"{batch}/files")
    free = (".data[].usage_bytes", *NEWER)
    assert beside("openai-vector-stores-file-batches-files", listed, *free) == set()
    assert beside("openai-vector-stores-files-delete", bench.openai("DELETE", one)) == set()


def test_batches_beside_real_ones() -> None:
    """Else code that waits for a batch meets other keys live."""
    bench = Bench()
    here = f"/v1/batches/{bench.batch.body['id']}"
    assert beside("openai-batches-create", bench.batch) == set()
    free = (".in_progress_at",)  # the sample had not begun yet
    assert beside("openai-batches-get", bench.openai("GET", here), *free) == set()
    cancelled = bench.openai("POST", f"{here}/cancel")
    assert beside("openai-batches-cancel", cancelled, *free) == set()
    # The sample's page holds batches in every state.
    ended = tuple(f".data[].{name}" for name in ("in_progress_at", "cancelling_at", "cancelled_at", "completed_at"))
    more = tuple(f".data[].{name}" for name in ("finalizing_at", "output_file_id", "error_file_id"))
    assert beside("openai-batches-list", bench.openai("GET", "/v1/batches"), *ended, *more) == set()


def test_message_batches_beside_real_ones() -> None:
    """Else code that waits for Anthropic's batches meets other keys live."""
    bench = Bench()
    here = f"/{bench.messages.body['id']}"
    ours = {
        "anthropic-batches-create": bench.messages,
        "anthropic-batches-cancel": Bench().anthropic("POST", f"{here}/cancel"),
    }
    bench.anthropic("GET", here)
    ours["anthropic-batches-get"] = bench.anthropic("GET", here)
    for name, answer in ours.items():
        assert beside(name, answer) == set()
    results, real = bench.anthropic("GET", f"{here}/results"), exchange("anthropic-batches-results")
    assert results.headers["content-type"] == real.headers["content-type"]
    assert differing(events(results)[0], real.json) == set()


@pytest.mark.parametrize("stream", [False, True])
def test_old_completions_beside_real_ones(stream: bool) -> None:
    """Else code for the old API meets other keys live."""
    body = {"model": "gpt-3.5-turbo-instruct", "prompt": "Tell me a joke", "stream": stream}
    answer = Simulator().answer(TapeRequest("POST", "openai", "/v1/completions", HEADERS["openai"], body))
    name = "openai-completions-stream" if stream else "openai-completions"
    theirs = exchange(name).events if stream else [exchange(name).json]
    ours = events(answer) if stream else [answer.body]
    free = (".system_fingerprint",)  # says that ours is simulated
    assert differing(ours[0], theirs[0], *free) == set()
    assert differing(ours[-1], theirs[-1], *free) == set()
    assert set(exchange(name).headers) - {"cache-control"} <= set(answer.headers)


def test_a_pull_beside_a_real_one() -> None:
    """Else a progress bar that was tried offline has nothing to show live."""
    body = {"model": "gemma3:1b"}
    answer = Simulator().answer(TapeRequest("POST", "ollama", "/api/pull", {}, body))
    ours, theirs = events(answer), exchange("ollama-pull").events
    assert answer.headers["content-type"] == exchange("ollama-pull").headers["content-type"]
    assert differing(ours, theirs) == set()
    plain = [event["status"] for event in theirs if "digest" not in event]
    assert [event["status"] for event in ours if "digest" not in event] == plain
