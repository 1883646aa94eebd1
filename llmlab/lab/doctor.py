"""Look the kit over: Python, packages, kernel, mode, providers, local servers, recordings.

`examine` gathers facts and prints nothing. Of a key it says whether there is one, never a part of it. What is missing
only for live use is a fact, not a problem; every problem comes with its next step.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from packaging.requirements import Requirement

from llmlab.config.environment import Settings, find_key
from llmlab.config.settings import load_settings
from llmlab.errors import LLMError
from llmlab.lab import bootstrap
from llmlab.providers import get_provider, provider_class, provider_names

MODES = ("offline", "replay", "live", "record")
PATIENCE = 1.0
"""Seconds that a local server has to answer."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong.

    Args:
        what: the fact.
        next_step: what to do about it.
        blocks_offline: whether the lessons cannot be worked through offline because of it.
    """

    what: str
    next_step: str
    blocks_offline: bool = True


@dataclass(slots=True)
class Report:
    """What was found. `as_dict` is the shape of `doctor --json`; names are added to it, never changed."""

    python: dict[str, Any] = field(default_factory=dict)
    packages: list[dict[str, Any]] = field(default_factory=list)
    kernel: dict[str, Any] = field(default_factory=dict)
    mode: dict[str, Any] = field(default_factory=dict)
    providers: list[dict[str, Any]] = field(default_factory=list)
    servers: list[dict[str, Any]] = field(default_factory=list)
    recordings: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def usable_offline(self) -> bool:
        """Whether the lessons can be worked through without key and network."""
        return not any(problem.blocks_offline for problem in self.problems)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {"usable_offline": self.usable_offline, **asdict(self)}


def examine(notebooks: Path) -> Report:
    """Return what there is. Asks only local servers, and waits a second for them.

    Args:
        notebooks: the folder of the lessons.
    """
    report = Report()
    _python(report)
    _packages(report)
    _kernel(report)
    settings = _settings(report)
    _mode(report)
    _providers(report, settings)
    _servers(report, settings)
    _recordings(report, Path(os.environ.get("LLMLAB_RECORDINGS") or notebooks / "recordings"))
    return report


def _python(report: Report) -> None:
    # An environment of another kind is used as it is, so say which one this is.
    kind = "conda" if os.environ.get("CONDA_PREFIX") == sys.prefix else "environment"
    if Path(sys.prefix) == bootstrap.Environment().folder:
        kind = ".venv"
    report.python = {
        "version": ".".join(map(str, sys.version_info[:3])),
        "required": ">=3.11",
        "ok": sys.version_info[:2] >= (3, 11),
        "environment": "system" if sys.prefix == sys.base_prefix and kind == "environment" else kind,
    }


def _packages(report: Report) -> None:
    for requirement in declared():
        try:
            installed = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            installed = None
        ok = installed is not None and requirement.specifier.contains(installed, prereleases=True)
        report.packages.append(
            {"name": requirement.name, "required": str(requirement.specifier), "installed": installed, "ok": ok}
        )
        if not ok:
            state = f"is {installed}, needed is {requirement.specifier}" if installed else "is not installed"
            step = f'python3 -m pip install "{requirement}"'
            report.problems.append(Problem(f"the package {requirement.name} {state}", step))


def declared() -> list[Requirement]:
    """Return what the package needs: from the clone's pyproject.toml, else from the installed package."""
    if (bootstrap.CLONE / "pyproject.toml").is_file():
        texts = bootstrap.requirements(bootstrap.BASE)
    else:
        texts = metadata.requires("llmlab") or []
    found = [Requirement(text) for text in texts]
    return [item for item in found if item.marker is None or item.marker.evaluate({"extra": ""})]


def _kernel(report: Report) -> None:
    # Heavy, and needed for this question only; and it may be the very thing that is missing.
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        found = False
    else:
        try:
            found = bool(KernelSpecManager().get_kernel_spec("python3").argv)
        except NoSuchKernel:
            found = False
    report.kernel = {"name": "python3", "found": found}
    if not found:
        report.problems.append(Problem("Jupyter finds no kernel python3", "python3 -m pip install ipykernel"))


def _settings(report: Report) -> Settings:
    try:
        return load_settings()
    except LLMError as error:
        report.problems.append(Problem(f"the settings are wrong: {error.message}", "correct llmlab.yaml"))
        return Settings()


def _mode(report: Report) -> None:
    value = os.environ.get("LLMLAB_MODE") or "offline"
    report.mode = {"value": value, "set_by": "LLMLAB_MODE" if os.environ.get("LLMLAB_MODE") else "default"}
    if value not in MODES:
        step = f"set LLMLAB_MODE to {', '.join(MODES[:-1])} or {MODES[-1]}, or unset it"
        report.problems.append(Problem(f"LLMLAB_MODE is {value!r}, which is no mode", step))


def _providers(report: Report, settings: Settings) -> None:
    for name in provider_names():
        variable = settings.options_for(name).get("key_variable") or provider_class(name).key_variable
        configured = variable is None or find_key(variable) is not None
        report.providers.append(
            {"name": name, "needs_key": variable is not None, "variable": variable, "configured": configured}
        )
    keys = [entry for entry in report.providers if entry["needs_key"]]
    if report.mode["value"] in ("live", "record") and not any(entry["configured"] for entry in keys):
        step = f"put a key into .env, for one of {', '.join(entry['variable'] for entry in keys)}"
        report.problems.append(Problem(f"mode {report.mode['value']} needs a key, and none is set", step, False))


def _servers(report: Report, settings: Settings) -> None:
    for name, variable in (("ollama", "OLLAMA_HOST"), ("local_gpt_oss", "LOCAL_GPT_OSS_URL")):
        with get_provider(name, timeout=PATIENCE, max_retries=0, settings=settings) as provider:
            reachable = provider.health().ok
            report.servers.append(
                {"name": name, "variable": variable, "url": _without_login(provider.base_url), "reachable": reachable}
            )


def _without_login(url: str) -> str:
    """Return an address without the name, password and query that it may carry."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _recordings(report: Report, folder: Path) -> None:
    files = sorted(folder.glob("*.yaml"))
    provenance: dict[str, int] = {"authored": 0, "recorded": 0}
    for file in files:
        # The head says it; a whole recording is long.
        with file.open(encoding="utf-8") as text:
            found = re.search(r"^provenance:\s*(\w+)", text.read(2000), re.MULTILINE)
        kind = found.group(1) if found else "unknown"
        provenance[kind] = provenance.get(kind, 0) + 1
    report.recordings = {"files": len(files), "provenance": provenance}
    if not files:
        step = "restore notebooks/recordings with git; until then the simulator answers everything"
        report.problems.append(Problem("there are no recordings", step, False))
