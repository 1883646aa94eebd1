"""The catalogue. If a test fails, a learner reads a wrong price, window or last day, or calls a model that is gone."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from genai_prices import Usage, calc_price

from llmlab.config.safe_yaml import load_yaml
from llmlab.lab.maintenance import catalogue
from llmlab.lab.simulator import models as simulated
from llmlab.models import MODELS, RETIRED, SPECS, ModelSpec, find_spec, known_models, price_of
from llmlab.models.catalogue import EMBEDDING_MODELS

RECORDINGS = Path(__file__).resolve().parents[2] / "notebooks" / "recordings"
PROVIDERS = ("openai", "anthropic", "openrouter", "ollama", "local_gpt_oss")
AS_OF = date.fromisoformat(catalogue.load()["as_of"])


def test_every_provider_has_a_lesson_model_without_a_last_day() -> None:
    """A lesson with a retired model shows its learner a 404."""
    assert set(MODELS) == set(PROVIDERS)
    for provider, model in MODELS.items():
        spec = find_spec(model, provider)
        assert spec is not None, model
        assert spec.retired_on is None, f"{model} is shut down on {spec.retired_on}"


def recorded() -> set[tuple[str, str]]:
    """Return provider and model of the requests in the recordings of the lessons that were answered."""
    found = set()
    for file in RECORDINGS.glob("*.yaml"):
        for exchange in load_yaml(file.read_text(encoding="utf-8"))[0]["exchanges"]:
            request, answer = exchange["request"], exchange["answer"]
            if isinstance(request.get("body"), dict) and "model" in request["body"] and answer["status"] < 400:
                found.add((request["alias"], request["body"]["model"]))
    return found


def test_every_model_that_a_lesson_calls_is_known_and_not_shut_down() -> None:
    """A learner who goes live would get a 404 where the stored output shows an answer."""
    called = recorded()
    assert len(called) >= 5
    for provider, model in called - set(EMBEDDING_MODELS.items()):
        spec = find_spec(model, provider)
        assert spec is not None, f"a lesson calls {model} of {provider}, which is not in the catalogue"
        assert not spec.is_retired(AS_OF), f"a lesson calls {model} of {provider}, shut down on {spec.retired_on}"


def test_the_example_of_a_retired_model_is_retired() -> None:
    """The lesson on failures would otherwise get an answer, from the simulator too."""
    for provider, model in RETIRED.items():
        spec = find_spec(model, provider)
        assert spec is not None
        assert spec.is_retired()
        assert spec.model not in known_models(provider)
        assert simulated.find(provider, spec.model) is None


def test_the_simulator_offers_the_lesson_s_model_and_no_retired_one() -> None:
    """Offline, the first cell of the lesson would end in "no such model", or a learner would pick one that is gone."""
    for provider, model in MODELS.items():
        assert simulated.find(provider, model)
        offered = {name for one in simulated.MODELS[provider] for name in (one.id, one.served)}
        assert offered & {spec.model for spec in SPECS if spec.provider == provider and spec.is_retired(AS_OF)} == set()


def test_known_models_are_those_of_one_provider_that_are_not_retired() -> None:
    """A suggestion of a retired model leads from one error to the next."""
    for provider in MODELS:
        known = known_models(provider)
        assert MODELS[provider] in known
        assert all((spec := find_spec(name, provider)) and not spec.is_retired() for name in known)
    assert known_models("nobody") == ()


def test_only_servers_of_one_s_own_and_routers_have_no_price() -> None:
    """Lessons compare prices, and a budget needs them; a new model may not be in the price list yet."""
    free = {(spec.provider, spec.model) for spec in SPECS if spec.prices is None and spec.parameters}
    assert {provider for provider, _ in free} == {"ollama", "local_gpt_oss"}


def test_a_long_request_costs_what_the_list_says() -> None:
    """Some vendors charge double from some length on; an estimate without it would be half the bill."""
    for provider in ("openai", "anthropic"):
        for tokens in (1, 99_999, 100_000, 100_001, 272_000, 272_001, 900_000):
            usage = Usage(input_tokens=tokens, output_tokens=7)
            listed = calc_price(usage, model_ref=MODELS[provider], provider_id=provider).total_price
            assert price_of(tokens, 7, MODELS[provider], provider) == pytest.approx(float(listed)), tokens


def test_prices() -> None:
    """A learner who goes live wants to know what a lesson costs before the bill says it."""
    for provider in ("openai", "anthropic"):
        one = price_of(1_000_000, 0, MODELS[provider], provider)
        both = price_of(1_000_000, 1_000_000, MODELS[provider], provider)
        assert one is not None
        assert both is not None
        assert 0 < one < both
    assert price_of(10, 10, MODELS["openrouter"], "openrouter") == 0
    assert price_of(10, 10, MODELS["ollama"], "ollama") == 0
    assert price_of(10, 10, "no-such-model", "openai") is None
    assert price_of(10, 10, MODELS["openai"], "no-such-provider") is None
    with pytest.raises(ValueError, match="cannot be negative"):
        price_of(-1, 0, MODELS["openai"], "openai")


def test_a_model_is_retired_from_its_last_day_on() -> None:
    spec = ModelSpec("m", "p", retired_on=date(2026, 5, 2))
    assert not spec.is_retired(date(2026, 5, 1))
    assert spec.is_retired(date(2026, 5, 2))
    assert not ModelSpec("m", "p").is_retired()


def test_a_spec_is_found_by_provider_or_by_name_alone() -> None:
    """gpt-oss:120b stands in two catalogues; with a provider, that one is meant."""
    local = find_spec("gpt-oss:120b", "local_gpt_oss")
    anywhere = find_spec("gpt-oss:120b")
    assert local is not None
    assert anywhere is not None
    assert (local.provider, anywhere.provider) == ("local_gpt_oss", "ollama")
    assert find_spec("gpt-oss:120b", "openai") is None
    assert find_spec("no-such-model") is None


def test_no_name_stands_for_two_models() -> None:
    names = [(spec.provider, name) for spec in SPECS for name in (spec.model, *spec.aliases)]
    assert len(names) == len(set(names)) > 60


def test_the_facts_about_a_model_agree() -> None:
    """A model that cannot reason takes no effort; a default is in its range; no answer is longer than the window."""
    for spec in SPECS:
        for one in spec.parameters:
            assert one.default is None or one.takes(one.default), (spec.model, one.name)
            assert all(spec.parameter(other) for other in one.exclusive_with), (spec.model, one.name)
        effort = spec.parameter("reasoning.effort")
        if spec.parameters and spec.capabilities.reasoning is False:
            assert effort is None or effort.choices == ("none",), spec.model
        assert (spec.max_output_tokens or 0) <= (spec.context_window or 10**9), spec.model
