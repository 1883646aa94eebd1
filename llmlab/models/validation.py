"""Check a request against what is known of its model, before anything is sent.

What is refused here, the service would refuse too, later and in other words. What is not known passes: a model that is
not in the catalogue with a warning, a retired one without, since its service knows best. What a wire format has no
field for is refused by its format.
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
"""Providers of more models than a catalogue can hold; their unknown models need no warning."""


class UnknownModelWarning(UserWarning):
    """A model is not in the catalogue, so nothing of its requests is checked. Shown once for each model."""


class Refusal(NamedTuple):
    """Why a model cannot answer a request.

    Args:
        why: the words after the model's name.
        way_out: what to change, if it shall be this model.
    """

    why: str
    way_out: str


def validate(request: Request, provider: str) -> None:
    """Check a request against what is known of its model.

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

    Raises:
        LLMInvalidRequestError: if it is known not to.
    """
    spec = find_spec(request.model, provider)
    if spec is not None and spec.capabilities.streaming is False:
        raise LLMInvalidRequestError(
            f"{request.model} does not stream. Use complete or complete_async, which wait for the whole answer.",
            provider=provider,
        )


_WITHOUT = {
    "tools": Refusal("calls no tools", "Leave tools out"),
    "vision": Refusal("sees no images", "Leave the images out"),
    "structured_output": Refusal("keeps to no JSON schema", "Leave response_format out and ask for JSON in words"),
    "file_search": Refusal("searches no files by itself", "Leave file_search out"),
    "reasoning": Refusal("does not reason", "Leave reasoning out"),
    "verbosity": Refusal("has no verbosity", "Leave text out and say in the prompt how long the answer shall be"),
}
"""The refusals of a model without a capability that a request needs."""

_OPTIONS: dict[str, Callable[[Request], Any]] = {
    "reasoning.effort": lambda request: request.reasoning and request.reasoning.effort,
    "reasoning.budget_tokens": lambda request: request.reasoning and request.reasoning.budget_tokens,
    "text.verbosity": lambda request: request.text and request.text.verbosity,
    "temperature": lambda request: request.temperature,
    "top_p": lambda request: request.top_p,
}
"""The options that are refused when a spec with parameters does not have them. Others are checked if it has them."""


def refusal_of(request: Request, spec: ModelSpec) -> Refusal | None:
    """Return why a model cannot answer a request, or None if it can, as far as is known."""
    for capability, refusal in _WITHOUT.items():
        if getattr(spec.capabilities, capability) is False and _needs(request)[capability]:
            return refusal
    most = spec.max_output_tokens or spec.context_window
    if most is not None and request.max_tokens is not None and request.max_tokens > most:
        return Refusal(f"writes 1 to {most} tokens, and max_tokens is {request.max_tokens}", f"Take {most} or less")
    # Most requests have no options, and this test is quick.
    if not spec.parameters or request == Request(request.messages, request.model):
        return None
    return _budget(request, spec) or _parameters(request, spec)


def _needs(request: Request) -> dict[str, object]:
    """Return the capabilities that a request needs."""
    return {
        "tools": request.tools,
        "vision": any(message.images for message in request.messages),
        "structured_output": request.response_format is not None,
        "file_search": request.file_search,
        "reasoning": request.reasoning is not None,
        # Services without a choice take the word for what they do anyway.
        "verbosity": request.text and request.text.verbosity not in (None, "medium"),
    }


def _budget(request: Request, spec: ModelSpec) -> Refusal | None:
    """Refuse a budget above the longest answer, and reasoning without a budget where the model needs one."""
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
    """Refuse options that the model does not take, out of range, or beside others that exclude them."""
    others = (one.name for one in spec.parameters if one.name not in _OPTIONS)
    options = {name: read(request) for name, read in _OPTIONS.items()}
    options |= {name: getattr(request, name, None) for name in others}
    options = {name: value for name, value in options.items() if value is not None}
    for name, value in options.items():
        known = spec.parameter(name)
        if known is None:
            return Refusal(f"takes no {name}", f"Leave {name} out")
        if not known.takes(value):
            way_out = "Choose one of these" if known.choices else "Choose a number in that range"
            return Refusal(f"takes {name} {known.range}, not {value!r}", way_out)
        if value != known.default and (refusal := _excluded(known, options, spec)):
            return refusal
    return None


def _excluded(one: ParameterSpec, options: dict[str, Any], spec: ModelSpec) -> Refusal | None:
    """Refuse an option beside another one that is on, by the request or by default."""
    for name in one.exclusive_with:
        known = spec.parameter(name)
        value = options.get(name, known.default if known else None)
        if value in (None, "none"):
            continue
        by_default = "" if name in options else ", which holds when nothing else is said"
        off = ", or add reasoning={'effort': 'none'}" if known and "none" in known.choices else ""
        return Refusal(f"takes no {one.name} beside {name} {value!r}{by_default}", f"Leave {one.name} out{off}")
    return None


def nearest(request: Request, spec: ModelSpec) -> ModelSpec | None:
    """Return the model that can answer a request: of the same provider if possible, with a similar name.

    Args:
        request: the request.
        spec: of the model that cannot. One with an announced end is not suggested, nor one of which little is known.
    """

    def distance(other: ModelSpec) -> tuple[bool, bool, bool, float]:
        elsewhere = other.provider != spec.provider
        moves = (other.provider in LOCAL) != (spec.provider in LOCAL)
        alike = difflib.SequenceMatcher(None, other.model, spec.model).ratio()
        return (elsewhere, moves, elsewhere and other.model != MODELS.get(other.provider), -alike)

    lasting = (other for other in specs() if other.parameters and other.retired_on is None)
    return min((other for other in lasting if refusal_of(request, other) is None), key=distance, default=None)


_warned: set[tuple[str, str]] = set()


def _warn(model: str, provider: str) -> None:
    if provider in SERVES_ANY or (provider, model) in _warned or not (known := known_models(provider)):
        return
    _warned.add((provider, model))
    near = difflib.get_close_matches(model, known, 1)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    warnings.warn(
        f"{model!r} is not among the models of {provider} that llmlab knows, so this request is sent unchecked.{guess} "
        "If it is new: llmlab.register_spec(llmlab.ModelSpec(model, provider, …)) makes it known.",
        UnknownModelWarning,
        # The line of the caller of `complete`, which calls `request`, which calls `validate`.
        stacklevel=5,
    )
