"""Providers by name. If one fails, a provider that somebody added or installed cannot be asked for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llmlab.completion import Completion
from llmlab.dialects import OPENAI_CHAT
from llmlab.errors import ConfigurationError, MissingAPIKeyError, UnsupportedProviderError
from llmlab.providers import (
    Provider,
    ProviderType,
    get_provider,
    provider_class,
    provider_names,
    register_provider,
    registry,
)
from tests.core import bodies
from tests.core.trying import KEY, NAMES, SHAPES, ask
from tests.loopback import LoopbackServer


class Mine(Provider):
    """A provider that somebody wrote."""

    name = "mine"
    dialect = OPENAI_CHAT
    default_model = "mine-1"
    default_base_url = "http://localhost:1"


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone afterwards."""
    monkeypatch.setattr(registry, "_registered", {})


def offered(monkeypatch: pytest.MonkeyPatch, **points: Any) -> None:
    """Pretend that installed packages offer these providers."""

    def entry_points(group: str, name: str | None = None) -> list[Any]:
        assert group == "llmlab.providers"
        found = [SimpleNamespace(name=key, load=lambda value=value: value) for key, value in points.items()]
        return [point for point in found if name in (None, point.name)]

    monkeypatch.setattr(registry, "entry_points", entry_points)


@pytest.mark.parametrize("name", NAMES)
def test_every_built_in_provider_is_found_by_name_and_by_type(name: str) -> None:
    by_name = get_provider(name, api_key=KEY)
    by_type = get_provider(ProviderType(name), api_key=KEY)
    assert type(by_name) is type(by_type) is provider_class(name)
    assert by_name.name == name
    assert type(by_name)(api_key=KEY).model == by_name.model


def test_the_names_are_the_documented_five() -> None:
    assert set(NAMES) <= set(provider_names())
    assert [str(member) for member in ProviderType] == list(NAMES)


def test_without_a_name_the_backend_of_the_settings_is_meant(tmp_path: Path) -> None:
    with pytest.raises(MissingAPIKeyError) as caught:
        get_provider()
    assert caught.value.provider == "openai"
    (tmp_path / "llmlab.yaml").write_text("backend: ollama\nproviders:\n  ollama:\n    model: tiny\n    timeout: 7\n")
    made = get_provider()
    assert (made.name, made.model, made.timeout) == ("ollama", "tiny", 7)
    assert get_provider(model="big").model == "big"


@pytest.mark.parametrize("shape", SHAPES)
def test_a_registered_provider_works_in_every_call_shape(shape: str, server: LoopbackServer) -> None:
    server.answer(bodies.STREAM["openrouter"] if "stream" in shape else bodies.CHAT)
    register_provider("mine", Mine)
    assert "mine" in provider_names()
    answer: Completion = ask(get_provider("mine", base_url=server.url), shape)
    assert (answer.content, answer.provider) == (bodies.TEXT, "mine")
    assert server.seen[0].body["model"] == "mine-1"
    assert "authorization" not in server.seen[0].headers


def test_an_installed_package_offers_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    offered(monkeypatch, mine=Mine, other=Mine)
    assert provider_names() == (*NAMES, "mine", "other")
    assert isinstance(get_provider("mine"), Mine)
    assert isinstance(get_provider("mine"), Mine), "loaded once, found again"


def test_an_installed_package_cannot_take_a_built_in_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key for OpenAI must not go to whoever calls himself that."""
    offered(monkeypatch, openai=Mine)
    assert provider_class("openai") is not Mine


@pytest.mark.parametrize("wrong", [object, "Mine", Mine()], ids=["class", "text", "instance"])
def test_what_is_no_provider_is_refused(wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="is not a subclass of"):
        register_provider("mine", wrong)
    offered(monkeypatch, mine=wrong)
    with pytest.raises(ConfigurationError, match="is not a subclass"):
        get_provider("mine")


def test_a_built_in_name_cannot_be_registered() -> None:
    with pytest.raises(ConfigurationError, match="'openai' is built in; choose another name"):
        register_provider("openai", Mine)


def test_an_unknown_name_lists_the_known_and_the_nearest() -> None:
    register_provider("mine", Mine)
    with pytest.raises(UnsupportedProviderError) as caught:
        get_provider("antropic")
    assert "Did you mean 'anthropic'?" in caught.value.message
    for name in (*NAMES, "mine", "llmlab.register_provider"):
        assert name in caught.value.message
