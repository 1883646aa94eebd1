"""Providers and formats by name. If one fails, what somebody added or installed cannot be asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmlab.errors import ConfigurationError, MissingAPIKeyError, UnsupportedProviderError
from llmlab.formats import (
    FORMATS,
    OPENAI_CHAT,
    Format,
    format_names,
    get_format,
    register_format,
)
from llmlab.formats import registry as dialect_registry
from llmlab.providers import (
    Provider,
    ProviderType,
    get_provider,
    provider_class,
    provider_names,
    register_provider,
    registry,
)
from llmlab.types.completion import Completion
from tests.core import bodies
from tests.core.installed import install
from tests.core.trying import KEY, NAMES, SHAPES, ask
from tests.loopback import LoopbackServer


class Mine(Provider):
    """A provider that somebody wrote."""

    name = "mine"
    format = OPENAI_CHAT
    default_model = "mine-1"
    default_base_url = "http://localhost:1"


def offered(monkeypatch: pytest.MonkeyPatch, group: str = "llmlab.providers", **points: str) -> None:
    """Install a package "acme-llm" that offers these things: name, and where it is."""
    install("acme-llm", group, monkeypatch, **points)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone afterwards."""
    monkeypatch.setattr(registry._plugins, "_registered", {})
    monkeypatch.setattr(dialect_registry._plugins, "_registered", {})


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
    offered(monkeypatch, mine=f"{__name__}:Mine", other=f"{__name__}:Mine")
    assert provider_names() == (*NAMES, "mine", "other")
    assert isinstance(get_provider("mine"), Mine)
    assert isinstance(get_provider("mine"), Mine), "loaded once, found again"


def test_an_installed_package_cannot_take_a_built_in_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key for OpenAI must not go to whoever calls himself that."""
    offered(monkeypatch, openai=f"{__name__}:Mine")
    assert provider_names() == NAMES
    assert provider_class("openai") is not Mine


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("no_such_module_of_acme:Mine", "ModuleNotFoundError: No module named 'no_such_module_of_acme'"),
        (f"{__name__}:Yours", "AttributeError: "),
        (f"{__name__}:NAMES", "is not a subclass of llmlab.Provider"),
        ("quits:Mine", "SystemExit: 3"),
    ],
    ids=["module", "name", "kind", "quits"],
)
def test_a_broken_package_is_named_and_breaks_nobody_else(
    where: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bad package on the machine must not take everybody's providers away."""
    offered(monkeypatch, broken=where, mine=f"{__name__}:Mine")
    Path("quits.py").write_text("raise SystemExit(3)", encoding="utf-8")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    with pytest.raises(ConfigurationError) as caught:
        get_provider("broken")
    assert "the package acme-llm 1.0 offers the provider 'broken', and it cannot be used: " in caught.value.message
    assert reason in caught.value.message
    assert provider_names() == (*NAMES, "broken", "mine")
    assert (get_provider("mine").name, get_provider("ollama").name) == ("mine", "ollama")


def test_two_packages_with_one_name_are_both_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of them got the prompt, and the key, would be chance."""
    offered(monkeypatch, mine=f"{__name__}:Mine")
    install("zenith", "llmlab.providers", monkeypatch, mine=f"{__name__}:Mine")
    with pytest.raises(ConfigurationError) as caught:
        get_provider("mine")
    assert "acme-llm 1.0" in caught.value.message
    assert "zenith 1.0" in caught.value.message
    register_provider("mine", Mine)
    assert isinstance(get_provider("mine"), Mine), "whoever registers has chosen"


@pytest.mark.parametrize("wrong", [object, "Mine", Mine()], ids=["class", "text", "instance"])
def test_what_is_no_provider_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="is not a subclass of"):
        register_provider("mine", wrong)


@pytest.mark.parametrize("missing", ["name", "default_model"])
def test_a_provider_that_does_not_say_who_it_is_is_refused(missing: str) -> None:
    """An `AttributeError` out of `get_provider` would not say what the class should have."""
    said = {"name": "mine", "default_model": "m-1"}
    del said[missing]
    with pytest.raises(ConfigurationError, match=f"Half has no {missing}. A provider has a name, a default"):
        register_provider("mine", type("Half", (Provider,), said))


def test_the_name_of_a_format_is_not_the_format() -> None:
    """The first call would fail somewhere inside, and say nothing of formats."""
    wrong = type("Named", (Mine,), {"format": "openai_chat"})
    with pytest.raises(ConfigurationError, match=r"the format of Named is 'openai_chat'; get_format\(name\) gives one"):
        register_provider("mine", wrong)


@pytest.mark.parametrize("name", ["", " ", None, 3])
def test_what_is_no_name_is_refused(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="must be a text"):
        register_provider(name, Mine)


def test_a_built_in_name_cannot_be_registered() -> None:
    for name in ("openai", ProviderType.OPENAI):
        with pytest.raises(ConfigurationError, match="the provider 'openai' is built in; choose another name"):
            register_provider(name, Mine)


def test_a_cell_that_registers_may_be_run_again() -> None:
    """A learner changes the class and runs the cell once more."""
    register_provider("mine", type("Old", (Mine,), {}))
    register_provider("mine", Mine)
    assert provider_class("mine") is Mine


def test_settings_may_speak_of_a_provider_that_somebody_added(tmp_path: Path) -> None:
    (tmp_path / "llmlab.yaml").write_text("backend: mine\nproviders:\n  mine: {model: mine-2, timeout: 7}\n")
    with pytest.raises(ConfigurationError, match="the settings name the unknown provider 'mine'; register it"):
        get_provider()
    register_provider("mine", Mine)
    made = get_provider()
    assert (type(made), made.model, made.timeout) == (Mine, "mine-2", 7)


SHOUT = replace(OPENAI_CHAT, name="shout")


def test_a_format_is_registered_and_had_by_name() -> None:
    assert format_names() == tuple(FORMATS)
    register_format(SHOUT)
    assert format_names() == (*FORMATS, "shout")
    assert get_format("shout") is SHOUT
    assert get_format("ollama") is FORMATS["ollama"]


def test_a_format_that_is_none_or_takes_a_built_in_name_is_refused() -> None:
    """Every provider of that wire format would speak another one from then on."""
    with pytest.raises(ConfigurationError, match="the format 'openai_chat' is built in"):
        register_format(replace(OPENAI_CHAT, path="/elsewhere"))
    wrong: Any = Format
    with pytest.raises(ConfigurationError, match=r"is not a llmlab\.Format"):
        register_format(wrong)


def test_an_installed_package_offers_a_format(monkeypatch: pytest.MonkeyPatch) -> None:
    offered(monkeypatch, "llmlab.formats", shout=f"{__name__}:SHOUT", broken=f"{__name__}:Mine")
    assert get_format("shout") is SHOUT
    with pytest.raises(ConfigurationError, match=r"acme-llm 1\.0 offers the format 'broken'.* is not a llmlab\.Format"):
        get_format("broken")


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown format 'olama'\. Did you mean 'ollama'\?"):
        get_format("olama")


def test_an_unknown_name_lists_the_known_and_the_nearest() -> None:
    register_provider("mine", Mine)
    with pytest.raises(UnsupportedProviderError) as caught:
        get_provider("antropic")
    assert "Did you mean 'anthropic'?" in caught.value.message
    for name in (*NAMES, "mine", "llmlab.register_provider"):
        assert name in caught.value.message
