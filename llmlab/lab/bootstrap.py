"""From a bare Python to a working llmlab: make `.venv` in the clone, install into it, continue inside.

Standard library only. Does nothing where the packages are there already (conda, Colab, an active environment)
or where llmlab was installed without a clone around it. What it keeps on disk, all of it in the clone:

    .venv/                    the environment
    .venv/llmlab-base.stamp   what was installed; llmlab-test.stamp says the same of the test tools
    .venv/llmlab-torn         there while an installer runs; left over, it says that the last one was killed
    .venv.lock                held while an installer runs

How to install fast, and how to read an installer's failure, is in `llmlab.lab.installer`.
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
from pathlib import Path
from typing import TextIO

from llmlab.lab import installer
from llmlab.lab.installer import say

if sys.platform != "win32":
    import fcntl

CLONE = Path(__file__).resolve().parents[2]
BASE, TEST = "base", "test"

# Where the name to install is not the name to import.
_MODULES = {
    "pyyaml": "yaml",
    "python_dotenv": "dotenv",
    "pytest_xdist": "xdist",
    "opentelemetry_sdk": "opentelemetry",
    "import_linter": "importlinter",
}


class Environment:
    """The `.venv` of one clone.

    Args:
        clone: the folder that holds pyproject.toml.
    """

    def __init__(self, clone: Path = CLONE) -> None:
        self.clone = clone
        self.folder = clone / ".venv"
        self.torn = self.folder / "llmlab-torn"
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
        """Return what the stamp must say: a hash of the dependencies and of where the clone is."""
        words = [str(self.clone), *sorted(requirements(need, self.clone))]
        return hashlib.sha256("\n".join(words).encode()).hexdigest()

    def current(self, need: str) -> bool:
        """Whether it was made for today's dependencies, and no installer was killed in it."""
        if self.torn.exists() or not self.python.exists() or not self.stamp(need).is_file():
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
        """Make it, or mend it; what cannot be mended is made anew.

        Raises:
            SystemExit: with the next step, if this Python cannot make one.
        """
        if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
            sys.exit(installer.NO_VENV.format(*sys.version_info[:2]))
        # From inside, the environment's own Python may be what is broken.
        base = str(getattr(sys, "_base_executable", sys.executable))
        torn = self.torn.exists()
        told = ""
        for options in (["--clear"],) if torn else ([], ["--clear"]):
            if self.works() and not torn:
                return
            say("making .venv in this folder" if not self.folder.exists() else "mending .venv")
            made = subprocess.run(
                [base, "-m", "venv", *options, self.folder], capture_output=True, text=True, check=False
            )
            told = (made.stdout + made.stderr).strip()
            torn = False
        if not self.works():
            sys.exit(installer.NO_ENVIRONMENT.format(told or "it gave no reason"))

    def install(self, need: str, lock: int | None) -> None:
        """Install the package with what `need` names, and stamp it.

        Raises:
            SystemExit: with the next step, if it cannot be done.
        """
        self.create()
        self.torn.touch()
        complaint = installer.install(self.python, self.clone, "." if need == BASE else f".[{need}]", lock)
        if complaint == installer.NO_NETWORK:
            # Both installers download everything before they change anything.
            self.torn.unlink()
        if complaint:
            sys.exit(complaint)
        for installed in (BASE, need):
            self.stamp(installed).write_text(self.fingerprint(installed), encoding="utf-8")
        self.torn.unlink()


def prepare(arguments: Sequence[str], environment: Environment | None = None) -> None:
    """Return when this process can import what the command needs; otherwise continue in `.venv`.

    Args:
        arguments: the command line after `python3 -m llmlab`.
        environment: the `.venv` to use; that of the clone this file stands in.

    Raises:
        SystemExit: with a message that says what to do, if the packages cannot be had.
    """
    environment = environment or Environment()
    if not (environment.clone / "pyproject.toml").is_file():
        return
    need = TEST if [word for word in arguments if not word.startswith("-")][:1] == ["test"] else BASE
    missing = absent(need, environment.clone)
    if not missing and (not environment.inside or environment.current(need)):
        return
    if environment.inside and missing and environment.current(need):
        say(f"{missing[0]} has gone from .venv")
        environment.torn.touch()
    if not environment.current(need):
        with _alone(environment.clone) as lock:
            # Whoever held the lock may have done the work.
            if not environment.current(need):
                started = time.monotonic()
                say("getting the packages, once; this takes from 10 seconds to some minutes")
                environment.install(need, lock)
                say(f"ready after {time.monotonic() - started:.0f} s")
    _continue_inside(environment, arguments)


def requirements(need: str, clone: Path = CLONE) -> list[str]:
    """Return the dependencies in pyproject.toml: those of the package, and for `test` those of its tests too."""
    project = tomllib.loads((clone / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *(project["optional-dependencies"][need] if need != BASE else [])]


def absent(need: str, clone: Path = CLONE) -> list[str]:
    """Return the modules among the dependencies that this Python cannot import. Nothing is imported to find out."""
    modules = [module_of(requirement) for requirement in requirements(need, clone)]
    return [module for module in modules if module and not importlib.util.find_spec(module)]


def module_of(requirement: str) -> str:
    """Return the module that a requirement brings, or nothing for packages of type stubs."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].replace("-", "_").lower()
    return "" if name.startswith("types_") or name.endswith("_stubs") else _MODULES.get(name, name)


@contextmanager
def _alone(clone: Path) -> Iterator[int | None]:
    """Let one process install at a time; yield the lock's file descriptor.

    The installer inherits it: if this process is killed, the next one waits until the orphan has ended too.
    Windows has no such lock; two first starts at once there may have to be repeated.
    """
    try:
        lock = (clone / ".venv.lock").open("w", encoding="utf-8")
    except OSError as error:
        sys.exit(installer.NOT_WRITABLE.format(error.strerror))
    with lock:
        if sys.platform == "win32":
            yield None
        else:
            _take(lock)
            yield lock.fileno()


def _take(lock: TextIO) -> None:
    if sys.platform == "win32":
        return
    told = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                say("another llmlab is installing here; waiting for it")
                told = True
            time.sleep(0.2)
        except OSError:
            # Some network drives have no locks. One process at a time is then up to their user.
            return
        else:
            return


def _continue_inside(environment: Environment, arguments: Sequence[str]) -> None:
    command = [str(environment.python), "-m", "llmlab", *arguments]
    sys.stderr.flush()
    if os.name == "nt":
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)
