"""From a bare Python to a working llmlab: make `.venv` in the clone, install into it, continue inside.

Standard library only. Does nothing where the packages are installed already (conda, Colab, an active environment)
or where there is no clone around llmlab. `--newest` and `--lowest` have an environment of their own. On disk, in the
clone:

    .venv/                     the versions of constraints.txt; .venv-newest/ and .venv-lowest/ ignore that file
    .venv/llmlab-base.stamp    what was installed; llmlab-test.stamp is for the test tools
    .venv/llmlab-incomplete    exists while an installer runs; if it stays, the installer was killed
    .venv.lock                 locked while an installer runs
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, TextIO

from llmlab.lab import installer
from llmlab.lab.installer import say

if sys.platform != "win32":
    import fcntl

CLONE = Path(__file__).resolve().parents[2]
BASE, TEST, JOBS = "base", "test", "jobs"
CONSTRAINTS = "constraints.txt"

VERSIONS = {
    "pinned": ("-c", CONSTRAINTS),
    "newest": ("--upgrade",),
    "lowest": ("--resolution", "lowest-direct"),
}
"""The three sets of versions, and how an installer is asked for each."""

_MODULES = {
    "pyyaml": "yaml",
    "python_dotenv": "dotenv",
    "pytest_xdist": "xdist",
    "opentelemetry_sdk": "opentelemetry",
    "import_linter": "importlinter",
}
"""Where the name to install is not the name to import."""


class Environment:
    """An environment of one clone."""

    def __init__(self, clone: Path = CLONE, versions: str = "pinned") -> None:
        self.clone = clone
        self.versions = versions
        self.folder = clone / (".venv" if versions == "pinned" else f".venv-{versions}")
        self.incomplete = self.folder / "llmlab-incomplete"
        scripts, name = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
        self.python = self.folder / scripts / name

    @property
    def inside(self) -> bool:
        """Whether this process runs in it."""
        return Path(sys.prefix).resolve() == self.folder.resolve()

    def stamp(self, need: str) -> Path:
        """Return the file that says what was installed for `base` or `test`."""
        return self.folder / f"llmlab-{need}.stamp"

    def fingerprint(self, need: str) -> str:
        """Return what the stamp must say: a hash of the clone's place and of what it wants installed."""
        words = [str(self.clone), *sorted(requirements(need, self.clone))]
        words.append(str(_project(self.clone).get("entry-points")))
        if self.versions == "newest":
            # The newest versions are looked up once a day.
            words.append(f"{date.today()}")
        elif self.versions == "pinned" and (self.clone / CONSTRAINTS).is_file():
            words.append((self.clone / CONSTRAINTS).read_text(encoding="utf-8"))
        return hashlib.sha256("\n".join(words).encode()).hexdigest()

    def current(self, need: str) -> bool:
        """Whether it has today's dependencies, and no installer was killed in it."""
        if self.incomplete.exists() or not self.python.exists() or not self.stamp(need).is_file():
            return False
        return self.stamp(need).read_text(encoding="utf-8") == self.fingerprint(need)

    def works(self) -> bool:
        """Whether its Python starts, is new enough, and has pip."""
        test = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
        try:
            return not subprocess.run([self.python, "-c", test], capture_output=True, check=False).returncode
        except OSError:
            return False

    def create(self) -> None:
        """Make or repair it. An incomplete one is emptied: an installer takes half a package for a whole one.

        Raises:
            SystemExit: with the next step, if this Python cannot make one.
        """
        if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
            sys.exit(installer.NO_VENV.format(*sys.version_info[:2]))
        incomplete = self.incomplete.exists()
        reason = ""
        for options in (["--clear"],) if incomplete else ([], ["--clear"]):
            if self.works() and not incomplete:
                return
            say(f"{'repairing' if self.folder.exists() else 'making'} {self.folder.name} in this folder")
            command = [base_python(), "-m", "venv", *options, str(self.folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            reason = (done.stdout + done.stderr).strip()
            incomplete = False
        if not self.works():
            sys.exit(installer.NO_ENVIRONMENT.format(self.folder.name, reason or "it gave no reason"))

    def install(self, need: str, lock: int | None = None) -> None:
        """Install the package with what `need` names, and stamp it.

        Raises:
            SystemExit: with the next step, if it cannot be done.
        """
        self.create()
        self.incomplete.touch()
        options = VERSIONS[self.versions] if self.versions != "pinned" or (self.clone / CONSTRAINTS).is_file() else ()
        target = "." if need == BASE else f".[{need}]"
        complaint = installer.install(self.python, self.clone, [*options, "-e", target], lock)
        if complaint == installer.NO_NETWORK:
            # Both installers download everything before they change anything.
            self.incomplete.unlink()
        if complaint:
            sys.exit(complaint)
        for installed in (BASE, need):
            self.stamp(installed).write_text(self.fingerprint(installed), encoding="utf-8")
        self.incomplete.unlink()


def prepare(arguments: Sequence[str], environment: Environment | None = None) -> None:
    """Return when this process can import what the command needs; otherwise continue in the environment.

    Raises:
        SystemExit: with a message that says what to do, if the packages cannot be had.
    """
    command = next((word for word in arguments if not word.startswith("-")), "")
    need = TEST if command in ("test", "update") else BASE
    if command in ("worker", "jobs") and absent(JOBS):
        # An extra is got by the first command that needs it.
        need = JOBS
    named = [name for name in VERSIONS if f"--{name}" in arguments and command in ("lab", "test")]
    environment = environment or Environment(versions=next(iter(named), "pinned"))
    if not (environment.clone / "pyproject.toml").is_file():
        return
    missing = absent(need, environment.clone)
    own = bool(named) or command == "update"
    if not missing and (environment.current(need) if environment.inside else not own):
        return
    if environment.inside and missing and environment.current(need):
        say(f"{missing[0]} was removed from {environment.folder.name}")
        environment.incomplete.touch()
    if not environment.current(need):
        with _locked(environment.clone) as lock:
            # The process that had the lock may have done the work.
            if not environment.current(need):
                started = time.monotonic()
                say("getting the packages, once; this takes from 10 seconds to some minutes")
                environment.install(need, lock)
                say(f"ready after {time.monotonic() - started:.0f} s")
    _continue_inside(environment, arguments)


def base_python() -> str:
    """Return the Python that makes environments: not an environment's own, which may be what is broken."""
    return str(getattr(sys, "_base_executable", sys.executable))


def requirements(need: str, clone: Path = CLONE) -> list[str]:
    """Return the dependencies in pyproject.toml: those of the package, and for `test` those of its tests too."""
    project = _project(clone)
    return [*project["dependencies"], *(project["optional-dependencies"][need] if need != BASE else [])]


def _project(clone: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((clone / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def absent(need: str, clone: Path = CLONE) -> list[str]:
    """Return the modules among the dependencies that this Python cannot import. Nothing is imported to find out."""
    modules = [module_of(requirement) for requirement in requirements(need, clone)]
    return [module for module in modules if module and not importlib.util.find_spec(module)]


def module_of(requirement: str) -> str:
    """Return the module that a requirement brings, or nothing for packages of type stubs."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].replace("-", "_").lower()
    return "" if name.startswith("types_") or name.endswith("_stubs") else _MODULES.get(name, name)


@contextmanager
def _locked(clone: Path) -> Iterator[int | None]:
    """Let one process install at a time; yield the lock's file descriptor.

    The installer inherits it: if this process is killed, the next one waits until the installer has ended too.
    Windows has no such lock; two first starts at once there may have to be repeated.
    """
    try:
        lock = (clone / ".venv.lock").open("w", encoding="utf-8")
    except OSError as error:
        sys.exit(installer.NOT_WRITABLE.format(error.strerror))
    with lock:
        if sys.platform != "win32":
            _acquire(lock)
        yield None if sys.platform == "win32" else lock.fileno()


def _acquire(lock: TextIO) -> None:
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another llmlab is installing here; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:
        # Some network drives have no locks. One process at a time is then up to their user.
        return


def _continue_inside(environment: Environment, arguments: Sequence[str]) -> None:
    command = [str(environment.python), "-m", "llmlab", *arguments]
    sys.stderr.flush()
    if os.name == "nt":
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)
