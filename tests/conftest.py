"""What every test gets: a clean environment, no network beyond loopback, and a scripted server on loopback."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import pytest
from hypothesis import settings

from tests.leftovers import Leftovers, watch_sockets
from tests.loopback import LoopbackServer

# Each takes more than five seconds. Last in a run, one process would work on it while the others have ended.
SLOW = (
    *("test_quality", "test_contributing", "test_plain_tools", "test_lab", "test_bootstrap", "test_foreign"),
    *("test_worker", "test_comparison", "test_runner", "test_soak", "test_scan", "test_handout", "test_ask"),
)
LOOPBACK = ("127.0.0.1", "::1", "localhost")

watch_sockets()
# In the background of a shell Ctrl-C is ignored, by the children too.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Examples are the same in every run.
settings.register_profile("same", max_examples=40, deadline=None, database=None, derandomize=True)
settings.load_profile("same")


def pytest_configure(config: pytest.Config) -> None:
    """Let tests ask for models that no catalogue has; the tests of the warning itself catch it.

    In pyproject.toml, pytest would import the package for it before coverage begins.
    """
    config.addinivalue_line("filterwarnings", "ignore::llmlab.models.UnknownModelWarning")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run slow files first."""
    items.sort(key=lambda item: item.path.stem not in SLOW)


@pytest.fixture(autouse=True)
def no_leftovers() -> Iterator[None]:
    """A test that leaves a thread, a server, a variable or a switched-on tape behind fails, and not the next one."""
    before = Leftovers()
    yield
    if found := before.found():
        pytest.fail("this test leaves something behind: " + "; ".join(found), pytrace=False)


@pytest.fixture(autouse=True)
def clean_environment(no_leftovers: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, no setting and no .env of the developer's own reaches a test."""
    # Imported here, when coverage measures already.
    from llmlab._utils import redaction

    for name in list(os.environ):
        if name.startswith(("LLMLAB_", "OPENAI_", "ANTHROPIC_", "OPENROUTER_")) or name in (
            "OLLAMA_HOST",
            "LOCAL_GPT_OSS_URL",
        ):
            monkeypatch.delenv(name)
    # Keys of providers that no garbage collection has taken yet belong to other tests.
    monkeypatch.setattr(redaction, "_in_use", WeakValueDictionary())
    monkeypatch.setenv("LLMLAB_PACE", "0")  # the simulator answers without a wait
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))  # the command line adds to it, for kernels
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for the real network fails, and says where it wanted to go."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOOPBACK:
            raise AssertionError(f"a test tried to connect to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every connection fails, loopback included, and so does looking up a name."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError(f"something reached for the network: {args}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """A server on loopback that answers what it is told to."""
    with LoopbackServer() as running:
        yield running
