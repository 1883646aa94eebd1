"""Checks a request against what is known of its model, before anything is sent.

What is refused here, the service would refuse too, later and in other words. What is not known passes: a model that is
not in the catalogue with a warning, a retired one without, since its service knows best.
What a wire format has no field for is refused by its format.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from llmlab.errors import LLMInvalidRequestError
from llmlab.models.catalogue import MODELS
from llmlab.models.model import ModelSpec, ParameterSpec
from llmlab.models.pricing import LOCAL
from llmlab.models.registry import find_spec, known_models, specs
from llmlab.types.request import Request

SERVES_ANY = ("openrouter", *LOCAL)
"""Providers of more models than a catalogue can hold. One that is not known there is nothing to speak of."""


class UnknownModelWarning(UserWarning):
    """A model is not in the catalogue, so nothing of its requests is checked. Shown once for each model."""


class Refusal(NamedTuple):
    """Why a model cannot do what is asked of it.

    Args:
        why: what follows the model's name.
        way_out: what to change, if it shall be this model.
    """

    why: str
    way_out: str


def validate(request: Request, provider: str) -> None:
    """Check a request against what is known of its model.

    Args:
        request: what is asked.
        provider: who is asked.

    Raises:
        LLMInvalidRequestError: says what the model cannot do, in which range it could, and which model can.
    """
    spec = find_spec(request.model, provider)
    if spec is None:
        _warn(request.model, provider)
    elif (refusal := refusal_of(request, spec)) is not None:
        near = nearest(request, spec)
        other = "" if near is None else f", or choose the model {near.model}"
        other += f" of {near.provider}" if near is not None and near.provider != provider else ""
        raise LLMInvalidRequestError(f"{request.model} {refusal.why}. {refusal.way_out}{other}.", provider=provider)


def validate_stream(request: Request, provider: str) -> None:
    """Check whether a model streams its answers.

    Args:
        request: what is asked.
        provider: who is asked.

    Raises:
        LLMInvalidRequestError: if it is known not to.
    """
    spec = find_spec(request.model, provider)
    if spec is not None and spec.capabilities.streaming is False:
        raise LLMInvalidRequestError(
            f"{request.model} does not stream. Use complete or complete_async, which wait for the whole answer.",
            provider=provider,
        )


def refusal_of(request: Request, spec: ModelSpec) -> Refusal | None:
    """Return why a model cannot do what is asked, or None if it can, as far as is known."""
    can = spec.capabilities
    if request.tools and can.tools is False:
        return Refusal("calls no tools", "Leave tools out")
    if can.vision is False and any(message.images for message in request.messages):
        return Refusal("sees no images", "Leave the images out")
    if can.structured_output is False and request.response_format is not None:
        return Refusal("keeps to no JSON schema", "Leave response_format out and ask for JSON in words")
    if can.file_search is False and request.file_search is not None:
        return Refusal("searches no files by itself", "Leave file_search out")
    most = spec.max_output_tokens or spec.context_window
    if most is not None and request.max_tokens is not None and request.max_tokens > most:
        return Refusal(f"writes 1 to {most} tokens, and max_tokens is {request.max_tokens}", f"Take {most} or less")
    reasoning, text = request.reasoning, request.text
    if reasoning is not None and can.reasoning is False:
        return Refusal("does not reason", "Leave reasoning out")
    if text is not None and text.verbosity is not None and can.verbosity is False:
        return Refusal("has no verbosity", "Leave text out and say in the prompt how long the answer shall be")
    # Most requests have no options, and this test is quick.
    if spec.parameters and request != Request(request.messages, request.model):
        return _by_budget(request, spec) or _parameters(request, spec)
    return None


def _by_budget(request: Request, spec: ModelSpec) -> Refusal | None:
    """Return the refusal of a wish to think that says not how much, to a model that knows nothing but a budget."""
    wanted, effort, budget = request.reasoning, *map(spec.parameter, ("reasoning.effort", "reasoning.budget_tokens"))
    if wanted is None or budget is None:
        return None
    most = spec.max_output_tokens
    if most is not None and wanted.budget_tokens is not None and wanted.budget_tokens >= most:
        why = f"writes up to {most} tokens, thoughts included, and budget_tokens is {wanted.budget_tokens}"
        return Refusal(why, "Choose a smaller budget")
    if wanted.effort is None and wanted.budget_tokens is None and effort is not None and effort.choices == ("none",):
        return Refusal("thinks within a budget only", f"Add a budget_tokens of {budget.range} to reasoning")
    return None


def _parameters(request: Request, spec: ModelSpec) -> Refusal | None:
    given = {name: value for name, read in _OPTIONS.items() if (value := read(request)) is not None}
    # Of the other options, such as max_tokens, most specs say nothing, and those are taken.
    others = (one.name for one in spec.parameters if one.name not in _OPTIONS)
    given |= {name: value for name in others if (value := getattr(request, name, None)) is not None}
    for name, value in given.items():
        known = spec.parameter(name)
        if known is None:
            return Refusal(f"takes no {name}", f"Leave {name} out")
        if not known.takes(value):
            way_out = "Choose one of these" if known.choices else "Choose a number in that range"
            return Refusal(f"takes {name} {known.range}, not {value!r}", way_out)
        if value != known.default and (other := _excluded(known, given, spec)):
            return other
    return None


def _excluded(one: ParameterSpec, given: dict[str, Any], spec: ModelSpec) -> Refusal | None:
    """Return the refusal of what is given beside something that it must not stand beside."""
    for name in one.exclusive_with:
        known = spec.parameter(name)
        value = given.get(name, known.default if known else None)
        if value in (None, "none"):
            continue
        habit = "" if name in given else ", which holds when nothing else is said"
        off = "reasoning={'effort': 'none'}" if known and "none" in known.choices else ""
        way_out = f"Leave {one.name} out" + (f", or add {off}" if off else "")
        return Refusal(f"takes no {one.name} beside {name} {value!r}{habit}", way_out)
    return None


def nearest(request: Request, spec: ModelSpec) -> ModelSpec | None:
    """Return the model that could do what another one cannot: of the same provider if possible, with a similar name.

    Args:
        request: what is asked.
        spec: of the model that cannot. One with an announced end is not suggested, nor one of which little is known.
    """

    def distance(other: ModelSpec) -> tuple[bool, bool, bool, float]:
        elsewhere = other.provider != spec.provider
        moves = (other.provider in LOCAL) != (spec.provider in LOCAL)
        alike = difflib.SequenceMatcher(None, other.model, spec.model).ratio()
        return (elsewhere, moves, elsewhere and other.model != MODELS.get(other.provider), -alike)

    known = (other for other in specs() if other.parameters and other.retired_on is None)
    return min((other for other in known if refusal_of(request, other) is None), key=distance, default=None)


_OPTIONS: dict[str, Callable[[Request], Any]] = {
    "temperature": lambda request: request.temperature,
    "top_p": lambda request: request.top_p,
    "reasoning.effort": lambda request: request.reasoning and request.reasoning.effort,
    "reasoning.budget_tokens": lambda request: request.reasoning and request.reasoning.budget_tokens,
    "text.verbosity": lambda request: request.text and request.text.verbosity,
}
"""The options that a `ParameterSpec` can speak of, and how they are read."""

_told: set[tuple[str, str]] = set()


def _warn(model: str, provider: str) -> None:
    if provider in SERVES_ANY or (provider, model) in _told or not (known := known_models(provider)):
        return
    _told.add((provider, model))
    near = difflib.get_close_matches(model, known, 1)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    warnings.warn(
        f"{model!r} is not among the models of {provider} that llmlab knows, so this request is sent unchecked.{guess} "
        "If it is new: llmlab.register_spec(llmlab.ModelSpec(model, provider, …)) makes it known.",
        UnknownModelWarning,
        # The line of the caller of `complete`, which calls `request`, which calls `validate`.
        stacklevel=5,
    )
