"""A PostgreSQL server of the tests' own: a cluster in a folder that is thrown away, on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PASSWORD = "pass-word-of-the-test"


def programs() -> Path | None:
    """Where the server's programs are; Debian keeps them out of the path."""
    found = [Path(path) for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    return found[0].resolve().parent if found else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of an empty database. In CI the server must be there; elsewhere its tests are skipped without it."""
    if (folder := programs()) is None:
        reason = "PostgreSQL is not installed: apt-get install postgresql"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    # The server refuses to run as root, and pytest's own folders are closed to everybody else.
    user = "postgres" if os.name == "posix" and os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="llmlab-pg-", ignore_cleanup_errors=True) as place:
        password = Path(place, "password")
        password.write_text(PASSWORD, encoding="utf-8")
        if user:
            shutil.chown(place, user)
            shutil.chown(password, user)
        cluster, port = f"{place}/cluster", free_port()
        make = [folder / "initdb", "-D", cluster, "-U", "llmlab", "-A", "scram-sha-256", "--pwfile", password, "-N"]
        subprocess.run(make, user=user, check=True, capture_output=True, cwd=place)
        run = [folder / "postgres", "-D", cluster, "-p", str(port), "-h", "127.0.0.1", "-k", place, "-F"]
        with open(os.devnull, "w") as nowhere:
            server = subprocess.Popen(run, user=user, cwd=place, stdout=nowhere, stderr=nowhere)
        try:
            wait_until_ready(folder, port)
            yield f"postgresql+psycopg://llmlab:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)


def free_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


def wait_until_ready(folder: Path, port: int) -> None:
    """Return as soon as the server answers."""
    ask = [folder / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    for _ in range(300):
        if subprocess.run(ask, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError("PostgreSQL did not start")
