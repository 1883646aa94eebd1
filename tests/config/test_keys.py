"""Keys: found where people put them, and shown nowhere."""

from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmlab.config.environment import Secret, find_key, read_dotenv
from llmlab.errors import ConfigurationError

KEY = "sk-proj-abc123def456ghi789"
SHOWN = "**********"


def written(text: str, folder: Path | None = None, encoding: str = "utf-8") -> None:
    (folder or Path.cwd()).joinpath(".env").write_text(text, encoding=encoding)


def test_a_secret_shows_itself_to_reveal_only(caplog: pytest.LogCaptureFixture) -> None:
    """A key in a log, a traceback or a cell's output has to be revoked."""
    secret = Secret(KEY)
    logging.getLogger("llmlab").warning("key %s %r", secret, secret)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r}", f"{secret:>40}", "%s" % secret, str([secret])]  # noqa: UP031
    assert secret.reveal() == KEY
    assert {text.strip("[] ") for text in shown} == {SHOWN}
    assert KEY not in caplog.text
    assert SHOWN in caplog.text


@pytest.mark.parametrize("write", [pickle.dumps, copy.deepcopy, json.dumps])
def test_a_secret_is_not_written_down(write: object) -> None:
    """A pickled key lies in a file that nobody guards."""
    with pytest.raises(TypeError) as caught:
        write(Secret(KEY))  # type: ignore[operator]
    assert KEY not in str(caught.value)


def test_a_secret_has_no_dict_and_compares_by_value() -> None:
    """vars() is what debuggers and loggers print."""
    with pytest.raises(TypeError):
        vars(Secret(KEY))
    assert Secret(KEY) == Secret(KEY)
    assert Secret(KEY) != Secret("other")
    assert Secret(KEY) != KEY
    assert len({Secret(KEY), Secret(KEY)}) == 1


def test_the_environment_comes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who exports a key for one run means that one."""
    written("OPENAI_API_KEY=from-the-file-1")
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-shell-1")
    assert find_key("OPENAI_API_KEY") == Secret("from-the-shell-1")
    assert find_key("OPENAI_API_KEY", {}) == Secret("from-the-file-1")
    assert find_key("OPENAI_API_KEY", {"OPENAI_API_KEY": "given-1"}) == Secret("given-1")


def test_the_file_is_found_from_a_folder_below_and_the_environment_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notebooks run in notebooks/, and .env stands beside it."""
    written(f"OPENAI_API_KEY = '{KEY}'  # mine")
    below = Path.cwd() / "notebooks" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_key("OPENAI_API_KEY") == Secret(KEY)
    assert "OPENAI_API_KEY" not in os.environ


PLACEHOLDERS: list[Any] = [
    "",
    "  ",
    "...",
    "…",
    "<your key>",
    "your-key-here",
    "YOUR_API_KEY",
    "sk-...",
    "sk-ant-…",
    "sk-your-key",
    "Bearer ",
    "xxxx",
]


def test_a_placeholder_is_no_key(monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests) -> None:
    """It would be sent, refused, and the learner told that the key is wrong when there is none."""
    for value in PLACEHOLDERS:
        with subtests.test(value=value):
            monkeypatch.setenv("OPENAI_API_KEY", value)
            assert find_key("OPENAI_API_KEY") is None
    written(f"OPENAI_API_KEY={KEY}")
    assert find_key("OPENAI_API_KEY") == Secret(KEY)


@pytest.mark.parametrize("value", [KEY, "sk-ant-api03-xxxyz", "mine", "sk-or-v1-0123456789abcdef"])
def test_a_real_key_is_not_taken_for_a_placeholder(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Nothing is more annoying than a key that is there and is not seen."""
    monkeypatch.setenv("OPENAI_API_KEY", f" {value}\n")
    assert find_key("OPENAI_API_KEY") == Secret(value)


def test_no_file_is_fine() -> None:
    assert read_dotenv() == {}
    assert find_key("OPENAI_API_KEY") is None


def test_a_byte_order_mark_does_not_hide_the_first_name() -> None:
    """Notepad on Windows writes one, and the first key would not be found."""
    written(f"OPENAI_API_KEY={KEY}", encoding="utf-8-sig")
    assert find_key("OPENAI_API_KEY") == Secret(KEY)


def test_a_file_in_another_encoding_is_refused_in_words() -> None:
    """PowerShell writes UTF-16; a UnicodeDecodeError tells nobody what to do, and would show bytes of the key."""
    written(f"OPENAI_API_KEY={KEY}", encoding="utf-16")
    with pytest.raises(ConfigurationError, match=r"\.env cannot be read.*Save it as UTF-8") as caught:
        find_key("OPENAI_API_KEY")
    assert KEY not in str(caught.value)
    assert caught.value.__suppress_context__


def test_importing_config_loads_nothing_heavy() -> None:
    """Every program that imports llmlab would wait for YAML and pydantic, read or not."""
    code = "import sys, llmlab.config.environment; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=path_only())
    loaded = set(done.stdout.split())
    assert "llmlab.config.environment" in loaded
    assert not {"yaml", "dotenv", "pydantic", "httpx", "httpx2", "openai"} & loaded


def path_only() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
