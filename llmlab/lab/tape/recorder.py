"""Writes the exchanges of one lesson into its file of recordings."""

from __future__ import annotations

import datetime
import sys
import threading
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Final

from llmlab.lab.tape.cassette import Cassette, Interaction, dump_interaction, keep_headers, write_cassette
from llmlab.lab.tape.matcher import without_repeats
from llmlab.lab.tape.redaction import known_secrets, redact_answer, redact_request
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

_CLIENTS: Final = ("openai", "anthropic", "ollama", "httpx", "httpx2")


class Recorder:
    """Collects the exchanges of one lesson and keeps its file up to date. Threads may share it.

    The file is written after each exchange, so a kernel that dies loses nothing. Exchanges stand in the order in which
    they were started. The first one of a process replaces an older file.

    Args:
        path: the file.
        provenance: recorded, or authored where the simulator answers.
    """

    def __init__(self, path: Path, provenance: str) -> None:
        self.path = path
        self.provenance = provenance
        self._lock = threading.Lock()
        self._started = 0
        self._done: dict[int, tuple[Interaction, str]] = {}

    def begin(self) -> int:
        """Return the slot of an exchange that starts now, from 1."""
        with self._lock:
            self._started += 1
            return self._started

    def finish(self, slot: int, request: TapeRequest, answer: TapeAnswer) -> None:
        """Redact an exchange and write the file."""
        secrets = known_secrets(request)
        stored = replace(answer, headers=keep_headers(answer.headers), source="recorded")
        item = Interaction(redact_request(request, secrets), redact_answer(stored, secrets))
        text = dump_interaction(item)
        with self._lock:
            self._done[slot] = (item, text)
            self._write()

    def _write(self) -> None:
        texts = {id(item): text for item, text in self._done.values()}
        items = without_repeats(self._done[slot][0] for slot in sorted(self._done))
        versions: dict[str, str] = {name: metadata.version(name) for name in _CLIENTS if name in sys.modules}
        file = Cassette(self.provenance, datetime.date.today().isoformat(), tuple(items), versions)
        write_cassette(self.path, file, [texts[id(item)] for item in items])
