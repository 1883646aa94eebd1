"""When a fault happens: how often, how probably, to which service, on which path."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from llmlab.errors import ConfigurationError
from llmlab.lab.faults.catalog import KINDS, Fault, make_fault, unknown
from llmlab.lab.faults.refusals import model_of
from llmlab.lab.simulator.models import MODELS
from llmlab.lab.wire.messages import TapeRequest, key_of

OPTIONS: Final = ("times", "probability", "seed", "provider", "path")
"""What can be said of every fault, beside its own arguments."""


@dataclass(slots=True)
class Rule:
    """When faults happen. One thread at a time may ask it.

    Args:
        choices: the faults; one of them is drawn.
        times: how often at most; None for no limit.
        probability: of each request, 0 to 1; None for always.
        seed: the same seed strikes the same requests.
        provider: only this service, by its alias; None for all.
        path: only where the path holds this text.
    """

    choices: tuple[Fault, ...]
    times: int | None = None
    probability: float | None = None
    seed: int = 0
    provider: str | None = None
    path: str = ""
    used: int = 0
    _asked: Counter[bytes] = field(default_factory=Counter)

    def due(self, request: TapeRequest) -> Fault | None:
        """Return the fault that this request meets, if it meets one; that takes one of the times."""
        meant = self.provider in (None, request.alias) and self.path in request.path
        if not meant or (self.times is not None and self.used >= self.times):
            return None
        fault = self.choices[0] if self.probability is None else self._drawn(request, self.probability)
        # A model can only be retired where one is asked for.
        if fault is None or (fault.name == "not_found" and model_of(request) is None):
            return None
        self.used += 1
        return fault

    def _drawn(self, request: TapeRequest, probability: float) -> Fault | None:
        # What is drawn belongs to the request and not to its turn, because threads come in any order.
        key = hashlib.sha256(key_of(request).encode("utf-8", "replace")).digest()
        draw = random.Random(f"{self.seed} {key.hex()} {self._asked[key]}")
        self._asked[key] += 1
        return draw.choice(self.choices) if draw.random() < probability else None


def make_rules(
    written: Sequence[tuple[str, Mapping[str, Any]]],
    options: Mapping[str, Any],
    arguments: Mapping[str, Any],
    *,
    in_order: bool,
) -> list[Rule]:
    """Return the rules that were asked for.

    Args:
        written: names of faults, each with its own arguments and options.
        options: what holds for all of them where they say nothing; None says nothing.
        arguments: the same, for what the faults take. Each must be taken by one of them.
        in_order: one after the other, once each where nothing else is said.

    Raises:
        ConfigurationError: something is unknown or makes no sense; the message names the nearest.
    """
    if not written:
        raise ConfigurationError(f"no fault was named. There is: {', '.join(KINDS)}.")
    for name, _ in written:
        if name not in KINDS:
            raise ConfigurationError(unknown("fault", name, KINDS))
    for argument in arguments:
        if not any(argument in KINDS[name].takes for name, _ in written):
            taken = dict.fromkeys(taken for name, _ in written for taken in KINDS[name].takes)
            what = f"argument for {', '.join(name for name, _ in written)}"
            raise ConfigurationError(unknown(what, argument, [*taken, *OPTIONS]))
    rules = [_rule(name, said, options, arguments) for name, said in written]
    if len(rules) > 1 and options.get("probability") is not None:
        # The probability is that of any fault, so that two of them do not strike twice as often.
        return [_checked({**options, "choices": tuple(fault for rule in rules for fault in rule.choices)})]
    for rule in rules:
        if in_order and rule.times is None and rule.probability is None:
            rule.times = 1
    return rules


def _rule(name: str, said: Mapping[str, Any], options: Mapping[str, Any], arguments: Mapping[str, Any]) -> Rule:
    shared = {key: value for key, value in arguments.items() if key in KINDS[name].takes}
    own = {key: value for key, value in said.items() if key not in OPTIONS}
    for argument in own:
        if argument not in KINDS[name].takes:
            raise ConfigurationError(unknown(f"argument for {name}", argument, [*KINDS[name].takes, *OPTIONS]))
    chosen = {**options, **{key: value for key, value in said.items() if key in OPTIONS}}
    return _checked({**chosen, "choices": (make_fault(name, {**shared, **own}),)})


def _checked(options: Mapping[str, Any]) -> Rule:
    rule = Rule(**options)
    if rule.times is not None and (type(rule.times) is not int or rule.times < 1):
        raise ConfigurationError(f"times must be a whole number, 1 or more, not {rule.times!r}")
    number = isinstance(rule.probability, int | float) and not isinstance(rule.probability, bool)
    if rule.probability is not None and not (number and 0 <= rule.probability <= 1):
        raise ConfigurationError(f"probability must be a number from 0 to 1, not {rule.probability!r}")
    if not isinstance(rule.path, str):
        raise ConfigurationError(f"path must be a text such as '/chat', not {rule.path!r}")
    if rule.provider not in (None, *MODELS) and not {":", "."} & set(str(rule.provider)):
        raise ConfigurationError(unknown("service", rule.provider, MODELS))
    return rule
