"""A key must not come out by the back doors: tracebacks with values, tables of fields, formats, and copies."""

from __future__ import annotations

import json
import pickle
import pprint
import subprocess
import sys
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

import llmlab
from llmlab.config.environment import VARIABLES, Secret, find_key

KEY = "Kq7-not-a-known-form-of-key"


@dataclass
class Holder:
    """What a program may keep a key in."""

    secret: Secret


def test_a_traceback_with_values_shows_no_key() -> None:
    """Rich, pytest and error trackers print the variables of every frame."""

    def fails(secret: Secret) -> None:
        raise RuntimeError(f"{secret} {secret!r} {secret:s}")

    try:
        fails(Secret(KEY))
    except RuntimeError as error:
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "secret = **********" in text
    assert KEY not in text.replace(f'KEY = "{KEY}"', "")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_pickle_holds_a_key(protocol: int) -> None:
    """Sending it to a worker process would put it into a pipe or a file."""
    with pytest.raises(TypeError, match="cannot be pickled") as caught:
        pickle.dumps({"holder": Holder(Secret(KEY))}, protocol)
    assert KEY not in str(caught.value)


def test_containers_show_stars() -> None:
    shown = [repr(Holder(Secret(KEY))), pprint.pformat([Secret(KEY)]), json.dumps({"key": Secret(KEY)}, default=str)]
    assert all("**********" in text and KEY not in text for text in shown)
    with pytest.raises(TypeError) as caught:
        asdict(Holder(Secret(KEY)))
    assert KEY not in str(caught.value)


def test_a_secret_is_no_text() -> None:
    """Joined into a text by mistake it fails at once, and without the key."""
    for slip in (lambda: "Bearer " + Secret(KEY), lambda: "".join([Secret(KEY)]), lambda: bytes(Secret(KEY))):  # type: ignore[list-item,operator,arg-type,type-var]
        with pytest.raises(TypeError) as caught:
            slip()
        assert KEY not in str(caught.value)


def test_a_provider_shows_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last line of a cell prints it."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with llmlab.get_provider("openai") as llm:
        assert KEY not in f"{llm!r} {llm}"


def test_only_the_nearest_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files mixed would be a setup that nobody can see."""
    below = Path.cwd() / "project"
    below.mkdir()
    Path(".env").write_text("OPENAI_API_KEY=above-0123\nANTHROPIC_API_KEY=above-0123\n", encoding="utf-8")
    (below / ".env").write_text("OPENAI_API_KEY=near-0123\n", encoding="utf-8")
    monkeypatch.chdir(below)
    assert find_key("OPENAI_API_KEY") == Secret("near-0123")
    assert find_key("ANTHROPIC_API_KEY") is None


def test_a_placeholder_in_the_environment_does_not_hide_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copied `export OPENAI_API_KEY=sk-...` would make a good .env useless."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-...")
    Path(".env").write_text("export OPENAI_API_KEY=real-0123\n", encoding="utf-8")
    assert find_key("OPENAI_API_KEY") == Secret("real-0123")


def test_a_copied_example_file_sets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever copies it before filling it in still gets told that there is no key."""
    monkeypatch.delenv("LLMLAB_PACE")
    example = Path(__file__).resolve().parents[2] / ".env.example"
    Path(".env").write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    assert [name for name in VARIABLES if find_key(name)] == []
    assert llmlab.load_settings().providers == {}


def test_importing_config_brings_few_modules() -> None:
    """Else the first command is slow: it loads no library, and nothing of Python's beyond a few modules."""
    code = (
        "import sys, __future__, dataclasses, pathlib, typing, re, difflib, urllib.parse, importlib;"
        "before = set(sys.modules);"
        "import llmlab.config.environment; print(*sorted(set(sys.modules) - before))"
    )
    clone = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=clone)
    assert {name.partition(".")[0] for name in done.stdout.split()} == {"llmlab"}
