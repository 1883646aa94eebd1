"""Faults on demand: `with llmlab.faults("rate_limit", retry_after=2, times=2): …`

`faults_catalog` says which faults there are, `faults_rules` when they happen, `faults_refusals` and `faults_damage`
what they look like. A request that meets a fault never reaches the network, whatever the mode: what is damaged is a
recording, or else an answer of the simulator. What was faulty is never recorded, and takes no recording's turn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Final, Self

from llmlab.errors import ConfigurationError
from llmlab.lab.faults.catalog import KINDS, Fault, read_notation
from llmlab.lab.faults.damage import DAMAGES, Damage, Failure, damaged, whole, within
from llmlab.lab.faults.refusals import REFUSALS, refuse
from llmlab.lab.faults.rules import make_rules
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

PATIENCE: Final = 60.0
"""Seconds after which a timeout comes for a client that would wait for ever."""

_NO_ANSWER: Final[dict[str, tuple[Failure, str]]] = {
    "timeout": ("ReadTimeout", "timed out"),
    "connect_refused": ("ConnectError", "[Errno 111] Connection refused"),
    "dns": ("ConnectError", "[Errno -2] Name or service not known"),
}

_active: list[faults] = []
_listening = False


class faults:
    """Let requests meet faults, as long as the block lasts.

    Args:
        names: a fault, or a list in the order in which they happen. `llmlab.faults.kinds()` names all.
        times: how often it happens; default: a fault always, each one of a list once.
        probability: of each request to meet a fault, 0 to 1; of several faults, one is drawn.
        seed: the same seed strikes the same requests.
        provider: only requests to this service, such as "anthropic".
        path: only requests whose path holds this text, such as "/chat".
        arguments: what the faults take, such as retry_after=2 (seconds, or a date as HTTP writes it; as_date=True
            writes the seconds as one), after=3 (events), seconds=5.

    Raises:
        ConfigurationError: there is no such fault, argument or service (the message names the nearest), or the tape is
            off.
    """

    def __init__(
        self,
        names: str | Iterable[str],
        *,
        times: int | None = None,
        probability: float | None = None,
        seed: int = 0,
        provider: str | None = None,
        path: str = "",
        **arguments: Any,
    ) -> None:
        texts = [names] if isinstance(names, str) else list(names)
        written = [item for text in texts for item in read_notation(text)]
        options = {"times": times, "probability": probability, "seed": seed, "provider": provider, "path": path}
        in_order = len(written) > 1 or not isinstance(names, str)
        self._rules = make_rules(written, options, arguments, in_order=in_order)
        self._lock = threading.Lock()

    @staticmethod
    def kinds() -> dict[str, str]:
        """Return the names of all faults, each with what happens."""
        return {name: kind.meaning for name, kind in KINDS.items()}

    @property
    def injected(self) -> int:
        """How many requests have met a fault."""
        return sum(rule.used for rule in self._rules)

    def due(self, request: TapeRequest) -> Fault | None:
        """Return the fault that this request meets, if it meets one."""
        with self._lock:
            return next((fault for rule in self._rules if (fault := rule.due(request))), None)

    def __enter__(self) -> Self:
        if not _listening:
            raise ConfigurationError(
                "faults happen on the tape, and it is off. Switch it on: %load_ext llmlab in a notebook, or "
                "llmlab.start() in a program."
            )
        _active.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _active.remove(self)

    def __repr__(self) -> str:
        said = ", ".join("|".join(map(str, rule.choices)) for rule in self._rules)
        return f"<faults {said}: {self.injected} injected>"


def listen(on: bool) -> None:
    """Say whether a tape is in, without which no request would meet a fault."""
    global _listening
    _listening = on


def due(request: TapeRequest) -> Fault | None:
    """Return the fault that this request meets, if it meets one. The innermost block is asked first."""
    return next((fault for block in reversed(_active) if (fault := block.due(request))), None)


def inject(fault: Fault, request: TapeRequest, answer: Callable[[], TapeAnswer], limit: float | None) -> Damage:
    """Return what arrives when a request meets a fault.

    Args:
        fault: which.
        request: what is asked.
        answer: gives what would have been answered.
        limit: seconds that the client waits for the next piece; None for ever.
    """
    if fault.name in _NO_ANSWER:
        failure, reason = _NO_ANSWER[fault.name]
        seconds = (PATIENCE if limit is None else limit) if fault.name == "timeout" else 0.0
        return Damage(None, ((seconds, b""),), failure=failure, reason=reason)
    if fault.name in REFUSALS and not (fault.name in DAMAGES and fault.arguments["after"] != 0 and _streams(request)):
        return whole(refuse(fault, request))
    return within(limit, damaged(fault, answer(), request))


def _streams(request: TapeRequest) -> bool:
    """Whether a request asks for a stream; Ollama gives one unless told otherwise."""
    body = request.body if isinstance(request.body, dict) else {}
    return body.get("stream", request.path.startswith(("/api/chat", "/api/generate", "/api/pull"))) is True
