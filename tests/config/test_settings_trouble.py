"""llmlab.yaml as it comes from other editors, other people and other machines: refused in words, and nothing leaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmlab.config.settings import load_settings
from llmlab.errors import ConfigurationError
from llmlab.providers import get_provider

KEY = "Kq7-not-a-known-form-of-key"


def refused(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    Path("llmlab.yaml").write_bytes(data)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "providers: {openai: {api_key: '%s'}}",
        "providers: {openai: {api_key_env: '%s'}}",
        "providers: {openai: '%s'}",
        "providers: {openai: {apikey: '%s'}}",
        "api_key: '%s'",
    ],
)
def test_a_key_in_the_wrong_place_is_not_repeated(text: str) -> None:
    """The message ends in a notebook or a log, and not every key has a form that redaction knows."""
    assert KEY not in refused(text % KEY)


@pytest.mark.parametrize("setting", ["api_key_env", "timeout", "base_url", "max_tokens", "fallback"])
def test_what_a_variable_holds_is_not_repeated(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    """`api_key_env: ${OPENAI_API_KEY}` is a likely slip, and the message would show the key."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    if setting == "fallback":
        monkeypatch.setenv("OPENAI_API_KEY", "123456789")
    said = refused(f"providers:\n  openai:\n    {setting}: ${{OPENAI_API_KEY}}\n")
    assert KEY not in said
    assert "123456789" not in said
    assert f"llmlab.yaml:3: {setting} must be" in said
    assert setting == "api_key_env" or "${OPENAI_API_KEY}" in said


def test_a_variable_that_is_not_set_is_one_problem() -> None:
    """A second line about a wrong type would send the reader looking for a second mistake."""
    assert refused("providers: {a: {timeout: '${NOWHERE}'}}").count("\n") == 0
    assert refused("backend: '${NOWHERE}'").count("\n") == 0


@pytest.mark.parametrize("text", ["${HOST:localhost}", "${HOST-localhost}", "${HOST", "${}", "${MY HOST}"])
def test_a_variable_that_is_written_in_another_way_is_refused(text: str) -> None:
    """Left as it is, it would be sent as the name of a model."""
    said = refused(f"providers:\n  a:\n    model: '{text}'\n")
    assert "llmlab.yaml:3: " in said
    assert "write ${NAME} or ${NAME:-default}" in said


@pytest.mark.parametrize("text", ["providers: [openai]", "[1, 2]", "providers: {a: [1]}"])
def test_a_list_in_the_place_of_names_is_called_a_list(text: str) -> None:
    """YAML's own objects in a message say nothing to its reader."""
    said = refused(text)
    assert "expected names with values, got a list" in said
    assert "Node" not in said


@pytest.mark.parametrize("text", ["just text", "providers: openai", "providers: {a: 5}"])
def test_a_single_value_in_the_place_of_names_is_called_so(text: str) -> None:
    assert "expected names with values, got a single value" in refused(text)


def test_a_name_that_is_no_text_is_refused() -> None:
    assert "Node" not in refused("providers: {a: {[1, 2]: 3}}")


@pytest.mark.parametrize("value", ["!!python/name:os.system ''", "!mine x", "{[a]: b}", "!!binary é"])
def test_a_value_that_yaml_cannot_make_is_refused_with_its_line(value: str) -> None:
    """A ConstructorError, or a ValueError about months, names neither file nor setting."""
    assert "llmlab.yaml:3: model must be a model's name" in refused(f"providers:\n  a:\n    model: {value}\n")


@pytest.mark.parametrize("data", ["backend: openai".encode("utf-16"), b"backend: \xff", b"backend: a\x00b"])
def test_a_file_that_is_no_text_is_refused_in_words(data: bytes) -> None:
    """PowerShell writes UTF-16, and a UnicodeDecodeError does not say what to do."""
    assert "llmlab.yaml" in refused(data)


def test_a_file_from_notepad_is_read() -> None:
    """It begins with a byte order mark, and its lines end in CRLF."""
    Path("llmlab.yaml").write_bytes("\ufeffbackend: ollama\r\nproviders:\r\n  ollama: {timeout: 5}\r\n".encode())
    settings = load_settings()
    assert (settings.backend, settings.options_for("ollama")) == ("ollama", {"timeout": 5})


def test_two_documents_in_one_file_are_refused() -> None:
    assert "this is not YAML" in refused("backend: openai\n---\nbackend: ollama\n")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "providers:\n", "---\n", "null\n"])
def test_an_empty_file_sets_nothing(text: str) -> None:
    """Who has commented everything out wants the defaults."""
    Path("llmlab.yaml").write_text(text, encoding="utf-8")
    assert load_settings().providers == {}


def test_a_folder_is_no_settings_file() -> None:
    Path("conf").mkdir()
    with pytest.raises(ConfigurationError, match="the settings file conf"):
        load_settings("conf")


def test_a_file_that_may_not_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container, a mounted file often belongs to somebody else."""

    def denied(self: Path, **options: object) -> str:
        raise PermissionError(13, "Permission denied")

    Path("llmlab.yaml").write_text("backend: openai", encoding="utf-8")
    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(ConfigurationError, match=r"llmlab\.yaml cannot be read: Permission denied"):
        load_settings()


def test_yaml_anchors_work() -> None:
    """Two providers with the same values need them once."""
    Path("llmlab.yaml").write_text("providers:\n  a: &same {timeout: 5}\n  b: *same\n", encoding="utf-8")
    assert load_settings().options_for("b") == {"timeout": 5}


def test_settings_for_a_misspelled_provider_are_refused(tmp_path: Path) -> None:
    """A timeout that was set for `opnai` would set nothing, and nobody would notice."""
    file = tmp_path / "llmlab.yaml"
    file.write_text("providers:\n  opnai: {timeout: 5}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="did you mean 'openai'"):
        get_provider("ollama", settings=load_settings(file))
