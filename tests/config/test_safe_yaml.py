"""YAML from elsewhere: a small file takes neither memory nor time, and names no object of Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmlab.config.safe_yaml import MOST_REPEATED, load_yaml
from llmlab.config.settings import load_settings
from llmlab.errors import ConfigurationError
from llmlab.lab.tape.cassette import read_cassette
from tests.cli.running import run

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{here}: &{here} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, here in zip("abcdefghi", "bcdefghij", strict=True)
)
REFUSED = {
    "bomb": (BOMB, "its aliases stand for more than a file may hold"),
    "merge": ("a: &a {x: 1}\n" + "b: {<<: [" + "*a," * (MOST_REPEATED + 9) + "]}\n", "its aliases stand for more"),
    "itself": ("backend: &a [*a]\n", "it contains itself"),
    "deep": ("[" * 3_000, "nest"),
    "deep block": ("- " * 3_000, "nest"),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_bomb_is_refused_wherever_yaml_is_read(text: str, reason: str, tmp_path: Path) -> None:
    """378 bytes took 3 seconds and 206 MB."""
    Path("llmlab.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"llmlab\.yaml.*this is not YAML") as caught:
        load_settings()
    assert reason in caught.value.message
    check = run("config", "check")
    assert check.exit_code == 2
    assert reason in check.stderr
    cassette = tmp_path / "01_call.yaml"
    cassette.write_text(f"provenance: authored\nexchanges: []\n{text}" if text[0] not in "[-" else text, "utf-8")
    with pytest.raises(ConfigurationError, match=r"01_call\.yaml.*cannot be read") as caught:
        read_cassette(cassette)
    assert reason in caught.value.message


def test_a_value_may_stand_in_several_places() -> None:
    assert load_yaml("a: &a {x: [1, 2]}\nb: *a\nc: {<<: *a, y: 2026-11-14}\n")[0] == {
        "a": {"x": [1, 2]},
        "b": {"x": [1, 2]},
        "c": {"x": [1, 2], "y": "2026-11-14"},
    }
    assert load_yaml("")[0] is None


@pytest.mark.parametrize("text", ["a: !!python/object/apply:os.getcwd []", "a: !!python/name:os.system ''", "!x 1"])
def test_no_object_of_python_is_made(text: str, tmp_path: Path) -> None:
    (tmp_path / "01_call.yaml").write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=r"could not determine a constructor"):
        read_cassette(tmp_path / "01_call.yaml")
