"""Models looked up and made known. If one fails, tomorrow's model, or somebody's own, stays a stranger."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llmlab.errors import ConfigurationError
from llmlab.models import ModelSpec, Prices, find_spec, known_models, price_of, register_spec, specs
from tests.core.installed import install

LARGE = ModelSpec("acme-large", "acme", context_window=32_000, prices=Prices(1, 2, 0.5), aliases=("acme-latest",))
SMALL = ModelSpec("acme-small", "acme")
BOTH = [LARGE, SMALL]
NONE: list[ModelSpec] = []


@pytest.mark.parametrize(
    ("asked", "provider", "model"),
    [
        ("gpt-5.5-2026-04-23", None, "gpt-5.5"),
        ("claude-haiku-4-5-20251001", "anthropic", "claude-haiku-4-5"),
        ("anthropic/claude-haiku-5-5", None, "claude-haiku-5-5"),
        ("openai/gpt-4o-2024-08-06", None, "gpt-4o"),
        ("gpt-oss", "ollama", "gpt-oss:20b"),
        ("openai/gpt-6-luna", None, "openai/gpt-6-luna"),
    ],
)
def test_a_model_is_found_by_alias_and_by_vendor(asked: str, provider: str | None, model: str) -> None:
    """People copy names out of bills, lists and other libraries."""
    spec = find_spec(asked, provider)
    assert spec is not None
    assert spec.model == model


def test_a_vendor_before_the_name_is_no_name_for_that_vendor() -> None:
    """The service would not know it either."""
    assert find_spec("anthropic/claude-haiku-5-5", "anthropic") is None
    assert find_spec("nobody/claude-haiku-5-5") is None


def test_a_registered_model_is_known_by_all_its_names() -> None:
    register_spec(LARGE)
    assert find_spec("acme-large") is find_spec("acme-latest", "acme") is find_spec("acme/acme-latest") is LARGE
    assert known_models("acme") == ("acme-large",)
    assert LARGE in specs()
    assert specs("acme") == (LARGE,)
    assert price_of(1_000_000, 1_000_000, "acme-latest", "acme") == 3


def test_what_is_known_can_be_corrected() -> None:
    """A limit that moves today need not wait for the next release."""
    luna = find_spec("gpt-6-luna")
    assert luna is not None
    before = len(specs("openai"))
    register_spec(replace(luna, max_output_tokens=7, prices=Prices(20, 40)))
    corrected = find_spec("gpt-6-luna")
    assert corrected is not None
    assert corrected.max_output_tokens == 7
    assert len(specs("openai")) == before
    assert price_of(1_000_000, 0, "gpt-6-luna", "openai") == 20, "one's own price goes before the list"


@pytest.mark.parametrize("wrong", ["gpt-6-luna", None, 7, []])
def test_what_is_no_spec_is_refused(wrong: object) -> None:
    with pytest.raises(ConfigurationError, match=r"is no llmlab\.ModelSpec"):
        register_spec(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", ""),
        ("provider", 5),
        ("capabilities", {"tools": False}),
        ("parameters", ["temperature"]),
        ("prices", (1, 2)),
        ("aliases", "acme-latest"),
    ],
)
def test_a_spec_with_a_value_of_another_type_is_refused(name: str, value: Any) -> None:
    """The first call of the model would stumble over it, or, of an alias, each letter would be a model."""
    with pytest.raises(ConfigurationError, match=rf"the {name} of a ModelSpec cannot be .*ModelSpec\(model, provider"):
        register_spec(replace(LARGE, **{name: value}))
    assert find_spec("acme-large", "acme") is None


def test_an_installed_package_offers_models(monkeypatch: pytest.MonkeyPatch) -> None:
    install("acme-llm", "llmlab.models", monkeypatch, acme=f"{__name__}:BOTH")
    assert find_spec("acme-latest", "acme") is LARGE
    assert find_spec("acme-small") is SMALL
    assert known_models("acme") == ("acme-large", "acme-small")


def test_a_package_s_models_are_found_by_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    install("acme-llm", "llmlab.models", monkeypatch, acme=f"{__name__}:SMALL")
    assert find_spec("acme-small") is SMALL


@pytest.mark.parametrize("where", ["no_such_module_of_acme:SPECS", f"{__name__}:NONE", f"{__name__}:install"])
def test_a_broken_package_is_named_and_breaks_nobody_else(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    install("acme-llm", "llmlab.models", monkeypatch, acme=where)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"the package acme-llm 1.0 offers the models of 'acme'"):
            find_spec("acme-large", "acme")
    assert find_spec("gpt-6-luna", "openai")
    assert find_spec("no-such-model") is None
    assert len(specs()) > 50


def test_packages_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes milliseconds, and every call of an unknown model asks."""
    asked: list[str] = []
    monkeypatch.setattr("llmlab.config.entry_points.entry_points", lambda group: asked.append(group) or [])
    for _ in range(3):
        assert find_spec("unknown", "openai") is None
    assert asked == ["llmlab.models"]
