"""environment.yml beside pyproject.toml: if they drift apart, conda and Binder users get another kit than pip users."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from llmlab.lab.bootstrap import CLONE

PROJECT = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA: dict[str, Any] = yaml.safe_load((CLONE / "environment.yml").read_text(encoding="utf-8"))
ENTRIES = [entry for entry in CONDA["dependencies"] if isinstance(entry, str)]
# What a MatchSpec of conda looks like, as far as it is used here.
MATCH_SPEC = re.compile(r"([a-z0-9][a-z0-9_.-]*)(?: ((?:>=|<)[0-9.]+(?:,(?:>=|<)[0-9.]+)*))?")
NAMED = {"jupyterlab", "ipywidgets", "openai", "anthropic", "httpx", "nbval", "papermill", "pandas"}


def bounds() -> dict[str, SpecifierSet]:
    found = [MATCH_SPEC.fullmatch(entry) for entry in ENTRIES]
    return {match[1]: SpecifierSet(match[2] or "") for match in found if match}


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_is_one_that_conda_reads(entry: str) -> None:
    assert MATCH_SPEC.fullmatch(entry)


@pytest.mark.parametrize("name", sorted(NAMED))
def test_bounds_are_those_of_pyproject(name: str) -> None:
    declared = {item.name: item.specifier for item in map(Requirement, PROJECT["dependencies"])}
    assert bounds()[name] == declared[name]


def test_python_floor_is_that_of_pyproject() -> None:
    assert bounds()["python"] == SpecifierSet(PROJECT["requires-python"])


def test_nothing_else_is_named_and_the_package_itself_is_installed() -> None:
    """What is not named comes with the package, so there is no second list to keep."""
    assert set(bounds()) == NAMED | {"python", "pip"}
    assert CONDA["dependencies"][-1] == {"pip": ["-e ."]}
    assert CONDA["name"] == PROJECT["name"]
