"""`python3 -m llmlab` on a Python that is too old: a sentence that helps, not a syntax error."""

from __future__ import annotations

import ast
import shutil
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from llmlab import __main__
from llmlab.lab import bootstrap


def test_old_python_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["llmlab", "lab"])
    monkeypatch.setattr(__main__, "starts", lambda name: name == "python3.12")
    assert "this is Python 3.9" in __main__.too_old((3, 9))
    assert "python3.12 -m llmlab lab" in __main__.too_old((3, 9))
    monkeypatch.setattr(__main__, "starts", lambda name: False)
    assert "Install Python 3.11 or newer" in __main__.too_old((3, 10))
    assert __main__.too_old((3, 11)) == __main__.too_old((3, 14)) == ""


@pytest.mark.parametrize("file", ["__main__.py", "__init__.py"])
def test_old_python_can_read_the_refusal(file: str) -> None:
    source = (bootstrap.CLONE / "llmlab" / file).read_text(encoding="utf-8")
    assert ast.parse(source, feature_version=(3, 7)).body


def test_only_programs_that_start_are_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name if name == sys.executable else None)
    assert __main__.starts(sys.executable)
    assert not __main__.starts("python3.99")


def test_start_refuses_prepares_and_runs_in_this_order(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    modules: dict[str, Any] = {
        "llmlab.lab.bootstrap": SimpleNamespace(prepare=lambda arguments: done.append("prepare")),
        "llmlab.lab.cli.app": SimpleNamespace(main=lambda: done.append("run")),
    }
    load: Callable[[str], Any] = modules.__getitem__
    monkeypatch.setattr(__main__, "import_module", load)
    __main__.main()
    assert done == ["prepare", "run"]
    monkeypatch.setattr(__main__, "FLOOR", (99, 0))
    with pytest.raises(SystemExit, match="llmlab needs Python 99"):
        __main__.main()
