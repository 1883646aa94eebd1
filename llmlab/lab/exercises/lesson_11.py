"""The exercises of lesson 11: the cheapest model that can, and a request that is made to fit. Nothing is sent."""

from __future__ import annotations

from datetime import date

from llmlab.lab.exercises.inspect import Answer, Wrong
from llmlab.lab.exercises.messages import quoted, returns
from llmlab.lab.exercises.registry import exercise
from llmlab.models import ModelCapabilities, ModelSpec, ParameterSpec, Prices, register_spec

_SEES = ModelCapabilities(tools=True, vision=True)
# Models of a vendor that there is not, so that only looking them up finds the right one.
_MODELS = (
    ModelSpec("shop-dear", "shop", _SEES, prices=Prices(1, 9)),
    ModelSpec("shop-old", "shop", _SEES, prices=Prices(0.1, 0.5), retired_on=date(2099, 1, 1)),
    ModelSpec("shop-fine", "shop", _SEES, prices=Prices(3, 4)),
    ModelSpec("shop-blind", "shop", ModelCapabilities(tools=True, vision=False), prices=Prices(2, 3)),
    ModelSpec("shop-plain", "shop", ModelCapabilities(streaming=True), prices=Prices(0.5, 1)),
)
_RIGHT = (({"vision", "tools"}, "shop-fine"), ({"tools"}, "shop-blind"), ({"streaming"}, "shop-plain"))
_REASONS = {
    "shop-old": "shop-old is cheap, but its last day is announced: its retired_on is not None",
    "shop-dear": "shop-dear reads cheaply and writes at $9. Compare what a million tokens written cost",
}


@exercise(
    "11.1",
    hints=[
        "specs(provider) gives all models. Keep those that can do all you need and whose retired_on is None.",
        "needs <= set(spec.capabilities.names()) is True when everything that is needed is there.",
        "return min(able, key=lambda spec: spec.prices.output).model",
    ],
)
def cheapest(function: Answer) -> str:
    """Asked for three sets of abilities, the function must find three models of a made-up vendor."""
    for spec in _MODELS:
        register_spec(spec)
    for needs, right in _RIGHT:
        found = function("shop", set(needs))
        if isinstance(found, ModelSpec):
            raise Wrong(f"Your function returned the whole spec. Return its name: {found.model!r} is in .model.")
        returns(found, str, "Return the name of a model.")
        if found == right:
            continue
        chosen = next((spec for spec in _MODELS if spec.model == found), None)
        asked = f"For {sorted(needs)} your function chose {quoted(found)}"
        if chosen is None:
            raise Wrong(f"{asked}, which is no model of 'shop'. Look among specs(provider).")
        if lacking := sorted(needs - set(chosen.capabilities.names())):
            raise Wrong(f"{asked}, which cannot do {' and '.join(lacking)}.")
        raise Wrong(f"{asked}. {_REASONS.get(found, f'{right} can do it for less')}.")
    return "Three wishes, and each time the cheapest model that can and will stay."


@exercise(
    "11.2",
    hints=[
        "Copy the dict first, so that the one you were given stays as it is: dict(options).",
        "min(a, b) is the smaller of two numbers; spec.max_output_tokens is None where no limit is known.",
        'if spec.parameter("temperature") is None: fits.pop("temperature", None)',
    ],
)
def fitting(function: Answer) -> str:
    """Options that fit must stay, others must be cut or left out, and the given dict must not change."""
    strict = ModelSpec("shop-strict", "shop", parameters=(ParameterSpec("top_p"),), max_output_tokens=500)
    free = ModelSpec("shop-free", "shop", parameters=(ParameterSpec("temperature", max_value=2),))
    for spec, given, right in (
        (strict, {"max_tokens": 900, "seed": 1}, {"max_tokens": 500, "seed": 1}),
        (strict, {"max_tokens": 100}, {"max_tokens": 100}),
        (strict, {"temperature": 0.5, "max_tokens": 501}, {"max_tokens": 500}),
        (strict, {}, {}),
        (free, {"temperature": 0.5, "max_tokens": 9_000}, {"temperature": 0.5, "max_tokens": 9_000}),
    ):
        options = dict(given)
        found = function(spec, options)
        returns(found, dict, "Return a dict of options.")
        if found != right:
            limit = spec.max_output_tokens or "any number of"
            takes = "takes a temperature" if spec is free else "takes no temperature"
            raise Wrong(f"{spec.model} writes {limit} tokens and {takes}. Of {given} you made {found}, not {right}.")
        if options != given:
            raise Wrong(f"You were given {given}, and afterwards it was {options}. Change a copy: dict(options).")
    return "Too long was cut, what is not taken was left out, and what fits stayed as it was."
