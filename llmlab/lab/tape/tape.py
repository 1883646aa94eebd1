"""The tape: decides what answers a request, and remembers it.

It knows modes, recordings and the simulator, and neither httpx nor sockets; those are `intercept.py`'s business.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from llmlab.errors import ConfigurationError
from llmlab.lab.faults.block import due, inject
from llmlab.lab.faults.damage import Damage
from llmlab.lab.simulator import simulate
from llmlab.lab.tape.cassette import Recorded, RecordingFile, read_recording
from llmlab.lab.tape.environment import Keys, Mode
from llmlab.lab.tape.local import LOOPBACK
from llmlab.lab.tape.matcher import Replay, as_seen_by_sdks, without_mishaps
from llmlab.lab.tape.recorder import Recorder
from llmlab.lab.tape.redaction import PLACEHOLDER
from llmlab.lab.tape.request_parser import SERVICES
from llmlab.lab.tape.trace import Exchange, Trace
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest, key_of

_recorders: dict[Path, Recorder] = {}
"""One for each file that this process writes, so that a lesson may switch away from recording and back."""


class Tape:
    """What answers while the lab is switched on. Made by `llmlab.start`.

    Args:
        mode: offline, replay, live or record.
        lesson: whose recordings are meant; None searches all of them.
        folder: of the recordings.
        pace: factor on recorded waiting times.
        trace: where exchanges are noted.
        stop: what switches the tape off.

    Raises:
        ConfigurationError: a file of recordings is broken, or there is no lesson to record for.
    """

    def __init__(
        self, mode: Mode, lesson: str | None, folder: Path, pace: float, trace: Trace, stop: Callable[[], None]
    ) -> None:
        self.mode = mode
        self.lesson = lesson
        self.folder = folder
        self.pace = pace
        self.trace = trace
        self.local = ""
        """Address of a real Ollama that answers what is not recorded, or nothing. Offline only."""
        self._stop = stop
        self.keys = Keys()
        # Authoring records what the simulator says where nobody has written an answer by hand. The runner asks for it.
        self.authoring = mode == "record" and os.environ.get("LLMLAB_AUTHORED") == "1"
        self.files = [] if self.passes_through else self._read()
        own = [item for file in self.files for item in file.exchanges]
        own = without_mishaps(own) if len(self.files) > 1 else own
        further = self._further(own)
        self._replay = Replay([*own, *further])
        self._own = {id(item) for item in own}
        self._recorder = self._find_recorder() if mode == "record" else None
        self._places: dict[int, int] = {}

    @property
    def passes_through(self) -> bool:
        """Whether requests go to the network."""
        return self.mode == "live" or (self.mode == "record" and not self.authoring)

    def begin(self, request: TapeRequest) -> Exchange:
        """Note that a request has started.

        Raises:
            ConfigurationError: it would go to the network with the placeholder in the place of a key.
        """
        if self.passes_through and any(PLACEHOLDER in value for value in request.headers.values()):
            raise as_seen_by_sdks(
                ConfigurationError,
                f"this client was made while the lab was offline, and has no real key for {request.alias}. Put the key "
                "into .env or the environment, then run the cell that makes the client again.",
            )
        exchange = self.trace.begin(request)
        if self._recorder:
            self._places[exchange.number] = self._recorder.begin()
        return exchange

    def answer(self, exchange: Exchange) -> TapeAnswer:
        """Answer without the network.

        Raises:
            RecordingMissError: in replay mode, if there is no recording.
        """
        found = self._replay.find(exchange.asked)
        if found is None and self.mode == "replay":
            raise self._replay.miss(exchange.asked, self.lesson)
        answer = found or replace(simulate(exchange.asked), source="simulated")
        self.finish(exchange, answer)
        return answer

    def lets_pass(self, exchange: Exchange, host: str) -> bool:
        """Whether the network shall answer: in live and record, and where a real Ollama was asked for."""
        if self.passes_through:
            return True
        meant = bool(self.local) and exchange.alias == "ollama" and host in LOOPBACK
        return meant and self._replay.peek(exchange.asked) is None

    def damage(self, exchange: Exchange, limit: float | None) -> Damage | None:
        """Return what arrives of an answer that meets a fault; None if it meets none. It is not written down.

        Args:
            exchange: the request.
            limit: seconds that the client waits for the next piece; None for ever.
        """
        fault = due(exchange.asked)
        if fault is None:
            return None

        def answer() -> TapeAnswer:
            return self._replay.peek(exchange.asked) or replace(simulate(exchange.asked), source="simulated")

        damage = inject(fault, exchange.asked, answer, limit)
        exchange.fault, exchange.answer = fault.name, damage.answer
        self._places.pop(exchange.number, None)
        return damage

    def wait(self, seconds: float) -> float:
        """Note that a policy waits, and return how long it really does: the pace holds for policies, too."""
        self.trace.waits(seconds)
        return seconds if self.passes_through else seconds * self.pace

    def chance(self) -> float:
        """Return a number from 0 up to 1, which without the network is the same on every machine."""
        latest = self.trace.latest
        if self.passes_through or latest is None:
            return random.random()
        attempt = sum(1 for _ in latest.attempts_before())
        return random.Random(f"{key_of(latest.asked)} {attempt}").random()

    def finish(self, exchange: Exchange, answer: TapeAnswer) -> None:
        """Note an answer, and write it down when recording."""
        exchange.answer = answer
        if self._recorder and (place := self._places.pop(exchange.number, None)):
            self._recorder.finish(place, exchange.asked, answer)

    def unused(self) -> list[str]:
        """Return the recordings of the lesson as it stands that nothing has asked for yet, as text."""
        return [str(item) for item in self._replay.unused() if id(item) in self._own]

    def banner(self) -> str:
        """Return in one line which mode this is, and what it means for the purse."""
        # Replay proves what a learner sees offline, so it says the same.
        mode = "offline" if self.mode == "replay" else self.mode
        meaning = _MEANING["authored" if self.authoring else mode]
        file = self._recorder.path.name if self._recorder else ""
        said = f"llmlab: {mode}. {meaning}".format(answers=self._where_from(), file=file)
        return f"{said} What is not recorded, Ollama at {self.local} answers." if self.local else said

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def __repr__(self) -> str:
        return f"<Tape {self.mode}, lesson {self.lesson or 'unknown'}>"

    def _read(self) -> list[RecordingFile]:
        """Read the lesson's recordings. Offline, a notebook without its own, such as a copy, may use all of them."""
        own = self.folder / f"{self.lesson}.yaml"
        if own.is_file():
            files = [read_recording(own)]
        elif self.lesson is None or self.mode == "offline":
            files = [read_recording(path) for path in sorted(self.folder.glob("*.yaml"))]
        else:
            files = []
        return [file for file in files if not self.authoring or file.provenance == "authored"]

    def _further(self, own: Sequence[Recorded]) -> list[Recorded]:
        """Read what was recorded with another provider than the lesson's own, in `LESSON.PROVIDER.yaml`."""
        if self.passes_through or self.authoring or self.lesson is None:
            return []
        paths = [self.folder / f"{self.lesson}.{service}.yaml" for service in SERVICES]
        found = [item for path in paths if path.is_file() for item in read_recording(path).exchanges]
        known = {key_of(item.request) for item in own} if found else set()
        return [item for item in found if key_of(item.request) not in known]

    def _where_from(self) -> str:
        if not self.files:
            return "a simulator" if self.mode == "offline" else "recordings (there are none yet)"
        provenance = dict.fromkeys(f"{file.provenance} {file.date[:7]}".strip() for file in self.files)
        return f"recordings ({', '.join(provenance)})"

    def _find_recorder(self) -> Recorder:
        if self.lesson is None:
            raise ConfigurationError(
                "recording needs to know for which lesson: llmlab.start('record', lesson='01_call_openai'), or set "
                "LLMLAB_LESSON."
            )
        path = (self.folder / f"{self.lesson}.yaml").absolute()
        provenance = "authored" if self.authoring else "recorded"
        recorder = _recorders.get(path)
        if recorder is None or recorder.provenance != provenance:
            recorder = _recorders[path] = Recorder(path, provenance)
        return recorder


_MEANING: Mapping[str, str] = {
    "offline": "Answers come from {answers}; nothing is sent, nothing is spent.",
    "live": "Requests go to the real services, with your keys and at your cost; each lesson says what that is.",
    "record": "Requests go to the real services, with your keys and at your cost; answers are written to {file}.",
    "authored": "Answers come from {answers} and the simulator, and are written to {file}; nothing is sent.",
}
