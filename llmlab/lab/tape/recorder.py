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
from llmlab.lab.tape.exchange import Exchange
from llmlab.lab.tape.matcher import without_repeats
from llmlab.lab.tape.redaction import known_secrets, redact_answer, redact_request
from llmlab.lab.wire.messages import TapeAnswer

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
        self._texts: dict[Exchange, tuple[Interaction, str] | None] = {}

    def begin(self, exchange: Exchange) -> None:
        """Keep the place of an exchange that starts now."""
        with self._lock:
            self._texts[exchange] = None

    def finish(self, exchange: Exchange, answer: TapeAnswer) -> None:
        """Redact an exchange and write the file."""
        secrets = known_secrets(exchange.sent)
        stored = replace(answer, headers=keep_headers(answer.headers), source="recorded")
        item = Interaction(redact_request(exchange.sent, secrets), redact_answer(stored, secrets))
        text = dump_interaction(item)
        with self._lock:
            self._texts[exchange] = (item, text)
            self._write()

    def _write(self) -> None:
        texts = {id(item): text for item, text in filter(None, self._texts.values())}
        items = without_repeats(item for item, _ in filter(None, self._texts.values()))
        versions: dict[str, str] = {name: metadata.version(name) for name in _CLIENTS if name in sys.modules}
        file = Cassette(self.provenance, datetime.date.today().isoformat(), tuple(items), versions)
        write_cassette(self.path, file, [texts[id(item)] for item in items])
