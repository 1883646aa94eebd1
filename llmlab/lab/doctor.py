"""Look the kit over: Python, packages, kernel, mode, providers, local servers, recordings.

`examine` collects facts and prints nothing. Of a key it says whether there is one, never a part of it. What is missing
only for live use is a fact, not a problem; every problem comes with its next step.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from packaging.requirements import Requirement

from llmlab.config.environment import MODES, Settings, dotenv_slips
from llmlab.config.settings import load_settings
from llmlab.errors import LLMError, MissingAPIKeyError
from llmlab.lab import bootstrap
from llmlab.providers import provider_class, provider_names
from llmlab.providers.registry import build_provider

PATIENCE = 1.0
"""Seconds that a local server has to answer."""
SERVERS = {"ollama": "OLLAMA_HOST", "local_gpt_oss": "LOCAL_GPT_OSS_URL"}
"""The providers that are servers of one's own, and the variables that hold their addresses."""


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
    """The facts. `as_dict` is what `doctor --json` prints; names are added to it, never changed."""

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
    """Return the facts. Only local servers are asked, and have a second to answer.

    Args:
        notebooks: the folder of the lessons.
    """
    report = Report(python=_python(), packages=[_package(requirement) for requirement in declared()])
    for package in report.packages:
        if not package["ok"]:
            state = f"is {package['installed']}, needed is" if package["installed"] else "is not installed, needed is"
            step = f'python3 -m pip install "{package["name"]}{package["required"]}"'
            report.problems.append(Problem(f"the package {package['name']} {state} {package['required']}", step))
    report.kernel = {"name": "python3", "found": _has_kernel()}
    if not report.kernel["found"]:
        report.problems.append(Problem("Jupyter finds no kernel python3", "python3 -m pip install ipykernel"))
    try:
        settings = load_settings()
    except LLMError as error:
        settings = Settings()
        report.problems.append(Problem(f"the settings are wrong: {error.message}", "correct llmlab.yaml"))
    mode = os.environ.get("LLMLAB_MODE")
    report.mode = {"value": mode or "offline", "set_by": "LLMLAB_MODE" if mode else "default"}
    if report.mode["value"] not in MODES:
        step = f"set LLMLAB_MODE to {', '.join(MODES[:-1])} or {MODES[-1]}, or unset it"
        report.problems.append(Problem(f"LLMLAB_MODE is {mode!r}, which is not a mode", step))
    _providers(report, settings)
    report.servers = [_server(name, settings) for name in SERVERS]
    report.recordings = _recordings(Path(os.environ.get("LLMLAB_RECORDINGS") or notebooks / "recordings"))
    if not report.recordings["files"]:
        step = "restore notebooks/recordings with git; until then the simulator answers everything"
        report.problems.append(Problem("there are no recordings", step, False))
    return report


def declared() -> list[Requirement]:
    """Return what the package needs: from the clone's pyproject.toml, else from the installed package."""
    in_clone = (bootstrap.CLONE / "pyproject.toml").is_file()
    texts = bootstrap.requirements(bootstrap.BASE) if in_clone else metadata.requires("llmlab") or []
    found = [Requirement(text) for text in texts]
    return [item for item in found if item.marker is None or item.marker.evaluate({"extra": ""})]


def _python() -> dict[str, Any]:
    kind = "conda" if os.environ.get("CONDA_PREFIX") == sys.prefix else "environment"
    if sys.prefix == sys.base_prefix and kind == "environment":
        kind = "system"
    if Path(sys.prefix) == bootstrap.Environment().folder:
        kind = ".venv"
    version = ".".join(map(str, sys.version_info[:3]))
    return {"version": version, "required": ">=3.11", "ok": sys.version_info[:2] >= (3, 11), "environment": kind}


def _package(requirement: Requirement) -> dict[str, Any]:
    try:
        installed = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        installed = None
    ok = installed is not None and requirement.specifier.contains(installed, prereleases=True)
    return {"name": requirement.name, "required": str(requirement.specifier), "installed": installed, "ok": ok}


def _has_kernel() -> bool:
    try:
        # Heavy, needed for this question only, and perhaps what is missing.
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        return False
    try:
        return bool(KernelSpecManager().get_kernel_spec("python3").argv)
    except NoSuchKernel:
        return False


def _providers(report: Report, settings: Settings) -> None:
    for name in provider_names():
        variable, problem = None, try_provider(name, settings)
        with suppress(LLMError):
            variable = settings.options_for(name).get("key_variable") or provider_class(name).key_variable
        if problem and not isinstance(problem, MissingAPIKeyError):
            report.problems.append(Problem(problem.message, f"correct it, and {name} can be used", False))
        report.providers.append(
            {"name": name, "needs_key": variable is not None, "variable": variable, "configured": problem is None}
        )
    with suppress(LLMError):  # A file that cannot be read is a problem of each provider that needs a key.
        report.problems += [Problem(what, step, False) for what, step in dotenv_slips()]
    keys = [entry for entry in report.providers if entry["needs_key"]]
    if report.mode["value"] in ("live", "record") and not any(entry["configured"] for entry in keys):
        step = f"put a key into .env, for one of {', '.join(entry['variable'] for entry in keys)}"
        report.problems.append(Problem(f"mode {report.mode['value']} needs a key, and none is set", step, False))


def try_provider(name: str, settings: Settings) -> LLMError | None:
    """Return the error that a provider raises when it is created, or None. Nothing is sent."""
    try:
        build_provider(name, settings, {})
    except LLMError as error:
        return error
    return None


def _server(name: str, settings: Settings) -> dict[str, Any]:
    server: dict[str, Any] = {"name": name, "variable": SERVERS[name], "url": "", "reachable": False}
    with suppress(LLMError), build_provider(name, settings, {"timeout": PATIENCE, "max_retries": 0}) as provider:
        parts = urlsplit(provider.base_url)
        # Without the login, which may hold a password.
        server["url"] = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        server["reachable"] = provider.health().ok
    return server


def _recordings(folder: Path) -> dict[str, Any]:
    provenance = Counter(authored=0, recorded=0)
    files = sorted(folder.glob("*.yaml"))
    for file in files:
        # A recording is long, and says it in its head.
        with file.open(encoding="utf-8") as text:
            found = re.search(r"^provenance:\s*(\w+)", text.read(2000), re.MULTILINE)
        provenance[found.group(1) if found else "unknown"] += 1
    return {"files": len(files), "provenance": dict(provenance)}
