"""A PostgreSQL server of the tests: a cluster in a temporary folder, on loopback."""

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
    """Return the folder of the server's programs; Debian does not put them in the path."""
    found = [Path(path) for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    return found[0].resolve().parent if found else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of an empty database. In CI the server must be installed; elsewhere its tests are skipped without it."""
    if (folder := programs()) is None:
        reason = "PostgreSQL is not installed: apt-get install postgresql"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    # The server refuses to run as root, and pytest's own folders are closed to other users.
    user = "postgres" if os.name == "posix" and os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="llmlab-pg-", ignore_cleanup_errors=True) as folder_of_test:
        password = Path(folder_of_test, "password")
        password.write_text(PASSWORD, encoding="utf-8")
        if user:
            shutil.chown(folder_of_test, user)
            shutil.chown(password, user)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        data = f"{folder_of_test}/cluster"
        init = [folder / "initdb", "-D", data, "-U", "llmlab", "-A", "scram-sha-256", "--pwfile", password, "-N"]
        subprocess.run(init, user=user, check=True, capture_output=True, cwd=folder_of_test)
        run = [folder / "postgres", "-D", data, "-p", port, "-h", "127.0.0.1", "-k", folder_of_test, "-F"]
        quiet = subprocess.DEVNULL
        server = subprocess.Popen(run, user=user, cwd=folder_of_test, stdout=quiet, stderr=quiet)
        try:
            is_ready = [folder / "pg_isready", "-q", "-h", "127.0.0.1", "-p", port]
            for _ in range(300):
                if subprocess.run(is_ready, check=False).returncode == 0:
                    break
                time.sleep(0.1)
            yield f"postgresql+psycopg://llmlab:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)
