"""The catalogue against the installed SDKs and price list: an upgrade that changes a model makes these tests fail."""

from __future__ import annotations

import ast
import re
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from llmlab.models import MODELS, RETIRED, SPECS, ModelSpec, find_spec, known_models, price_of, rates
from llmlab.models.catalogue import EMBEDDING_MODELS, SDKS

RECORDINGS = Path(__file__).resolve().parents[2] / "notebooks" / "recordings"

PROVIDERS = ("openai", "anthropic", "openrouter", "ollama", "local_gpt_oss")


def literals(alias: Any) -> set[str]:
    """Return the strings of a Literal, also inside a Union."""
    return {name for arg in get_args(alias) for name in ([arg] if isinstance(arg, str) else literals(arg))}


def openai_names() -> set[str]:
    from openai.types.shared.all_models import AllModels

    return literals(AllModels)


def openai_chat_names() -> set[str]:
    from openai.types.shared.chat_model import ChatModel

    return literals(ChatModel)


def anthropic_names() -> set[str]:
    from anthropic.types.model import Model

    return literals(Model)


def openai_ends() -> dict[str, date]:
    """Return the shutdown days in the docstring below ChatModel."""
    from openai.types.shared import chat_model

    source = Path(str(chat_model.__file__)).read_text(encoding="utf-8")
    texts = [node.value.value for node in ast.parse(source).body if is_docstring(node)]  # type: ignore[attr-defined]
    ends: dict[str, date] = {}
    for entry in " ".join(texts[-1].split()).split('- "')[1:]:
        if found := re.search(r"shutdown date: (\d{4}-\d\d-\d\d)", entry):
            names = re.findall(r'"([^"]+)"', '"' + entry)
            ends |= dict.fromkeys(names, date.fromisoformat(found[1]))
    return ends


def is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def anthropic_ends() -> dict[str, date]:
    """Return the last days in DEPRECATED_MODELS, which are written as in "June 30th, 2026"."""
    from anthropic.resources.messages.messages import DEPRECATED_MODELS

    def day(text: str) -> date:
        return datetime.strptime(re.sub(r"(\d)(st|nd|rd|th)", r"\1", text), "%B %d, %Y").date()

    return {model: day(text) for model, text in DEPRECATED_MODELS.items()}


def of(provider: str) -> list[ModelSpec]:
    return [spec for spec in SPECS if spec.provider == provider]


def named(provider: str) -> dict[str, ModelSpec]:
    """Return the catalogue's models by each of their names."""
    return {name: spec for spec in of(provider) for name in (spec.model, *spec.aliases)}


def test_the_sdks_dates_are_found() -> None:
    """If an SDK writes its dates in another way, the comparison below would compare nothing."""
    assert len(openai_ends()) > 40
    assert openai_ends()["gpt-4"] == date(2026, 10, 23)
    assert anthropic_ends()["claude-sonnet-4-5"] == date(2026, 11, 30)


def test_every_provider_has_a_lesson_model_that_lives_today() -> None:
    """A lesson with a retired model shows its learner a 404."""
    assert set(MODELS) == set(PROVIDERS)
    for provider, model in MODELS.items():
        spec = find_spec(model, provider)
        assert spec is not None, model
        assert not spec.is_retired(date.today()), f"{model} is shut down since {spec.retired_on}"


def test_lesson_models_are_known_to_the_sdks() -> None:
    assert MODELS["openai"] in openai_names()
    assert MODELS["anthropic"] in anthropic_names()


def recorded() -> set[tuple[str, str]]:
    """Return who was asked for which model in the recordings of the lessons, and answered."""
    found = set()
    for file in RECORDINGS.glob("*.yaml"):
        for exchange in yaml.safe_load(file.read_text(encoding="utf-8"))["exchanges"]:
            request, answer = exchange["request"], exchange["answer"]
            if isinstance(request.get("body"), dict) and "model" in request["body"] and answer["status"] < 400:
                found.add((request["alias"], request["body"]["model"]))
    return found


def test_every_model_that_a_lesson_calls_is_known_and_lives() -> None:
    """A learner who goes live would get a 404 where the stored output shows an answer."""
    assert len(recorded()) >= 5
    for provider, model in recorded() - set(EMBEDDING_MODELS.items()):
        spec = find_spec(model, provider)
        assert spec is not None, f"a lesson calls {model} of {provider}, which is not in the catalogue"
        assert not spec.is_retired(), f"a lesson calls {model} of {provider}, shut down on {spec.retired_on}"


def test_openai_models_are_the_sdks_with_the_sdks_dates() -> None:
    ends = openai_ends()
    assert set(named("openai")) <= openai_names()
    for name, spec in named("openai").items():
        assert spec.retired_on == ends.get(name), name


NOT_FOR_TEXT = re.compile(r"audio|search-preview")
NO_MODEL = {"gpt-5.1-mini"}
"""OpenAI's SDK keeps this name and says itself that it is none."""


def check_release(sdk: str) -> None:
    """Skip where the SDK is another release than the catalogue's: what came later is not known yet, and only warned of.

    A release that names a new model would else stop everybody's work on the day that it comes out.
    """
    installed = version(sdk)
    if not installed.startswith(f"{SDKS[sdk]}."):
        pytest.skip(
            f"{sdk} {installed} is installed, and the catalogue has the models of {SDKS[sdk]}: bring it up to date"
        )


def test_every_living_chat_model_of_openais_sdk_is_known() -> None:
    """Else a user of a model that everybody knows is warned of it."""
    check_release("openai")
    gone = {name for name, day in openai_ends().items() if day <= date.today()}
    living = {name for name in openai_chat_names() - gone - NO_MODEL if not NOT_FOR_TEXT.search(name)}
    assert living - set(named("openai")) == set()


def test_every_model_of_anthropics_sdk_is_known() -> None:
    check_release("anthropic")
    gone = {name for name, day in anthropic_ends().items() if day <= date.today()}
    assert anthropic_names() - gone - set(named("anthropic")) == set()


def test_anthropic_models_are_the_sdks_with_the_sdks_dates() -> None:
    """The SDK drops a model from its type when it is shut down, so what it does not name must be retired."""
    ends = anthropic_ends()
    for name, spec in named("anthropic").items():
        if name in anthropic_names() | set(ends):
            assert spec.retired_on == ends.get(name), name
        else:
            assert spec.is_retired(), name


@pytest.mark.parametrize("provider", RETIRED)
def test_the_example_of_a_retired_model_is_retired(provider: str) -> None:
    """The lesson on failures would otherwise get an answer."""
    spec = find_spec(RETIRED[provider], provider)
    assert spec is not None
    assert spec.is_retired()
    assert spec.model not in known_models(provider)


def test_windows_and_prices_are_those_of_the_price_list() -> None:
    from genai_prices import Usage, calc_price

    listed = 0
    for spec in SPECS:
        try:
            found = calc_price(Usage(input_tokens=1), model_ref=spec.model, provider_id=spec.provider)
        except LookupError:
            continue
        if found.model.context_window is not None:
            listed += 1
            assert spec.context_window == found.model.context_window, spec.model
        if spec.prices is not None:
            [*_, least] = rates(spec.model, spec.provider)
            prices = (spec.prices.input, spec.prices.output)
            assert prices == pytest.approx((least.input * 1e6, least.output * 1e6)), spec.model
    assert listed > 50


def test_only_who_sends_no_bill_has_no_price() -> None:
    free = {(spec.provider, spec.model) for spec in SPECS if spec.prices is None}
    assert {provider for provider, _ in free} == {"openrouter", "ollama", "local_gpt_oss"}
    assert {model for provider, model in free if provider == "openrouter"} == {"openrouter/free", "openrouter/auto"}


@pytest.mark.parametrize("tokens", [1, 99_999, 100_000, 100_001, 272_000, 272_001, 900_000])
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_long_request_costs_what_the_list_says(provider: str, tokens: int) -> None:
    """Some vendors ask double from some length on; an estimate without it would be half the bill."""
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=tokens, output_tokens=7)
    listed = calc_price(usage, model_ref=MODELS[provider], provider_id=provider).total_price
    assert price_of(tokens, 7, MODELS[provider], provider) == pytest.approx(float(listed))


def test_a_model_is_retired_from_its_last_day_on() -> None:
    spec = ModelSpec("m", "p", retired_on=date(2026, 5, 2))
    assert not spec.is_retired(date(2026, 5, 1))
    assert spec.is_retired(date(2026, 5, 2))
    assert not ModelSpec("m", "p").is_retired()


def test_a_spec_is_found_by_provider_or_by_name_alone() -> None:
    """gpt-oss:120b stands in two catalogues; who names a provider means that one."""
    local = find_spec("gpt-oss:120b", "local_gpt_oss")
    anywhere = find_spec("gpt-oss:120b")
    assert local is not None
    assert anywhere is not None
    assert (local.provider, anywhere.provider) == ("local_gpt_oss", "ollama")
    assert find_spec("gpt-oss:120b", "openai") is None
    assert find_spec("no-such-model") is None


def test_no_name_stands_for_two_models() -> None:
    names = [(spec.provider, name) for spec in SPECS for name in (spec.model, *spec.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.provider}-{spec.model}")
def test_what_is_said_of_a_model_holds_together(spec: ModelSpec) -> None:
    """A model that cannot reason takes no effort; a default is in its range; no answer is longer than the window."""
    for one in spec.parameters:
        assert one.default is None or one.takes(one.default), one.name
        assert all(spec.parameter(other) for other in one.exclusive_with), one.name
    effort = spec.parameter("reasoning.effort")
    if spec.parameters and spec.capabilities.reasoning is False:
        assert effort is None or effort.choices == ("none",)
    assert (spec.max_output_tokens or 0) <= (spec.context_window or 10**9)


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
