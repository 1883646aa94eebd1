"""When faults happen: how often, how probably, to which service, on which path; and what arrives then."""

from __future__ import annotations

import hashlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from llmlab.errors import ConfigurationError
from llmlab.lab.faults.catalog import KINDS, Fault, parse_notation, unknown
from llmlab.lab.faults.damage import DAMAGES, Arrival, Failure, whole, within
from llmlab.lab.faults.refusals import REFUSALS, model_of, refuse
from llmlab.lab.simulator.models import MODELS
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest, key_of

OPTIONS: Final = ("times", "probability", "seed", "provider", "path")
"""Options of every fault, beside its own arguments."""
PATIENCE: Final = 60.0
"""Seconds until the timeout of a client without a time limit."""

_NO_ANSWER: Final[Mapping[str, tuple[Failure, str]]] = {
    "timeout": ("ReadTimeout", "timed out"),
    "connect_refused": ("ConnectError", "[Errno 111] Connection refused"),
    "dns": ("ConnectError", "[Errno -2] Name or service not known"),
}


@dataclass(slots=True)
class Rule:
    """When one of some faults happens.

    Args:
        choices: the faults; one of them is drawn.
        times: how often at most; None for no limit.
        probability: of each request, 0 to 1; None for always.
        seed: the same seed strikes the same requests.
        provider: only this service, by its alias; None for all.
        path: only where the path contains this text.

    Raises:
        ConfigurationError: an option has an invalid value.
    """

    choices: tuple[Fault, ...]
    times: int | None = None
    probability: float | None = None
    seed: int = 0
    provider: str | None = None
    path: str = ""
    used: int = field(default=0, init=False)
    _seen: Counter[bytes] = field(default_factory=Counter, init=False)

    def __post_init__(self) -> None:
        if self.times is not None and (type(self.times) is not int or self.times < 1):
            raise ConfigurationError(f"times must be a whole number, 1 or more, not {self.times!r}")
        number = isinstance(self.probability, int | float) and not isinstance(self.probability, bool)
        if self.probability is not None and not (number and 0 <= self.probability <= 1):
            raise ConfigurationError(f"probability must be a number from 0 to 1, not {self.probability!r}")
        if not isinstance(self.path, str):
            raise ConfigurationError(f"path must be a text such as '/chat', not {self.path!r}")
        if self.provider not in (None, *MODELS) and not {":", "."} & set(str(self.provider)):
            raise unknown("service", self.provider, MODELS)

    def due(self, request: TapeRequest) -> Fault | None:
        """Return the fault that this request meets, or None."""
        applies = self.provider in (None, request.alias) and self.path in request.path
        if not applies or (self.times is not None and self.used >= self.times):
            return None
        fault = self.choices[0] if self.probability is None else self._draw(request, self.probability)
        # Only a request that names a model can meet a retired one.
        if fault is None or (fault.name == "not_found" and model_of(request) is None):
            return None
        self.used += 1
        return fault

    def _draw(self, request: TapeRequest, probability: float) -> Fault | None:
        # The draw depends on the request and not on its turn, because threads come in any order.
        key = hashlib.sha256(key_of(request).encode("utf-8", "replace")).digest()
        draw = random.Random(f"{self.seed} {key.hex()} {self._seen[key]}")
        self._seen[key] += 1
        return draw.choice(self.choices) if draw.random() < probability else None


class FaultPlan:
    """Which requests meet which faults. Threads may share it.

    Args:
        names: a fault, or a list in the order in which they happen. `kinds()` names all.
        times: how often it happens; default: a fault always, each one of a list once.
        probability: of each request to meet a fault, 0 to 1; of several faults, one is drawn.
        seed: the same seed strikes the same requests.
        provider: only requests to this service, such as "anthropic".
        path: only requests whose path contains this text, such as "/chat".
        arguments: of the faults, such as retry_after=2 (seconds, or a date as HTTP writes it; as_date=True writes the
            seconds as a date), after=3 (events), seconds=5.

    Raises:
        ConfigurationError: there is no such fault, argument or service (the message names the nearest).
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
        parsed = [item for text in texts for item in parse_notation(text)]
        options = {"times": times, "probability": probability, "seed": seed, "provider": provider, "path": path}
        _check_names(parsed, arguments)
        self._rules = [_rule(name, own, options, arguments) for name, own in parsed]
        self._lock = threading.Lock()
        if len(parsed) > 1 and probability is not None:
            # One rule, so that two faults do not strike twice as often.
            choices = tuple(fault for rule in self._rules for fault in rule.choices)
            self._rules = [Rule(choices, times, probability, seed, provider, path)]
        for rule in self._rules:
            if (len(parsed) > 1 or not isinstance(names, str)) and rule.times is rule.probability is None:
                rule.times = 1

    @staticmethod
    def kinds() -> dict[str, str]:
        """Return the names of all faults, each with what happens."""
        return {name: kind.meaning for name, kind in KINDS.items()}

    @property
    def injected(self) -> int:
        """How many requests have met a fault."""
        return sum(rule.used for rule in self._rules)

    def due(self, request: TapeRequest) -> Fault | None:
        """Return the fault that this request meets, or None. It counts as one of the times."""
        with self._lock:
            return next((fault for rule in self._rules if (fault := rule.due(request))), None)

    def __repr__(self) -> str:
        rules = ", ".join("|".join(map(str, rule.choices)) for rule in self._rules)
        return f"<faults {rules}: {self.injected} injected>"


def inject(fault: Fault, request: TapeRequest, answer: Callable[[], TapeAnswer], limit: float | None) -> Arrival:
    """Return what arrives when a request meets a fault.

    Args:
        fault: the fault.
        request: the request.
        answer: returns the answer without the fault.
        limit: seconds that the client waits for the next piece; None for ever.
    """
    if fault.name in _NO_ANSWER:
        failure, reason = _NO_ANSWER[fault.name]
        seconds = (PATIENCE if limit is None else limit) if fault.name == "timeout" else 0.0
        return Arrival(None, ((seconds, b""),), failure=failure, reason=reason)
    in_stream = fault.name in DAMAGES and fault.arguments.get("after") != 0 and _is_stream(request)
    if fault.name in REFUSALS and not in_stream:
        return whole(refuse(fault, request))
    return within(limit, DAMAGES[fault.name](answer(), fault.arguments, request))


def _is_stream(request: TapeRequest) -> bool:
    """Return whether a request asks for a stream; Ollama streams by default."""
    body = request.body if isinstance(request.body, dict) else {}
    return body.get("stream", request.path.startswith(("/api/chat", "/api/generate", "/api/pull"))) is True


def _check_names(parsed: list[tuple[str, dict[str, Any]]], arguments: Mapping[str, Any]) -> None:
    if not parsed:
        raise ConfigurationError(f"no fault was named. Choose from {', '.join(KINDS)}.")
    names = [name for name, _ in parsed]
    for name in names:
        if name not in KINDS:
            raise unknown("fault", name, KINDS)
    known = dict.fromkeys(argument for name in names for argument in KINDS[name].defaults)
    for argument in arguments:
        if argument not in known:
            raise unknown(f"argument for {', '.join(names)}", argument, [*known, *OPTIONS])


def _rule(name: str, own: Mapping[str, Any], options: Mapping[str, Any], arguments: Mapping[str, Any]) -> Rule:
    known = KINDS[name].defaults
    for argument in own:
        if argument not in known and argument not in OPTIONS:
            raise unknown(f"argument for {name}", argument, [*known, *OPTIONS])
    shared = {key: value for key, value in arguments.items() if key in known}
    fault = Fault(name, shared | {key: value for key, value in own.items() if key in known})
    return Rule((fault,), **{**options, **{key: value for key, value in own.items() if key in OPTIONS}})
