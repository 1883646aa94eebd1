"""The tape: decides what answers a request, and notes the answer.

It knows modes, recordings, faults and the simulator, but neither httpx nor sockets; see `transport_patch.py`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from llmlab.config.addresses import is_loopback
from llmlab.config.environment import PLACEHOLDER, Mode
from llmlab.errors import ConfigurationError
from llmlab.lab.faults import FaultPlan, inject
from llmlab.lab.faults.damage import Arrival, whole
from llmlab.lab.simulator import simulate
from llmlab.lab.tape.cassette import Cassette, Interaction, read_cassette
from llmlab.lab.tape.exchange import Exchange
from llmlab.lab.tape.matcher import Matcher, as_seen_by_sdks, without_refusals
from llmlab.lab.tape.recorder import Recorder
from llmlab.lab.tape.request_parser import SERVICES
from llmlab.lab.tape.trace import Trace
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest, key_of

_MEANING: Final[Mapping[str, str]] = {
    "offline": "Answers come from {answers}; nothing is sent, nothing is spent.",
    "live": "Requests go to the real services, with your keys and at your cost; each lesson says what that is.",
    "record": "Requests go to the real services, with your keys and at your cost; answers are written to {file}.",
    "authored": "Answers come from {answers} and the simulator, and are written to {file}; nothing is sent.",
}


class Tape:
    """What answers while the lab is switched on. `llmlab.start` returns it.

    Args:
        mode: offline, replay, live or record.
        lesson: whose recordings are used; None searches all of them.
        folder: of the recordings.
        pace: factor on recorded waiting times.
        trace: where exchanges are noted.
        faults: of the blocks that are open, the innermost last.
        recorders: those of earlier tapes, by file.
        stop: switches the tape off.

    Raises:
        ConfigurationError: a file of recordings is broken, or there is no lesson to record for.
    """

    def __init__(
        self,
        mode: Mode,
        lesson: str | None,
        folder: Path,
        pace: float,
        *,
        trace: Trace,
        faults: list[FaultPlan],
        recorders: dict[Path, Recorder],
        stop: Callable[[], None],
    ) -> None:
        self.mode = mode
        self.lesson = lesson
        self.folder = folder
        self.pace = pace
        self.trace = trace
        self.local = ""
        """Address of a real Ollama that answers what is not recorded, or nothing. Offline only."""
        self._faults = faults
        self._stop = stop
        # Authoring records answers of the simulator where nobody has written one by hand. `record --authored` sets it.
        self._authored = mode == "record" and os.environ.get("LLMLAB_AUTHORED") == "1"
        self._files = [] if self.passes_through else self._read()
        own = [item for file in self._files for item in file.interactions]
        own = without_refusals(own) if len(self._files) > 1 else own
        self._matcher = Matcher([*own, *self._of_other_providers(own)])
        self._own = {id(item) for item in own}
        self._recorder = self._find_recorder(recorders) if mode == "record" else None

    @property
    def passes_through(self) -> bool:
        """Whether requests go to the network."""
        return self.mode == "live" or (self.mode == "record" and not self._authored)

    def begin(self, request: TapeRequest) -> Exchange:
        """Note a request that starts now.

        Raises:
            ConfigurationError: it would go to the network with the placeholder in place of a key.
        """
        if self.passes_through and any(PLACEHOLDER in value for value in request.headers.values()):
            raise as_seen_by_sdks(
                ConfigurationError,
                f"this client was made while the lab was offline, and has no real key for {request.alias}. Put the key "
                "into .env or the environment, then run the cell that makes the client again.",
            )
        exchange = self.trace.begin(request)
        if self._recorder:
            self._recorder.begin(exchange)
        return exchange

    def arriving(self, exchange: Exchange, host: str, limit: float | None) -> Arrival | None:
        """Return what arrives without the network; None if the network shall answer.

        Args:
            exchange: the request.
            host: the host that it is sent to.
            limit: seconds that the client waits for the next piece; None for ever.

        Raises:
            RecordingMissError: in replay mode, if there is no recording.
        """
        request = exchange.sent
        fault = next((fault for plan in reversed(self._faults) if (fault := plan.due(request))), None)
        if fault:
            arrival = inject(
                fault, request, lambda: self._matcher.find(request, use=False) or _simulated(request), limit
            )
            exchange.fault, exchange.answer = fault.name, arrival.answer
            return arrival
        to_ollama = bool(self.local) and exchange.alias == "ollama" and is_loopback(host)
        if self.passes_through or (to_ollama and self._matcher.find(request, use=False) is None):
            return None
        answer = self._matcher.find(request)
        if answer is None and self.mode == "replay":
            raise self._matcher.miss(request, self.lesson)
        answer = answer or _simulated(request)
        self.finish(exchange, answer)
        return whole(answer)

    def finish(self, exchange: Exchange, answer: TapeAnswer) -> None:
        """Note an answer, and record it in record mode."""
        exchange.answer = answer
        if self._recorder:
            self._recorder.finish(exchange, answer)

    def wait(self, seconds: float) -> float:
        """Note that a policy waits, and return the seconds to wait really: the pace holds for policies, too."""
        self.trace.add_wait(seconds)
        return seconds if self.passes_through else seconds * self.pace

    def chance(self) -> float:
        """Return a number from 0 up to 1, which without the network is the same on every machine."""
        latest = self.trace.latest
        if self.passes_through or latest is None:
            return random.random()
        attempt = sum(1 for _ in latest.attempts_before())
        return random.Random(f"{key_of(latest.sent)} {attempt}").random()

    def unused(self) -> list[str]:
        """Return the lesson's own recordings that were not asked for yet, as text."""
        return [str(item) for item in self._matcher.unused() if id(item) in self._own]

    def banner(self) -> str:
        """Return in one line which mode is on, and what it costs."""
        # Replay proves what a learner sees offline, so it has the same line.
        mode = "offline" if self.mode == "replay" else self.mode
        file = self._recorder.path.name if self._recorder else ""
        meaning = _MEANING["authored" if self._authored else mode].format(answers=self._sources(), file=file)
        local = f" What is not recorded, Ollama at {self.local} answers." if self.local else ""
        return f"llmlab: {mode}. {meaning}{local}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def __repr__(self) -> str:
        return f"<Tape {self.mode}, lesson {self.lesson or 'unknown'}>"

    def _read(self) -> list[Cassette]:
        """Read the lesson's recordings. Offline, a notebook without its own, such as a copy, may use all of them."""
        own = self.folder / f"{self.lesson}.yaml"
        if own.is_file():
            files = [read_cassette(own)]
        elif self.lesson is None or self.mode == "offline":
            files = [read_cassette(path) for path in sorted(self.folder.glob("*.yaml"))]
        else:
            files = []
        return [file for file in files if not self._authored or file.provenance == "authored"]

    def _of_other_providers(self, own: Sequence[Interaction]) -> list[Interaction]:
        """Read what was recorded with another provider than the lesson's own, in `LESSON.PROVIDER.yaml`."""
        if self.passes_through or self._authored or self.lesson is None:
            return []
        paths = [self.folder / f"{self.lesson}.{service}.yaml" for service in SERVICES]
        found = [item for path in paths if path.is_file() for item in read_cassette(path).interactions]
        known = {item.key for item in own} if found else set()
        return [item for item in found if item.key not in known]

    def _sources(self) -> str:
        if not self._files:
            return "a simulator" if self.mode == "offline" else "recordings (there are none yet)"
        provenance = dict.fromkeys(f"{file.provenance} {file.date[:7]}".strip() for file in self._files)
        return f"recordings ({', '.join(provenance)})"

    def _find_recorder(self, recorders: dict[Path, Recorder]) -> Recorder:
        if self.lesson is None:
            raise ConfigurationError(
                "recording needs to know for which lesson: llmlab.start('record', lesson='01_call_openai'), or set "
                "LLMLAB_LESSON."
            )
        path = (self.folder / f"{self.lesson}.yaml").absolute()
        provenance = "authored" if self._authored else "recorded"
        if path not in recorders or recorders[path].provenance != provenance:
            recorders[path] = Recorder(path, provenance)
        return recorders[path]


def _simulated(request: TapeRequest) -> TapeAnswer:
    return replace(simulate(request), source="simulated")
