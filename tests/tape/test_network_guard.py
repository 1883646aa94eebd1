"""Offline, nothing is sent: not by a library that the tape does not see, and not with a real key."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

import llmlab
from llmlab.config.environment import PLACEHOLDER
from llmlab.lab.network_guard import NetworkGuard

KEY = "sk-proj-Qz7Xw2Vk9Lt4Hm"
MINE = "gh0123456789abcdefXY"


@pytest.mark.parametrize(
    ("event", "args", "refused"),
    [
        ("socket.connect", (None, ("127.0.0.1", 80)), False),
        ("socket.connect", (None, ("::1", 80, 0, 0)), False),
        ("socket.connect", (None, ("fe80::1%eth0", 80, 0, 0)), True),
        ("socket.connect", (None, "/run/a-unix-socket"), False),
        ("socket.connect", (None, ("192.0.2.1", 443)), True),
        ("socket.sendto", (None, ("192.0.2.1", 53)), True),
        ("socket.getaddrinfo", ("localhost", 80, 0, 0, 0), False),
        ("socket.getaddrinfo", (None, 80, 0, 0, 0), False),
        ("socket.getaddrinfo", ("api.example.com", 443, 0, 0, 0), True),
        ("socket.getaddrinfo", (b"api.example.com", 443, 0, 0, 0), True),
        ("socket.gethostbyname", ("api.example.com",), True),
        ("socket.gethostbyname", (socket.gethostname(),), False),
        ("socket.sendmsg", (None, ("192.0.2.1", 53)), True),
        ("socket.sendmsg", (None, None), False),
        ("socket.gethostbyaddr", ("192.0.2.1",), True),
        ("socket.gethostbyaddr", ("127.0.0.1",), False),
        ("socket.getnameinfo", (("192.0.2.1", 80),), True),
        ("socket.connect", (None, ("10.0.0.1", 80)), True),
        ("import", ("socket",), False),
    ],
)
def test_the_guard_knows_this_machine_from_others(event: str, args: tuple[Any, ...], refused: bool) -> None:
    """Loopback, where local servers and the simulator are, stays open; everything else is closed."""
    guard = NetworkGuard()
    guard.offline = True
    with pytest.raises(PermissionError, match="no network here") if refused else nullcontext():
        guard.check(event, args)


def test_the_guard_is_armed_once_and_lets_pass_what_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """Audit hooks cannot be taken off, so a second one would only cost time."""
    hooks: list[Any] = []
    monkeypatch.setattr(sys, "addaudithook", hooks.append)
    guard, elsewhere = NetworkGuard(), ("socket.gethostbyname", ("api.example.com",))
    guard.arm()
    guard.check(*elsewhere)  # the tape is off
    guard.offline = True
    with pytest.raises(PermissionError, match="LLMLAB_NETWORK=allow"):
        guard.check(*elsewhere)
    monkeypatch.setenv("LLMLAB_NETWORK", "allow")
    guard.check(*elsewhere)
    guard.arm(lesson=True)
    with pytest.raises(PermissionError, match="Lessons are proven from their recordings"):
        guard.check(*elsewhere)
    assert len(hooks) == 1


TRIES = """
import asyncio, json, os, smtplib, socket, subprocess, sys, urllib.request
import requests
import llmlab
from llmlab.lab.network_guard import GUARD

def udp(send):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        send(one)

tries = {
    "requests": lambda: requests.get("http://llm.example/v1"),
    "urllib": lambda: urllib.request.urlopen("http://llm.example/v1"),
    "asyncio": lambda: asyncio.run(asyncio.open_connection("192.0.2.1", 443)),
    "socket": lambda: socket.create_connection(("192.0.2.1", 443), 1),
    "sendto": lambda: udp(lambda one: one.sendto(b"x", ("192.0.2.1", 53))),
    "sendmsg": lambda: udp(lambda one: one.sendmsg([b"x"], [], 0, ("192.0.2.1", 53))),
    "smtplib": lambda: smtplib.SMTP("mail.example"),
    "reverse": lambda: socket.gethostbyaddr("192.0.2.1"),
}
GUARD.arm()
out = {}
with llmlab.start("offline"):
    for name, call in tries.items():
        try:
            out[name] = repr(call())
        except OSError as error:
            out[name] = str(error)
    child = [sys.executable, "-c", "import os, json; print(json.dumps(dict(os.environ)))"]
    out["child"] = json.loads(subprocess.run(child, capture_output=True, text=True, check=True).stdout)
    out["llmlab"] = llmlab.get_provider("openai").complete("Hi").source
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
out["after"] = os.environ["OPENAI_API_KEY"]
print(json.dumps(out))
"""


def test_nothing_leaves_this_machine_whatever_library_a_notebook_uses() -> None:
    """The first line of each lesson promises it."""
    env = {**os.environ, "OPENAI_API_KEY": KEY, "MY_SERVICE_TOKEN": MINE, "PYTHONPATH": str(Path(__file__).parents[2])}
    env |= {"ALL_PROXY": "socks://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1"}
    done = subprocess.run([sys.executable, "-c", TRIES], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    out = json.loads(done.stdout)
    child, source, after = out.pop("child"), out.pop("llmlab"), out.pop("after")
    assert [name for name, said in out.items() if "In offline and replay modes nothing is sent" not in said] == []
    assert (child["OPENAI_API_KEY"], child["MY_SERVICE_TOKEN"]) == (PLACEHOLDER, PLACEHOLDER)
    assert KEY not in str(child)
    assert "ALL_PROXY" not in child
    assert (source, after) == ("simulated", KEY)


SET_UP = [
    {"ALL_PROXY": "socks://127.0.0.1:7890/", "all_proxy": "socks5://127.0.0.1:1"},
    {"HTTPS_PROXY": "gopher://h", "https_proxy": "http://h:70000"},
    {"NO_PROXY": "::1/x,[", "no_proxy": "["},
    {"SSL_CERT_FILE": "/no/such.pem", "SSL_CERT_DIR": "/no/such"},
    {"SSLKEYLOGFILE": "/no/such/folder/keys.log", "REQUESTS_CA_BUNDLE": "/no/such.pem"},
]


@pytest.mark.parametrize("variables", SET_UP, ids=lambda variables: next(iter(variables)))
def test_offline_needs_no_set_up_of_the_network(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A stale proxy of last year's office must not stop a lesson that sends nothing, by whatever client."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with llmlab.start("offline"):
        with llmlab.get_provider("openai") as ours:
            assert ours.complete("Hi").source == "simulated"
            assert ours.health().ok
        with openai.OpenAI(max_retries=0) as theirs:
            assert theirs.responses.create(model="gpt-6-luna", input="Hi").output_text
        with httpx.Client() as plain:
            assert plain.get("http://localhost:11434/api/tags").status_code == 200
    assert {name: os.environ[name] for name in variables} == variables


def test_real_keys_are_hidden_until_the_lab_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code of a notebook that is offline has no use for a key, and may print or post all of its environment."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("MY_SERVICE_TOKEN", MINE)
    monkeypatch.setenv("CACHE_KEY", "plain-words")
    with llmlab.start("offline") as tape:
        assert os.environ["CACHE_KEY"] == "plain-words"
        assert {os.environ[name] for name in ("ANTHROPIC_API_KEY", "MY_SERVICE_TOKEN")} == {PLACEHOLDER}
        with llmlab.start("live"):
            assert os.environ["ANTHROPIC_API_KEY"] == KEY
        assert os.environ["MY_SERVICE_TOKEN"] == MINE
        assert tape.mode == "offline"
    assert os.environ["ANTHROPIC_API_KEY"] == KEY
