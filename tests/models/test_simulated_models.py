"""The catalogue and the simulator know each other's models, though neither reads the other."""

from __future__ import annotations

from datetime import date

import pytest

from llmlab.lab.simulator import models as simulated
from llmlab.models import MODELS, RETIRED, SPECS, find_spec, known_models
from tests.models.test_catalogue import anthropic_ends, openai_ends


@pytest.mark.parametrize("provider", MODELS)
def test_the_simulator_has_each_lessons_model(provider: str) -> None:
    """Offline, the first cell of the lesson would end in "no such model"."""
    assert simulated.find(provider, MODELS[provider])


@pytest.mark.parametrize("provider", RETIRED)
def test_the_simulator_refuses_a_retired_model_as_the_service_does(provider: str) -> None:
    """The cell that shows the failure would get an answer."""
    assert simulated.find(provider, RETIRED[provider]) is None


@pytest.mark.parametrize("provider", MODELS)
def test_the_simulator_offers_no_retired_model(provider: str) -> None:
    """A learner would pick a name from the list that is gone at the service."""
    offered = {model.id for model in simulated.MODELS[provider]} | {
        model.served for model in simulated.MODELS[provider]
    }
    retired = {spec.model for spec in SPECS if spec.provider == provider and spec.is_retired()}
    assert offered & retired == set()


def test_known_models_are_the_living_ones_of_one_provider() -> None:
    """A suggestion of a retired model leads from one error to the next."""
    for provider in MODELS:
        known = known_models(provider)
        assert MODELS[provider] in known
        assert all((spec := find_spec(name, provider)) and not spec.is_retired() for name in known)
    assert known_models("nobody") == ()


@pytest.mark.parametrize(("provider", "ends"), [("openai", openai_ends()), ("anthropic", anthropic_ends())])
def test_no_model_that_its_vendor_has_shut_down_is_known(provider: str, ends: dict[str, date]) -> None:
    """A day in the catalogue that is missing or late would keep a dead model among the living."""
    gone = {model for model, day in ends.items() if day <= date.today()}
    assert gone
    assert gone & {*known_models(provider), MODELS[provider]} == set()
