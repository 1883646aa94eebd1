"""Writing down what is answered, for one lesson.

Every finished exchange is redacted and the file is written again, so that nothing is lost when a kernel dies. Exchanges
stand in the order in which they were started, whichever ends first. The first one of a session replaces an older file;
switching the tape to another mode and back goes on where it was.
"""

from __future__ import annotations

import datetime
import sys
import threading
from importlib import metadata
from pathlib import Path

from llmlab.lab.tape.cassette import Recorded, RecordingFile, dump_exchange, keep_headers, write_recording
from llmlab.lab.tape.matcher import without_repeats
from llmlab.lab.tape.redaction import known_secrets, redact_answer, redact_request
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

_CLIENTS = ("openai", "anthropic", "ollama", "httpx", "httpx2")


class Recorder:
    """Collects the exchanges of one lesson and keeps its file up to date. Threads may share it.

    Args:
        path: the file.
        provenance: recorded, or authored where the simulator answers.
    """

    def __init__(self, path: Path, provenance: str) -> None:
        self.path = path
        self.provenance = provenance
        self._lock = threading.Lock()
        self._started = 0
        self._done: dict[int, tuple[Recorded, str]] = {}

    def begin(self) -> int:
        """Return the place of an exchange that starts now."""
        with self._lock:
            self._started += 1
            return self._started

    def finish(self, place: int, request: TapeRequest, answer: TapeAnswer) -> None:
        """Redact an exchange and write it down."""
        secrets = known_secrets(request)
        kept = TapeAnswer(
            status=answer.status,
            headers=keep_headers(answer.headers),
            body=answer.body,
            events=answer.events,
            framing=answer.framing,
            seconds=answer.seconds,
        )
        recorded = Recorded(redact_request(request, secrets), redact_answer(kept, secrets))
        text = dump_exchange(recorded)
        with self._lock:
            self._done[place] = (recorded, text)
            self._write()

    def _write(self) -> None:
        texts = {id(recorded): text for recorded, text in self._done.values()}
        kept = without_repeats(self._done[place][0] for place in sorted(self._done))
        versions = {name: metadata.version(name) for name in _CLIENTS if name in sys.modules}
        today = datetime.date.today().isoformat()
        file = RecordingFile(self.provenance, today, tuple(kept), versions)
        write_recording(self.path, file, [texts[id(recorded)] for recorded in kept])
