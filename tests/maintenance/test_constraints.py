"""constraints.txt, pyproject.toml and environment.yml: all three must lead to the same kit."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from llmlab.lab import bootstrap
from llmlab.lab.bootstrap import CLONE

PROJECT = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA: dict[str, Any] = yaml.safe_load((CLONE / "environment.yml").read_text(encoding="utf-8"))
MATCH_SPEC = re.compile(r"([a-z0-9][a-z0-9_.-]*)(?: ((?:>=|<)[0-9.]+(?:,(?:>=|<)[0-9.]+)*))?")
"""What a MatchSpec of conda looks like, as far as it is used here."""


def pins() -> list[Requirement]:
    """Return the lines of constraints.txt."""
    lines = (CLONE / bootstrap.CONSTRAINTS).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def test_constraints_are_names_and_versions_only() -> None:
    """An address or a hash would bind everybody to one package index."""
    for pin in pins():
        assert re.fullmatch(r"==[^,*]+", str(pin.specifier)), pin
        assert not pin.url, pin
        assert not pin.extras, pin


def test_every_dependency_has_one_version_on_every_python() -> None:
    """A package without a version here changes under the feet of the suite."""
    declared = [Requirement(text) for text in bootstrap.requirements(bootstrap.TEST)]
    for python in ("3.11.9", "3.12.1", "3.13.0", "3.14.0"):
        here = {"python_full_version": python, "python_version": python.rpartition(".")[0]}
        held: dict[str, str] = {}
        for pin in pins():
            if pin.marker is None or pin.marker.evaluate(here):
                assert held.setdefault(canonicalize_name(pin.name), str(pin.specifier)[2:]) == str(pin.specifier)[2:]
        for one in declared:
            if one.name != "llmlab":
                assert one.specifier.contains(held[canonicalize_name(one.name)]), (one, python)
    assert any(isinstance(pin.marker, Marker) for pin in pins())


def test_conda_has_the_bounds_of_pyproject_and_the_versions_of_constraints() -> None:
    """Conda and Binder users get the kit of everybody else; what is not named comes with the package itself."""
    *entries, last = CONDA["dependencies"]
    found = {match[1]: match[2] for entry in entries if (match := MATCH_SPEC.fullmatch(entry))}
    assert len(found) == len(entries), "an entry is not one that conda reads"
    declared = {item.name: item.specifier for item in map(Requirement, PROJECT["dependencies"])}
    assert SpecifierSet(found.pop("python")) == SpecifierSet(PROJECT["requires-python"])
    assert found.pop("pip") is None
    assert len(found) >= 8
    assert {name: SpecifierSet(bounds) for name, bounds in found.items()} == {name: declared[name] for name in found}
    assert last == {"pip": [f"-c {bootstrap.CONSTRAINTS}", "-e ."]}
    assert CONDA["name"] == PROJECT["name"]
